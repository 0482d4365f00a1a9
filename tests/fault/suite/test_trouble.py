# SPDX-License-Identifier: Apache-2.0
"""Daemons that die, hang and lack resources while mail flows."""
import os
import random
import signal
import threading
import time

from traffic import BOXED, LOCAL, REMOTE, wait_up

DAEMONS = ('smtpd', 'cleanup', 'qmgr', 'local', 'smtp', 'pickup', 'bounce', 'resolver', 'proxymap', 'anvil', 'showq', 'postlogd')


class Load:
    "two clients and one user send until it ends"

    def __init__(self, t, pause=0.05):
        self.t, self.pause, self.stop = t, pause, threading.Event()
        work = (lambda: t.smtp((LOCAL, REMOTE)), lambda: t.smtp((BOXED, LOCAL)), t.sendmail)
        self.threads = [threading.Thread(target=self.run, args=(w,)) for w in work]

    def run(self, work):
        while not self.stop.wait(self.pause):
            work()

    def __enter__(self):
        for x in self.threads:
            x.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        for x in self.threads:
            x.join(60)
            assert not x.is_alive(), 'a client hangs'


def to_all(t, name, sig):
    for p in t.i.daemons(name):
        try:
            os.kill(p, sig)
        except ProcessLookupError:
            pass


def test_killed_under_load(suite):
    with Load(suite):
        for name in DAEMONS:
            time.sleep(0.3)
            to_all(suite, name, signal.SIGKILL)
    assert suite.acked
    suite.settle()
    assert not suite.judge(8)


def test_master_and_all_killed(suite):
    with Load(suite):
        time.sleep(1)
        os.kill(suite.i.master_pid(), signal.SIGKILL)
        time.sleep(1)
        suite.i.control('start', check=False)
        wait_up(suite.i)
        time.sleep(1)
        kids, master = suite.i.daemons(), suite.i.master_pid()
        for p in [master] + kids:
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass
        suite.i.control('start', check=False)
        assert wait_up(suite.i) < 5
    assert suite.acked
    suite.settle()
    assert not suite.judge(8)


def test_control_in_any_order(suite, long_only):
    rnd = random.Random(3)
    with Load(suite):
        for _ in range(30):
            time.sleep(rnd.random())
            suite.i.control(rnd.choice(('stop', 'reload', 'abort', 'flush', 'start', 'start')), check=False)
    suite.i.control('start', check=False)
    wait_up(suite.i)
    suite.settle()
    assert not suite.judge(30)


def test_stopped_for_seconds(suite, long_only):
    with Load(suite, 0.2):
        for name in DAEMONS:
            to_all(suite, name, signal.SIGSTOP)
            time.sleep(3)
            to_all(suite, name, signal.SIGCONT)
    suite.settle()
    assert not suite.judge(8)
