/* SPDX-License-Identifier: Apache-2.0 */
/* conf - parameters and tables of cleanup, read and opened before confinement */
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"

const struct conf_bind cleanup_binds[] = {
	CONF_BIND_STR(struct env, c.myhostname, myhostname),
	CONF_BIND_STR(struct env, c.delims, recipient_delimiter),
	CONF_BIND_STR(struct env, c.always_bcc, always_bcc),
	CONF_BIND_STR(struct env, c.drop_headers, message_drop_headers),
	CONF_BIND_STR(struct env, c.undisclosed, undisclosed_recipients_header),
	CONF_BIND_STR(struct env, c.from_format, header_from_format),
	CONF_BIND_STR(struct env, c.name_charset, full_name_encoding_charset),
	CONF_BIND_STR(struct env, c.log_format, info_log_address_format),
	CONF_BIND_STR(struct env, c.canonical_maps, canonical_maps),
	CONF_BIND_STR(struct env, c.sender_canonical_maps, sender_canonical_maps),
	CONF_BIND_STR(struct env, c.rcpt_canonical_maps, recipient_canonical_maps),
	CONF_BIND_STR(struct env, c.alias_maps, virtual_alias_maps),
	CONF_BIND_STR(struct env, c.sender_bcc_maps, sender_bcc_maps),
	CONF_BIND_STR(struct env, c.rcpt_bcc_maps, recipient_bcc_maps),
	CONF_BIND_STR(struct env, c.header_checks, header_checks),
	CONF_BIND_STR(struct env, c.mime_checks, mime_header_checks),
	CONF_BIND_STR(struct env, c.nested_checks, nested_header_checks),
	CONF_BIND_STR(struct env, c.body_checks, body_checks),
	CONF_BIND_STR(struct env, c.canonical_classes, canonical_classes),
	CONF_BIND_STR(struct env, c.sender_canonical_classes, sender_canonical_classes),
	CONF_BIND_STR(struct env, c.rcpt_canonical_classes, recipient_canonical_classes),
	CONF_BIND_STR(struct env, c.masquerade_classes, masquerade_classes),
	CONF_BIND_STR(struct env, c.propagate, propagate_unmatched_extensions),
	CONF_BIND_STR(struct env, c.masquerade_domains, masquerade_domains),
	CONF_BIND_STR(struct env, c.masquerade_exceptions, masquerade_exceptions),
	CONF_BIND_STR(struct env, c.strip_characters, message_strip_characters),
	CONF_BIND_STR(struct env, c.reject_characters, message_reject_characters),
	CONF_BIND_INT(struct env, c.hopcount_limit, hopcount_limit),
	CONF_BIND_INT(struct env, c.message_limit, message_size_limit),
	CONF_BIND_INT(struct env, c.header_limit, header_size_limit),
	CONF_BIND_INT(struct env, c.line_limit, line_length_limit),
	CONF_BIND_INT(struct env, c.attr_limit, queue_file_attribute_count_limit),
	CONF_BIND_INT(struct env, c.duplicate_limit, duplicate_filter_limit),
	CONF_BIND_INT(struct env, c.token_limit, header_address_token_limit),
	CONF_BIND_INT(struct env, c.delay_resolution, delay_logging_resolution_limit),
	CONF_BIND_INT(struct env, c.alias_depth, virtual_alias_recursion_limit),
	CONF_BIND_INT(struct env, c.alias_size, virtual_alias_expansion_limit),
	CONF_BIND_INT(struct env, c.alias_length, virtual_alias_address_length_limit),
	CONF_BIND_INT(struct env, c.mime_depth, mime_nesting_limit),
	CONF_BIND_INT(struct env, c.boundary_length, mime_boundary_length_limit),
	CONF_BIND_INT(struct env, c.body_checks_limit, body_checks_size_limit),
	CONF_BIND_TIME(struct env, c.delay_warning_ms, delay_warning_time),
	CONF_BIND_BOOL(struct env, c.strict_7bit, strict_7bit_headers),
	CONF_BIND_BOOL(struct env, c.strict_8bit, strict_8bitmime),
	CONF_BIND_BOOL(struct env, c.strict_8bit_body, strict_8bitmime_body),
	CONF_BIND_BOOL(struct env, c.strict_domain, strict_mime_encoding_domain),
	CONF_BIND_BOOL(struct env, c.owner_request, owner_request_special),
	CONF_BIND_BOOL(struct env, c.original_recipient, enable_original_recipient),
	CONF_BIND_BOOL(struct env, c.always_add, always_add_missing_headers),
	CONF_BIND_BOOL(struct env, c.no_mime, disable_mime_input_processing),
	CONF_BIND_BOOL(struct env, c.detect_8bit, detect_8bit_encoding_header),
	CONF_BIND_BOOL(struct env, c.replace_cr_lf, cleanup_replace_stray_cr_lf),
	CONF_BIND_BOOL(struct env, c.smtputf8, smtputf8_enable),
	CONF_BIND_BOOL(struct env, c.long_ids, enable_long_queue_ids),
	CONF_BIND_BOOL(struct env, c.compat_log, backwards_bounce_logfile_compatibility),
};
const size_t cleanup_n_binds = COUNT_OF(cleanup_binds);

/* Lists of names that come from the administrator. */
enum { WORDS_MAX = 10000 };

static int
open_tables(struct table_list **out, const char *name, const char *specs, int flags, struct conf *conf, struct err *err)
{
	*out = table_list_open(specs, flags, conf, err);
	if (*out == NULL)
		return err_prefix(err, "%s: ", name);
	return 0;
}

void
env_each_table(struct env *e, void (*fn)(struct table *t))
{
	struct table_list *lists[] = { e->canonical, e->sender_canonical, e->rcpt_canonical, e->aliases, e->sender_bcc, e->rcpt_bcc,
	    e->header_checks, e->mime_checks, e->nested_checks, e->body_checks };

	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		for (size_t k = 0; k < table_list_count(lists[i]); k++)
			fn(table_list_at(lists[i], k));
	}
	route_each_table(e->route, fn);
}

void
env_close(struct env *e)
{
	struct table_list **lists[] = { &e->canonical, &e->sender_canonical, &e->rcpt_canonical, &e->aliases, &e->sender_bcc, &e->rcpt_bcc,
	    &e->header_checks, &e->mime_checks, &e->nested_checks, &e->body_checks };

	for (size_t i = 0; i < COUNT_OF(lists); i++)
		table_list_free(lists[i]);
	strvec_done(&e->masquerade);
	strvec_done(&e->exceptions);
	strvec_done(&e->drop);
	localdom_free(&e->local);
	route_free(&e->route);
	queue_free(&e->queue);
}

static int
open_all_tables(struct env *e, struct conf *conf, struct err *err)
{
	const struct { struct table_list **list; const char *name, *specs; int flags; } v[] = {
		{ &e->canonical, "canonical_maps", e->c.canonical_maps, TABLE_FOLD },
		{ &e->sender_canonical, "sender_canonical_maps", e->c.sender_canonical_maps, TABLE_FOLD },
		{ &e->rcpt_canonical, "recipient_canonical_maps", e->c.rcpt_canonical_maps, TABLE_FOLD },
		{ &e->aliases, "virtual_alias_maps", e->c.alias_maps, TABLE_FOLD },
		{ &e->sender_bcc, "sender_bcc_maps", e->c.sender_bcc_maps, TABLE_FOLD },
		{ &e->rcpt_bcc, "recipient_bcc_maps", e->c.rcpt_bcc_maps, TABLE_FOLD },
		{ &e->header_checks, "header_checks", e->c.header_checks, 0 },
		{ &e->mime_checks, "mime_header_checks", e->c.mime_checks, 0 },
		{ &e->nested_checks, "nested_header_checks", e->c.nested_checks, 0 },
		{ &e->body_checks, "body_checks", e->c.body_checks, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		if (open_tables(v[i].list, v[i].name, v[i].specs, v[i].flags, conf, err) < 0)
			return -1;
	}
	return 0;
}

static int
parse_classes(const char *param, const char *text, unsigned *out, struct err *err)
{
	static const struct { const char *name; unsigned class; } names[] = {
		{ "envelope_sender", CLASS_ENV_SENDER }, { "envelope_recipient", CLASS_ENV_RCPT },
		{ "header_sender", CLASS_HDR_SENDER }, { "header_recipient", CLASS_HDR_RCPT },
	};
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(WORDS_MAX);

	(void)!strvec_split(&v, text, ", \t\r\n");
	for (size_t i = 0; i < v.n; i++) {
		size_t k = 0;

		while (k < COUNT_OF(names) && ascii_casecmp(v.v[i], names[k].name) != 0)
			k++;
		if (k == COUNT_OF(names))
			return err_set(err, ERR_CONF, NULL, "%s: unknown class \"%s\"; expected envelope_sender, envelope_recipient, "
			    "header_sender or header_recipient", param, v.v[i]);
		*out |= names[k].class;
	}
	return 0;
}

/* "\0\r\a and so on": the escapes of C, octal numbers, and bytes as they are. */
static bool
parse_characters(const char *text, bool set[256])
{
	static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	bool any = *text != '\0';

	for (; *text != '\0'; text++) {
		const char *name;
		unsigned value = 0;
		int digits = 0;

		if (*text != '\\' || text[1] == '\0') {
			set[(unsigned char)*text] = true;
		} else if (text[1] >= '0' && text[1] <= '7') {
			for (; digits < 3 && text[1] >= '0' && text[1] <= '7'; digits++, text++)
				value = value * 8 + (unsigned)(text[1] - '0');
			set[value & 0xff] = true;
		} else {
			text++;
			name = strchr(names, *text);
			set[(unsigned char)(name != NULL ? values[name - names] : *text)] = true;
		}
	}
	return any;
}

static void
split_words(struct strvec *v, const char *text)
{
	strvec_init(v, WORDS_MAX);
	(void)!strvec_split(v, text, ", \t\r\n");
}

int
env_open(struct env *e, struct conf *conf, struct route *route, struct queue *queue, struct err *err)
{
	AUTO(strvec_done) struct strvec propagate;

	if (parse_classes("canonical_classes", e->c.canonical_classes, &e->canonical_classes, err) < 0 ||
	    parse_classes("sender_canonical_classes", e->c.sender_canonical_classes, &e->sender_canonical_classes, err) < 0 ||
	    parse_classes("recipient_canonical_classes", e->c.rcpt_canonical_classes, &e->rcpt_canonical_classes, err) < 0 ||
	    parse_classes("masquerade_classes", e->c.masquerade_classes, &e->masquerade_classes, err) < 0)
		return -1;
	split_words(&propagate, e->c.propagate);
	e->propagate_canonical = strvec_hasi(&propagate, "canonical");
	e->propagate_virtual = strvec_hasi(&propagate, "virtual");
	split_words(&e->masquerade, e->c.masquerade_domains);
	split_words(&e->exceptions, e->c.masquerade_exceptions);
	split_words(&e->drop, e->c.drop_headers);
	e->has_strip = parse_characters(e->c.strip_characters, e->strip);
	e->has_reject = parse_characters(e->c.reject_characters, e->reject);
	if (open_all_tables(e, conf, err) < 0)
		return -1;
	if ((e->local = localdom_new(conf, err)) == NULL)
		return -1;
	e->keys = (struct mail_key_env){ .local = e->local, .delims = e->c.delims, .owner_request = e->c.owner_request };
	e->route = route;
	e->queue = queue;
	return 0;
}

bool
header_is_dropped(const struct env *e, const char *name, size_t n)
{
	for (size_t i = 0; i < e->drop.n; i++) {
		size_t len = strlen(e->drop.v[i]);

		len -= len > 0 && e->drop.v[i][len - 1] == ':';
		if (len == n && ascii_ncasecmp(e->drop.v[i], name, n) == 0)
			return true;
	}
	return false;
}
