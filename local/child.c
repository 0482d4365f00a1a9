/* SPDX-License-Identifier: Apache-2.0 */
/* Children with a recipient's rights. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"

enum { PACKETS_MAX = 4000000, EXTRA_MS = 3600 * 1000 };

/* ---- the child's side */
static void
send_packet(int sock, const char *p, size_t n)
{
	ssize_t r;

	do
		r = send(sock, p, n, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		_exit(75);	/* the broker is gone: whatever was done, nobody could report it */
}

void
child_say(int sock, enum child_packet type, const char *a, const char *b)
{
	AUTO(strbuf_done) struct strbuf p = STRBUF_INIT(PACKET_MAX);

	(void)strbuf_addc(&p, (char)type);
	if (a != NULL && strbuf_adds(&p, a) == 0)
		(void)strbuf_addc(&p, '\0');
	if (b != NULL && strbuf_adds(&p, b) == 0)
		(void)strbuf_addc(&p, '\0');
	send_packet(sock, p.s, p.len);
}

void
child_outcome(int sock, const char *dsn, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(8000);
	va_list ap;

	va_start(ap, fmt);
	(void)strbuf_addv(&b, fmt, ap);
	va_end(ap);
	child_say(sock, CHILD_OUTCOME, dsn, b.s);
}

void
child_warn(int sock, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(2000);
	va_list ap;

	va_start(ap, fmt);
	(void)strbuf_addv(&b, fmt, ap);
	va_end(ap);
	child_say(sock, CHILD_WARN, b.s, NULL);
}

int
child_ask(int sock, enum child_ask what)
{
	char text[2] = { (char)what, '\0' }, reply[16] = "";
	uint64_t e;
	ssize_t n;

	child_say(sock, CHILD_ASK, text, NULL);
	do
		n = recv(sock, reply, sizeof(reply) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || num_parse_u64(reply, 0, 4095, &e) < 0)
		return EIO;
	return (int)e;
}

/* All descriptors from..to; none when that is empty. */
static int
close_span(int from, int to)
{
	return from <= to ? close_range((unsigned)from, (unsigned)to, 0) : 0;
}

int
child_keep_fds(int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;

	if (low < 3)
		low = 2;
	if (close_span(3, low - 1) < 0 || close_span(low + 1, high - 1) < 0)
		return -1;
	return close_range((unsigned)high + 1, ~0U, 0);
}

/* The message is only to be read; the qfile goes on under the number that it knows. */
static int
reopen_for_reading(int queue_fd)
{
	char path[40];
	int ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", queue_fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	if (ro < 0)
		ro = fcntl(queue_fd, F_DUPFD_CLOEXEC, 64);
	return ro < 0 || (ro != queue_fd && dup3(ro, queue_fd, O_CLOEXEC) < 0) ? -1 : 0;
}

void
child_default_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2, SIGQUIT };
	sigset_t none;

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		(void)signal(signals[i], SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Root's own mailbox needs a child with root's name; what else root may do is taken from it, for good.  It starts no command. */
static void
give_up_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, none) < 0)
		_exit(75);
}

/* Only the message and the socket to the broker stay open: no standing connection, no log, no table. */
void
child_begin(int sock, int other_fd, const struct rights *r)
{
	child_default_signals();
	log_set_to(0);
	if (child_keep_fds(sock, other_fd) < 0)
		_exit(75);
	umask(077);
	rights_drop(r);
	if (r->uid == 0)
		give_up_capabilities();
}

NORETURN static void
run_child(const struct rights *r, int sock, int queue_fd, child_fn *fn, void *arg)
{
	if (reopen_for_reading(queue_fd) < 0)
		_exit(75);
	child_begin(sock, queue_fd, r);
	fn(arg);
	child_say(sock, CHILD_END, NULL, NULL);
	_exit(0);
}

/* ---- the broker's side */
struct listener {
	struct delivery *d;
	const struct target *t;
	int sock;
	const struct child_handlers *h;
	void *h_arg;
	bool ended, goes_on;
};

/* The n-th field of a packet, or NULL. */
static const char *
field(const char *p, size_t len, unsigned n)
{
	const char *end = p + len, *f = p + 1;

	for (; f < end; n--) {
		const char *nul = memchr(f, '\0', (size_t)(end - f));

		if (nul == NULL)
			return NULL;
		if (n == 0)
			return f;
		f = nul + 1;
	}
	return NULL;
}

static bool
is_dsn(const char *s)
{
	char dsn[12];

	deliver_split_dsn(s, "", dsn);
	return strcmp(dsn, s) == 0 && dsn[0] != '\0';
}

static int
protocol_error(struct err *err)
{
	return err_set(err, ERR_PROTO, "4.3.0", "a delivery child said something that makes no sense");
}

static void
answer(struct listener *l, const char *what)
{
	char reply[16];
	int e = l->h->ask != NULL && what[0] != '\0' ? l->h->ask(l->h_arg, what[0]) : EPERM;

	snprintf(reply, sizeof(reply), "%d", e);
	(void)send(l->sock, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
warn(const char *text)
{
	AUTO(mem_free) char *s = mem_strdup(text);

	ascii_printable(s, false);
	log_warning("%s", s);
}

static int
handle(struct listener *l, const char *p, size_t len, struct err *err)
{
	const char *a = field(p, len, 0), *b = field(p, len, 1);

	switch (p[0]) {
	case CHILD_END:
		l->ended = true;
		l->goes_on = a == NULL;
		return 0;
	case CHILD_LOOP:
		l->d->looped = true;
		return 0;
	case CHILD_OUTCOME:
		if (a == NULL || b == NULL || !is_dsn(a))
			return protocol_error(err);
		delivery_outcome(l->d, l->t->addr, a, "%s", b);
		return 0;
	case CHILD_ADDRESS:
	case CHILD_LITERAL:
		if (a == NULL || l->h->address == NULL)
			return protocol_error(err);
		l->h->address(l->h_arg, a, p[0] == CHILD_LITERAL);
		return 0;
	case CHILD_FILE:
	case CHILD_COMMAND:
		if (a == NULL || l->h->item == NULL)
			return protocol_error(err);
		l->h->item(l->h_arg, &(struct item){ .kind = p[0] == CHILD_FILE ? ITEM_FILE : ITEM_COMMAND, .text = a });
		return 0;
	case CHILD_WARN:
		if (a != NULL)
			warn(a);
		return 0;
	case CHILD_DATA:
		if (l->h->data == NULL)
			return protocol_error(err);
		l->h->data(l->h_arg, p + 1, len - 1);
		return 0;
	case CHILD_ASK:
		if (a == NULL)
			return protocol_error(err);
		answer(l, a);
		return 0;
	default:
		return protocol_error(err);
	}
}

/* Until the child says that it is done, or closes its end. */
static int
listen_to(struct listener *l, struct err *err)
{
	AUTO(mem_free) char *buf = mem_alloc(PACKET_MAX + 1);
	uint64_t end = clock_mono_ms() + conf.command_time_ms + EXTRA_MS;

	for (unsigned long n = 0; n < PACKETS_MAX && !l->ended; n++) {
		ssize_t got = recv(l->sock, buf, PACKET_MAX, MSG_DONTWAIT);

		if (got == 0)
			return 0;
		if (got > 0) {
			buf[got] = '\0';
			if (handle(l, buf, (size_t)got, err) < 0)
				return -1;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN)
			return err_sys(err, "delivery child");
		if (task_wait_fd(l->sock, true, false, end, err) < 0)
			return -1;
	}
	if (l->ended)
		return 0;
	return err_set(err, ERR_PROTO, NULL, "a delivery child never came to an end");
}

/* What it has said is all it has done: nobody waits for a child that stays. */
static void
end_child(pid_t pid)
{
	pid_t r;

	(void)kill(pid, SIGKILL);
	do
		r = waitpid(pid, NULL, 0);
	while (r < 0 && errno == EINTR);
}

int
child_listen(struct delivery *d, const struct target *t, int sock, const struct child_handlers *h, void *h_arg)
{
	struct listener l = { .d = d, .t = t, .sock = sock, .h = h, .h_arg = h_arg };
	struct err err = ERR_INIT;
	int r = listen_to(&l, &err);

	if (r == 0 && l.ended)
		return l.goes_on;
	log_warning("%s: delivery process for %s: %s", d->ctx->req->id, t->addr, r < 0 ? err.text : "it ended too early");
	delivery_outcome(d, t->addr, "4.3.0", "delivery process failed");
	return -1;
}

int
child_run(struct delivery *d, const struct target *t, const struct rights *r, child_fn *fn, void *arg, int *sock,
    const struct child_handlers *h, void *h_arg)
{
	int pair[2], result;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		delivery_outcome(d, t->addr, "4.3.0", "cannot start a delivery process: socketpair failed");
		return -1;
	}
	log_flush();
	*sock = pair[1];
	pid = fork();
	if (pid == 0)
		run_child(r, pair[1], qfile_fd(d->ctx->file), fn, arg);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		delivery_outcome(d, t->addr, "4.3.0", "cannot start a delivery process: fork failed");
		return -1;
	}
	result = child_listen(d, t, pair[0], h, h_arg);
	task_forget_fd(pair[0]);
	close(pair[0]);
	end_child(pid);
	return result < 0 ? -1 : 0;
}
