# SPDX-License-Identifier: Apache-2.0
"""Mailboxes that tables name: whose files they become, what the limits are, and that a failure leaves nothing behind."""
import os
import tempfile

from world import USERS, until, write

ALICE, BOB = USERS['alice'], USERS['bob']


def place():
    d = tempfile.mkdtemp(dir='/tmp')
    os.chmod(d, 0o755)
    os.chown(d, ALICE, ALICE)
    return d


def settings(d, boxes, **more):
    return dict({'virtual_mailbox_domains': 'v.test', 'virtual_mailbox_base': d, 'virtual_mailbox_maps': 'inline:{%s}' % boxes,
                 'virtual_uid_maps': 'static:%d' % ALICE, 'virtual_gid_maps': 'static:%d' % ALICE, 'recipient_delimiter': '+'}, **more)


def only_file(d):
    names = os.listdir(d) if os.path.isdir(d) else []
    return os.path.join(d, names[0]) if len(names) == 1 else None


def test_maildir_and_mbox(make):
    d = place()
    i = make(settings(d, '{ann@v.test=deep/er/ann/}, {box@v.test=box}'))
    i.inject('"a b"@client.example.net', ['ann+lists@v.test', 'box@v.test'], 'Subject: t\r\n\r\nFrom here\r\n')
    i.wait_log(r'virtual\[\d+\]: \w+: to=<ann\+lists@v\.test>, relay=virtual, .*dsn=2\.0\.0, status=sent \(delivered to maildir\)')
    i.wait_log(r'to=<box@v\.test>, relay=virtual, .*dsn=2\.0\.0, status=sent \(delivered to mailbox\)')
    f = only_file(d + '/deep/er/ann/new')
    st = os.stat(f)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (ALICE, ALICE, 0o600)
    assert os.stat(d + '/deep').st_mode & 0o777 == 0o700 and os.stat(d + '/deep').st_uid == ALICE
    assert not os.listdir(d + '/deep/er/ann/tmp')
    lines = open(f).read().split('\n')
    assert lines[:3] == ['Return-Path: <"a b"@client.example.net>', 'X-Original-To: ann+lists@v.test', 'Delivered-To: ann+lists@v.test']
    assert '\nFrom here\n' in open(f).read()
    box = open(d + '/box').read()
    assert box.startswith('From "a b"@client.example.net  ') and '\n>From here\n\n' in box
    assert os.stat(d + '/box').st_uid == ALICE and not os.path.exists(d + '/box.lock')
    i.wait_empty()


def test_ids_of_tables(make):
    d = place()
    os.mkdir(d + '/b')
    os.chown(d + '/b', BOB, BOB)
    i = make(settings(d, '{bob@v.test=b/bob/}, {low@v.test=low/}, {none@v.test=none/}, {odd@v.test=odd/}',
                      virtual_uid_maps='inline:{{bob@v.test=%d}, {low@v.test=99}, {odd@v.test=%dx}}' % (BOB, ALICE)))
    i.inject('x@client.example.net', ['%s@v.test' % u for u in ('bob', 'low', 'none', 'odd')])
    until(lambda: only_file(d + '/b/bob/new'))
    st = os.stat(only_file(d + '/b/bob/new'))
    assert (st.st_uid, st.st_gid) == (BOB, ALICE)
    for u, why in (('low', 'bad uid 99 in virtual_uid_maps'), ('none', 'not found in virtual_uid_maps'), ('odd', 'bad uid %dx in virtual_uid_maps' % ALICE)):
        i.wait_log(r'warning: recipient %s@v\.test: %s' % (u, why))
        i.wait_log(r'to=<%s@v\.test>, relay=virtual, .*dsn=4\.3\.5, status=deferred \(mail system configuration error\)' % u)
    assert sorted(os.listdir(d)) == ['b']


def test_unknown_user(make):
    i = make(settings(place(), '{x@v.test=x}', smtpd_reject_unlisted_recipient='no'))
    i.inject('', ['nobody@v.test'])
    i.wait_log(r'to=<nobody@v\.test>, relay=virtual, .*dsn=5\.1\.1, status=bounced \(unknown user: "nobody@v\.test"\)')
    i.wait_empty()


def test_limit_of_a_mailbox_file(make):
    d = place()
    i = make(settings(d, '{x@v.test=x}', message_size_limit='20000', virtual_mailbox_limit='21000'))
    text = 'Subject: t\r\n\r\n' + ('x' * 70 + '\r\n') * 200
    i.inject('', ['x@v.test'], text)
    i.wait_log('to=<x@v.test>.*status=sent')
    size = os.stat(d + '/x').st_size
    i.inject('', ['x@v.test'], text)
    i.wait_log(r'to=<x@v\.test>, .*dsn=5\.2\.2, status=bounced \(delivery failed to mailbox %s/x: error writing message: File too large\)' % d)
    assert os.stat(d + '/x').st_size == size
    assert not os.path.exists(d + '/x.lock')


def test_files_of_others(make):
    """No rights of root reach a file: not by a link, not by a directory of others, not by a name that leaves the base."""
    d = place()
    os.mkdir(d + '/closed', 0o755)
    os.symlink('/etc/passwd', d + '/link')
    write(d + '/theirs', '', 0o666)
    os.chmod(d + '/theirs', 0o666)
    boxes = {'m': 'closed/m/', 'f': 'closed/f', 'l': 'link', 't': 'theirs', 'u': '../../root/u/'}
    i = make(settings(d, ', '.join('{%s@v.test=%s}' % x for x in boxes.items())))
    before = open('/etc/passwd').read()
    i.inject('', ['%s@v.test' % u for u in boxes])
    for u in boxes:
        i.wait_log(r'to=<%s@v\.test>, relay=virtual, .*dsn=4\.2\.0, status=deferred' % u)
    assert open('/etc/passwd').read() == before and not os.listdir(d + '/closed') and os.stat(d + '/theirs').st_size == 0
    assert not os.path.exists('/root/u')
    i.wait_log(r'\(delivery failed to mailbox .*/theirs: destination is not owned by recipient\)')


def test_probe_delivers_nothing(make):
    d = place()
    i = make(settings(d, '{x@v.test=x/}'))
    i.sendmail(['-bv', 'x@v.test', 'y@v.test'], '')
    i.wait_log(r'to=<x@v\.test>, relay=virtual, .*dsn=2\.0\.0, status=deliverable \(delivers to maildir\)')
    i.wait_log(r'to=<y@v\.test>, relay=virtual, .*dsn=5\.1\.1, status=undeliverable')
    assert not os.listdir(d)
