# SPDX-License-Identifier: Apache-2.0
"""The SMTP client and the resolver: finding hosts, going on to the next one, keeping sessions, waiting where TLS is asked for."""
import os
import re
import signal

from world import until


def hosts(dns, domain, *addrs):
    """MX records of ascending preference, a host for each address."""
    dns.zone[(domain, 'MX')] = [(10 * (n + 1), 'mx%d.%s' % (n, domain)) for n in range(len(addrs))]
    for n, a in enumerate(addrs):
        dns.zone[('mx%d.%s' % (n, domain), 'A')] = [a]


def test_next_host_after_refusal(make, sink, dns):
    hosts(dns, 'two.test', '127.0.0.3', '127.0.0.4')
    a = sink(host='127.0.0.3', port=25, script={'CONNECT': '554 5.3.2 not today'})
    b = sink(host='127.0.0.4', port=25)
    i = make()
    i.inject('alice@example.test', ['x@two.test'])
    until(lambda: b.messages)
    i.wait_log(r'smtp\[\d+\]: \w+: host mx0\.two\.test\[127\.0\.0\.3\] refused to talk to me: 554 5\.3\.2 not today')
    i.wait_log(r'to=<x@two\.test>, relay=mx1\.two\.test\[127\.0\.0\.4\]:25, .*status=sent')
    assert a.messages == []


def test_next_host_when_one_is_down(make, sink, dns):
    hosts(dns, 'down.test', '127.0.0.9', '127.0.0.5')
    b = sink(host='127.0.0.5', port=25)
    i = make()
    i.inject('alice@example.test', ['x@down.test'])
    until(lambda: b.messages)
    i.wait_log(r'smtp\[\d+\]: connect to mx0\.down\.test\[127\.0\.0\.9\]:25: Connection refused')


def test_unknown_domain_is_returned(make):
    i = make()
    i.inject('alice@example.test', ['x@no-such.test'])
    i.wait_log(r'to=<x@no-such\.test>, relay=none, .*dsn=5\.4\.4, status=bounced \(Host or domain name not found\. '
               r'Name service error for name=no-such\.test type=A+: Host not found\)')
    assert 'Host not found' in until(lambda: i.mbox('alice'))[0]


def test_nobody_answers(make, dns):
    hosts(dns, 'dead.test', '127.0.0.9')
    i = make()
    i.inject('alice@example.test', ['x@dead.test'])
    i.wait_log(r'to=<x@dead\.test>, relay=none, .*dsn=4\.4\.1, status=deferred \(connect to mx0\.dead\.test\[127\.0\.0\.9\]:25: Connection refused\)')
    assert len(i.queue_ids()) == 1


def test_sessions_are_kept_while_there_is_more(make, sink):
    s = sink()
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1], 'smtp_destination_concurrency_limit': '1'})
    with i.smtp() as c:
        for n in range(20):
            c.sendmail('alice@example.test', ['x%d@dest.test' % n], 'Subject: %d\r\n\r\nx\r\n' % n)
    until(lambda: len(s.messages) == 20)
    assert len([c for c in s.commands if c.startswith('EHLO')]) < 10
    i.wait_log(r'conn_use=\d+, ')
    i.wait_empty()


def test_garbage_from_the_server(make, sink):
    s = sink(script={'MAIL': ['hello there', '250 2.1.0 Ok']})
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1]})
    i.inject('alice@example.test', ['x@dest.test'])
    i.wait_log(r'dsn=4\.5\.0, status=deferred \(protocol error of 127\.0\.0\.1\[127\.0\.0\.1\] while sending MAIL FROM')
    i.control('flush')
    until(lambda: s.messages)
    i.wait_empty()


def test_mail_waits_where_tls_is_asked_for(make, sink):
    s = sink()
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1], 'smtp_tls_security_level': 'encrypt'})
    i.inject('alice@example.test', ['x@dest.test'])
    i.wait_log(r'dsn=4\.7\.4, status=deferred \(TLS is required')
    i.wait_log(r'warning: smtp_tls_security_level = encrypt: ')
    assert s.commands == []


def test_resolver_comes_back(make, sink, dns):
    hosts(dns, 'again.test', '127.0.0.6')
    s = sink(host='127.0.0.6', port=25)
    i = make()
    i.inject('alice@example.test', ['x@again.test'])
    until(lambda: len(s.messages) == 1)
    for pid in i.daemons('resolver'):
        os.kill(pid, signal.SIGKILL)
    i.inject('alice@example.test', ['y@again.test'])
    until(lambda: len(s.messages) == 2)
    assert not re.search(r'status=deferred', i.log())


def test_content_changes_on_the_way_out(make, sink):
    s = sink()
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1],
              'smtp_generic_maps': 'inline:{alice@example.test=pub@isp.test}',
              'smtp_header_checks': 'inline:{{X-Secret: 1=IGNORE},{Subject: s=REPLACE Subject: [out] s},{X-Bad: 1=REJECT no}}',
              'smtp_mime_header_checks': 'inline:{{X-Part: 1=STRIP}}',
              'smtp_body_checks': 'inline:{{drop=IGNORE},{mark=PREPEND before}}'})
    text = ('From: Alice (at home) <alice@example.test>\r\nTo: x@dest.test,\r\n bob@example.test\r\nSubject: s\r\nX-Secret: 1\r\nX-Bad: 1\r\n'
            'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-Part: 1\r\nX-Other: 2\r\n\r\ndrop\r\nmark\r\n..\r\n' +
            'y' * 300000 + '\r\n--b--\r\n')
    i.inject('alice@example.test', ['x@dest.test'], text)
    sender, _, data = until(lambda: s.messages)[0]
    assert sender.startswith('MAIL FROM:<pub@isp.test>')
    head, _, body = data.partition(b'\r\n\r\n')
    assert b'From: Alice (at home) <pub@isp.test>\r\nTo: x@dest.test,\r\n bob@example.test\r\nSubject: [out] s\r\nX-Bad: 1\r\n' in head
    assert body.startswith(b'--b\r\nX-Other: 2\r\n\r\nbefore\r\nmark\r\n..\r\nyyy') and body.endswith(b'y\r\n--b--\r\n')
    assert body.count(b'y') == 300000
    i.wait_log(r'smtp\[\d+\]: warning: unsupported command in smtp_header_checks map: REJECT no')
    i.wait_log(r'smtp\[\d+\]: \w+: strip: header X-Part: 1$')
    i.wait_log(r'smtp\[\d+\]: \w+: prepend: body mark: before$')
    i.wait_empty()


def test_table_that_fails_makes_mail_wait(make, sink):
    s = sink()
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1], 'smtp_header_checks': 'fail:x'})
    i.inject('alice@example.test', ['x@dest.test'])
    i.wait_log(r'dsn=4\.3\.0, status=deferred \(smtp_header_checks lookup error\)')
    assert s.messages == []
    assert len(i.queue_ids()) == 1


def test_xforward(make, sink):
    s = sink(script={'XFORWARD': ['250 2.0.0 Ok', '501 5.5.4 what']})
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1], 'smtp_send_xforward_command': 'yes'})
    i.inject('alice@example.test', ['x@dest.test'])
    until(lambda: s.messages)
    first, second = [c for c in s.commands if c.startswith('XFORWARD')]
    assert re.fullmatch(r'XFORWARD NAME=localhost ADDR=127\.0\.0\.1', first)
    assert re.fullmatch(r'XFORWARD PROTO=ESMTP HELO=\S+ IDENT=\w+ SOURCE=LOCAL', second)
    i.wait_log(r'warning: host 127\.0\.0\.1\[127\.0\.0\.1\]:\d+ said: 501 5\.5\.4 what \(in reply to XFORWARD helo/protocol command\)')
    i.wait_empty()
    i.sendmail(['x@dest.test'], 'Subject: y\n\ny\n', user='alice')
    until(lambda: len(s.messages) == 2)
    assert 'XFORWARD SOURCE=LOCAL' in s.commands
