/* SPDX-License-Identifier: Apache-2.0 */
/* postconf - what the files of this command share */
#ifndef POSTCONF_POSTCONF_H
#define POSTCONF_POSTCONF_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/bug.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "config/conf.h"
#include "config/conf_names.h"
#include "config/master_cf.h"

#define MAX_OUTPUT ((size_t)4 << 20)	/* one value as it is printed */

enum subject { SUBJECT_MAIN, SUBJECT_ENTRY, SUBJECT_FIELD, SUBJECT_SETTING };
enum change { CHANGE_NONE, CHANGE_SET, CHANGE_COMMENT, CHANGE_REMOVE };
enum { CLASS_BUILTIN = 1, CLASS_SERVICE = 2, CLASS_USER = 4, CLASS_ALL = 7 };

struct options {
	const char *dir;
	enum subject subject;
	enum change change;
	bool defaults, set_only, expand, no_names, no_values, fold, json, quiet;
	int classes;
	struct strvec overrides;	/* -o */
	char **names;			/* arguments, NULL-terminated */
};

/* One "name = value" as the options ask. */
void print_pair(const struct options *o, const char *name, const char *value);
/* One entry of master.cf: folded or on one line. */
void print_entry(const struct options *o, const struct master_entry *e);
/* The entry as lines of master.cf, each -o on a line of its own when folded. */
void format_entry(const struct master_entry *e, bool fold, struct strbuf *out);
/* An argument as postconf writes it: "{ a = b }" as {a=b} behind -o */
void format_argument(const struct master_entry *e, size_t i, struct strbuf *out);

int show_main(const struct options *o);
int show_services(const struct options *o);
int edit_main(const struct options *o);
int edit_services(const struct options *o);
int show_facts(int letter, const char *arg);		/* -m -a -A -l -T */

/* Configuration as the options say; ends the program on an error. */
struct conf *load_conf(const struct options *o);
struct master_cf *load_master(const struct options *o, bool must_exist);
/* Complaints about names at the end of a listing. */
void warn_names(const struct options *o, struct conf *c, const struct master_cf *m);
bool is_service_name(const struct master_cf *m, const char *name);
bool is_builtin_name(const char *name);

extern const char *const field_names[];
#define FIELD_COUNT 8

/* Rewriting a file line by line: what becomes of each logical line. */
enum line_fate { LINE_KEEP, LINE_DROP, LINE_COMMENT, LINE_REPLACE };
typedef enum line_fate line_fate_fn(void *arg, size_t index, const char *logical, struct strbuf *replacement);
/* Under a lock that keeps other postconf commands out, from reading the old file to the rename; append() may add lines at the end. */
void edit_file(const char *path, line_fate_fn *fate, void (*begin)(void *arg, const char *text), void (*append)(void *arg, struct strbuf *out),
    void *arg);

#endif
