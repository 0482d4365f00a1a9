# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a day like any other: each a clear error, nothing lost."""
import os
import random
import signal
import smtplib
import socket
import time

from world import OWNER_ID, mount, until, write

MD = {'home_mailbox': 'Maildir/'}


def test_typo_in_main_cf(make):
    i = make(MD)
    i.stop()
    i.main['smtpd_timeout'] = 'soon'
    i.write_conf()
    r = i.control('check', check=False)
    assert r.returncode != 0 and 'smtpd_timeout' in r.stderr + r.stdout
    i.main['smtpd_timeout'] = '300s'
    i.write_conf()
    with open(i.conf + '/main.cf', 'a') as f:
        f.write('this is no setting\n')
    r = i.control('start', check=False)
    assert r.returncode != 0 and 'main.cf' in r.stderr and 'line' in r.stderr
    i.write_conf()
    i.start()


def test_unknown_name_is_told(make):
    i = make(dict(MD, smtpd_bannner='x'))
    r = i.control('check', check=False)
    assert 'smtpd_bannner' in r.stderr + r.stdout


def test_unreadable_table_is_temporary(make):
    i = make(dict(MD, virtual_alias_maps='hash:/nonexistent/table'))
    with i.smtp() as s:
        s.ehlo()
        s.mail('x@y.test')
        code, text = s.rcpt('alice@example.test')
        assert code == 451, text
    i.wait_log('/nonexistent/table')


def test_full_queue_disk(make, tmp_path):
    i = make(MD, start=False)
    mount('tmpfs', i.queue, 'tmpfs', 0, 'size=24m,mode=0755')
    i.start()
    write(i.queue + '/ballast', 'x' * (23800 << 10))
    for _ in range(3):
        try:
            i.inject('x@y.test', ['alice@example.test'], 'Subject: big\r\n\r\n' + ('y' * 70 + '\r\n') * 8000)
            raise AssertionError('accepted without room')
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused) as e:
            code = e.smtp_code if hasattr(e, 'smtp_code') else list(e.recipients.values())[0][0]
            assert 400 <= code < 500 or code == 552, e
    os.unlink(i.queue + '/ballast')
    i.inject('x@y.test', ['alice@example.test'])
    until(lambda: i.maildir('alice'))
    assert len(i.maildir('alice')) == 1


def test_foreign_file_in_the_queue(make):
    i = make(MD)
    for n in ('incoming/notes.txt', 'deferred/0123456789', 'incoming/ABCDEF1234'):
        write(i.queue + '/' + n, 'this is no message\n', 0o700, OWNER_ID)
    i.control('flush')
    i.inject('x@y.test', ['alice@example.test'])
    until(lambda: i.maildir('alice'))
    until(lambda: os.path.exists(i.queue + '/corrupt/ABCDEF1234'), 40)
    assert os.path.exists(i.queue + '/incoming/notes.txt')


def test_bad_files_in_maildrop(make):
    "what cannot be handed over is set aside or left, and holds up nothing"
    i = make(MD)
    d = i.queue + '/maildrop/'
    write(d + 'ABCDEF0001', 'T\x031 2S\x01x', 0o744, OWNER_ID)        # breaks off
    write(d + 'ABCDEF0002', 'garbage', 0o744, OWNER_ID)
    write(d + 'ABCDEF0003', '', 0o744, OWNER_ID)
    write(d + 'ABCDEF0004', 'T\x031 2', 0o700, 0)                       # root's alone: cannot be read
    os.mkfifo(d + 'ABCDEF0005')
    os.symlink('/etc/passwd', d + 'ABCDEF0006')
    for n in range(3):
        i.sendmail(['bob'], 'Subject: n%d\n\nx\n' % n, user='alice')
    until(lambda: len(i.maildir('bob')) == 3)
    until(lambda: {'ABCDEF0001', 'ABCDEF0002', 'ABCDEF0003'} <= set(os.listdir(i.queue + '/corrupt')))
    assert os.path.exists(d + 'ABCDEF0004')


def test_garbage_from_a_client(make):
    i = make(MD)
    rnd = random.Random(7)
    for _ in range(20):
        with socket.create_connection(('127.0.0.1', i.port), 5) as s:
            try:
                s.sendall(bytes(rnd.randrange(256) for _ in range(3000)))
                s.settimeout(1)
                s.recv(4096)
            except OSError:
                pass
    i.inject('x@y.test', ['alice@example.test'])
    until(lambda: i.maildir('alice'))


def test_two_masters(make):
    i = make(MD)
    r = i.control('start', check=False)
    assert r.returncode != 0 and 'already running' in r.stderr
    i.inject('x@y.test', ['alice@example.test'])
    until(lambda: i.maildir('alice'))


def test_killed_daemons_lose_nothing(make):
    i = make(dict(MD, smtpd_client_connection_count_limit='0'))
    sent = 0
    for n in range(30):
        try:
            i.inject('x@y.test', ['alice@example.test'], 'Subject: n%d\r\n\r\nx\r\n' % n)
            sent += 1
        except (smtplib.SMTPException, OSError):
            pass
        if n % 5 == 2:
            for p in i.daemons(('smtpd', 'cleanup', 'qmgr', 'local')[n // 5 % 4]):
                os.kill(p, signal.SIGKILL)

    def there():
        i.control('flush')      # what a killed agent had in hand waits for its next attempt
        time.sleep(1)
        return len({m.split('Subject: ')[1].split()[0] for m in i.maildir('alice')}) >= sent
    until(there, 90, lambda: '%d messages, there are %d; %s' % (sent, len(i.maildir('alice')), i.log()[-3000:]))


def test_killed_master_loses_nothing(make):
    i = make(dict(MD, relayhost='[127.0.0.1]:1'))
    i.inject('x@y.test', ['alice@example.test', 'z@dest.test'])
    until(lambda: i.maildir('alice') and i.queue_ids())
    kids = i.daemons()
    os.kill(i.master_pid(), signal.SIGKILL)
    until(lambda: not any(os.path.exists('/proc/%d/exe' % p) and 'libexec' in os.readlink('/proc/%d/exe' % p) for p in kids), 20, 'children end with master')
    i.start()
    assert len(i.queue_ids()) == 1
    i.inject('x@y.test', ['alice@example.test'])
    until(lambda: len(i.maildir('alice')) == 2)
    time.sleep(0.5)
    assert len(i.maildir('alice')) == 2
