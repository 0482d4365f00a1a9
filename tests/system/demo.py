# SPDX-License-Identifier: Apache-2.0
"""What "sh tests/demo" shows: mail in by sendmail and SMTP, out to a Maildir, an mbox, a command and another server."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world                                    # noqa: E402
from peers import NameServer, Sink              # noqa: E402
from world import USERS, until, write           # noqa: E402


def show(title, text):
    print('\n--- ' + title)
    print(text.rstrip())


def main():
    prefix = os.path.abspath(sys.argv[1])
    world.prepare(prefix, world.BASE)
    NameServer({('dest.test', 'MX'): [(10, 'mx.dest.test')], ('mx.dest.test', 'A'): ['127.0.0.2']})
    os.mkdir(world.BASE + '/archive')
    os.chmod(world.BASE + '/archive', 0o1777)
    sink = Sink('127.0.0.2', 25)
    i = world.Instance(prefix, world.fresh_base(), {'minimal_backoff_time': '300s'},
                       aliases='postmaster: root\narchive: "|cat >> /run/postern-world/archive/box"\n')
    write('/home/bob/.forward', '/home/bob/Maildir/\n', uid=USERS['bob'])
    print('A private instance of Postern is running: configuration %s, queue %s' % (i.conf, i.queue))
    i.sendmail(['-f', 'bob', 'alice', 'archive'], 'To: alice\nSubject: by sendmail\n\nHello Alice!\n', user='bob')
    i.inject('alice@example.test', ['bob@example.test', 'someone@dest.test'], 'Subject: by SMTP\r\nFrom: alice@example.test\r\n\r\nHello there!\r\n')
    i.inject('alice@example.test', ['nobody@down.test'], 'Subject: to a host that does not exist\r\n\r\nx\r\n')
    until(lambda: i.mbox('alice') and i.maildir('bob') and sink.messages and os.path.exists(world.BASE + '/archive/box'), 15, i.log)
    i.stop()
    i.main['relayhost'] = '[127.0.0.3]:25'
    i.write_conf()
    i.start()
    i.inject('alice@example.test', ['later@down.test'], 'Subject: this one has to wait\r\n\r\nx\r\n')
    until(i.queue_ids, 15, i.log)
    i.wait_log('Connection refused')
    show('/var/mail/alice (mbox)', '\nFrom '.join([''] + i.mbox('alice')).strip())
    show('/home/bob/Maildir/new (Maildir, by .forward)', i.maildir('bob')[0])
    show('what the command of the alias "archive" got: %d bytes' % os.path.getsize('/run/postern-world/archive/box'), '')
    show('at the SMTP server of dest.test', '%s to %s\n%s' % (sink.messages[0][0], sink.messages[0][1], sink.messages[0][2].decode()))
    show('mailq: what waits', i.run('mailq').stdout)
    show('the log', i.log())
    i.stop()
    print('\nStopped. All of it was in namespaces of its own and is gone now.')


main()
