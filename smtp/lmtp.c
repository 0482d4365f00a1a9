/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lmtp - the daemon that speaks LMTP: its parameters, each the twin of one of SMTP's
 */
#include "smtp.h"

#include "config/conf.h"

#define S(field, name) CONF_BIND_STR(struct smtp_conf, field, name)
#define T(field, name) CONF_BIND_TIME(struct smtp_conf, field, name)
#define I(field, name) CONF_BIND_INT(struct smtp_conf, field, name)
#define B(field, name) CONF_BIND_BOOL(struct smtp_conf, field, name)

static const struct conf_bind binds[] = {
	S(myhostname, myhostname), S(helo_name, lmtp_lhlo_name), S(tcp_port, lmtp_tcp_port),
	S(inet_protocols, inet_protocols), S(address_preference, lmtp_address_preference),
	S(bind_address, lmtp_bind_address), S(bind_address6, lmtp_bind_address6), S(inet_interfaces, inet_interfaces),
	S(fallback_relay, lmtp_fallback_relay), S(host_lookup, lmtp_host_lookup),
	S(dns_support_level, lmtp_dns_support_level), S(discard_keywords, lmtp_discard_lhlo_keywords),
	S(cache_destinations, lmtp_connection_cache_destinations), S(tls_level, lmtp_tls_security_level),
	S(tls_policy_maps, lmtp_tls_policy_maps),
	T(connect_ms, lmtp_connect_timeout), T(helo_ms, lmtp_lhlo_timeout), T(mail_ms, lmtp_mail_timeout),
	T(rcpt_ms, lmtp_rcpt_timeout), T(data_init_ms, lmtp_data_init_timeout), T(data_xfer_ms, lmtp_data_xfer_timeout),
	T(data_done_ms, lmtp_data_done_timeout), T(quit_ms, lmtp_quit_timeout), T(rset_ms, lmtp_rset_timeout),
	T(cache_ms, lmtp_connection_cache_time_limit), T(reuse_ms, lmtp_connection_reuse_time_limit),
	I(addr_limit, lmtp_mx_address_limit), I(session_limit, lmtp_mx_session_limit), I(line_limit, lmtp_line_length_limit),
	I(reuse_count, lmtp_connection_reuse_count_limit),
	B(randomize, lmtp_randomize_addresses), B(balance, lmtp_balance_inet_protocols),
	B(bind_enforce, lmtp_bind_address_enforce), B(skip_5xx_greeting, lmtp_skip_5xx_greeting),
	B(skip_quit, lmtp_skip_quit_response), B(cache_on_demand, lmtp_connection_cache_on_demand),
	B(no_dns, disable_dns_lookups), B(quote_envelope, lmtp_quote_rfc821_envelope), B(tls_enforce, lmtp_enforce_tls),
	B(tls_wrapper, lmtp_tls_wrappermode), B(sasl_enable, lmtp_sasl_auth_enable),
	S(generic_maps, lmtp_generic_maps), S(checks[CHECK_HEADER], lmtp_header_checks), S(checks[CHECK_MIME], lmtp_mime_header_checks),
	S(checks[CHECK_NESTED], lmtp_nested_header_checks), S(checks[CHECK_BODY], lmtp_body_checks), S(delims, recipient_delimiter),
	S(propagate, propagate_unmatched_extensions), I(token_limit, header_address_token_limit), I(mime_depth, mime_nesting_limit),
	I(boundary_length, mime_boundary_length_limit), I(body_checks_limit, body_checks_size_limit), B(owner_request, owner_request_special),
	B(send_xforward, lmtp_send_xforward_command), T(xforward_ms, lmtp_xforward_timeout),
};

int
main(int argc, char **argv)
{
	return client_main("lmtp", binds, COUNT_OF(binds), argc, argv);
}
