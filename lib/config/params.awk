# SPDX-License-Identifier: Apache-2.0
# params.awk - makes params.h (-v out=h) or params_tbl.c (-v out=c) from params.tbl
function fail(text) { print FILENAME ":" FNR ": " text > "/dev/stderr"; bad = 1 }
function cstr(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
function bound(s, none) { return s == "" ? none : s }
function flush(   n, lo, hi, dflt, kinds) {
	if (!("name" in f) && !("family" in f)) {
		split("", f); text = 0
		return
	}
	n = "name" in f ? f["name"] : f["family"]
	if (!(f["type"] in ctype)) fail(n ": unknown type " f["type"])
	if (("used-by" in f) && !text) fail(n ": acted on by " f["used-by"] ", but without a text for its reader")
	if (text && !("used-by" in f)) fail(n ": has a text, but nothing acts on it")
	lo = hi = ""
	if ("range" in f) {
		lo = hi = f["range"]
		sub(/\.\..*/, "", lo); sub(/.*\.\./, "", hi)
	}
	if ("c-default" in f) dflt = f["c-default"]
	else if ("computed" in f) dflt = "NULL"
	else if ("default" in f) dflt = cstr(f["default"])
	else fail(n ": no default")
	row = "\t{ " cstr(n) ", " dflt ", " ctype[f["type"]] ", '" ("unit" in f ? f["unit"] : "s") "', " \
	    ("status" in f ? cstatus[f["status"]] : "PARAM_CURRENT") ", " \
	    (f["empty"] == "no" ? "true" : "false") ", " ("own" in f ? "true" : "false") ", " ("used-by" in f ? "true" : "false") ",\n\t  " \
	    bound(lo, "INT64_MIN") ", " bound(hi, "INT64_MAX") ", " ("values" in f ? cstr(f["values"]) : "NULL") ", " \
	    ("instead" in f ? cstr(f["instead"]) : "NULL") " },"
	if ("family" in f) {
		frows[nf++] = row
	} else {
		if (np > 0 && !(last "" < n "")) fail(n ": out of order")
		last = n
		names[np] = n
		rows[np++] = row
	}
	split("", f); text = 0
}
BEGIN {
	n = split("str path service transport table list keywords match restrictions raw enum int size time bool", k, " ")
	for (i = 1; i <= n; i++) { ctype[k[i]] = "PARAM_" toupper(k[i]) }
	cstatus["obsolete"] = "PARAM_OBSOLETE"; cstatus["deprecated"] = "PARAM_DEPRECATED"; cstatus["per-service"] = "PARAM_PER_SERVICE"
}
/^#/ { next }
/^$/ { flush(); next }
/^\|/ { text = 1; next }
/^[a-z-]+:/ {
	key = $0; sub(/:.*/, "", key)
	val = substr($0, length(key) + 2); sub(/^ /, "", val)
	if (key in f) fail("second " key)
	f[key] = val
	next
}
{ fail("not understood: " $0) }
END {
	flush()
	if (bad) exit 1
	print "/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by params.awk from params.tbl: do not edit. */"
	if (out == "h") {
		print "#ifndef CONFIG_PARAMS_H\n#define CONFIG_PARAMS_H\n\nenum conf_param {"
		for (i = 0; i < np; i++) print "\tP_" names[i] ","
		print "\tP_COUNT\n};\n\n#endif"
	} else {
		print "#include \"config/param.h\"\n\nconst struct param param_table[P_COUNT] = {"
		for (i = 0; i < np; i++) print rows[i]
		print "};\n\nconst struct param param_families[] = {"
		for (i = 0; i < nf; i++) print frows[i]
		print "};\nconst size_t param_families_count = sizeof(param_families) / sizeof(param_families[0]);"
	}
}
