# SPDX-License-Identifier: Apache-2.0
"""What is acknowledged is on the disk: the order of system calls, errors and kill -9 at each of them, and power cuts.

The power cut is the file system's own: an ext4 image is shut down without flushing its journal, so that whatever was not synced is gone, then
mounted again.  Needs root, loop devices and strace; tests for which something is missing are skipped and say so.
"""
import ctypes
import fcntl
import os
import random
import re
import shutil
import struct
import subprocess
import time

import pytest

BUILD = os.environ.get('POSTERN_BUILD', os.path.join(os.path.dirname(__file__), '..', '..'))
EXERCISE = os.path.abspath(os.path.join(BUILD, 'bin', 'queue_exercise'))
QUEUES = ('maildrop', 'incoming', 'active', 'deferred', 'hold', 'corrupt', 'bounce', 'defer', 'trace')
EXT4_IOC_SHUTDOWN = 0x8004587d
NO_LOG_FLUSH = 2
ROUNDS = int(os.environ.get('POSTERN_POWER_CUTS', '6'))
IMAGE_MB = 64


def need(tool):
    if shutil.which(tool) is None:
        pytest.skip('%s is not installed' % tool)


@pytest.fixture
def queue(tmp_path):
    make_queues(str(tmp_path))
    return str(tmp_path)


def make_queues(top):
    for name in QUEUES:
        os.makedirs(os.path.join(top, name), mode=0o700, exist_ok=True)


def found(top):
    """What the reader says of each message: {id: (verdict, seed)}."""
    r = subprocess.run([EXERCISE, 'check', top], capture_output=True, text=True, timeout=60, check=True)
    out = {}
    for line in r.stdout.splitlines():
        verdict, ident, *rest = line.split(None, 2)
        ident = ident.rstrip(':')
        assert ident not in out or 'whole' not in (verdict, out[ident][0]), 'twice: ' + line
        out[ident] = (verdict, rest[0] if rest else '')
    return out


def said(text):
    """Lines of the writer: {id: seed} of what it acknowledged, ids that it took away again."""
    acked, gone = {}, set()
    for line in text.splitlines():
        w = line.split()
        if len(w) != 3:
            continue        # cut by the crash: not acknowledged
        if w[0] == 'acked':
            acked[w[1]] = w[2]
        elif w[0] == 'gone':
            gone.add(w[1])
    return acked, gone


def judge(top, text, lost_ok=False):
    """No message that was acknowledged may be missing or changed, nothing may be wrong without being noticed."""
    acked, gone = said(text)
    have = found(top)
    wrong = {i: v for i, v in have.items() if v[0] == 'WRONG'}
    lost = {i for i in acked if i not in gone and have.get(i, ('absent', ''))[0] != 'whole'}
    mixed = {i for i, v in have.items() if v[0] == 'whole' and i in acked and v[1] != acked[i]}
    if lost_ok:
        return len(lost), len(acked)
    assert not wrong, wrong
    assert not lost, 'acknowledged and lost: %s (%s)' % (lost, {i: have.get(i) for i in lost})
    assert not mixed, 'an old name on a new message: %s' % mixed
    return len(lost), len(acked)


def strace(queue, out, *options, count=1):
    return subprocess.run(['strace', '-f', '-qq', '-y', '-o', out, *options, EXERCISE, 'write', queue, str(count), '1'],
                          capture_output=True, text=True, timeout=60)


def strace_works(tmp_path):
    need('strace')
    r = subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True)
    if r.returncode != 0:
        pytest.skip('strace may not trace here')


def test_order_of_calls(queue, tmp_path):
    strace_works(tmp_path)
    out = queue + '.trace'
    r = strace(queue, out, '-e', 'trace=pwrite64,fchmod,fsync,fdatasync,write')
    assert r.returncode == 0 and r.stdout.startswith('acked'), r
    steps = []
    for line in open(out):
        m = re.match(r'\d+ +(\w+)\((\d+)<([^>]*)>', line) or re.match(r'\d+ +<\.\.\. (\w+) resumed', line)
        if m is None:
            continue
        call, path = m.group(1), m.group(3) if m.re.groups == 3 else '?'
        if '/incoming/' in path or (call == 'write' and 'acked' in line):
            steps.append(call)
        if call == 'fchmod':
            assert '0700' in line, line
    want = ['pwrite64', 'fchmod', 'fsync', 'write']
    assert [s for n, s in enumerate(steps) if n == 0 or steps[n - 1] != s] == want, steps
    assert 'fdatasync' not in steps


@pytest.mark.parametrize('call,error', [('pwrite64', 'ENOSPC'), ('pwrite64', 'EIO'), ('fchmod', 'EPERM'), ('fsync', 'EIO'),
                                        ('fsync', 'ENOSPC'), ('renameat', 'EDQUOT')])
def test_errors(queue, tmp_path, call, error):
    strace_works(tmp_path)
    options = ['-e', 'trace=' + call, '-e', 'inject=%s:error=%s' % (call, error)]
    r = strace(queue, queue + '.trace', *options)
    assert 'refused' in r.stdout and 'acked' not in r.stdout, r
    assert r.stderr.strip(), 'nobody said why'
    assert not found(queue), 'a message that was refused is still there'


@pytest.mark.parametrize('call', ['renameat', 'pwrite64', 'fchmod', 'fsync', 'write'])
@pytest.mark.parametrize('when', [1, 2])
def test_kill(queue, tmp_path, call, when):
    strace_works(tmp_path)
    r = strace(queue, queue + '.trace', '-e', 'trace=' + call, '-e', 'inject=%s:signal=KILL:when=%d' % (call, when), count=3)
    assert r.returncode != 0 or when > 1, 'not killed'      # strace counts for each thread: the second may not come
    judge(queue, r.stdout)


# ---- power cuts

def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def own_mounts():
    """Mounts of our own: a name space that somebody else makes meanwhile would keep a copy of them alive."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x20000) != 0:
        pytest.skip('no mount name space: %s' % os.strerror(ctypes.get_errno()))
    run('mount', '--make-rprivate', '/')


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, top):
        self.image, self.mnt = os.path.join(top, 'image'), os.path.join(top, 'mnt')
        os.mkdir(self.mnt)
        with open(self.image, 'wb') as f:
            f.truncate(IMAGE_MB << 20)
        r = run('mkfs.ext4', '-q', '-F', '-b', '4096', '-N', '4096', self.image)
        if r.returncode != 0:
            pytest.skip('mkfs.ext4: ' + r.stderr.strip())
        self.mount()

    def mount(self):
        r = run('mount', '-o', 'loop', self.image, self.mnt)
        if r.returncode != 0:
            pytest.skip('no loop device: ' + r.stderr.strip())

    def umount(self):
        for _ in range(100):
            if run('umount', self.mnt).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError('umount')

    def cut_power(self):
        fd = os.open(self.mnt, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack('I', NO_LOG_FLUSH))
        except OSError as e:
            pytest.skip('this kernel cannot shut down ext4: %s' % e)
        finally:
            os.close(fd)


@pytest.fixture
def disk(tmp_path):
    if os.getuid() != 0:
        pytest.skip('needs root')
    need('mkfs.ext4')
    if not os.path.exists('/dev/loop-control'):
        pytest.skip('no loop devices')
    own_mounts()
    d = Disk(str(tmp_path))
    yield d
    run('umount', '-l', d.mnt)


def power_cut(disk, seconds, prefix=()):
    """A writer at work, the power goes, the disk is mounted again: what the writer had said."""
    make_queues(disk.mnt)
    os.sync()
    out = open(disk.image + '.out', 'w+')
    p = subprocess.Popen([*prefix, EXERCISE, 'write', disk.mnt, '0', '20'], stdout=out, stderr=subprocess.DEVNULL)
    try:
        time.sleep(seconds)
        before = os.fstat(out.fileno()).st_size     # what comes later comes from a machine that is off
        disk.cut_power()
        time.sleep(0.05)
    finally:
        p.kill()
        p.wait(10)
    disk.umount()
    disk.mount()
    out.seek(0)
    text = out.read()
    return text[:before] + ''.join(l for l in text[before:].splitlines(True) if l.startswith('gone '))


def test_power_cut(disk):
    rnd = random.Random(4711)
    total = 0
    for _ in range(ROUNDS):
        text = power_cut(disk, 0.1 + rnd.random() * 0.5)
        total += judge(disk.mnt, text)[1]
        for name in QUEUES:
            shutil.rmtree(os.path.join(disk.mnt, name))
    assert total >= ROUNDS, 'too slow to show anything: %d messages' % total
    print('%d messages acknowledged before %d power cuts, none lost' % (total, ROUNDS))


def test_power_cut_would_notice(disk, tmp_path):
    """The same with an fsync that only says that it did: messages must be missing, or the test above shows nothing."""
    strace_works(tmp_path)
    lie = ('strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fsync', '-e', 'inject=fsync:retval=0')
    lost, acked = judge(disk.mnt, power_cut(disk, 1.0, lie), lost_ok=True)
    assert acked > 0 and lost > 0, (lost, acked)
