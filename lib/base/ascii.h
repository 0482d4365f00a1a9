/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ascii - character classes and comparisons that do not depend on the locale; bytes above 127 belong to no class
 */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool ascii_is_digit(int c) { return c >= '0' && c <= '9'; }
static inline bool ascii_is_upper(int c) { return c >= 'A' && c <= 'Z'; }
static inline bool ascii_is_lower(int c) { return c >= 'a' && c <= 'z'; }
static inline bool ascii_is_alpha(int c) { return ascii_is_upper(c) || ascii_is_lower(c); }
static inline bool ascii_is_alnum(int c) { return ascii_is_alpha(c) || ascii_is_digit(c); }
static inline bool ascii_is_blank(int c) { return c == ' ' || c == '\t'; }
/* blank, CR, LF, VT, FF: what separates words in configuration files */
static inline bool ascii_is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline bool ascii_is_print(int c) { return c >= 0x20 && c < 0x7f; }
static inline bool ascii_is_cntrl(int c) { return (c >= 0 && c < 0x20) || c == 0x7f; }
static inline int ascii_lower(int c) { return ascii_is_upper(c) ? c + 32 : c; }
static inline int ascii_upper(int c) { return ascii_is_lower(c) ? c - 32 : c; }
int ascii_hexval(int c);			/* 0-15, or -1 */
int ascii_casecmp(const char *a, const char *b);
int ascii_ncasecmp(const char *a, const char *b, size_t n);
void ascii_lower_str(char *s);			/* in place */
void ascii_upper_str(char *s);
/* Control characters (and bytes that are no UTF-8 when utf8 is set, or all above 127 when not) become '?', in place. */
void ascii_printable(char *s, bool utf8);
bool utf8_is_valid(const char *s, size_t n);
bool ascii_is_all(const char *s, size_t n);	/* no byte above 127 */
/* Trim blanks and line ends in place; returns the first byte that stays. */
char *ascii_trim(char *s);
/* Whole string as a number in range, no sign, no blanks; 0 or -1. */
int num_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);
int num_parse_i64(const char *s, int64_t min, int64_t max, int64_t *out);	/* leading '-' allowed */

#endif
