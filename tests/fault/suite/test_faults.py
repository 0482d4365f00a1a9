# SPDX-License-Identifier: Apache-2.0
"""The n-th call fails, or the process ends there: nothing acknowledged is lost, altered or returned, and the queue drains by itself."""
import os
import signal

import pytest

from conftest import LONG
from plan import KILL, KILL_AFTER
from traffic import BOXED, LOCAL, REMOTE
from world import write

KINDS = {
    'cleanup': ('open', 'read', 'write', 'fsync', 'rename', 'chmod', 'receive', 'send', 'accept', 'malloc'),
    'qmgr': ('open', 'read', 'write', 'rename', 'unlink', 'connect', 'receive', 'send', 'accept', 'malloc'),
    'local': ('open', 'read', 'write', 'fsync', 'rename', 'unlink', 'fork', 'connect', 'receive', 'send', 'malloc'),
    'smtp': ('open', 'read', 'write', 'connect', 'receive', 'send', 'malloc'),
    'pickup': ('open', 'read', 'write', 'unlink', 'connect', 'malloc'),
    'smtpd': ('open', 'read', 'write', 'connect', 'accept', 'malloc'),
    'bounce': ('open', 'write', 'fsync', 'malloc'),
    'resolver': ('read', 'write', 'send', 'malloc'),
}
SHORT = {
    'cleanup': ('read', 'write', 'fsync', 'rename'), 'qmgr': ('open', 'rename', 'unlink'), 'local': ('write', 'fsync', 'rename'),
    'smtp': ('write', 'connect'),
}
NUMBERS = {'malloc': (1, 10, 40, 100, 200, 400, 800, 1600)} if LONG else {}


def numbers(kind):
    return NUMBERS.get(kind, range(1, 9) if LONG else (1,))


def one(t, program, kind, n, error, fresh):
    "one fault: arm, send, wait until it has drained; says how often it hit"
    if fresh:
        for p in t.i.daemons(program):
            os.kill(p, signal.SIGKILL)
    before = len(t.faults)
    t.plan.arm(program, kind, n, error)
    t.smtp((LOCAL, BOXED, REMOTE))
    t.sendmail()
    try:
        t.settle()
    except AssertionError as e:
        t.faults.append(str(e))
    hits = t.plan.hits()
    t.plan.disarm()
    t.faults[before:] = ['%s %s %d %s: %s' % (program, kind, n, error, f) for f in t.faults[before:]]
    return hits


@pytest.mark.parametrize('program', sorted(KINDS if LONG else SHORT))
def test_daemon(suite, program):
    for kind in (KINDS if LONG else SHORT)[program]:
        for error in (None, KILL, KILL_AFTER) if LONG else (None, KILL):
            if error == KILL_AFTER and kind == 'fork':
                continue
            for n in numbers(kind):
                for fresh in (False, True) if LONG else (error is not None,):
                    before = len(suite.judge(4))
                    hits = one(suite, program, kind, n, error, fresh)
                    found = suite.judge(4)
                    print(program, kind, n, error, fresh, 'hits', hits, '' if len(found) == before else found[before:], flush=True)
                if hits == 0:
                    break
    assert not suite.judge(4)


@pytest.mark.parametrize('program', ['sendmail', 'postdrop'])
def test_command(suite, program):
    refused = 0
    for kind in ('open', 'read', 'write', 'fsync', 'rename', 'chmod', 'fork', 'malloc'):
        for error in (None, KILL, KILL_AFTER):
            for n in range(1, 60 if LONG else 3):
                if error == KILL_AFTER and kind in ('fork', 'malloc'):
                    break
                suite.plan.arm(program, kind, n, error)
                r = suite.sendmail()
                hits = suite.plan.hits()
                suite.plan.disarm()
                refused += r is not None and r.returncode != 0
                assert r is not None and (hits or r.returncode == 0), (program, kind, n, r)
                if not hits:
                    break
    assert refused
    suite.settle()
    assert not suite.judge()


def test_postmap(suite):
    "a table is the old one, the new one, or damaged and said to be; an error is told"
    src, kinds = suite.i.base + '/tab', ('open', 'read', 'write', 'fsync', 'rename', 'chmod', 'malloc')
    for kind in kinds:
        for error in (None, KILL, KILL_AFTER):
            for n in range(1, 200 if LONG else 4):
                old, new = 'old%d' % n, 'new%d' % n
                for value in (old, new):
                    write(src, ''.join('k%d %s\n' % (k, value) for k in range(300)))
                    if value == old:
                        assert suite.i.run('postmap', 'hash:' + src).returncode == 0
                suite.plan.arm('postmap', kind, n, error)
                r = suite.i.run('postmap', 'hash:' + src)
                hits = suite.plan.hits()
                suite.plan.disarm()
                q = suite.i.run('postmap', '-q', '-', 'hash:' + src, input=''.join('k%d\n' % k for k in range(300)))
                values = {l.split()[1] for l in q.stdout.splitlines()}
                # a database is filled in place for those who have it open; when that breaks off, look-ups fail until it is made again
                whole = len(q.stdout.splitlines()) == 300 and len(values) == 1
                assert whole or (kind == 'write' and r.returncode != 0 and q.returncode != 0 and 'damaged' in q.stderr), (kind, n, error, values, q)
                values = values if whole else {new}
                if r.returncode == 0:
                    assert values == {new}, (kind, n, error, r)
                assert hits or r.returncode == 0, (kind, n, error, r)
                if not hits:
                    break
