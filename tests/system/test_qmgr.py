# SPDX-License-Identifier: Apache-2.0
"""The queue manager: portions, restarts amid deliveries, files changed behind its back, expiry, notices."""
import fcntl
import os
import signal
import subprocess
import time

from world import OWNER_ID, until

FAST = {'minimal_backoff_time': '2s', 'maximal_backoff_time': '2s', 'queue_run_delay': '1s'}
DEAD = {'relayhost': '[127.0.0.3]:9', 'smtpd_recipient_limit': '50000'}


def relay(s):
    h, p = s.addr.split(':')
    return {'relayhost': '[%s]:%s' % (h, p), 'smtpd_recipient_limit': '50000'}


def rcpts(s):
    return sorted(r for m in s.messages for r in m[1])


def find(i, q):
    return subprocess.check_output(['find', i.queue + '/deferred', '-name', q], text=True).strip()


def wait_deferred(i, n):
    return until(lambda: len(ids := i.queue_ids()) == n and all(find(i, q) for q in ids) and ids)


def test_portions(make, sink):
    s = sink()
    i = make(dict(relay(s), qmgr_message_recipient_limit='100'))
    want = sorted('u%d@far.test' % k for k in range(3000))
    i.inject('a@b.test', want)
    until(lambda: len(rcpts(s)) >= 3000, 40)
    i.wait_empty()
    assert rcpts(s) == want
    i.wait_log(r'nrcpt=3000 \(queue active\)')


def test_killed_amid_deliveries(make, sink):
    s = sink(script={'DOT': (0.1, None)})
    i = make(relay(s))
    for k in range(30):
        i.inject('a@b.test', ['x%d@far.test' % k])
        if k == 15:
            os.kill(i.daemons('qmgr')[0], signal.SIGKILL)
    until(lambda: len(set(rcpts(s))) == 30, 30)


def test_agent_killed(make, sink):
    s = sink(script={'DOT': (1.5, None)})
    i = make(relay(s))
    i.inject('a@b.test', ['x@far.test'])
    until(lambda: 'DATA' in s.commands)
    for p in i.daemons('smtp'):
        os.kill(p, signal.SIGKILL)
    i.wait_log(r'to=<x@far.test>, .* dsn=4.3.0, status=deferred \(unknown mail transport error\)')
    i.run('postqueue', '-f')
    until(lambda: rcpts(s) == ['x@far.test'])
    i.wait_empty()


def test_locked_file_is_left_alone(make):
    i = make(DEAD)
    i.inject('a@b.test', ['x@far.test'])
    q = wait_deferred(i, 1)[0]
    with open(find(i, q)) as f:
        fcntl.flock(f, fcntl.LOCK_SH)
        i.run('postqueue', '-f')
        i.wait_log(q + ': skipped, still being delivered')
    assert abs(os.stat(i.queue + '/incoming/' + q).st_mtime - time.time() - 60) < 10


def test_behind_its_back(make, sink):
    s = sink()
    i = make(dict(DEAD, queue_run_delay='1s'))
    for k in range(3):
        i.inject('a@b.test', ['x%d@far.test' % k])
    ids = wait_deferred(i, 3)
    files = [find(i, q) for q in ids]
    os.unlink(files[2])
    for n in range(2):
        os.rename(files[n], '%s/keep%d' % (i.queue, n))
    i.main.update(relay(s))
    i.write_conf()
    i.control('reload')
    time.sleep(1.5)
    for n, to in enumerate([files[0], i.queue + '/incoming/' + ids[1]]):
        os.utime('%s/keep%d' % (i.queue, n), (time.time() - 5,) * 2)
        os.rename('%s/keep%d' % (i.queue, n), to)
    until(lambda: len(s.messages) == 2)
    i.wait_empty()


def test_damaged_file_is_kept(make):
    i = make(DEAD)
    i.inject('a@b.test', ['x@far.test'])
    q = wait_deferred(i, 1)[0]
    os.truncate(find(i, q), os.stat(find(i, q)).st_size - 20)
    i.run('postqueue', '-f')
    i.wait_log(q + ': saved to corrupt: ')
    assert os.stat(i.queue + '/corrupt/' + q).st_uid == OWNER_ID


def test_few_active(make, sink):
    s = sink()
    i = make(dict(relay(s), qmgr_message_active_limit='3'))
    for k in range(40):
        i.inject('a@b.test', ['x%d@far.test' % k])
    until(lambda: len(s.messages) == 40)
    i.wait_empty()


def test_unknown_transport(make, sink):
    s = sink()
    i = make(dict(relay(s), transport_maps='inline:{far.test=nosuch:x}'))
    i.inject('a@b.test', ['x@far.test'])
    i.wait_log(r'warning: connect to transport private/nosuch: ')
    i.wait_log(r'dsn=4.3.0, status=deferred \(mail transport unavailable\)')
    i.main['transport_maps'] = ''
    i.write_conf()
    i.control('reload')
    time.sleep(0.5)
    i.run('postqueue', '-f')
    until(lambda: s.messages)


def test_reload_amid_deliveries(make, sink):
    s = sink(script={'DOT': (0.1, None)})
    i = make(relay(s))
    pids = i.daemons('qmgr')
    for k in range(40):
        i.inject('a@b.test', ['x%d@far.test' % k])
        if k % 10 == 5:
            i.control('reload')
    until(lambda: len(s.messages) >= 40, 30)
    i.wait_empty()
    assert len(s.messages) == 40 and i.daemons('qmgr') == pids


def test_delay_notice_comes_once(make, sink):
    s = sink()
    i = make(dict(DEAD, **FAST, delay_warning_time='3s', transport_maps='inline:{b.test=smtp:[127.0.0.1]:%s}' % s.addr.split(':')[1]))
    i.inject('a@b.test', ['x@far.test'])
    until(lambda: s.messages, 20)
    time.sleep(4)
    assert len(s.messages) == 1 and b'Delayed Mail' in s.messages[0][2]


def test_expiry(make, sink):
    s = sink()
    i = make(dict(DEAD, **FAST, maximal_queue_lifetime='3s', transport_maps='inline:{b.test=smtp:[127.0.0.1]:%s}' % s.addr.split(':')[1]))
    i.inject('a@b.test', ['x@far.test'])
    until(lambda: s.messages, 20)
    i.wait_log(r'from=<a@b.test>, status=expired, returned to sender')
    i.wait_empty()
    assert b'Undelivered Mail' in s.messages[0][2]


def test_soft_bounce(make, sink):
    s = sink(script={'RCPT': '550 5.1.1 no such user'})
    i = make(dict(relay(s), soft_bounce='yes'))
    i.inject('a@b.test', ['x@far.test'])
    i.wait_log(r'dsn=4.1.1, status=SOFTBOUNCE \(')
    wait_deferred(i, 1)


def test_killed_and_nobody_calls(make, sink):
    s = sink(script={'DOT': [(2, None)]})
    i = make(relay(s))
    i.inject('a@b.test', ['x@far.test'])
    until(lambda: 'DATA' in s.commands)
    os.kill(i.daemons('qmgr')[0], signal.SIGKILL)
    until(lambda: i.daemons('qmgr'), 10, 'a new queue manager')
