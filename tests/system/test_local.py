# SPDX-License-Identifier: Apache-2.0
"""Delivery to users: with whose rights, what is followed, what is refused, and that nothing is lost or repeated."""
import os
import re
import tempfile
import time

from world import USERS, until, write

MD = {'home_mailbox': 'Maildir/'}


def scratch():
    d = tempfile.mkdtemp(dir='/tmp')
    os.chmod(d, 0o777)
    return d


def read(path):
    with open(path) as f:
        return f.read()


def uid_said_in(path):
    return int(re.search(r'uid=(\d+)', until(lambda: os.path.exists(path) and read(path))).group(1))


def test_commands_have_the_rights_of_their_owner(make):
    d = scratch()
    write(d + '/list', '"|id > %s/list-id"\n' % d, 0o644, USERS['bob'])
    write('/home/alice/.forward', '"|id > %s/user-id"\n' % d, 0o644, USERS['alice'])
    i = make({'allow_mail_to_commands': 'alias, forward, include'},
             aliases='cmd: "|id > %s/alias-id"\nlist: :include:%s/list\n' % (d, d))
    i.inject('x@client.example.net', ['cmd@example.test', 'list@example.test', 'alice@example.test'])
    assert uid_said_in(d + '/alias-id') == 65534
    assert uid_said_in(d + '/list-id') == USERS['bob']
    assert uid_said_in(d + '/user-id') == USERS['alice']
    os.unlink('/home/alice/.forward')


def test_root_has_nothing_done_with_its_rights(make):
    d = scratch()
    i = make({'mailbox_command': 'id > %s/command-id; cat > /dev/null' % d}, aliases='')
    i.inject('x@client.example.net', ['root@example.test'])
    assert uid_said_in(d + '/command-id') == 65534
    i.wait_empty()


def test_partial_failure_of_a_list_is_reported_and_done(make):
    i = make(MD, aliases='two: alice, nosuch\n')
    i.inject('bob@example.test', ['two@example.test'])
    until(lambda: i.maildir('alice'))
    i.wait_log(r'to=<nosuch@example\.test>, orig_to=<two@example\.test>, relay=local, .*dsn=5\.1\.1, status=bounced \(unknown user: "nosuch"\)')
    assert 'nosuch' in until(lambda: i.maildir('bob'))[0]
    i.wait_empty()
    assert len(i.maildir('alice')) == 1


def test_loops_end(make):
    write('/home/alice/.forward', 'bob\n', 0o644, USERS['alice'])
    write('/home/bob/.forward', 'alice\n', 0o644, USERS['bob'])
    i = make(MD, aliases='a: b\nb: a\n')
    i.inject('', ['alice@example.test', 'a@example.test'])
    i.wait_log(r'dsn=5\.4\.6, status=bounced \(mail forwarding loop for \w+@example\.test\)')
    i.wait_log(r'dsn=5\.4\.6, status=bounced \(alias database loop for [ab]\)')
    i.wait_empty()
    os.unlink('/home/alice/.forward')
    os.unlink('/home/bob/.forward')


def test_missing_alias_table_defers(make):
    i = make(dict(MD, alias_maps='hash:/no/such/aliases', local_recipient_maps=''))
    i.inject('x@client.example.net', ['alice@example.test'])
    i.wait_log(r'to=<alice@example\.test>, .*dsn=4\.3\.0, status=deferred \(alias database unavailable\)')
    assert not i.maildir('alice')


def test_unsafe_forward_is_not_followed(make):
    write('/home/alice/.forward', 'bob\n', 0o666, USERS['alice'])
    os.chmod('/home/alice/.forward', 0o666)
    i = make(MD)
    i.inject('x@client.example.net', ['alice@example.test'])
    until(lambda: i.maildir('alice'))
    i.wait_log(r'warning: file /home/alice/\.forward is not used')
    time.sleep(0.3)
    assert not i.maildir('bob')
    os.unlink('/home/alice/.forward')


def test_what_another_transport_takes_hides_no_failure(make):
    """A list of one that another agent takes and one that must wait: the recipient stays in the queue for the latter."""
    i = make(dict(MD, mailbox_transport_maps='inline:{alice=discard:}', mailbox_command_maps='inline:{{bob = exit 75}}'),
             aliases='both: alice, bob\n')
    i.inject('x@client.example.net', ['both@example.test'])
    i.wait_log(r'to=<alice@example\.test>, orig_to=<both@example\.test>, .*status=sent')
    i.wait_log(r'to=<bob@example\.test>, orig_to=<both@example\.test>, relay=local, .*dsn=4\.3\.0, status=deferred')
    time.sleep(0.5)
    assert len(i.queue_ids()) == 1
    assert 'both@example.test' in i.run('mailq').stdout
    i.main['mailbox_command_maps'] = ''
    i.write_conf()
    i.control('reload')
    # a process that was there before may still take one request with the old configuration
    until(lambda: (i.control('flush'), time.sleep(0.3), i.maildir('bob'))[2])
    i.wait_empty()


def processes_of(uid):
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            status = read('/proc/%s/status' % pid)
        except OSError:
            continue
        if re.search(r'^Uid:\t%d\t%d\t%d\t' % (uid, uid, uid), status, re.M) and '\nState:\tZ' not in status:
            found.append(int(pid))
    return found


def test_a_process_serves_one_user_again_and_ends(make):
    i = make(MD)
    i.inject('x@client.example.net', ['alice@example.test'])
    until(lambda: len(i.maildir('alice')) == 1)
    first = processes_of(USERS['alice'])
    i.inject('x@client.example.net', ['alice@example.test', 'bob@example.test'])
    until(lambda: len(i.maildir('alice')) == 2 and i.maildir('bob'))
    assert len(first) == 1 and processes_of(USERS['alice']) == first
    assert processes_of(USERS['bob']) != []
    # what ended between two deliveries costs nothing
    os.kill(first[0], 9)
    i.inject('x@client.example.net', ['alice@example.test'])
    until(lambda: len(i.maildir('alice')) == 3)
    assert 'status=deferred' not in i.log()
    until(lambda: not processes_of(USERS['alice']) and not processes_of(USERS['bob']), 15)
