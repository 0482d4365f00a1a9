# SPDX-License-Identifier: Apache-2.0
"""What each process of a running suite could do if it went bad: printed (pytest -s) and judged."""
import os
import re

import pytest

from world import OWNER_ID, until

#: programs that act as other users and start their commands: root between deliveries, no system call filter
AGENTS = {'local', 'virtual', 'pipe', 'spawn'}
#: users of their own where they exist; else mail_owner
OWN_USER = {'resolver', 'proxymap'}


def status(pid):
    return dict(l.rstrip('\n').split(':\t', 1) for l in open('/proc/%d/status' % pid) if ':\t' in l)


def descriptors(pid):
    out = {}
    for f in os.listdir('/proc/%d/fd' % pid):
        try:
            out[int(f)] = os.readlink('/proc/%d/fd/%s' % (pid, f))
        except OSError:
            pass
    return out


def listening():
    """Inodes of listening sockets: {inode: what}."""
    out = {}
    for name in ('tcp', 'tcp6'):
        for l in open('/proc/net/' + name).read().splitlines()[1:]:
            x = l.split()
            if x[3] == '0A':
                out[x[9]] = 'tcp port %d' % int(x[1].split(':')[1], 16)
    for l in open('/proc/net/unix').read().splitlines()[1:]:
        x = l.split()
        if int(x[3], 16) & 0x10000:
            out[x[6]] = x[7] if len(x) > 7 else 'unnamed'
    return out


@pytest.fixture
def suite(make, sink):
    """An instance in which every usual daemon has been at work; {pid: program}."""
    s = sink()
    i = make({'home_mailbox': 'Maildir/', 'relayhost': '[127.0.0.1]:' + s.addr.split(':')[1], 'max_idle': '100s'},
             aliases='postmaster: root\nteam: alice, bob\n')
    i.inject('alice@example.test', ['team@example.test', 'x@dest.test'])
    i.sendmail(['-f', 'alice', 'nobody-here', 'bob'], 'Subject: s\n\nx\n', user='alice')
    until(lambda: i.maildir('alice') and i.maildir('bob') and s.messages, 20, i.log)
    i.wait_log('sender non-delivery notification')
    i.run('postqueue', '-p')
    pids = {p: open('/proc/%d/comm' % p).read().strip() for p in i.daemons()}
    return i, pids


def test_identity_and_rights(suite):
    i, pids = suite
    listen = listening()
    assert {'smtpd', 'cleanup', 'qmgr', 'smtp', 'local', 'bounce', 'pickup', 'resolver'} <= set(pids.values()), pids
    for pid, name in sorted(pids.items(), key=lambda x: x[1]):
        st = status(pid)
        fds = descriptors(pid)
        mine = [listen[m.group(1)] for f in fds.values() if (m := re.match(r'socket:\[(\d+)\]', f)) and m.group(1) in listen]
        uids, groups = set(map(int, st['Uid'].split())), set(map(int, st['Gid'].split() + st['Groups'].split()))
        print('%-10s uid=%s groups=%s caps=%s no_new_privs=%s seccomp=%s fds=%d listens=%s' % (
            name, sorted(uids), sorted(groups), st['CapEff'].lstrip('0') or '0', st['NoNewPrivs'], st['Seccomp'], len(fds), mine))
        if name in AGENTS:
            continue
        assert 0 not in uids and 0 not in groups, (name, 'has root')
        assert name in OWN_USER or uids == {OWNER_ID}, (name, uids)
        for k in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
            assert int(st[k], 16) == 0, (name, k, st[k])
        assert st['NoNewPrivs'] == '1', (name, 'can gain privileges')
        assert st['Seccomp'] == '2', (name, 'has no system call filter')
        if name == 'smtpd':
            assert all(m.startswith('tcp port') for m in mine), mine


def test_agents_listen_only_where_qmgr_asks(suite):
    i, pids = suite
    listen = listening()
    for pid, name in pids.items():
        mine = [listen[m.group(1)] for f in descriptors(pid).values() if (m := re.match(r'socket:\[(\d+)\]', f)) and m.group(1) in listen]
        if name in ('smtp', 'lmtp', 'local', 'error', 'discard'):
            assert all('/private/' in m or m.startswith('private/') for m in mine), (name, mine)


def test_no_secret_descriptor_is_left_open(suite):
    i, pids = suite
    for pid, name in pids.items():
        bad = [f for f in descriptors(pid).values() if re.search(r'/etc/shadow|/home/|/var/mail|master\.(lock|pid)', f)]
        assert not bad, (name, bad)


def test_a_command_of_a_forward_file_may_gain_group_rights(suite):
    """set-gid sendmail works from .forward: agents do not set no_new_privs."""
    i, pids = suite
    with open('/home/carol/.forward', 'w') as f:
        f.write('"|%s -C %s -f carol bob"\n' % (i.path('sendmail'), i.conf))
    os.chown('/home/carol/.forward', 64113, 64113)
    n = len(i.maildir('bob'))
    i.inject('alice@example.test', ['carol@example.test'])
    until(lambda: len(i.maildir('bob')) == n + 1, 15, i.log)
