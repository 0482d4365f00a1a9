# SPDX-License-Identifier: Apache-2.0
"""The LMTP client: sockets of both kinds, a result for each recipient, a server that comes and goes."""
from world import until


def test_unix_socket(make, sink):
    i = make({'virtual_mailbox_domains': 'store.test', 'virtual_transport': 'lmtp:unix:private/dovecot-lmtp', 'myhostname': 'mx.example.test'})
    i.inject('alice@example.test', ['early@store.test'])
    i.wait_log(r'lmtp\[\d+\]: \w+: to=<early@store\.test>, relay=none, .*dsn=4\.4\.1, status=deferred '
               r'\(connect to mx\.example\.test\[private/dovecot-lmtp\]: No such file or directory\)')
    s = sink(path=i.queue + '/private/dovecot-lmtp', lmtp=True)
    i.inject('alice@example.test', ['u@store.test'], 'Subject: s\r\n\r\n.dot\r\n')
    until(lambda: [m for m in s.messages if m[1] == ['u@store.test'] and m[2].endswith(b'\r\n\r\n.dot\r\n')])
    i.wait_log(r'lmtp\[\d+\]: \w+: to=<u@store\.test>, relay=mx\.example\.test\[private/dovecot-lmtp\], .*status=sent \(250 2\.0\.0 Ok\)')
    i.control('flush')
    until(lambda: len(s.messages) == 2)
    assert s.commands[0] == 'LHLO mx.example.test'
    i.wait_empty()


def test_each_recipient_has_its_result(make, sink):
    s = sink(lmtp=True, script={'DOT': ['250 2.1.5 <a> saved', '550 5.2.1 <b> disabled', '452 4.2.2 <c> full', '250 2.1.5 <c> saved']})
    i = make({'transport_maps': 'inline:{store.test=lmtp:inet:%s}' % s.addr})
    i.inject('alice@example.test', ['a@store.test', 'b@store.test', 'c@store.test'])
    i.wait_log(r'to=<a@store\.test>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, .*dsn=2\.1\.5, status=sent \(250 2\.1\.5 <a> saved\)')
    i.wait_log(r'to=<b@store\.test>, .*dsn=5\.2\.1, status=bounced \(host 127\.0\.0\.1\[127\.0\.0\.1\] said: 550 5\.2\.1 <b> disabled '
               r'\(in reply to end of DATA command\)\)')
    i.wait_log(r'to=<c@store\.test>, .*dsn=4\.2\.2, status=deferred')
    assert 'b@store.test' in until(lambda: i.mbox('alice'))[0]
    i.control('flush')
    i.wait_empty()
    assert [m[1] for m in s.messages] == [['a@store.test'], ['c@store.test']]


def test_sessions_are_kept(make, sink):
    s = sink(lmtp=True)
    i = make({'transport_maps': 'inline:{store.test=lmtp:%s}' % s.addr, 'lmtp_destination_concurrency_limit': '1'})
    with i.smtp() as c:
        for n in range(20):
            c.sendmail('alice@example.test', ['x%d@store.test' % n], 'Subject: %d\r\n\r\nx\r\n' % n)
    until(lambda: len(s.messages) == 20)
    assert len([c for c in s.commands if c.startswith('LHLO')]) < 10
    i.wait_empty()
