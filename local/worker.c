/* SPDX-License-Identifier: Apache-2.0 */
/* The helper process, the children that it makes, and the broker's stock of them. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/queue_dir.h"
#include "task/task.h"

enum { IDLE_MAX = 64, IDLE_MS = 5000, JOBS_MAX = 1000, ANSWER_S = 10 };

struct worker {
	struct list link;
	struct rights rights;
	int sock, pidfd;
	unsigned n_jobs;
	uint64_t idle_since_ms;
};
static struct {
	int helper;		/* socket to it, -1 none */
	dev_t root_dev;
	ino_t root_ino;
	struct list idle;	/* longest idle first */
	size_t n_idle;
	struct task_timer *timer;
} stock = { .helper = -1 };

/* ---- packets with descriptors */
static ssize_t
send_fds(int sock, const void *data, size_t n, const int *fds, size_t n_fds)
{
	union { char buf[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr align; } ctl;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r;

	memset(&ctl, 0, sizeof(ctl));
	if (n_fds > 0) {
		struct cmsghdr *c = &ctl.align;

		mh.msg_control = &ctl;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		r = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r;
}

/* At most two descriptors come with a packet; what does not is -1 in fds.  A packet that was cut is an error. */
static ssize_t
recv_fds(int sock, void *data, size_t n, int fds[static 2])
{
	union { char buf[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr align; } ctl;
	struct iovec iov = { .iov_base = data, .iov_len = n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl) };
	ssize_t r = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = r > 0 ? CMSG_FIRSTHDR(&mh) : NULL;

	fds[0] = fds[1] = -1;
	if (r <= 0)
		return r;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len <= CMSG_LEN(2 * sizeof(int)))
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if ((mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return r;
	io_close(&fds[0]);
	io_close(&fds[1]);
	errno = EPROTO;
	return -1;
}

/* ---- a job as a packet: fields that end with NUL, in this order */
static void
put(struct strbuf *b, const char *s)
{
	strbuf_adds(b, s != NULL ? s : "");
	strbuf_addc(b, '\0');
}

static void
job_encode(const struct user_job *j, struct strbuf *b)
{
	const struct deliver_req *req = j->d->ctx->req;
	const struct name_parts *n = j->n;
	const char *const fields[] = { req->sender, req->dsn_envid, j->d->rcpt->addr, j->d->rcpt->orig, j->t->addr, n->local, n->user, n->ext,
		n->domain, j->user->name, j->user->home, j->user->shell, j->command, j->spool_path };

	strbuf_addf(b, "%lld", (long long)req->content_offset);
	strbuf_addc(b, '\0');
	put(b, j->no_forward ? "y" : "n");
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		put(b, fields[i]);
	for (size_t i = 0; i < req->n_attrs; i++) {
		put(b, req->attrs[i].name);
		put(b, req->attrs[i].value);
	}
}

struct cursor {
	char *at, *end;
};

/* The next field, which is the reader's to change; ends the child when there is none. */
static char *
next_field(struct cursor *c)
{
	char *s = c->at, *nul = s < c->end ? memchr(s, '\0', (size_t)(c->end - s)) : NULL;

	if (nul == NULL)
		_exit(75);
	c->at = nul + 1;
	return s;
}

static void
read_attrs(struct cursor *c, struct deliver_req *req, struct pool *pool)
{
	struct qattr *attrs;
	size_t n = 0;

	for (const char *p = c->at; p < c->end; p++)
		n += *p == '\0';
	attrs = pool_alloc_array(pool, n / 2 + 1, sizeof(*attrs));
	req->attrs = attrs;
	for (; req->n_attrs < n / 2; req->n_attrs++) {
		attrs[req->n_attrs].name = next_field(c);
		attrs[req->n_attrs].value = next_field(c);
	}
}

/* ---- the child */
static void
do_job(int sock, struct cursor c, const struct rights *r, struct qfile *file)
{
	struct deliver_req req = { .content_offset = 0 };
	struct deliver_ctx ctx = { .req = &req, .file = file };
	struct qrcpt rcpt = { .offset = -1 };
	struct delivery d = { .ctx = &ctx, .rcpt = &rcpt, .pool = pool_new(4096) };
	struct target t = { .exp = EXP_NONE };
	struct rights_user user = { .rights = *r };
	struct name_parts n;
	struct user_job j = { .d = &d, .t = &t, .n = &n, .user = &user, .sock = sock };

	if (num_parse_i64(next_field(&c), 0, INT64_MAX, &req.content_offset) < 0)
		_exit(75);
	j.no_forward = *next_field(&c) == 'y';
	req.sender = next_field(&c);
	req.dsn_envid = next_field(&c);
	rcpt.addr = next_field(&c);
	rcpt.orig = next_field(&c);
	t.addr = next_field(&c);
	n.local = next_field(&c);
	n.user = next_field(&c);
	n.ext = next_field(&c);
	n.domain = next_field(&c);
	user.name = next_field(&c);
	user.home = next_field(&c);
	user.shell = next_field(&c);
	j.command = next_field(&c);
	j.spool_path = next_field(&c);
	read_attrs(&c, &req, d.pool);
	user_child(&j);
	/* a child that has run a command may have more than a mailbox's work behind it: it ends */
	child_say(sock, CHILD_END, d.ran_command ? "done" : NULL, NULL);
	pool_free(&d.pool);
	if (d.ran_command)
		_exit(0);
}

NORETURN static void
serve_jobs(struct queue *queue, int sock, const struct rights *r)
{
	char *buf = mem_alloc(PACKET_MAX + 1);

	child_begin(sock, -1, r);
	for (;;) {
		struct qfile *file;
		int fds[2];
		ssize_t n = recv_fds(sock, buf, PACKET_MAX, fds);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || fds[0] < 0)
			_exit(n != 0 ? 75 : 0);
		file = queue_dir_file(queue, fds[0]);
		do_job(sock, (struct cursor){ buf, buf + n }, r, file);
		qfile_free(&file);
	}
}

/* ---- the helper */
static void
on_child(int sig UNUSED)
{
}

/* A child of its own; its socket and pidfd go to the broker. */
static void
make_child(struct queue *queue, int ctl, const struct rights *r)
{
	int pair[2], fds[2] = { -1, -1 };
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)send_fds(ctl, "n", 1, NULL, 0);
		return;
	}
	pid = fork();
	if (pid == 0)
		serve_jobs(queue, pair[1], r);
	close(pair[1]);
	fds[0] = pair[0];
	fds[1] = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	/* closing the socket ends a child that the broker does not get */
	(void)send_fds(ctl, fds[1] >= 0 ? "y" : "n", 1, fds, fds[1] >= 0 ? 2 : 0);
	io_close(&fds[0]);
	io_close(&fds[1]);
}

NORETURN static void
help(struct queue *queue, int ctl)
{
	struct sigaction sa = { .sa_handler = on_child };	/* without SA_RESTART: a child's end is noticed at once */
	struct rights r;

	child_default_signals();
	log_set_to(0);
	(void)sigaction(SIGCHLD, &sa, NULL);
	if (child_keep_fds(ctl, -1) < 0)
		_exit(75);
	for (;;) {
		ssize_t n;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		n = recv(ctl, &r, sizeof(r), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(r))
			_exit(0);
		make_child(queue, ctl, &r);
	}
}

void
worker_start(struct queue *queue)
{
	struct timeval tv = { .tv_sec = ANSWER_S };
	struct stat st;
	int pair[2];
	pid_t pid;

	list_init(&stock.idle);
	if (stat("/", &st) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	stock.root_dev = st.st_dev;
	stock.root_ino = st.st_ino;
	/* a child of master as the broker is, which reaps it: a fork in all else, before there are threads or fork handlers */
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		help(queue, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return;
	}
	(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	stock.helper = pair[0];
}

void
worker_check_root(void)
{
	struct stat st;

	if (stat("/", &st) < 0 || st.st_dev != stock.root_dev || st.st_ino != stock.root_ino)
		io_close(&stock.helper);
}

/* ---- the stock */
static void
worker_free(struct worker **wp)
{
	struct worker *w = *wp;

	if (w == NULL)
		return;
	/* also one that was stopped, or works on something that it was not told to */
	(void)syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	task_forget_fd(w->sock);
	io_close(&w->sock);
	io_close(&w->pidfd);
	mem_free(wp);
}

static struct worker *
stock_take(struct list *l)
{
	struct worker *w = LIST_ITEM(l, struct worker, link);

	list_remove(&w->link);
	stock.n_idle--;
	return w;
}

static void
on_time(void *arg UNUSED)
{
	while (!list_is_empty(&stock.idle)) {
		struct worker *w = LIST_ITEM(stock.idle.next, struct worker, link);

		if (task_now_ms() - w->idle_since_ms < IDLE_MS)
			return;
		w = stock_take(&w->link);
		worker_free(&w);
	}
	task_timer_stop(&stock.timer);
}

static void
worker_put(struct worker *w)
{
	if (++w->n_jobs >= JOBS_MAX || daemon_is_ending()) {
		worker_free(&w);
		return;
	}
	w->idle_since_ms = task_now_ms();
	list_append(&stock.idle, &w->link);
	if (++stock.n_idle > IDLE_MAX) {
		struct worker *oldest = stock_take(stock.idle.next);

		worker_free(&oldest);
	}
	if (stock.timer == NULL)
		stock.timer = task_timer_start(IDLE_MS / 2, IDLE_MS / 2, on_time, NULL);
}

/* An idle child that has not said anything and is still there. */
static bool
is_quiet(const struct worker *w)
{
	char c;

	return recv(w->sock, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static struct worker *
worker_new(const struct rights *r)
{
	struct worker *w;
	char answer;
	int fds[2] = { -1, -1 };

	if (send_fds(stock.helper, r, sizeof(*r), NULL, 0) < 0 || recv_fds(stock.helper, &answer, 1, fds) != 1) {
		/* an answer that comes late would belong to another question */
		log_warning("the process that makes delivery processes does not answer");
		io_close(&stock.helper);
		return NULL;
	}
	if (answer != 'y' || fds[0] < 0 || fds[1] < 0) {
		io_close(&fds[0]);
		io_close(&fds[1]);
		return NULL;
	}
	w = NEW(struct worker);
	w->rights = *r;
	w->sock = fds[0];
	w->pidfd = fds[1];
	return w;
}

static struct worker *
worker_get(const struct rights *r)
{
	/* the one used last has the warmest memory */
	for (struct list *l = stock.idle.prev, *prev; l != &stock.idle; l = prev) {
		struct worker *w = LIST_ITEM(l, struct worker, link);

		prev = l->prev;
		if (w->rights.uid != r->uid || w->rights.gid != r->gid)
			continue;
		w = stock_take(l);
		if (is_quiet(w))
			return w;
		worker_free(&w);
	}
	return stock.helper >= 0 ? worker_new(r) : NULL;
}

/* ---- one delivery */
static void
run_user(void *arg)
{
	user_child(arg);
}

static int
run_forked(struct user_job *j, const struct child_handlers *h, void *h_arg)
{
	return child_run(j->d, j->t, &j->user->rights, run_user, j, &j->sock, h, h_arg);
}

/* A child with the job in hand, or NULL: nothing was begun. */
static struct worker *
hand_over(const struct user_job *j)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(PACKET_MAX);
	AUTO(io_close) int fd = -1;
	struct worker *w;
	char path[40];

	job_encode(j, &b);
	if (b.overflow)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", qfile_fd(j->d->ctx->file));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	w = worker_get(&j->user->rights);
	if (w != NULL && send_fds(w->sock, b.s, b.len, &fd, 1) < 0)
		worker_free(&w);
	return w;
}

int
worker_run(struct user_job *j, const struct child_handlers *h, void *h_arg)
{
	struct worker *w = NULL;
	int r;

	/* root's own child gives up its capabilities, once for one message */
	if (j->user->rights.uid != 0 && qfile_fd(j->d->ctx->file) >= 0)
		w = hand_over(j);
	if (w == NULL)
		return run_forked(j, h, h_arg);
	r = child_listen(j->d, j->t, w->sock, h, h_arg);
	if (r > 0)
		worker_put(w);
	else
		worker_free(&w);
	return r < 0 ? -1 : 0;
}
