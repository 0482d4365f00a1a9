/* SPDX-License-Identifier: Apache-2.0 */
/* conf - the parameters of smtpd, and what is opened by them before the process is confined. */
#include "smtpd/smtpd.h"

#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "smtpd/access.h"
#include "smtpd/macro.h"

struct smtpd_conf conf;
struct smtpd_env env;

#define STR(field, name)	CONF_BIND_STR(struct smtpd_conf, field, name)
#define INT(field, name)	CONF_BIND_INT(struct smtpd_conf, field, name)
#define BOOL(field, name)	CONF_BIND_BOOL(struct smtpd_conf, field, name)

const struct conf_bind smtpd_binds[] = {
	STR(banner, smtpd_banner),
	STR(myhostname, myhostname),
	STR(mail_name, mail_name),
	STR(stress, stress),
	STR(mynetworks, mynetworks),
	STR(inet_protocols, inet_protocols),
	STR(discard_keywords, smtpd_discard_ehlo_keywords),
	STR(ehlo_maps, smtpd_discard_ehlo_keyword_address_maps),
	STR(forbidden_commands, smtpd_forbidden_commands),
	STR(noop_commands, smtpd_noop_commands),
	STR(client_restrictions, smtpd_client_restrictions),
	STR(helo_restrictions, smtpd_helo_restrictions),
	STR(sender_restrictions, smtpd_sender_restrictions),
	STR(relay_restrictions, smtpd_relay_restrictions),
	STR(recipient_restrictions, smtpd_recipient_restrictions),
	STR(data_restrictions, smtpd_data_restrictions),
	STR(eod_restrictions, smtpd_end_of_data_restrictions),
	STR(etrn_restrictions, smtpd_etrn_restrictions),
	STR(restriction_classes, smtpd_restriction_classes),
	STR(null_access_key, smtpd_null_access_lookup_key),
	STR(parent_matches, parent_domain_matches_subdomains),
	STR(event_exceptions, smtpd_client_event_limit_exceptions),
	STR(bare_lf, smtpd_forbid_bare_newline),
	STR(bare_lf_exclusions, smtpd_forbid_bare_newline_exclusions),
	STR(tls_level, smtpd_tls_security_level),
	STR(content_filter, content_filter),
	STR(receive_override, receive_override_options),
	STR(rewrite_clients, local_header_rewrite_clients),
	CONF_BIND_RAW(struct smtpd_conf, footer, smtpd_reject_footer),
	STR(footer_maps, smtpd_reject_footer_maps),
	STR(unknown_address_tempfail, unknown_address_tempfail_action),
	STR(unknown_helo_tempfail, unknown_helo_hostname_tempfail_action),
	STR(delimiter, recipient_delimiter),
	STR(proxy_filter, smtpd_proxy_filter),
	STR(milters, smtpd_milters),
	STR(upstream_proxy, smtpd_upstream_proxy_protocol),
	STR(log_address_format, info_log_address_format),
	STR(etrn_domains, fast_flush_domains),
	CONF_BIND_RAW(struct smtpd_conf, rbl_reply, default_rbl_reply),
	STR(rbl_reply_maps, rbl_reply_maps),
	CONF_BIND_RAW(struct smtpd_conf, expansion_filter, smtpd_expansion_filter),
	INT(rbl_code, maps_rbl_reject_code),
	STR(policy_default, smtpd_policy_service_default_action),
	STR(policy_context, smtpd_policy_service_policy_context),
	STR(compatibility_level, compatibility_level),
	STR(mail_version, mail_version),
	STR(milter_maps, smtpd_milter_maps),
	STR(login_maps, smtpd_sender_login_maps),
	CONF_BIND_TIME(struct smtpd_conf, policy_timeout_ms, smtpd_policy_service_timeout),
	CONF_BIND_TIME(struct smtpd_conf, policy_retry_ms, smtpd_policy_service_retry_delay),
	CONF_BIND_TIME(struct smtpd_conf, policy_idle_ms, smtpd_policy_service_max_idle),
	CONF_BIND_TIME(struct smtpd_conf, policy_ttl_ms, smtpd_policy_service_max_ttl),
	INT(policy_tries, smtpd_policy_service_try_limit),
	INT(policy_requests, smtpd_policy_service_request_limit),
	CONF_BIND_TIME(struct smtpd_conf, timeout_ms, smtpd_timeout),
	CONF_BIND_TIME(struct smtpd_conf, error_sleep_ms, smtpd_error_sleep_time),
	INT(soft_limit, smtpd_soft_error_limit),
	INT(hard_limit, smtpd_hard_error_limit),
	INT(junk_limit, smtpd_junk_command_limit),
	INT(rcpt_limit, smtpd_recipient_limit),
	INT(rcpt_overshoot, smtpd_recipient_overshoot_limit),
	INT(size_limit, message_size_limit),
	INT(queue_minfree, queue_minfree),
	INT(line_limit, line_length_limit),
	INT(min_data_rate, smtpd_min_data_rate),
	INT(conn_count_limit, smtpd_client_connection_count_limit),
	INT(conn_rate_limit, smtpd_client_connection_rate_limit),
	INT(message_rate_limit, smtpd_client_message_rate_limit),
	INT(rcpt_rate_limit, smtpd_client_recipient_rate_limit),
	INT(prefix4, smtpd_client_ipv4_prefix_length),
	INT(prefix6, smtpd_client_ipv6_prefix_length),
	INT(bare_lf_code, smtpd_forbid_bare_newline_reject_code),
	INT(reject_code, reject_code),
	INT(defer_code, defer_code),
	INT(relay_code, relay_domains_reject_code),
	INT(map_reject_code, access_map_reject_code),
	INT(map_defer_code, access_map_defer_code),
	INT(invalid_host_code, invalid_hostname_reject_code),
	INT(non_fqdn_code, non_fqdn_reject_code),
	INT(unknown_host_code, unknown_hostname_reject_code),
	INT(unknown_addr_code, unknown_address_reject_code),
	INT(unknown_client_code, unknown_client_reject_code),
	INT(multi_bounce_code, multi_recipient_bounce_reject_code),
	INT(plaintext_code, plaintext_reject_code),
	BOOL(delay_reject, smtpd_delay_reject),
	BOOL(delay_open, smtpd_delay_open_until_valid_rcpt),
	BOOL(helo_required, smtpd_helo_required),
	BOOL(disable_vrfy, disable_vrfy_command),
	BOOL(strict_paths, strict_rfc821_envelopes),
	BOOL(smtputf8, smtputf8_enable),
	BOOL(strict_smtputf8, strict_smtputf8),
	BOOL(soft_bounce, soft_bounce),
	BOOL(peer_lookup, smtpd_peername_lookup),
	BOOL(port_logging, smtpd_client_port_logging),
	BOOL(unlisted_rcpt, smtpd_reject_unlisted_recipient),
	BOOL(unlisted_sender, smtpd_reject_unlisted_sender),
	BOOL(relay_first, smtpd_relay_before_recipient_restrictions),
	BOOL(untrusted_routing, allow_untrusted_routing),
	BOOL(forbid_pipelining, smtpd_forbid_unauth_pipelining),
	BOOL(request_deadline, smtpd_per_request_deadline),
	BOOL(hide_client, smtpd_hide_client_session),
	BOOL(sasl_enable, smtpd_sasl_auth_enable),
	BOOL(tls_wrapper, smtpd_tls_wrappermode),
	BOOL(tls_use, smtpd_use_tls),
	BOOL(tls_enforce, smtpd_enforce_tls),
};
const size_t smtpd_n_binds = COUNT_OF(smtpd_binds);

static int
open_match(struct match **m, const char *list, int flags, const char *param, struct err *err)
{
	*m = match_open(list, flags, daemon_conf(), err);
	if (*m == NULL)
		return err_prefix(err, "parameter %s: ", param);
	match_each_table(*m, daemon_watch_table);
	return 0;
}

static int
open_tables(struct table_list **l, const char *specs, const char *param, struct err *err)
{
	*l = table_list_open(specs, TABLE_FOLD, daemon_conf(), err);
	if (*l == NULL)
		return err_prefix(err, "parameter %s: ", param);
	for (size_t i = 0; i < table_list_count(*l); i++)
		daemon_watch_table(table_list_at(*l, i));
	return 0;
}

/* A list parameter names this parameter: parent_domain_matches_subdomains. */
static int
parent_flag(const char *param)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);

	(void)strvec_split(&v, conf.parent_matches, ", \t\r\n");
	return strvec_hasi(&v, param) ? MATCH_PARENT : 0;
}

static int
open_matches(struct err *err)
{
	const int hosts = MATCH_DOMAIN | MATCH_ADDR;

	if (open_match(&env.mynetworks, conf.mynetworks, hosts | parent_flag("mynetworks"), "mynetworks", err) < 0)
		return -1;
	if (open_match(&env.event_exceptions, conf.event_exceptions, hosts | parent_flag("smtpd_client_event_limit_exceptions"),
	    "smtpd_client_event_limit_exceptions", err) < 0)
		return -1;
	if (open_match(&env.bare_lf_exclusions, conf.bare_lf_exclusions, hosts | parent_flag("smtpd_forbid_bare_newline_exclusions"),
	    "smtpd_forbid_bare_newline_exclusions", err) < 0)
		return -1;
	if (open_match(&env.forbidden, conf.forbidden_commands, MATCH_STRING, "smtpd_forbidden_commands", err) < 0)
		return -1;
	return open_match(&env.noops, conf.noop_commands, MATCH_STRING, "smtpd_noop_commands", err);
}

/* smtpd_forbid_bare_newline: normalize and yes are the same; note only counts. */
static void
set_bare_lf(void)
{
	const char *v = conf.bare_lf;

	env.bare_lf = SMTP_LF_STRICT;
	if (ascii_casecmp(v, "no") == 0)
		env.bare_lf = SMTP_LF_LAX;
	else if (ascii_casecmp(v, "reject") == 0)
		env.bare_lf = SMTP_LF_REJECT;
	else if (ascii_casecmp(v, "note") == 0) {
		env.bare_lf = SMTP_LF_LAX;
		env.note_bare_lf = true;
	}
}

static void
set_extensions(void)
{
	AUTO(strbuf_done) struct strbuf unknown = STRBUF_INIT(1000);

	env.offered = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_VRFY | SMTP_EXT_ETRN | SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_8BITMIME |
	    SMTP_EXT_DSN | SMTP_EXT_CHUNKING;
	if (conf.smtputf8)
		env.offered |= SMTP_EXT_SMTPUTF8;
	if (conf.disable_vrfy)
		env.offered &= ~(unsigned)SMTP_EXT_VRFY;
	env.discard = smtp_ehlo_mask(conf.discard_keywords, &unknown);
	if (unknown.len > 0)
		log_warning("unknown EHLO keyword in smtpd_discard_ehlo_keywords: %s", unknown.s);
	if ((env.discard & ~(unsigned)SMTP_EXT_SILENT) != 0 && (env.discard & SMTP_EXT_SILENT) == 0)
		log_info("discarding EHLO keywords: %s", conf.discard_keywords);
}

static int
set_overrides(struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(20);

	env.cleanup_flags = CLEANUP_EXTERNAL | CLEANUP_SMTP_REPLY;
	env.check_rcpts = true;
	if (strvec_split(&v, conf.receive_override, ", \t\r\n") < 0)
		return err_set(err, ERR_CONF, NULL, "parameter receive_override_options: too many words");
	for (size_t i = 0; i < v.n; i++) {
		if (ascii_casecmp(v.v[i], "no_unknown_recipient_checks") == 0)
			env.check_rcpts = false;
		else if (ascii_casecmp(v.v[i], "no_address_mappings") == 0)
			env.cleanup_flags &= ~(CLEANUP_MAP | CLEANUP_AUTO_BCC);
		else if (ascii_casecmp(v.v[i], "no_header_body_checks") == 0)
			env.cleanup_flags &= ~CLEANUP_CHECKS;
		else if (ascii_casecmp(v.v[i], "no_milters") == 0)
			env.cleanup_flags &= ~CLEANUP_MILTERS;
		else
			return err_set(err, ERR_CONF, NULL, "parameter receive_override_options: unknown value \"%s\"", v.v[i]);
	}
	return 0;
}

/* What is asked for and not there: named, and where it guards something the service does not go on. */
static int
check_unbuilt(struct err *err)
{
	const char *level = conf.tls_level;

	if (*level == 0)
		level = conf.tls_enforce ? "encrypt" : conf.tls_use ? "may" : "";
	if (conf.tls_wrapper)
		return err_set(err, ERR_CONF, NULL, "smtpd_tls_wrappermode is on, and this release has no TLS: the service does not start");
	if (ascii_casecmp(level, "encrypt") == 0) {
		env.tls_needed = true;
		log_warning("smtpd_tls_security_level is encrypt, and this release has no TLS: all mail is refused");
	} else if (ascii_casecmp(level, "may") == 0) {
		log_warning("smtpd_tls_security_level is may, and this release has no TLS: STARTTLS is not offered");
	}
	if (conf.sasl_enable)
		log_warning("smtpd_sasl_auth_enable is on, and this release has no SASL: AUTH is not offered");
	if (*conf.upstream_proxy != 0)
		return err_set(err, ERR_CONF, NULL, "smtpd_upstream_proxy_protocol is set, which this release does not have: the service does not start");
	if (*conf.proxy_filter != 0)
		return err_set(err, ERR_CONF, NULL, "smtpd_proxy_filter is set, which this release does not have: the service does not start");
	if (*conf.milters != 0 || *conf.milter_maps != 0)
		return err_set(err, ERR_CONF, NULL, "smtpd_milters or smtpd_milter_maps is set, and this release has no milters: the service does not start");
	return 0;
}

static int
open_lists(struct err *err)
{
	static const char *const names[LIST_N] = { "smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
		"smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
		"smtpd_etrn_restrictions" };
	const char *const values[LIST_N] = { conf.client_restrictions, conf.helo_restrictions, conf.sender_restrictions,
		conf.relay_restrictions, conf.recipient_restrictions, conf.data_restrictions, conf.eod_restrictions, conf.etrn_restrictions };

	if (access_classes_open(conf.restriction_classes, err) < 0)
		return -1;
	for (int i = 0; i < LIST_N; i++) {
		env.lists[i] = access_list_open(names[i], values[i], err);
		if (env.lists[i] == NULL)
			return -1;
	}
	env.rewrite_clients = access_list_open("local_header_rewrite_clients", conf.rewrite_clients, err);
	return env.rewrite_clients != NULL ? access_check_relay(err) : -1;
}

enum { LINE_MAX = 8000 };	/* half of what the skeleton's streams hold: pieces of content are cut there at the latest */

int
smtpd_open(struct err *err)
{
	if (conf.line_limit > LINE_MAX)
		conf.line_limit = LINE_MAX;
	macro_filter_set(conf.expansion_filter);
	set_bare_lf();
	set_extensions();
	env.want_addrs = strstr(conf.inet_protocols, "ipv4") != NULL ? DNS_WANT_A : DNS_WANT_AAAA;
	if (strstr(conf.inet_protocols, "all") != NULL || strstr(conf.inet_protocols, "ipv6") != NULL)
		env.want_addrs |= DNS_WANT_AAAA;
	if (strstr(conf.inet_protocols, "all") != NULL)
		env.want_addrs |= DNS_WANT_A;
	if (set_overrides(err) < 0 || check_unbuilt(err) < 0)
		return -1;
	if (env.stand_alone)
		return 0;
	env.route = route_new(conf_dir(daemon_conf()), err);
	if (env.route == NULL)
		return -1;
	route_each_table(env.route, daemon_watch_table);
	env.rcpt = rcpt_check_new(daemon_conf(), err);
	if (env.rcpt == NULL || open_matches(err) < 0)
		return -1;
	rcpt_check_each_table(env.rcpt, daemon_watch_table);
	if (open_tables(&env.footer_maps, conf.footer_maps, "smtpd_reject_footer_maps", err) < 0 ||
	    open_tables(&env.ehlo_maps, conf.ehlo_maps, "smtpd_discard_ehlo_keyword_address_maps", err) < 0 ||
	    open_tables(&env.rbl_reply_maps, conf.rbl_reply_maps, "rbl_reply_maps", err) < 0 ||
	    open_tables(&env.login_maps, conf.login_maps, "smtpd_sender_login_maps", err) < 0)
		return -1;
	return open_lists(err);
}

void
smtpd_close(void)
{
	for (int i = 0; i < LIST_N; i++)
		access_list_free(&env.lists[i]);
	access_list_free(&env.rewrite_clients);
	access_close();
	table_list_free(&env.footer_maps);
	table_list_free(&env.ehlo_maps);
	table_list_free(&env.rbl_reply_maps);
	table_list_free(&env.login_maps);
	match_free(&env.mynetworks);
	match_free(&env.event_exceptions);
	match_free(&env.bare_lf_exclusions);
	match_free(&env.forbidden);
	match_free(&env.noops);
	rcpt_check_free(&env.rcpt);
	route_free(&env.route);
}
