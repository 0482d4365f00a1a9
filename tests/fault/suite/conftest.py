# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'system'))
import world  # noqa: E402
from peers import NameServer, Sink  # noqa: E402
from plan import Plan  # noqa: E402
from traffic import Traffic  # noqa: E402

PREFIX = os.environ['POSTERN_PREFIX']
LONG = os.environ.get('POSTERN_FAULT_LONG') == '1'


def pytest_generate_tests(metafunc):
    "a test with an argument `long_only` runs in the long form only"
    if 'long_only' in metafunc.fixturenames:
        metafunc.parametrize('long_only', [True] if LONG else [])


@pytest.fixture(scope='session')
def dns():
    world.prepare(PREFIX, world.BASE)
    zone = {('dest.test', 'MX'): [(10, 'mx.dest.test')], ('mx.dest.test', 'A'): ['127.0.0.2']}
    yield NameServer(zone)


@pytest.fixture(scope='session')
def sink(dns):
    yield Sink('127.0.0.2', 25)


@pytest.fixture
def suite(sink):
    "a running suite that retries at once, its plan of faults, and traffic for it"
    base = world.fresh_base()
    plan = Plan(base + '/plan')
    main = {'home_mailbox': 'Maildir/', 'minimal_backoff_time': '1s', 'maximal_backoff_time': '2s', 'queue_run_delay': '1s',
            'transport_retry_time': '1s', 'service_throttle_time': '1s', 'smtpd_client_connection_count_limit': '0',
            'smtpd_error_sleep_time': '0', 'import_environment': 'MAIL_CONFIG MAIL_LOGTAG PN_FAULT=' + plan.path}
    os.environ['PN_FAULT'] = plan.path
    i = world.Instance(PREFIX, base, main, port=2500, start=False, aliases='postmaster: root\nboxed: %s/box\n' % base)
    world.write(base + '/box', '', 0o600, 65534)
    sink.messages.clear()
    i.start()
    t = Traffic(i, sink)
    t.plan = plan
    yield t
    plan.disarm()
    i.stop()
    shutil.rmtree(base, ignore_errors=True)
    shutil.rmtree('/home/alice/Maildir', ignore_errors=True)
