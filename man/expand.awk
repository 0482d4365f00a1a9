# SPDX-License-Identifier: Apache-2.0
# Makes a manual page from its source: a line "@parameters PROGRAM" becomes the list of the parameters which params.tbl says
# that PROGRAM acts on, "@parameters-all" all of them with their text.
#	awk -f expand.awk lib/config/params.tbl man/smtpd.8.in >smtpd.8
function esc(s) { gsub(/\\/, "\\e", s); if (s ~ /^[.']/) s = "\\\\&" s; return s }
function flush_record() {
	if (name != "") { n++; names[n] = name; defs[name] = dflt; texts[name] = text; by[name] = used }
	name = ""; dflt = ""; text = ""; used = ""
}
function item(p) { printf ".It Va %s No (%s)\n%s\n", p, defs[p] == "" ? "empty" : esc(defs[p]), texts[p] == "" ? "Not acted on by this release." : texts[p] }
function list(prog,   i, any) {
	print ".Bl -tag -width Ds"
	for (i = 1; i <= n; i++)
		if (prog == "" || index(" " by[names[i]] " ", " " prog " ")) { item(names[i]); any = 1 }
	if (!any) print ".It None."
	print ".El"
}
FILENAME == ARGV[1] {
	if ($1 == "name:") { flush_record(); name = $2 }
	else if ($1 == "family:") { flush_record(); name = "<service>" $2 }
	else if ($1 == "c-default:") dflt = "set when built"
	else if ($1 == "computed:") dflt = "by host"
	else if ($1 == "default:") { dflt = $0; sub(/^default:[ ]*/, "", dflt) }
	else if ($1 == "used-by:") { used = $0; sub(/^used-by:[ ]*/, "", used); gsub(/,/, " ", used) }
	else if ($1 == "|") { t = $0; sub(/^\|[ ]*/, "", t); text = text (text == "" ? "" : "\n") esc(t) }
	next
}
FNR == 1 { flush_record() }
/^@parameters-all/ { list(""); next }
/^@parameters / { list($2); next }
{ print }
