# SPDX-License-Identifier: Apache-2.0
"""A private world for tests and the demonstration: users, directories, name server, and instances of Postern.

Runs inside tests/in-namespaces: mounts, network and processes are our own, so /etc/passwd and friends are replaced by
bind mounts, and all ports of the loopback addresses are free.
"""
import ctypes
import itertools
import os
import pwd
import re
import smtplib
import socket
import subprocess
import time

BASE = '/run/postern-world'
USERS = {'alice': 64111, 'bob': 64112, 'carol': 64113}
OWNER, OWNER_ID, SETGID, SETGID_ID = 'postfix', 64101, 'postdrop', 64102
_libc = ctypes.CDLL(None, use_errno=True)


def mount(src, dst, fstype=None, flags=0, data=None):
    enc = [x.encode() if x is not None else None for x in (src, dst, fstype)]
    if _libc.mount(*enc, flags, data.encode() if data else None):
        e = ctypes.get_errno()
        raise OSError(e, 'mount %s: %s' % (dst, os.strerror(e)))


def bind(src, dst):
    mount(src, dst, None, 4096)


def write(path, text, mode=0o644, uid=None):
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    if uid is not None:
        os.chown(path, uid, uid)
    return path


def until(fn, timeout=15, what=''):
    end = time.monotonic() + timeout
    while True:
        v = fn()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError('timed out after %ss: %s' % (timeout, what() if callable(what) else what or fn))
        time.sleep(0.05)


def prepare(prefix, base):
    """Once a process tree: users, mailboxes, resolv.conf, set-gid commands."""
    if os.environ.get('POSTERN_OWN_NAMESPACES') != 'yes':
        raise SystemExit('this replaces /etc/passwd and others: run it by tests/in-namespaces')
    os.makedirs(base, exist_ok=True)
    mount('tmpfs', base, 'tmpfs', 0, 'mode=0755')
    drop = '^(%s):.*\n' % '|'.join([OWNER, SETGID] + list(USERS))
    users = re.sub(drop, '', open('/etc/passwd').read(), flags=re.M)
    groups = re.sub(drop, '', open('/etc/group').read(), flags=re.M)
    users += '%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n' % (OWNER, OWNER_ID, OWNER_ID)
    groups += '%s:x:%d:\n%s:x:%d:\n' % (OWNER, OWNER_ID, SETGID, SETGID_ID)
    mount('tmpfs', '/home', 'tmpfs', 0, 'mode=0755')
    for u, n in USERS.items():
        users += '%s:x:%d:%d:%s Example:/home/%s:/bin/sh\n' % (u, n, n, u.capitalize(), u)
        groups += '%s:x:%d:\n' % (u, n)
        os.mkdir('/home/' + u, 0o755)
        os.chown('/home/' + u, n, n)
    os.makedirs('/var/mail', exist_ok=True)
    mount('tmpfs', os.path.realpath('/var/mail'), 'tmpfs', 0, 'mode=2775,gid=8')
    for name, text in (('passwd', users), ('group', groups), ('resolv.conf', 'nameserver 127.0.0.53\noptions timeout:1 attempts:2\n'),
                       ('hosts', '127.0.0.1 localhost\n::1 localhost\n')):
        write('%s/%s' % (base, name), text)
        if os.path.exists('/etc/' + name):
            bind('%s/%s' % (base, name), os.path.realpath('/etc/' + name))
    # set-gid commands take a foreign configuration directory from ordinary users only when the default main.cf lists it
    default = prefix + '/etc/postern/main.cf'
    if os.path.exists(default):
        dirs = ' '.join('%s/i%d/etc' % (base, n) for n in range(1, 1000))
        bind(write(base + '/main.cf', 'alternate_config_directories = %s\n' % dirs), default)
    for c in ('postdrop', 'postqueue'):
        p = '%s/sbin/%s' % (prefix, c)
        if os.path.exists(p):
            os.chown(p, 0, SETGID_ID)
            os.chmod(p, 0o2755)


class Instance:
    """One running copy of Postern with its own configuration, queue and port."""

    def __init__(self, prefix, base, main=None, master=(), aliases='postmaster: root\n', port=25, start=True):
        self.prefix, self.base, self.port = prefix, base, port
        self.conf, self.queue, self.data, self.log_path = (base + x for x in ('/etc', '/spool', '/lib', '/log/mail.log'))
        for d in (self.conf, self.queue, self.data, base + '/log'):
            os.makedirs(d)
        os.chown(self.data, OWNER_ID, OWNER_ID)
        self.main = {
            'compatibility_level': '3.6', 'queue_directory': self.queue, 'data_directory': self.data,
            'mail_owner': OWNER, 'setgid_group': SETGID, 'myhostname': 'mail.example.test', 'mydomain': 'example.test',
            'myorigin': '$mydomain', 'mydestination': '$myhostname, localhost, $mydomain', 'inet_interfaces': '127.0.0.1',
            'inet_protocols': 'ipv4', 'mynetworks': '127.0.0.0/8', 'alias_maps': 'hash:%s/aliases' % self.conf,
            'alias_database': 'hash:%s/aliases' % self.conf, 'mail_spool_directory': '/var/mail', 'biff': 'no',
            'maillog_file': self.log_path, 'maillog_file_prefixes': base + '/log',
        }
        self.main.update(main or {})
        here = os.path.dirname(os.path.abspath(__file__))
        self.services = ['127.0.0.1:%d inet n - n - - smtpd' % port] + open(here + '/master.cf').read().splitlines() + list(master)
        self.write_conf()
        write(self.conf + '/aliases', aliases)
        self.newaliases()
        if start:
            self.start()

    def write_conf(self):
        write(self.conf + '/main.cf', ''.join('%s = %s\n' % i for i in self.main.items() if i[1] is not None))
        write(self.conf + '/master.cf', '\n'.join(self.services) + '\n')

    def path(self, name):
        for d in ('sbin', 'bin'):
            p = '%s/%s/%s' % (self.prefix, d, name)
            if os.path.exists(p):
                return p
        raise FileNotFoundError(name)

    def run(self, name, *args, input=None, user=None, env=None, check=False, timeout=30):
        kw = {}
        if user:
            u = pwd.getpwnam(user)
            kw = dict(user=u.pw_uid, group=u.pw_gid, extra_groups=[])
        e = dict(os.environ, MAIL_CONFIG=self.conf, **(env or {}))
        r = subprocess.run([self.path(name), *args], input=input, capture_output=True, text=True, env=e, timeout=timeout, **kw)
        if check and r.returncode:
            raise AssertionError('%s %s: status %d: %s%s' % (name, args, r.returncode, r.stdout, r.stderr))
        return r

    def newaliases(self):
        return self.run('postalias', self.conf + '/aliases', check=True)

    def control(self, verb, check=True):
        return self.run('postern', '-c', self.conf, verb, check=check)

    def start(self):
        self.control('start')
        until(self.answers, 10, 'the SMTP port answers; log: ' + self.log()[-2000:])

    def answers(self):
        try:
            with socket.create_connection(('127.0.0.1', self.port), 2) as s:
                return s.recv(100).startswith(b'220')
        except OSError:
            return False

    def stop(self):
        self.control('stop', check=False)
        until(lambda: self.master_pid() is None, 15, 'stop')

    def master_pid(self):
        try:
            pid = int(open(self.queue + '/pid/master.pid').read().split()[0])
            os.kill(pid, 0)
            return pid if 'master' in open('/proc/%d/comm' % pid).read() else None
        except (OSError, ValueError, IndexError):
            return None

    def daemons(self, name=None):
        """pids of the children of master (by program name)."""
        out = []
        m = self.master_pid()
        for d in os.listdir('/proc'):
            try:
                st = open('/proc/%s/stat' % d).read() if d.isdigit() else ''
            except OSError:
                continue
            if st and int(st[st.rindex(')') + 2:].split()[1]) == m and (name is None or '(%s)' % name in st):
                out.append(int(d))
        return out

    def log(self):
        try:
            return open(self.log_path, errors='replace').read()
        except OSError:
            return ''

    def wait_log(self, rx, timeout=15):
        return until(lambda: re.search(rx, self.log(), re.M), timeout, 'log: %s; it has:\n%s' % (rx, self.log()[-3000:]))

    def sendmail(self, args, text, user=None, check=True):
        return self.run('sendmail', *args, input=text, user=user, check=check)

    def smtp(self, source=None):
        return smtplib.SMTP('127.0.0.1', self.port, local_hostname='client.example.net', timeout=20,
                            source_address=(source, 0) if source else None)

    def inject(self, sender, rcpts, text='Subject: test\r\n\r\nhello\r\n'):
        with self.smtp() as s:
            return s.sendmail(sender, rcpts, text)

    def queue_ids(self):
        r = self.run('postqueue', '-j')
        return re.findall(r'"queue_id": "(\w+)"', r.stdout)

    def wait_empty(self, timeout=20):
        until(lambda: not self.queue_ids(), timeout, 'empty queue: ' + self.run('postqueue', '-p').stdout)

    def mbox(self, user):
        try:
            t = open('/var/mail/' + user, errors='surrogateescape').read()
        except OSError:
            return []
        return [x for x in re.split(r'(?m)^From (?=\S+ +\w{3} \w{3} )', t) if x]

    def maildir(self, user, name='Maildir'):
        d = '/home/%s/%s/new' % (user, name)
        return [open(os.path.join(d, f), errors='surrogateescape').read() for f in sorted(os.listdir(d))] if os.path.isdir(d) else []


_bases = itertools.count(1)


def fresh_base():
    d = '%s/i%d' % (BASE, next(_bases))
    os.mkdir(d, 0o755)
    return d
