/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve - requests of clients, and the files that say how to answer them
 */
#include "resolver.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address/host.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"

enum { LOOK_EVERY_MS = 1000, MAX_FILE = 8 << 20 };

struct resolver *
resolver_new(const char *resolv_conf, const char *hosts_file, uint16_t port)
{
	struct resolver *r = NEW(struct resolver);
	char none[] = "";

	r->resolv_conf.path = resolv_conf;
	r->hosts_file.path = hosts_file;
	r->port = port;
	r->questions = map_new();
	list_init(&r->by_use);
	servers_parse(&r->servers, none, port);
	return r;
}

void
resolver_free(struct resolver **rp)
{
	if (*rp == NULL)
		return;
	cache_clear(*rp);
	map_free(&(*rp)->questions, NULL);
	hosts_free(&(*rp)->hosts);
	mem_free(rp);
}

struct read_job {
	const char *path;
	struct strbuf text;
	struct stat st;
	int rc;
};

static void
read_file(void *arg)
{
	struct read_job *j = arg;
	int fd = open(j->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	j->rc = -1;
	if (fd < 0)
		return;
	if (fstat(fd, &j->st) == 0 && S_ISREG(j->st.st_mode))
		j->rc = io_read_fd(fd, &j->text, NULL);
	close(fd);
}

static bool
is_changed(const struct watched_file *f, bool *is_there)
{
	struct stat st;

	*is_there = stat(f->path, &st) == 0;
	if (!*is_there)
		return f->was_read;
	return !f->was_read || st.st_mtim.tv_sec != f->st.st_mtim.tv_sec || st.st_mtim.tv_nsec != f->st.st_mtim.tv_nsec ||
	    st.st_ino != f->st.st_ino || st.st_dev != f->st.st_dev || st.st_size != f->st.st_size;
}

/* True when the file was read anew (or is gone, then text is empty). */
static bool
reread(struct watched_file *f, struct strbuf *text)
{
	struct read_job j = { .path = f->path, .text = STRBUF_INIT(MAX_FILE) };
	bool is_there;

	if (!is_changed(f, &is_there))
		return false;
	if (is_there) {
		task_offload(read_file, &j);
		if (j.rc < 0) {
			log_warning("cannot read %s, or it is too large: going on as before", f->path);
			strbuf_done(&j.text);
			f->was_read = true;
			(void)!stat(f->path, &f->st);
			return false;
		}
		f->st = j.st;
	}
	f->was_read = is_there;
	*text = j.text;
	return true;
}

void
resolver_refresh(struct resolver *r)
{
	uint64_t now = clock_mono_ms();

	if (r->is_reading || (r->checked_ms != 0 && now - r->checked_ms < LOOK_EVERY_MS))
		return;
	r->is_reading = true;
	r->checked_ms = now;
	struct strbuf text = STRBUF_INIT(MAX_FILE);
	if (reread(&r->resolv_conf, &text)) {
		servers_parse(&r->servers, text.s, r->port);
		cache_clear(r);
		strbuf_done(&text);
	}
	strbuf_init(&text, MAX_FILE);
	if (reread(&r->hosts_file, &text)) {
		hosts_free(&r->hosts);
		r->hosts = hosts_parse(text.s);
		strbuf_done(&text);
	}
	r->is_reading = false;
}

/* Lower case, without a dot at the end. */
static int
clean_name(const char *name, char out[static DNS_NAME_SIZE])
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n == 0 || n >= DNS_NAME_SIZE)
		return -1;
	memcpy(out, name, n);
	out[n] = '\0';
	ascii_lower_str(out);
	return host_is_name(out, NULL) ? 0 : -1;
}

static void
answer_types(struct resolver *r, const struct dns_query *q, const char *name, struct msg *reply)
{
	AUTO(pool_free) struct pool *pool = pool_new(1024);
	struct entry *e[DNS_MAX_TYPES] = { NULL };
	struct dns_reply local[DNS_MAX_TYPES];
	bool is_local[DNS_MAX_TYPES];

	for (size_t i = 0; i < q->n_types; i++) {
		is_local[i] = local_lookup(r, name, q->types[i], q->flags, pool, &local[i]);
		if (!is_local[i])	/* a host in the hosts file is known by it alone */
			e[i] = cache_get(r, name, q->types[i]);
	}
	dns_answer_begin(reply);
	for (size_t i = 0; i < q->n_types; i++) {
		const struct dns_reply *a = is_local[i] ? &local[i] : e[i] != NULL ? entry_wait(e[i]) : NULL;

		if (a == NULL) {
			local[i] = (struct dns_reply){ .status = DNS_TEMP, .cname = "" };
			a = &local[i];
		}
		dns_answer_encode(reply, q->types[i], a);
	}
	for (size_t i = 0; i < q->n_types; i++)
		entry_put(r, &e[i]);
}

void
resolver_handle(void *arg, struct msg *request, struct msg *reply)
{
	struct resolver *r = arg;
	struct dns_query q;
	char name[DNS_NAME_SIZE];
	struct err err = ERR_INIT;

	if (dns_query_decode(request, &q, &err) < 0) {
		log_warning("%s", err.text);
		dns_answer_begin(reply);
		return;
	}
	resolver_refresh(r);
	if (clean_name(q.name, name) < 0) {
		struct dns_reply bad = { .status = DNS_INVALID, .cname = "" };

		dns_answer_begin(reply);
		for (size_t i = 0; i < q.n_types; i++)
			dns_answer_encode(reply, q.types[i], &bad);
		return;
	}
	answer_types(r, &q, name, reply);
}
