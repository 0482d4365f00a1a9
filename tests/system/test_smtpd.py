# SPDX-License-Identifier: Apache-2.0
"""The SMTP server in its place: with cleanup, anvil, the resolver and policy servers; and sessions that end badly."""
import os
import socket
import threading
import time

from world import until

MD = {'home_mailbox': 'Maildir/', 'smtpd_error_sleep_time': '0'}
OUT = '127.0.0.9'            # not in mynetworks of the tests that need a stranger
STRANGER = dict(MD, mynetworks='127.0.0.1/32')


class Talk:
    """A client that says exactly what it is told."""

    def __init__(self, i, source='127.0.0.1', greeting=True):
        self.s = socket.create_connection(('127.0.0.1', i.port), 20, (source, 0))
        self.f = self.s.makefile('rb')
        if greeting:
            assert self.reply()[0] == 220

    def reply(self):
        text = []
        while True:
            line = self.f.readline().decode('latin1')
            if not line:
                return 0, ''
            text.append(line[4:].rstrip('\r\n'))
            if line[3] != '-':
                return int(line[:3]), '\n'.join(text)

    def cmd(self, data):
        self.s.sendall(data if isinstance(data, bytes) else (data + '\r\n').encode())
        return self.reply()

    def envelope(self, rcpt='alice@example.test'):
        assert self.cmd('EHLO client.example.net')[0] == 250
        assert self.cmd('MAIL FROM:<x@client.example.net>')[0] == 250
        assert self.cmd('RCPT TO:<%s>' % rcpt)[0] == 250

    def close(self):
        self.f.close()
        self.s.close()


def test_a_message_ends_where_it_ends(make):
    i = make(STRANGER)
    for eod in (b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\r.\r\n', b'\r\n.\r', b'\r\r\n.\r\r\n', b'\r\n\0.\r\n'):
        t = Talk(i, OUT)
        t.envelope()
        assert t.cmd('DATA')[0] == 354
        code, text = t.cmd(b'Subject: outer\r\n\r\nbody' + eod + b'MAIL FROM:<bob@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n'
                           b'Subject: smuggled\r\n\r\nevil\r\n.\r\n')
        assert code == 250, (eod, text)
        assert t.cmd('QUIT')[0] == 221
    until(lambda: len(i.maildir('alice')) == 7)
    i.wait_empty()
    assert not i.maildir('bob')


def test_a_client_that_goes_leaves_nothing(make):
    i = make(MD)
    for data in (b'', b'Subject: half\r\n', b'Subject: half\r\n\r\nno end\r\n.'):
        t = Talk(i)
        t.envelope()
        t.cmd('DATA')
        t.s.sendall(data)
        t.close()
    t = Talk(i)
    t.envelope()
    t.s.sendall(b'BDAT 100\r\nSubject: half')
    time.sleep(0.2)
    t.close()
    i.wait_log(r'lost connection after BDAT \(13 bytes\) from localhost\[127\.0\.0\.1\]')
    i.wait_empty()
    assert not i.maildir('alice')


def test_dropped_service_costs_a_temporary_error(make):
    i = make(MD)
    t = Talk(i)
    t.envelope()
    assert t.cmd('DATA')[0] == 354
    for p in i.daemons('cleanup'):
        os.kill(p, 9)
    code, text = t.cmd(b'Subject: x\r\n\r\nbody\r\n.\r\n')
    assert code == 451, (code, text)
    t.envelope()
    t.cmd('DATA')
    assert t.cmd(b'Subject: x\r\n\r\nbody\r\n.\r\n')[0] == 250
    until(lambda: len(i.maildir('alice')) == 1)


def test_chunks(make):
    i = make(MD)
    t = Talk(i)
    t.envelope()
    assert t.cmd(b'BDAT 14\r\nSubject: x\r\n\r\n')[0] == 250
    assert t.cmd(b'BDAT 7\r\n.\r\n..\r\n')[0] == 250
    assert t.cmd(b'BDAT 6 LAST\r\nno end')[0] == 250
    assert until(lambda: i.maildir('alice'))[0].endswith('\n\n.\n..\nno end\n')


def test_limits_of_clients_hold_over_processes(make):
    i = make(dict(MD, smtpd_client_event_limit_exceptions='', smtpd_client_connection_count_limit='3', smtpd_client_message_rate_limit='2',
                  anvil_status_update_time='1s'))
    ts = [Talk(i, OUT) for _ in range(3)]
    t = Talk(i, OUT, greeting=False)
    assert t.reply()[0] == 421
    ts.pop().close()
    until(lambda: Talk(i, OUT, greeting=False).reply()[0] == 220)
    ts[0].cmd('EHLO x')
    codes = []
    for _ in range(3):
        codes.append(ts[0].cmd('MAIL FROM:<x@client.example.net>')[0])
        ts[0].cmd('RSET')
    assert codes == [250, 250, 450]
    i.wait_log(r'warning: Connection concurrency limit exceeded: 4 from \S+\[127\.0\.0\.9\] for service 127\.0\.0\.1:%d$' % i.port)
    i.wait_log(r'warning: Message delivery request rate limit exceeded: 3 from ')
    i.wait_log(r'anvil\[\d+\]: statistics: max connection count 4 for \(127\.0\.0\.1:%d:127\.0\.0\.9\) at ' % i.port)
    for p in i.daemons('anvil'):        # without it mail goes on
        os.kill(p, 9)
    assert Talk(i, '127.0.0.8').cmd('NOOP')[0] == 250


class Policy:
    """Answers each request with what answer(attributes) says; None: closes."""

    def __init__(self, answer):
        self.requests, self.answer = [], answer
        self.l = socket.create_server(('127.0.0.1', 0))
        self.addr = '127.0.0.1:%d' % self.l.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.l.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        attrs = {}
        for line in c.makefile('r'):
            line = line.rstrip('\n')
            if line:
                k, _, attrs[k] = line.partition('=')
                continue
            self.requests.append(attrs)
            a = self.answer(attrs)
            if a is None:
                break
            c.sendall(('action=%s\n\n' % a).encode())
            attrs = {}
        c.close()


def test_policy_server(make):
    p = Policy(lambda a: 'REJECT not ' + a['recipient'] if 'bob' in a['recipient'] else 'PREPEND X-Policy: %s' % a['instance'])
    i = make(dict(MD, smtpd_recipient_restrictions='check_policy_service { inet:%s, default_action=DEFER }' % p.addr,
                  smtpd_end_of_data_restrictions='check_policy_service inet:%s' % p.addr))
    t = Talk(i)
    t.envelope()
    assert t.cmd('RCPT TO:<bob@example.test>') == (554, '5.7.1 <bob@example.test>: Recipient address rejected: not bob@example.test')
    assert t.cmd('DATA')[0] == 354
    assert t.cmd(b'Subject: x\r\n\r\nbody\r\n.\r\n')[0] == 250
    first, second, third = p.requests
    assert (first['protocol_state'], third['protocol_state']) == ('RCPT', 'END-OF-MESSAGE')
    assert first['instance'] == third['instance'] and third['recipient_count'] == '1' and int(third['size']) > 15
    assert until(lambda: i.maildir('alice'))[0].count('X-Policy: %s\n' % first['instance']) == 1
    p.answer = lambda a: None
    t = Talk(i)
    t.cmd('EHLO x')
    t.cmd('MAIL FROM:<x@client.example.net>')
    assert t.cmd('RCPT TO:<alice@example.test>')[0] == 450
    i.wait_log(r'warning: problem talking to server %s' % p.addr.replace('.', r'\.'))


def test_log_of_a_session(make):
    i = make(STRANGER)
    t = Talk(i, OUT)
    t.close()
    i.wait_log(r'smtpd\[\d+\]: connect from unknown\[127\.0\.0\.9\]$')
    i.wait_log(r'smtpd\[\d+\]: disconnect from unknown\[127\.0\.0\.9\] commands=0/0$')


def test_a_session_outlives_reload_and_slow_ones_disturb_nobody(make):
    i = make(dict(MD, smtpd_timeout='5s', smtpd_client_connection_count_limit='0'))
    slow = [Talk(i) for _ in range(200)]
    t = Talk(i)
    t.envelope()
    i.main['smtpd_banner'] = '$myhostname ESMTP after'
    i.write_conf()
    i.control('reload')
    until(lambda: b'after' in Talk(i, greeting=False).f.readline())
    assert t.cmd('DATA')[0] == 354
    start = time.monotonic()
    assert t.cmd(b'Subject: x\r\n\r\nbody\r\n.\r\n')[0] == 250
    assert time.monotonic() - start < 2
    until(lambda: i.maildir('alice'))
    assert slow[0].reply()[0] == 421
    i.wait_log(r'NOQUEUE: timeout after CONNECT from localhost\[127\.0\.0\.1\]')
