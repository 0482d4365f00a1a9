# SPDX-License-Identifier: Apache-2.0
"""Mail that can be judged: each message says who it is and what it holds; what was acknowledged is remembered."""
import hashlib
import itertools
import os
import re
import smtplib
import subprocess
import time

from world import until

LOCAL, BOXED, REMOTE = 'alice@example.test', 'boxed@example.test', 'z@dest.test'
_numbers = itertools.count(1)


class Traffic:
    def __init__(self, instance, sink):
        self.i, self.sink, self.acked, self.sent, self.faults = instance, sink, set(), set(), []

    def _body(self):
        tag = 'n%dx' % next(_numbers)
        lines = [hashlib.sha1(('%s %d' % (tag, k)).encode()).hexdigest() for k in range(int(tag[1:-1]) % 40 + 3)]
        return tag, 'Subject: %s\n\n%s\n.dot\nend of %s\n' % (tag, '\n'.join(lines), tag)

    @staticmethod
    def expected(tag):
        lines = [hashlib.sha1(('%s %d' % (tag, k)).encode()).hexdigest() for k in range(int(tag[1:-1]) % 40 + 3)]
        return '%s\n.dot\nend of %s\n' % ('\n'.join(lines), tag)

    def smtp(self, rcpts=(LOCAL, REMOTE)):
        tag, text = self._body()
        self.sent.update((tag, r) for r in rcpts)
        try:
            with smtplib.SMTP('127.0.0.1', self.i.port, local_hostname='client.example.net', timeout=30) as s:
                refused = s.sendmail('', list(rcpts), text.replace('\n', '\r\n'))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as e:
            codes = [v[0] for v in e.recipients.values()] if hasattr(e, 'recipients') else [e.smtp_code]
            self.faults += ['%s: refused for good: %s' % (tag, e) for c in codes if not 400 <= c < 500]
            return False
        except (smtplib.SMTPException, OSError):
            return False
        self.faults += ['%s: %s refused for good: %s' % (tag, r, v) for r, v in refused.items() if not 400 <= v[0] < 500]
        self.acked.update((tag, r) for r in rcpts if r not in refused)
        return True

    def sendmail(self, rcpts=(LOCAL,), env=None):
        tag, text = self._body()
        self.sent.update((tag, r) for r in rcpts)
        try:
            r = self.i.run('sendmail', '-i', '-f', 'sender@example.test', *rcpts, input=text, user='bob', env=env, timeout=60)
        except (subprocess.TimeoutExpired, BrokenPipeError) as e:
            self.faults.append('%s: sendmail: %s' % (tag, e))
            return None
        if r.returncode == 0:
            self.acked.update((tag, x) for x in rcpts)
        elif r.returncode not in (75, 71, 70, 69, 137, -9):
            self.faults.append('%s: sendmail: status %d: %s' % (tag, r.returncode, r.stderr))
        return r

    def delivered(self):
        """{(tag, recipient): [body]}"""
        out = {}

        def add(text, rcpt):
            head, _, body = text.replace('\r\n', '\n').partition('\n\n')
            m = re.search(r'(?m)^Subject: (n\d+x)$', head)
            out.setdefault((m.group(1) if m else head, rcpt), []).append(body)
        for t in self.i.maildir('alice'):
            add(t, LOCAL)
        for t in boxed(self.i):
            add(t[:-1] if t.endswith('\n\n') else t, BOXED)
        for _, rcpts, data in list(self.sink.messages):
            add(data.decode('utf-8', 'replace'), rcpts[0])
        return out

    def missing(self):
        return self.acked - set(self.delivered())

    def settle(self, timeout=60):
        until(lambda: not left(self.i) and not self.missing(), timeout,
              lambda: 'drained by itself: missing %s, left %s, log:\n%s' % (sorted(self.missing()), left(self.i), self.i.log()[-5000:]))

    def judge(self, twice=2):
        wrong = list(self.faults)
        have = self.delivered()
        for key, bodies in have.items():
            if key not in self.sent:
                wrong.append('nobody sent %s: %r' % (key, bodies[0][:300]))
            elif any(b != self.expected(key[0]) for b in bodies):
                wrong.append('altered: %s %r' % (key, bodies))
            elif len(bodies) > twice:
                wrong.append('%s: %d copies' % (key, len(bodies)))
        wrong += ['lost: %s %s' % k for k in sorted(self.acked - set(have))]
        wrong += [l for l in self.i.log().splitlines() if 'status=bounced' in l or 'panic: ' in l or 'killed by signal 11' in l or 'killed by signal 6' in l]
        wrong += ['corrupt: ' + f for f in os.listdir(self.i.queue + '/corrupt')]
        return wrong


def boxed(i):
    try:
        text = open(i.base + '/box', errors='surrogateescape').read()
    except OSError:
        return []
    return [x for x in re.split(r'(?m)^From (?=\S+ +\w{3} \w{3} )', text) if x]


def left(i):
    """Messages in the queue, without what is not yet (or never was) complete."""
    out = []
    for q in ('maildrop', 'incoming', 'active', 'deferred'):
        for top, _, files in os.walk(os.path.join(i.queue, q)):
            for f in files:
                try:
                    if os.stat(os.path.join(top, f)).st_mode & 0o100:
                        out.append('%s/%s' % (q, f))
                except OSError:
                    pass
    return out


def wait_up(i, seconds=5):
    t = time.monotonic()
    until(i.answers, seconds * 4, 'the suite starts')
    return time.monotonic() - t
