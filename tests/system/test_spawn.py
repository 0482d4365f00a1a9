# SPDX-License-Identifier: Apache-2.0
"""Programs for connections: as whom they run, what they are given, when they are ended."""
import os
import socket
import tempfile
import time

from world import USERS, write

BOB = USERS['bob']
PORTS = iter(range(3600, 4000))


def script(text):
    d = tempfile.mkdtemp(dir='/tmp')
    os.chmod(d, 0o755)
    return write(d + '/f', '#!/bin/sh\n%s\n' % text, 0o755)


def service(port, text, maxproc='-'):
    return '127.0.0.1:%d inet n n n - %s spawn %s' % (port, maxproc, text)


def talk(port, data=b'', timeout=10):
    with socket.create_connection(('127.0.0.1', port), timeout) as s:
        s.sendall(data)
        out = b''
        while True:
            b = s.recv(65536)
            if not b:
                return out.decode()
            out += b


def test_connection_rights_and_environment(make):
    p = next(PORTS)
    f = script('read a; echo "got $a"; id; for x in "$@"; do echo "[$x]"; done; echo err >&2; pwd; ls /proc/self/fd | wc -l; env')
    i = make(master=[service(p, 'user=bob argv=%s ${x} {a  b} $$ ;id' % f)])
    lines = talk(p, b'hello\n').splitlines()
    assert lines[:7] == ['got hello', 'uid=%d(bob) gid=%d(bob) groups=%d(bob)' % (BOB, BOB, BOB), '[${x}]', '[a  b]', '[$$]', '[;id]', 'err']
    assert lines[7] == os.path.realpath(i.queue) and int(lines[8]) == 4
    assert {l.split('=')[0] for l in lines[9:]} <= {'PATH', 'PWD', 'OLDPWD', 'SHLVL', '_', 'TZ', 'LANG', 'MAIL_CONFIG'}


def test_several_at_once_and_reload(make):
    p = next(PORTS)
    i = make(master=[service(p, 'user=bob argv=/bin/cat', '2')])
    cs = [socket.create_connection(('127.0.0.1', p), 10) for _ in range(3)]
    for c in cs[:2]:
        c.sendall(b'x\n')
        assert c.recv(10) == b'x\n'
    cs[2].sendall(b'x\n')
    cs[2].settimeout(0.5)
    try:
        assert not cs[2].recv(10)
    except TimeoutError:
        pass
    i.control('reload')
    cs[0].sendall(b'y\n')
    assert cs[0].recv(10) == b'y\n'
    for c in cs[:2]:
        c.close()
    cs[2].settimeout(10)
    assert cs[2].recv(10) == b'x\n'
    cs[2].close()


def test_ends(make):
    """Time limit with all children; exit status and signals are logged."""
    p = [next(PORTS) for _ in range(4)]
    mark = script('')
    slow = script('(sleep 2; touch %s.late) & sleep 30' % mark)
    i = make({'127.0.0.1:%d_time_limit' % p[0]: '1s'}, master=[
        service(p[0], 'user=bob argv=%s' % slow), service(p[1], 'user=bob argv=/bin/sh -c {exit 3}'),
        service(p[2], 'user=bob argv=/bin/sh -c {kill -9 $$}'), service(p[3], 'user=bob argv=/no/such/program')])
    os.chmod(os.path.dirname(mark), 0o777)
    start = time.monotonic()
    talk(p[0])
    assert 0.8 < time.monotonic() - start < 8
    for x in p[1:]:
        assert talk(x) == ''
    i.wait_log(r'spawn\[\d+\]: warning: %s: process id \d+: command time limit exceeded' % slow)
    i.wait_log(r'spawn\[\d+\]: warning: command /bin/sh exit status 3')
    i.wait_log(r'spawn\[\d+\]: warning: command /bin/sh killed by signal 9')
    i.wait_log(r'spawn\[\d+\]: error: .*/no/such/program: No such file')
    time.sleep(2)
    assert not os.path.exists(mark + '.late')


def test_refused_users(make):
    f = script('id')
    who = {'root': 'root privileges', 'postfix': 'mail system owner', 'bob:postdrop': 'mail system postdrop group', 'nosuch': 'unknown username'}
    ports = {next(PORTS): u for u in who}
    bad = next(PORTS)
    i = make(master=[service(p, 'user=%s argv=%s' % (u, f)) for p, u in ports.items()] + [service(bad, 'flags=D user=bob argv=%s' % f)])
    for p, u in ports.items():
        assert talk(p) == ''
        i.wait_log(r'spawn\[\d+\]: error: master\.cf: service 127\.0\.0\.1:%d: .*%s' % (p, who[u]))
    assert talk(bad) == ''
    i.wait_log('unknown attribute name: flags=D')


def test_stop(make):
    p = next(PORTS)
    i = make(master=[service(p, 'user=bob argv=/bin/cat')])
    with socket.create_connection(('127.0.0.1', p), 10) as c:
        c.sendall(b'x\n')
        assert c.recv(10) == b'x\n'
        start = time.monotonic()
        i.stop()
        assert time.monotonic() - start < 5
