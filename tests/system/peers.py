# SPDX-License-Identifier: Apache-2.0
"""Things outside of Postern that tests talk to: an SMTP server that keeps what it gets, and a name server."""
import os
import socket
import struct
import threading
import time


class Sink:
    """SMTP server; script maps a verb (CONNECT, EHLO, MAIL, RCPT, DATA, DOT) to a reply, (seconds, reply), or a list of these, one a use.

    lmtp: speaks LMTP; DOT is then used once for each recipient.  path: listens there, on a UNIX socket."""

    def __init__(self, host='127.0.0.1', port=2525, script=None, lmtp=False, path=None):
        self.addr, self.script, self.messages, self.commands = '%s:%d' % (host, port), dict(script or {}), [], []
        self.lmtp = lmtp
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.bind(path)
            os.chmod(path, 0o666)
            self.sock.listen(200)
        else:
            self.sock = socket.create_server((host, port), backlog=200)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _say(self, verb, default):
        a = self.script.get(verb)
        if isinstance(a, list):
            a = a.pop(0) if a else None
        if isinstance(a, tuple):
            time.sleep(a[0])
            a = a[1]
        return (a or default).encode() + b'\r\n'

    def _serve(self, c):
        f = c.makefile('rb')
        sender, rcpts = None, []
        try:
            c.sendall(self._say('CONNECT', '220 sink ESMTP'))
            for line in f:
                line = line.rstrip(b'\r\n').decode('utf-8', 'replace')
                verb = line.split(' ')[0].upper()
                self.commands.append(line)
                if verb == ('LHLO' if self.lmtp else 'EHLO'):
                    c.sendall(self._say('EHLO', '250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-XFORWARD NAME ADDR PROTO HELO SOURCE IDENT\r\n250 SIZE 0'))
                elif verb == 'MAIL':
                    sender, rcpts = line, []
                    c.sendall(self._say('MAIL', '250 2.1.0 Ok'))
                elif verb == 'RCPT':
                    r = self._say('RCPT', '250 2.1.5 Ok')
                    if r[:1] == b'2':
                        rcpts.append(line[line.index('<') + 1:line.index('>')])
                    c.sendall(r)
                elif verb == 'DATA':
                    r = self._say('DATA', '354 go on')
                    c.sendall(r)
                    if r[:1] != b'3':
                        continue
                    data = []
                    for d in f:
                        if d == b'.\r\n':
                            break
                        data.append(d[1:] if d.startswith(b'.') else d)
                    else:
                        return      # gone before the final dot: no message
                    if self.lmtp:
                        replies = [self._say('DOT', '250 2.0.0 Ok') for _ in rcpts]
                        rcpts = [a for a, r in zip(rcpts, replies) if r[:1] == b'2']
                        r = b''.join(replies)
                    else:
                        r = self._say('DOT', '250 2.0.0 Ok')
                    if rcpts and (self.lmtp or r[:1] == b'2'):
                        self.messages.append((sender, rcpts, b''.join(data)))
                    c.sendall(r)
                elif verb == 'QUIT':
                    c.sendall(b'221 bye\r\n')
                    return
                else:
                    c.sendall(self._say(verb, '250 Ok'))
        except OSError:
            pass
        finally:
            c.close()

    def close(self):
        self.sock.close()


class NameServer:
    """Answers A and MX from a dict {(name, type): [value]}; everything else does not exist."""

    def __init__(self, zone, host='127.0.0.53'):
        self.zone, self.asked = zone, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            q, peer = self.sock.recvfrom(4096)
            name, i = [], 12
            while q[i]:
                name.append(q[i + 1:i + 1 + q[i]].decode('latin1').lower())
                i += 1 + q[i]
            name, (qtype,) = '.'.join(name), struct.unpack('!H', q[i + 1:i + 3])
            kind = {1: 'A', 15: 'MX', 28: 'AAAA', 12: 'PTR'}.get(qtype, str(qtype))
            self.asked.append((name, kind))
            values = self.zone.get((name, kind), [])
            known = any(n == name for n, _ in self.zone)
            out = b''
            for v in values:
                if kind == 'A':
                    rd = socket.inet_aton(v)
                elif kind == 'MX':
                    rd = struct.pack('!H', v[0]) + self._name(v[1])
                else:
                    rd = self._name(v)
                out += b'\xc0\x0c' + struct.pack('!HHIH', qtype, 1, 300, len(rd)) + rd
            head = q[:2] + struct.pack('!HHHHH', 0x8580 | (0 if known else 3), 1, len(values), 0, 0)
            self.sock.sendto(head + q[12:i + 5] + out, peer)

    @staticmethod
    def _name(n):
        return b''.join(bytes([len(x)]) + x.encode() for x in n.split('.')) + b'\0'
