# SPDX-License-Identifier: Apache-2.0
"""Programs that get mail: as whom they run, what they are told, and what their end means."""
import os
import re
import tempfile
import time

from world import USERS, until, write

ALICE = USERS['alice']


def place(script):
    d = tempfile.mkdtemp(dir='/tmp')
    os.chmod(d, 0o777)
    write(d + '/f', '#!/bin/sh\ncd %s\n%s\n' % (d, script), 0o755)
    return d


def service(name, text):
    return '%s unix - n n - - pipe %s' % (name, text)


def settings(**more):
    return dict({'transport_maps': 'inline:{%s}' % ', '.join('{%s.test=p%s:Hop}' % (k, k) for k in 'abcdef'), 'recipient_delimiter': '+'}, **more)


def read(path):
    return open(path).read()


def test_arguments_rights_and_environment(make):
    d = place('for a in "$@"; do echo "[$a]"; done >args; id >id; env >env; ls /proc/self/fd | wc -l >fds; cat >in')
    i = make(settings(), master=[service('pa', 'flags=Rq user=alice argv=%s/f ${sender} {to $recipient} $user/$extension @$domain $nexthop $size $$' % d)])
    i.inject('"a;b`id`$(id)"@client.example.net', ['"$HOME|x+Y Z"@a.test', 'second@a.test'])
    i.wait_log(r'pipe\[\d+\]: \w+: to=<second@a\.test>, relay=pa, .*dsn=2\.0\.0, status=sent \(delivered via pa service\)')
    i.wait_empty()
    args = read(d + '/args').split('\n')[:-1]
    assert args[0] == '["a;b`id`$(id)"@client.example.net]'
    assert sorted(args[1:3]) == ['[to "$HOME|x+Y Z"@a.test]', '[to second@a.test]']
    assert sorted(args[3:5]) == ['[$HOME|x/Y Z]', '[second/]']
    assert args[5:8] == ['[@a.test]', '[@a.test]', '[Hop]'] and int(args[8][1:-1]) > 100 and args[9] == '[$]' and len(args) == 10
    assert re.fullmatch(r'uid=%d\(alice\) gid=%d\(alice\) groups=%d\(alice\)\n' % (ALICE, ALICE, ALICE), read(d + '/id'))
    names = {l.split('=')[0] for l in read(d + '/env').splitlines()}
    assert 'PATH' in names and names <= {'PATH', 'PWD', 'OLDPWD', 'SHLVL', '_', 'TZ', 'LANG', 'MAIL_CONFIG'}, names
    assert int(read(d + '/fds')) <= 5
    assert read(d + '/in').startswith('Return-Path: <"a;b`id`$(id)"@client.example.net>\n')


def test_form_of_the_message(make):
    d = place('cat >in')
    i = make(settings(pa_destination_recipient_limit='1'), master=[service('pa', 'flags=BDFOR.> eol=\\r\\n user=alice argv=%s/f' % d)])
    i.inject('', ['X@a.test'], 'Subject: s\r\n\r\nFrom me\r\n.dot\r\n')
    i.wait_log('to=<X@a.test>.*status=sent')
    raw = open(d + '/in', 'rb').read()
    assert raw.count(b'\r\n') == raw.count(b'\n') and raw.endswith(b'\r\n\r\n>From me\r\n..dot\r\n\r\n')
    lines = raw.decode().split('\r\n')
    assert lines[0].startswith('From MAILER-DAEMON  ')
    assert lines[1:4] == ['Return-Path: <MAILER-DAEMON>', 'X-Original-To: X@a.test', 'Delivered-To: X@a.test']
    i.inject('', ['x@a.test'], 'Delivered-To: x@a.test\r\nSubject: s\r\n\r\n')
    i.wait_log(r'to=<x@a\.test>, .*dsn=5\.4\.6, status=bounced \(mail forwarding loop for x@a\.test\)')


def test_end_of_the_program(make):
    """Exit status and output decide; a program that cannot be started loses no mail."""
    d = place('cat >/dev/null; case $1 in s*) exit ${1#s};; o4) echo 4.2.9 slow; exit 1;; o5) echo 5.7.9 not you; exit 75;; '
              'o0) echo fine; exit 0;; k) kill -9 $$;; esac')
    i = make(settings(pc_time_limit='1s'), master=[
        service('pa', 'user=alice argv=%s/f ${user}' % d), service('pb', 'user=alice argv=/no/such/program'),
        service('pc', 'user=alice argv=/bin/sleep 20'), service('pd', 'user=alice size=300 argv=/bin/cat'),
        service('pe', 'user=alice argv=/bin/echo ${nosuch}'), service('pf', 'flags=D user=alice argv=/bin/cat')])
    want = {'s0@a': r'2\.0\.0, status=sent \(delivered via pa service\)', 's75@a': r'4\.3\.0, status=deferred \(temporary failure\)',
            's71@a': r'4\.3\.0, status=deferred', 's67@a': r'5\.1\.1, status=bounced \(user unknown\)',
            's1@a': r'5\.3\.0, status=bounced \(Command died with status 1: ', 'o4@a': r'4\.2\.9, status=deferred \(slow ?\)',
            'o5@a': r'5\.7\.9, status=bounced \(not you ?\)', 'o0@a': r'2\.0\.0, status=sent \(delivered via pa service \(fine\)\)',
            'k@a': r'4\.3\.0, status=deferred \(Command died with signal 9: ',
            'x@b': r'4\.3\.0, status=deferred \(temporary failure\. Command output: .*No such file',
            'x@c': r'5\.3\.0, status=bounced \(Command time limit exceeded: "/bin/sleep"\)',
            'x@e': r'4\.3\.5, status=deferred \(mail system configuration error\)'}
    for r in want:
        i.inject('', [r + '.test'])
    i.inject('', ['x@d.test'], 'Subject: s\r\n\r\n' + 'text\r\n' * 100)
    i.inject('', ['x@f.test', 'y@f.test'])
    want['x@d'] = r'5\.2\.3, status=bounced \(message too large\)'
    want['y@f'] = want['x@e']
    for r, rx in want.items():
        i.wait_log(r'to=<%s\.test>, relay=p%s, .*dsn=%s' % (r, r[-1], rx))
    i.wait_log(r'error: master\.cf: service pe: unknown macro name: "nosuch"')
    i.wait_log(r"warning: pipe flag `D' requires pf_destination_recipient_limit = 1")


def test_refused_users(make):
    """Never root, never the mail system itself; a wrong service harms only itself."""
    d = place('id >ran-$1; cat >/dev/null')
    who = {'a': 'root', 'b': 'postfix', 'c': 'alice:postdrop', 'd': 'alice:root', 'e': 'nosuchuser'}
    i = make(settings(), master=[service('p' + k, 'user=%s argv=%s/f %s' % (u, d, k)) for k, u in who.items()] +
             [service('pf', 'user=alice argv=%s/f f' % d)])
    i.inject('', ['x@%s.test' % k for k in who] + ['x@f.test'])
    i.wait_log('to=<x@f.test>.*status=sent')
    for rx in ('specifies root privileges', 'specifies mail system owner postfix', 'specifies mail system postdrop group id', 'privileged group id 0',
               'unknown username: nosuchuser'):
        i.wait_log(r'pipe\[\d+\]: error: master\.cf: service p\w: .*' + rx)
    for k in who:
        i.wait_log(r'to=<x@%s\.test>.*dsn=4\.3\.5, status=deferred \(mail system configuration error\)' % k)
    assert sorted(os.listdir(d)) == ['f', 'ran-f']


def test_probe_starts_nothing(make):
    d = place('touch ran')
    i = make(settings(), master=[service('pa', 'user=alice argv=%s/f' % d)])
    i.sendmail(['-bv', 'x@a.test'], '')
    i.wait_log(r'to=<x@a\.test>, relay=pa, .*dsn=2\.0\.0, status=deliverable \(delivers to command: %s/f\)' % d)
    assert not os.path.exists(d + '/ran')


def test_stop_does_not_wait_for_a_program(make):
    d = place('touch started; exec sleep 60')
    i = make(settings(), master=[service('pa', 'user=alice argv=%s/f' % d)])
    i.inject('', ['x@a.test'])
    until(lambda: os.path.exists(d + '/started'))
    start = time.monotonic()
    i.stop()
    assert time.monotonic() - start < 12
    i.start()
    i.wait_log(r'from=<>, size=\d+, nrcpt=1 \(queue active\)')
    assert len(i.queue_ids()) == 1


def test_directory_and_root_directory(make):
    d = place('')
    jail = tempfile.mkdtemp(dir='/tmp')
    os.chmod(jail, 0o755)
    os.mkdir(jail + '/sub')
    i = make(settings(), master=[
        service('pa', 'directory=%s user=alice argv=/bin/sh -c {pwd; cat >/dev/null}' % d),
        service('pb', 'directory=/no/such user=alice argv=/bin/true'),
        # no shell in there: that it cannot be started shows that the root directory is another
        service('pc', 'chroot=%s directory=/sub user=alice argv=/bin/sh -c true' % jail),
        service('pd', 'chroot=/ directory=%s user=alice argv=/bin/sh -c {pwd; id -u; cat >/dev/null}' % d)])
    i.inject('', ['x@%s.test' % k for k in 'abcd'])
    i.wait_log(r'to=<x@a\.test>.*status=sent \(delivered via pa service \(%s\)\)' % d)
    i.wait_log(r'to=<x@b\.test>.*dsn=4\.3\.0, status=deferred \(temporary failure\. Command output: pipe: fatal: chdir /no/such: No such file')
    i.wait_log(r'to=<x@c\.test>.*dsn=4\.3\.0, status=deferred \(temporary failure\. Command output: pipe: fatal: execvp /bin/sh: No such file')
    i.wait_log(r'to=<x@d\.test>.*status=sent \(delivered via pd service \(%s %d\)\)' % (d, ALICE))
