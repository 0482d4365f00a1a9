# SPDX-License-Identifier: Apache-2.0
"""The whole path of a message, from each entry to each exit."""
import os
import re

from world import USERS, until, write

MD = {'home_mailbox': 'Maildir/'}


def test_sendmail_to_mbox(make):
    i = make()
    i.sendmail(['-f', 'bob', 'alice'], 'Subject: hello\n\nline one\nFrom the start\n', user='bob')
    m = until(lambda: i.mbox('alice'))[0]
    assert re.search(r'(?m)^Subject: hello$', m) and '\n>From the start\n' in m
    assert re.search(r'(?m)^Return-Path: <bob@example\.test>$', m) and re.search(r'(?m)^Delivered-To: alice@example\.test$', m)
    i.wait_log(r'to=<alice@example\.test>, (orig_to=<alice>, )?relay=local, delay=[\d.]+, delays=[\d./]+, dsn=2\.0\.0, status=sent \(delivered to mailbox\)')
    i.wait_empty()


def test_smtp_to_maildir(make):
    i = make(MD)
    i.inject('x@client.example.net', ['alice@example.test', 'bob@example.test'])
    until(lambda: i.maildir('alice') and i.maildir('bob'))
    assert os.stat('/home/alice/Maildir/new').st_uid == USERS['alice']
    i.wait_log(r'status=sent \(delivered to maildir\)')


def test_smtp_to_mx(make, sink):
    s = sink(host='127.0.0.2', port=25)
    i = make()
    i.inject('alice@example.test', ['x@dest.test', 'y@dest.test'], 'Subject: out\r\n\r\n.dot\r\n')
    m = until(lambda: s.messages)[0]
    assert sorted(m[1]) == ['x@dest.test', 'y@dest.test'] and m[2].endswith(b'\r\n\r\n.dot\r\n')
    assert i.wait_log(r'to=<x@dest\.test>, relay=mx\.dest\.test\[127\.0\.0\.2\]:25, .*status=sent \(250 2\.0\.0 Ok\)')
    i.wait_empty()


def test_relayhost_and_retry(make, sink):
    s = sink(script={'RCPT': ['451 4.3.2 later']})
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1]})
    i.inject('alice@example.test', ['x@dest.test'])
    i.wait_log(r'status=deferred \(host 127\.0\.0\.1\[127\.0\.0\.1\] said: 451 4\.3\.2 later \(in reply to RCPT TO command\)\)')
    assert len(i.queue_ids()) == 1 and 'said: 451 4.3.2 later' in i.run('mailq').stdout
    i.control('flush')
    until(lambda: s.messages)
    i.wait_empty()


def test_failure_is_reported_to_the_sender(make, sink):
    s = sink(script={'RCPT': '550 5.1.1 no such user'})
    i = make({'relayhost': '[127.0.0.1]:%s' % s.addr.split(':')[1]})
    i.inject('alice@example.test', ['x@dest.test'])
    m = until(lambda: i.mbox('alice'))[0]
    assert 'Content-Type: multipart/report; report-type=delivery-status' in m
    assert re.search(r'(?m)^Final-Recipient: rfc822; x@dest\.test$', m) and re.search(r'(?m)^Status: 5\.1\.1$', m)
    assert re.search(r'(?m)^Diagnostic-Code: smtp; 550 5\.1\.1 no such user$', m)
    i.wait_empty()


def test_aliases_and_forward(make):
    i = make(dict(MD), aliases='postmaster: root\nteam: alice, bob\nprog: "|cat > /tmp/alias-command.out"\nlist: :include:/tmp/list.include\n')
    write('/tmp/list.include', 'carol\n')
    write('/home/bob/.forward', 'carol\n', uid=USERS['bob'])
    os.path.exists('/tmp/alias-command.out') and os.unlink('/tmp/alias-command.out')
    i.inject('x@client.example.net', ['team@example.test'])
    until(lambda: i.maildir('alice') and i.maildir('carol'))
    assert not i.maildir('bob')
    i.inject('x@client.example.net', ['prog@example.test', 'list@example.test'])
    until(lambda: os.path.exists('/tmp/alias-command.out') and len(i.maildir('carol')) == 2)
    assert os.stat('/tmp/alias-command.out').st_uid != 0
    i.wait_empty()


def test_relay_is_closed_to_strangers(make):
    i = make({'mynetworks': '127.0.0.1/32'})
    with i.smtp(source='127.0.0.9') as s:
        s.ehlo()
        s.mail('x@y.test')
        assert s.rcpt('z@elsewhere.test')[0] in (454, 554)
        assert s.rcpt('alice@example.test')[0] == 250
        assert s.rcpt('nobody-here@example.test')[0] == 550


def test_submission_while_stopped(make):
    i = make(MD)
    i.stop()
    i.sendmail(['alice'], 'Subject: later\n\nx\n', user='bob')
    i.start()
    until(lambda: i.maildir('alice'))


def test_queue_commands(make):
    i = make({'relayhost': '[127.0.0.1]:1', 'minimal_backoff_time': '300s'})
    assert i.run('mailq').stdout.strip() == 'Mail queue is empty'
    i.inject('alice@example.test', ['x@dest.test'])
    i.wait_log('Connection refused')
    q = until(i.queue_ids)[0]
    assert i.run('postsuper', '-h', q).returncode == 0
    assert re.search(r'(?m)^%s!' % q, i.run('mailq').stdout)
    assert 'sender: alice@example.test' in i.run('postcat', '-q', q).stdout
    assert i.run('postsuper', '-d', 'ALL').returncode == 0
    i.wait_empty()
