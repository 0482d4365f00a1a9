# SPDX-License-Identifier: Apache-2.0
"""The supervisor: sessions and sockets over reloads, limits, back-off, foreground and process 1, readiness, the control command."""
import fcntl
import os
import re
import signal
import socket
import subprocess
import threading
import time

from world import OWNER_ID, until


def talk(port, timeout=5):
    s = socket.create_connection(('127.0.0.1', port), timeout)
    s.settimeout(timeout)
    return s


def greeting(port, timeout=5):
    with talk(port, timeout) as s:
        return s.recv(200)


def waits(s, seconds=0.5):
    s.settimeout(seconds)
    try:
        s.recv(10)
        return False
    except TimeoutError:
        return True


def test_reload_keeps_sessions_and_sockets(make):
    i = make()
    s = talk(i.port)
    assert s.recv(200).startswith(b'220')
    i.services.append('127.0.0.1:%d inet n - n - - smtpd -o smtpd_banner=$myhostname.added' % (i.port + 500))
    i.write_conf()
    for _ in range(5):
        i.control('reload')
        for _ in range(5):
            assert greeting(i.port).startswith(b'220')
    until(lambda: b'.added' in greeting(i.port + 500), 5, 'the new service')
    i.services.pop()
    i.write_conf()
    i.control('reload')
    i.wait_log('(?s)(reload -- .*){6}')

    def is_refused():
        try:
            greeting(i.port + 500, 1)
        except OSError as e:
            return isinstance(e, ConnectionRefusedError)
    until(is_refused, 5, 'the removed service does not listen any more')
    s.sendall(b'EHLO x\r\n')
    assert s.recv(1000).startswith(b'250')      # the old session went on all the while
    s.close()


def test_syntax_error_changes_nothing(make):
    i = make()
    pid = i.master_pid()
    i.services.append('this is no service')
    i.write_conf()
    r = i.control('reload', check=False)
    assert r.returncode != 0 and 'master.cf' in r.stderr
    os.kill(pid, signal.SIGHUP)
    i.wait_log('error: .*master.cf.*line')
    assert i.master_pid() == pid and greeting(i.port).startswith(b'220')


def test_sessions_are_bounded(make):
    port = 4001
    i = make({'smtpd_client_connection_count_limit': '0'}, master=['127.0.0.1:%d inet n - n - 2 smtpd' % port])
    a, b = talk(port), talk(port)
    assert a.recv(100).startswith(b'220') and b.recv(100).startswith(b'220')
    c = talk(port)
    assert waits(c)
    a.sendall(b'QUIT\r\n')
    c.settimeout(5)
    assert c.recv(100).startswith(b'220')
    i.control('reload')         # sessions of the process that is ending count
    d = talk(port)
    assert waits(d)
    b.close()
    d.settimeout(5)
    assert d.recv(100).startswith(b'220')
    for s in (a, c, d):
        s.close()


def test_throttle_and_recovery(make):
    port = 4002
    i = make({'service_throttle_time': '3s'}, master=['127.0.0.1:%d inet n - n - - smtpd -o smtpd_timeout=rubbish' % port])
    s = talk(port)
    i.wait_log('smtpd.*fatal: .*smtpd_timeout')
    i.wait_log('bad command startup -- throttling')
    time.sleep(1.5)
    assert len(re.findall('fatal: .*smtpd_timeout', i.log())) == 1
    assert greeting(i.port).startswith(b'220')
    i.services[-1] = '127.0.0.1:%d inet n - n - - smtpd' % port
    i.write_conf()
    i.control('reload')
    s.settimeout(5)
    assert s.recv(100).startswith(b'220')       # who waited is served
    s.close()


def test_killed_daemon_is_replaced(make):
    i = make()
    greeting(i.port)
    for p in i.daemons('smtpd'):
        os.kill(p, signal.SIGKILL)
    assert greeting(i.port).startswith(b'220')
    i.wait_log(r'process \S*/smtpd pid \d+ killed by signal 9')


def test_killed_master_leaves_nothing_behind(make):
    i = make()
    s = talk(i.port)
    s.recv(100)
    children, master = i.daemons(), i.master_pid()
    assert children
    os.kill(master, signal.SIGKILL)
    until(lambda: not any(os.path.exists('/proc/%d' % p) and ' Z ' not in open('/proc/%d/stat' % p).read() for p in children), 5,
          'orphans end')
    i.start()
    assert i.master_pid() != master


def test_foreground_and_notify(make):
    i = make({'maillog_file': '/dev/stdout', 'maillog_file_prefixes': '/dev/stdout'}, start=False)
    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n.bind(i.base + '/notify')
    n.settimeout(10)
    p = subprocess.Popen([i.path('postern'), '-c', i.conf, 'start-fg'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         env=dict(os.environ, NOTIFY_SOCKET=i.base + '/notify'))
    assert b'READY=1' in n.recv(1000)
    assert greeting(i.port).startswith(b'220')
    p.send_signal(signal.SIGHUP)
    assert b'RELOADING=1' in n.recv(1000) and b'READY=1' in n.recv(1000)
    t = time.monotonic()
    p.terminate()
    out = p.communicate(timeout=10)[0].decode()
    assert p.returncode == 0 and time.monotonic() - t < 5
    assert b'STOPPING=1' in n.recv(1000)
    n.close()
    for w in ('/master[', '/smtpd[', 'daemon started', 'reload --', 'terminating on signal 15', 'connect from'):
        assert w in out, (w, out)
    assert out.index('connect from') < out.index('terminating')


def test_process_one(make):
    i = make({'maillog_file': '/dev/stdout', 'maillog_file_prefixes': '/dev/stdout'}, start=False)
    p = subprocess.Popen(['unshare', '--pid', '--fork', '--mount-proc', i.path('postern'), '-c', i.conf, 'start-fg'],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    until(i.answers, 10, 'answers')
    init = int(subprocess.check_output(['pgrep', '-P', str(p.pid)]).split()[0])
    # an orphan becomes a child of process 1, which reaps it
    subprocess.run(['nsenter', '-t', str(init), '-p', 'sh', '-c', '(sleep 0.1 &)'], check=True)
    time.sleep(0.5)
    kids = subprocess.run(['ps', '-o', 'stat=', '--ppid', str(init)], capture_output=True, text=True).stdout
    assert 'Z' not in kids, kids
    os.kill(init, signal.SIGTERM)
    out = p.communicate(timeout=10)[0].decode()
    assert 'terminating on signal 15' in out
    assert p.returncode == 0


def test_two_masters(make):
    i = make()
    r = i.control('start', check=False)
    assert r.returncode == 1 and 'already running' in r.stderr
    i.stop()
    # Postfix's, or that of another queue directory with the same data directory
    lock = open(i.data + '/master.lock', 'r+')
    fcntl.flock(lock, fcntl.LOCK_EX)
    r = i.control('start', check=False)
    assert r.returncode == 1, r
    lock.close()
    i.start()
    for f in (i.queue + '/pid/master.pid', i.data + '/master.lock'):
        assert open(f).read() == '%32d\n' % i.master_pid(), f
    assert os.stat(i.data + '/master.lock').st_uid == OWNER_ID


def test_address_in_use_is_named(make):
    i = make(start=False)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', i.port))
        s.listen()
        r = i.control('start', check=False)
    assert r.returncode == 1 and '127.0.0.1:%d' % i.port in r.stderr and 'in use' in r.stderr, r
    i.start()


def test_check_and_set_permissions(make):
    i = make(start=False)
    i.control('check')
    os.chown(i.queue + '/deferred', 0, 0)
    os.chmod(i.queue + '/maildrop', 0o777)
    os.rmdir(i.queue + '/hold')
    r = i.control('check')
    assert 'chown %d %s/deferred' % (OWNER_ID, i.queue) in r.stderr and 'chmod 0730 %s/maildrop' % i.queue in r.stderr, r.stderr
    assert os.path.isdir(i.queue + '/hold')
    i.control('set-permissions')
    assert os.stat(i.queue + '/deferred').st_uid == OWNER_ID and os.stat(i.queue + '/maildrop').st_mode & 0o7777 == 0o730
    assert not re.search('deferred|maildrop', i.control('check').stderr)
    i.main['mail_owner'] = 'nobodysname'
    i.write_conf()
    r = i.control('check', check=False)
    assert r.returncode == 1 and 'useradd' in r.stderr
    assert i.control('start', check=False).returncode == 1
    assert i.control('status', check=False).returncode == 1


def test_log_rotation(make):
    i = make({'maillog_file_rotate_suffix': 'old'})
    i.control('logrotate')
    assert os.path.exists(i.log_path + '.old.gz')
    i.log_path = i.log_path
    greeting(i.port)
    i.wait_log('connect from')
    assert 'daemon started' not in i.log()


def test_stuck_processes_do_not_stop_a_service(make):
    i = make()
    p = i.daemons('qmgr')[0]
    os.kill(p, signal.SIGSTOP)
    i.services = [s + ' -v' if s.startswith('qmgr ') else s for s in i.services]
    i.write_conf()
    i.control('reload')         # started another way: the old one is to end
    i.inject('x@y.test', ['alice@example.test'])
    until(lambda: i.mbox('alice'), 40, 'a new qmgr that delivers')
    i.wait_log('qmgr pid %d does not end: it is killed' % p)


def test_reloads_under_load_lose_nothing(make):
    i = make({'home_mailbox': 'Maildir/'})
    failed = []

    def client(n):
        for k in range(25):
            try:
                i.inject('x@y.test', ['alice@example.test'], 'Subject: %d.%d\r\n\r\nhello\r\n' % (n, k))
            except Exception as e:
                failed.append((n, k, e))
    threads = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        i.control('reload')
        time.sleep(0.05)
    assert not failed, failed
    try:
        until(lambda: len(i.maildir('alice')) >= 150, 30)
    except AssertionError:
        raise AssertionError('%d of 150; %s' % (len(i.maildir('alice')), i.log()[-8000:]))
    assert len(i.maildir('alice')) == 150
    assert 'status=deferred' not in i.log()
