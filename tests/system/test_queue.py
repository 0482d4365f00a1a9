# SPDX-License-Identifier: Apache-2.0
"""A queue that Postfix left behind, the commands on it, and reports."""
import email
import os
import re
import subprocess
import time

import pytest
from world import OWNER_ID, until

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'queue-samples')
# logs and flush lists are no messages; 49 was still being written, 64 is cut; content filters of 14 and 15 do not listen here
NO_MESSAGE = {'03', '35', '53', '55', '59'}
BROKEN = {'49', '64'}
FILTERED = {'14', '15'}
TWICE = {'47', '48', '61', '62', '63'}      # further states of a message that is there already, or not left in hold
FAST = {'minimal_backoff_time': '1s', 'maximal_backoff_time': '1s', 'queue_run_delay': '1s'}


def samples():
    for line in open(SAMPLES + '/index'):
        if not line.startswith('#'):
            name, place, mode, what = line.rstrip('\n').split('\t')
            yield name, place, int(mode, 8), what


def records(path):
    """Types and data of the records of a file in which nothing was edited, or None."""
    b, at, out = open(path, 'rb').read(), 0, []
    while at < len(b):
        kind, n, shift = chr(b[at]), 0, 0
        at += 1
        while True:
            n |= (b[at] & 127) << shift
            shift += 7
            at += 1
            if not b[at - 1] & 128:
                break
        out.append((kind, b[at:at + n]))
        at += n
        if kind == 'E':
            return out
        if kind == 'p' and int(out[-1][1]):
            return None
    return None


def test_postfix_queue_is_delivered(make, sink):
    """Every recipient of Postfix's files gets the mail, those marked done do not; what is broken goes to corrupt with a reason."""
    s = sink(host='127.0.0.2')
    i = make({'relayhost': '[127.0.0.2]:%s' % s.addr.split(':')[1], 'mydestination': '',
              'smtputf8_enable': 'no'}, start=False)
    i.start()
    i.stop()
    want, n = [], 0
    for name, place, mode, _ in samples():
        if name[:2] in NO_MESSAGE | TWICE or place.startswith('maildrop/'):
            continue
        to = '%s/hold/%s' % (i.queue, os.path.basename(place))
        with open('%s/%s.bin' % (SAMPLES, name), 'rb') as f:
            data = f.read()
        # as if it had come just now: old mail would be returned
        data = re.sub(rb'(T\x11|create_time=)\d{10}', lambda m: m.group(1) + b'%d' % time.time(), data)
        with open(to, 'wb') as f:
            f.write(data)
        os.chown(to, OWNER_ID, OWNER_ID)
        os.chmod(to, mode)
        r = records(to)
        if name[:2] not in BROKEN | FILTERED and r and name[:2] != '06' and not any(k == '>' for k, _ in r):
            want += [d.decode() for k, d in r if k == 'R']
        n += name[:2] != '49'
    r = i.run('postsuper')
    assert 'QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS' in r.stderr, r.stderr
    i.start()
    r = i.run('postsuper', '-H', 'ALL')
    assert 'Released from hold: %d messages' % n in r.stderr, r.stderr
    i.run('postqueue', '-f')
    got = lambda: [x.replace('"', '') for m in list(s.messages) for x in m[1]]
    missing = lambda: {w for w in set(want) if got().count(w) < want.count(w)}
    try:
        until(lambda: not missing(), 20)
    except AssertionError:
        raise AssertionError('missing: %s\n%s' % (missing(), i.log()[-3000:]))
    assert not [x for x in got() if re.match(r'(ok1|bad1|ok2|done)\b', x)], 'delivered twice'
    until(lambda: os.listdir(i.queue + '/corrupt'))
    assert re.search(r'saved to corrupt: .* at offset \d+', i.log())


@pytest.mark.skipif(not os.path.exists('/usr/sbin/postcat'), reason='no Postfix here to compare with')
@pytest.mark.parametrize('option', ['-o', '-bh', '-e', '-v'])
def test_postcat_as_postfix(make, option):
    if subprocess.run(['/usr/sbin/postcat', '/dev/null'], capture_output=True).returncode != 0:
        pytest.skip('its postcat does not work here')
    i = make(start=False)
    for name, _, _, _ in samples():
        if name[:2] in BROKEN:
            continue
        p = '%s/%s.bin' % (SAMPLES, name)
        env = dict(os.environ, TZ='UTC')
        theirs = subprocess.run(['/usr/sbin/postcat', option, p], capture_output=True, env=env)
        ours = subprocess.run([i.path('postcat'), option, p], capture_output=True, env=env)
        assert (ours.stdout, ours.returncode) == (theirs.stdout, theirs.returncode), name


def test_postcat_of_a_pipe(make):
    i = make(start=False)
    p = SAMPLES + '/08-milter-headers.bin'
    whole = subprocess.run([i.path('postcat'), p], capture_output=True).stdout.replace(p.encode(), b'stdin')
    assert b'X-Added-Two: second line' in whole
    cat = subprocess.Popen(['cat', p], stdout=subprocess.PIPE)
    assert subprocess.run([i.path('postcat')], stdin=cat.stdout, capture_output=True).stdout == whole
    with open(p, 'rb') as f:
        assert subprocess.run([i.path('postcat')], stdin=f, capture_output=True).stdout == whole


@pytest.mark.skipif(not os.path.exists('/usr/sbin/postfix'), reason='no Postfix here to go back to')
def test_postfix_takes_over(make, sink):
    """The way back: Postfix lists and delivers what Postern left, without a word of complaint."""
    i = make({'relayhost': '[127.0.0.2]:1', 'delay_warning_time': '1h'})
    i.inject('alice@example.test', ['x@far.test', '"y z"@far.test'], 'Subject: long\r\n\r\n' + 'w' * 5000 + '\r\n')
    i.inject('', ['n@far.test'])
    i.sendmail(['-f', 'bob@example.test', '-F', 'Bob B', '-V', 'e+1', '-N', 'success,failure', '-R', 'hdrs', '-t'],
               'To: a@far.test, b@far.test\nBcc: c@far.test\nSubject: t\n\nbody\n')
    until(lambda: sum(len(fs) for _, _, fs in os.walk(i.queue + '/deferred')) == 3)
    i.stop()
    s = sink(host='127.0.0.2')
    i.main['relayhost'] = '[127.0.0.2]:%s' % s.addr.split(':')[1]
    i.write_conf()
    mark = len(i.log())
    theirs = lambda name, *args: subprocess.run(['/usr/sbin/' + name, '-c', i.conf, *args], capture_output=True, text=True, timeout=30)
    assert theirs('postfix', 'start').returncode == 0, i.log()[mark:]
    try:
        listed = theirs('postqueue', '-p').stdout
        assert '3 Requests' in listed or 'Mail queue is empty' in listed or len(s.messages), listed
        theirs('postqueue', '-f')
        until(lambda: len(s.messages) == 3, 20)
    finally:
        theirs('postfix', 'stop')
    assert sorted(r.replace('"', '') for m in s.messages for r in m[1]) == sorted(
        ['a@far.test', 'b@far.test', 'c@far.test', 'n@far.test', 'x@far.test', 'y z@far.test'])
    assert any(b'\r\n' + b'w' * 990 in m[2] for m in s.messages), 'long line'
    bad = [l for l in i.log()[mark:].splitlines() if re.search(r'postsuper|qmgr|corrupt', l) and re.search('warning|error|fatal', l)]
    assert not bad, bad


def test_postsuper(make):
    i = make({'relayhost': '[127.0.0.2]:1'})
    for n in range(5):
        i.inject('a@example.test', ['x%d@far.test' % n])
    # a listing may miss a message that is on its way between two queues
    a, b, c, d, e = until(lambda: len(os.listdir(i.queue + '/defer')) > 0 and len(ids := sorted(i.queue_ids())) == 5 and ids)
    ps = lambda *args, **kw: i.run('postsuper', *args, **kw)
    until(lambda: 'Deleted: 1 message\n' in ps('-d', a).stderr)
    assert 'Placed on hold: 2 messages' in ps('-h', '-', input='%s\n%s\n' % (b, c)).stderr
    assert sorted(os.listdir(i.queue + '/hold')) == [b, c]
    assert 'Released from hold: 1 message\n' in ps('-H', b).stderr
    assert 'Force-expired: 1 message\n' in ps('-e', c).stderr and os.stat('%s/hold/%s' % (i.queue, c)).st_mode & 0o777 == 0o710
    assert 'Force-expired: 0 messages' in ps('-e', c).stderr
    r = ps('-r', d)
    assert 'Requeued: 1 message\n' in r.stderr
    i.wait_log(r'pickup\[\d+\]: \w+: uid=\d+ from=<a@example\.test> orig_id=%s$' % d)
    for bad in ('../../etc/passwd', '', 'a b'):
        assert 'invalid mail queue id' in ps('-d', bad).stderr
    assert ps('-d', 'ALL', user='bob').returncode == 1 and 'reserved for the superuser' in ps('-d', 'ALL', user='bob').stderr
    assert ps('-x').returncode == 1 and ps('nosuchqueue').returncode == 1
    assert ps('-d', 'ALL').returncode == 0
    until(lambda: i.queue_ids() == [])


def test_queue_under_a_running_system(make, sink):
    """What an administrator does with mv and rm is noticed."""
    s = sink(host='127.0.0.2')
    i = make(dict(FAST, relayhost='[127.0.0.2]:1'))
    for n in range(3):
        i.inject('a@example.test', ['x%d@far.test' % n])
    a, b, c = until(lambda: len(ids := sorted(i.queue_ids())) == 3 and ids)
    until(lambda: (i.run('postsuper', '-h', 'ALL'), sorted(os.listdir(i.queue + '/hold')) == [a, b, c])[1])
    os.unlink('%s/hold/%s' % (i.queue, a))
    os.makedirs('%s/deferred/%s' % (i.queue, b[0]), exist_ok=True)
    os.chown('%s/deferred/%s' % (i.queue, b[0]), OWNER_ID, OWNER_ID)
    os.rename('%s/hold/%s' % (i.queue, b), '%s/deferred/%s/%s' % (i.queue, b[0], b))
    i.main['relayhost'] = '[127.0.0.2]:%s' % s.addr.split(':')[1]
    i.write_conf()
    i.control('reload')
    until(lambda: len(s.messages) == 1, 30)
    until(lambda: i.queue_ids() == [c])


def parts(raw):
    m = email.message_from_string(raw.split('\n', 1)[1])     # behind the rest of the "From " line
    assert m.get_content_type() == 'multipart/report' and m.get_param('report-type') == 'delivery-status'
    note, status, original = m.get_payload()
    blocks = status.get_payload()
    return m, note.get_payload(), blocks[0], blocks[1:], original


def test_failure_report(make, sink):
    s = sink(host='127.0.0.2', script={'RCPT': ['550 5.1.1 <x@far.test>: no such user', '250 ok']})
    i = make({'relayhost': '[127.0.0.2]:%s' % s.addr.split(':')[1], 'notify_classes': 'bounce', 'bounce_notice_recipient': 'bob'})
    i.inject('alice@example.test', ['x@far.test', 'y@far.test'], 'Subject: private\r\n\r\nsecret body\r\n')
    m, note, message, rcpts, original = parts(until(lambda: i.mbox('alice'))[0])
    assert m['Auto-Submitted'] == 'auto-replied' and m['To'] == 'alice@example.test' and m['Return-Path'] == '<>'
    assert '<x@far.test>: host' in note and 'y@far.test' not in note
    assert message['Reporting-MTA'] == 'dns; mail.example.test' and message['X-Postfix-Sender'] == 'rfc822; alice@example.test'
    assert len(rcpts) == 1 and rcpts[0]['Action'] == 'failed' and rcpts[0]['Status'] == '5.1.1'
    assert rcpts[0]['Diagnostic-Code'].startswith('smtp; 550 5.1.1')
    assert original.get_content_type() == 'message/rfc822' and 'secret body' in original.as_string()
    m, note, message, rcpts, original = parts(until(lambda: i.mbox('bob'))[0])
    assert m['Subject'] == 'Postmaster Copy: Undelivered Mail' and original.get_content_type() == 'text/rfc822-headers'
    assert 'secret body' not in m.as_string()
    i.wait_log(r'bounce\[\d+\]: \w+: sender non-delivery notification: \w+$')
    i.wait_log(r'bounce\[\d+\]: \w+: postmaster non-delivery notification: \w+$')
    i.wait_empty()
    assert not os.listdir(i.queue + '/bounce'), 'a log was left'


def test_bounce_of_bounce(make, sink):
    """What cannot be returned goes to the postmaster when he asks for it, and never round and round."""
    s = sink(host='127.0.0.2', script={'RCPT': ['550 5.1.1 no'] * 10})
    i = make({'relayhost': '[127.0.0.2]:%s' % s.addr.split(':')[1], 'notify_classes': '2bounce', '2bounce_notice_recipient': 'carol@far.test'})
    i.inject('ext@far.test', ['x@far.test'])
    i.wait_log(r'undeliverable postmaster notification discarded')
    i.wait_empty()
    assert not os.listdir(i.queue + '/bounce')


def test_delay_and_expiry(make):
    i = make(dict(FAST, relayhost='[127.0.0.2]:1', delay_warning_time='1s', maximal_queue_lifetime='5s', bounce_queue_lifetime='5s'))
    with i.smtp() as s:
        s.ehlo('client.test')
        s.mail('alice@example.test', ['ENVID=e1', 'RET=HDRS'])
        for rcpt, notify in (('a', 'DELAY,FAILURE'), ('b', 'FAILURE'), ('c', 'NEVER')):
            s.rcpt('%s@far.test' % rcpt, ['NOTIFY=' + notify])
        s.data('Subject: s\r\n\r\nsecret body\r\n')
    until(lambda: len(i.mbox('alice')) == 2, 30)
    delay, failure = sorted((parts(x) for x in i.mbox('alice')), key=lambda p: p[0]['Subject'])
    assert [r['Final-Recipient'] for r in delay[3]] == ['rfc822; a@far.test'] and delay[3][0]['Action'] == 'delayed'
    assert 'Will-Retry-Until' in delay[3][0] and delay[2]['Original-Envelope-Id'] == 'e1'
    assert sorted(r['Final-Recipient'] for r in failure[3]) == ['rfc822; a@far.test', 'rfc822; b@far.test']
    assert all(r['Action'] == 'failed' and r['Status'].startswith('4.4.') for r in failure[3])
    assert failure[4].get_content_type() == 'text/rfc822-headers'
    i.wait_empty()
    time.sleep(0.2)
    assert not [f for _, _, fs in os.walk(i.queue + '/defer') for f in fs], 'a log was left'


def test_template_file(make):
    i = make(start=False)
    with open(i.conf + '/bounce.cf', 'w') as f:
        f.write('failure_template = <<EOF\nFrom: MAILER-DAEMON (Our Mail)\nSubject: Custom failure\n\nText of $myhostname, '
                '$maximal_queue_lifetime_days days, $$5\nEOF\n')
    i.main['bounce_template_file'] = i.conf + '/bounce.cf'
    i.write_conf()
    i.start()
    i.inject('alice@example.test', ['nosuch@example.invalid'])
    m, note, _, _, _ = parts(until(lambda: i.mbox('alice'))[0])
    assert m['Subject'] == 'Custom failure' and m['From'] == 'Our Mail <MAILER-DAEMON@example.test>'
    assert 'Text of mail.example.test, 5 days, $5' in note
