# SPDX-License-Identifier: Apache-2.0
"""Tables behind servers, asked by proxymap for everybody: a server that hangs, lies, dies and comes back."""
import shutil
import socket
import sqlite3
import threading
import time

from world import until, write

MD = {'home_mailbox': 'Maildir/'}


class TcpServer:
    """tcp_table server; answer(key) gives the bytes to send, None hangs, b'' hangs up."""

    def __init__(self, answer, port=0):
        self.answer, self.asked, self.conns = answer, [], []
        self.s = socket.create_server(('127.0.0.1', port))
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            self.conns.append(c)
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            for line in c.makefile('rb'):
                key = line.decode().split(None, 1)[1].rstrip('\n')
                self.asked.append(key)
                out = self.answer(key)
                if out is None:
                    continue
                if not out:
                    break
                c.sendall(out)
        except OSError:
            pass
        c.close()

    def close(self):
        self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()
        for c in self.conns:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def answer(key):
    return {'hang@x.test': None, 'up@x.test': b'', 'lie@x.test': b'hello\n', 'long@x.test': b'200 ' + b'x' * 5000 + b'\n', 'bad@x.test': b'200 %zz\n',
            'no@x.test': b'200 REJECT go%20away\n'}.get(key, b'500 no\n')


def rcpt(i, sender):
    with i.smtp() as s:
        s.ehlo()
        s.mail(sender)
        return s.rcpt('alice@example.test')[0]


def test_tcp_server_in_trouble(make):
    t = TcpServer(answer)
    # named for one service only: proxymap looks it up all the same
    i = make(MD, start=False)
    i.services[0] += '\n  -o smtpd_sender_restrictions=check_sender_access,tcp:127.0.0.1:%d' % t.port
    i.write_conf()
    i.start()
    hung = [i.smtp() for _ in range(5)]
    for s in hung:      # these wait, and nobody waits for them
        s.ehlo()
        s.mail('hang@x.test')
        s.sock.sendall(b'RCPT TO:<alice@example.test>\r\n')
    assert rcpt(i, 'no@x.test') == 554
    assert rcpt(i, 'yes@x.test') == 250
    for a in ('up', 'lie', 'long', 'bad'):
        began = time.time()
        assert rcpt(i, a + '@x.test') == 451, a
        assert time.time() - began < 5
        assert rcpt(i, 'yes@x.test') == 250, a
    for s in hung:
        s.close()
    t.close()
    assert rcpt(i, 'yes@x.test') == 451
    i.wait_log(r'warning: .*tcp:127\.0\.0\.1:\d+.*refused')
    t = TcpServer(answer, t.port)
    assert rcpt(i, 'yes@x.test') == 250
    t.close()


def test_sqlite_keys_and_trouble(make):
    i = make(MD, start=False)
    path = i.base + '/db'
    db = sqlite3.connect(path)
    db.executescript("create table a(k,v); insert into a values('info@example.test','alice'),('o''x@example.test','bob');")
    db.commit()
    write(i.conf + '/q.cf', "dbpath = %s\nquery = select v from a where k = '%%s'\n" % path)
    i.main['virtual_alias_maps'] = 'sqlite:%s/q.cf' % i.conf
    i.write_conf()
    i.start()
    i.inject('x@y.test', ['info@example.test'])
    i.inject('x@y.test', ["o'x@example.test"])
    until(lambda: i.maildir('alice') and i.maildir('bob'), 10, 'mail')
    with i.smtp() as s:
        s.ehlo()
        s.mail('x@y.test')
        assert s.rcpt("\"x' or '1'='1\"@example.test")[0] == 550
        shutil.move(path, path + '.away')
        write(path, 'no database')
        until(lambda: s.rcpt('alice@example.test')[0] in (250, 451), 1)
    i.control('reload')
    until(lambda: rcpt(i, 'x@y.test') == 451, 10, 'a damaged database is temporary trouble')
    shutil.move(path + '.away', path)
    until(lambda: rcpt(i, 'x@y.test') == 250, 10, 'recovery')
