# SPDX-License-Identifier: Apache-2.0
import itertools
import os
import shutil

import pytest

import world
from peers import NameServer, Sink

PREFIX = os.environ['POSTERN_PREFIX']
ports = itertools.count(2600)


@pytest.fixture(scope='session', autouse=True)
def the_world():
    world.prepare(PREFIX, world.BASE)
    yield


@pytest.fixture(scope='session')
def dns(the_world):
    zone = {('dest.test', 'MX'): [(10, 'mx.dest.test')], ('mx.dest.test', 'A'): ['127.0.0.2']}
    yield NameServer(zone)


@pytest.fixture
def make(dns):
    """make(main={}, ...) -> a running Instance; all are stopped at the end, and no daemon may have crashed."""
    made = []

    def one(main=None, **kw):
        i = world.Instance(PREFIX, world.fresh_base(), main, port=next(ports), **kw)
        made.append(i)
        return i
    yield one
    for i in made:
        i.stop()
        bad = [l for l in i.log().splitlines() if 'panic: ' in l or 'killed by signal 11' in l or 'killed by signal 6' in l or 'Sanitizer' in l]
        shutil.rmtree(i.base, ignore_errors=True)
        assert not bad, bad


@pytest.fixture(autouse=True)
def clean_mailboxes():
    yield
    for d in ['/var/mail'] + ['/home/' + u for u in world.USERS]:
        for f in os.listdir(d):
            p = os.path.join(d, f)
            shutil.rmtree(p) if os.path.isdir(p) and not os.path.islink(p) else os.unlink(p)


@pytest.fixture
def sink():
    made = []

    def one(**kw):
        kw.setdefault('port', next(ports))
        made.append(Sink(**kw))
        return made[-1]
    yield one
    for s in made:
        s.close()
