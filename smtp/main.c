/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp - the daemon that speaks SMTP: its parameters
 */
#include "smtp.h"

#include "config/conf.h"

#define S(field, name) CONF_BIND_STR(struct smtp_conf, field, name)
#define T(field, name) CONF_BIND_TIME(struct smtp_conf, field, name)
#define I(field, name) CONF_BIND_INT(struct smtp_conf, field, name)
#define B(field, name) CONF_BIND_BOOL(struct smtp_conf, field, name)

static const struct conf_bind binds[] = {
	S(myhostname, myhostname), S(helo_name, smtp_helo_name), S(tcp_port, smtp_tcp_port), S(inet_protocols, inet_protocols),
	S(address_preference, smtp_address_preference), S(bind_address, smtp_bind_address), S(bind_address6, smtp_bind_address6),
	S(inet_interfaces, inet_interfaces), S(fallback_relay, smtp_fallback_relay), S(best_mx_transport, best_mx_transport),
	S(host_lookup, smtp_host_lookup), S(dns_support_level, smtp_dns_support_level),
	S(discard_keywords, smtp_discard_ehlo_keywords), S(cache_destinations, smtp_connection_cache_destinations),
	S(tls_level, smtp_tls_security_level), S(tls_policy_maps, smtp_tls_policy_maps),
	T(connect_ms, smtp_connect_timeout), T(helo_ms, smtp_helo_timeout), T(mail_ms, smtp_mail_timeout), T(rcpt_ms, smtp_rcpt_timeout),
	T(data_init_ms, smtp_data_init_timeout), T(data_xfer_ms, smtp_data_xfer_timeout), T(data_done_ms, smtp_data_done_timeout),
	T(quit_ms, smtp_quit_timeout), T(rset_ms, smtp_rset_timeout), T(cache_ms, smtp_connection_cache_time_limit),
	T(reuse_ms, smtp_connection_reuse_time_limit),
	I(addr_limit, smtp_mx_address_limit), I(session_limit, smtp_mx_session_limit), I(line_limit, smtp_line_length_limit),
	I(reuse_count, smtp_connection_reuse_count_limit),
	B(randomize, smtp_randomize_addresses), B(balance, smtp_balance_inet_protocols), B(bind_enforce, smtp_bind_address_enforce),
	B(skip_5xx_greeting, smtp_skip_5xx_greeting), B(skip_quit, smtp_skip_quit_response), B(never_ehlo, smtp_never_send_ehlo),
	B(always_ehlo, smtp_always_send_ehlo), B(cache_on_demand, smtp_connection_cache_on_demand), B(no_dns, disable_dns_lookups),
	B(ignore_mx_error, ignore_mx_lookup_error), B(defer_no_mx_addr, smtp_defer_if_no_mx_address_found),
	B(quote_envelope, smtp_quote_rfc821_envelope), B(tls_enforce, smtp_enforce_tls), B(tls_wrapper, smtp_tls_wrappermode),
	B(sasl_enable, smtp_sasl_auth_enable),
	S(generic_maps, smtp_generic_maps), S(checks[CHECK_HEADER], smtp_header_checks), S(checks[CHECK_MIME], smtp_mime_header_checks),
	S(checks[CHECK_NESTED], smtp_nested_header_checks), S(checks[CHECK_BODY], smtp_body_checks), S(delims, recipient_delimiter),
	S(propagate, propagate_unmatched_extensions), I(token_limit, header_address_token_limit), I(mime_depth, mime_nesting_limit),
	I(boundary_length, mime_boundary_length_limit), I(body_checks_limit, body_checks_size_limit), B(owner_request, owner_request_special),
	B(send_xforward, smtp_send_xforward_command), T(xforward_ms, smtp_xforward_timeout),
};

int
main(int argc, char **argv)
{
	return client_main("smtp", binds, COUNT_OF(binds), argc, argv);
}
