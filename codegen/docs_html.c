/* SPDX-License-Identifier: MIT */
/* HTML5 without scripts and without anything from elsewhere. */
#include <string.h>

#include "docs.h"
#include "docs_own.h"

static const char style[] =
	":root{color-scheme:light dark;--back:#fff;--text:#1f2328;--dim:#59636e;--line:#d1d9e0;"
	"--code:#f6f8fa;--link:#0550ae;--note:#9a6700}\n"
	"@media(prefers-color-scheme:dark){:root{--back:#0d1117;--text:#e6edf3;--dim:#9198a1;"
	"--line:#3d444d;--code:#161b22;--link:#6cb6ff;--note:#d29922}}\n"
	"body{margin:0 auto;max-width:60rem;padding:1rem 1.5rem 4rem;background:var(--back);"
	"color:var(--text);font:16px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.7rem}\n"
	"h2{font-size:1.35rem;margin-top:2.5rem;border-bottom:1px solid var(--line)}\n"
	"h3{font-size:1.1rem;margin-top:2.2rem}\n"
	"h4{font-size:1rem;margin:1.8rem 0 .4rem}\n"
	"h1 small,h2 small,h3 small,h4 small{font-weight:normal;color:var(--dim)}\n"
	"a{color:var(--link);text-decoration:none}\n"
	"a:hover{text-decoration:underline}\n"
	"code,pre{font:.875em/1.5 ui-monospace,monospace}\n"
	"code{overflow-wrap:break-word}\n"
	"pre{margin:.5rem 0;padding:.6rem .9rem;overflow-x:auto;background:var(--code);"
	"border:1px solid var(--line);border-radius:6px}\n"
	"pre.c{border-style:dashed}\n"
	"p{margin:.5rem 0}\n"
	"p.note{color:var(--note)}\n"
	"table{display:block;overflow-x:auto;border-collapse:collapse;margin:.6rem 0}\n"
	"th,td{padding:.25rem .8rem .25rem 0;text-align:left;vertical-align:top;"
	"border-bottom:1px solid var(--line)}\n"
	"th{color:var(--dim);font-weight:normal}\n"
	"td p:first-child{margin-top:0}\n"
	":target{outline:2px solid var(--link);outline-offset:4px}\n";

static const char *escaped(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void html_text(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *instead = escaped(text[i]);

		if (instead)
			buf_str(out, instead);
		else
			buf_add(out, text + i, 1);
	}
}

static void html_str(struct buf *out, const char *text)
{
	html_text(out, text, strlen(text));
}

static void html_code(struct buf *out, const char *text, size_t n)
{
	buf_str(out, "<code>");
	html_text(out, text, n);
	buf_str(out, "</code>");
}

static void html_link(struct buf *out, const char *href, const char *text, bool is_code)
{
	buf_printf(out, "<a href=\"%s\">", href);
	(is_code ? html_code : html_text)(out, text, strlen(text));
	buf_str(out, "</a>");
}

static void html_begin(struct buf *out, const char *title, const char *banner, const char *index)
{
	buf_str(out, "<!DOCTYPE html><!--");
	for (size_t i = 0; banner[i]; i++) /* -- of a file's name would end the comment */
		html_text(out, i > 0 && banner[i] == '-' && banner[i - 1] == '-' ? "_" : &banner[i],
			  1);
	buf_str(out, " -->\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
	html_str(out, title);
	buf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
	if (index) {
		buf_str(out, "<nav>");
		html_link(out, index, "Index", false);
		buf_str(out, "</nav>\n");
	}
	buf_str(out, "<main>\n");
}

static void html_end(struct buf *out)
{
	buf_str(out, "</main>\n</body>\n</html>\n");
}

static void html_heading(struct buf *out, int level, const char *anchor, const char *kind,
			 const char *name)
{
	buf_printf(out, "<h%d", level);
	if (anchor) {
		buf_str(out, " id=\"");
		html_str(out, anchor);
		buf_str(out, "\"");
	}
	buf_str(out, ">");
	if (*kind) {
		buf_str(out, "<small>");
		html_str(out, kind);
		buf_str(out, "</small> ");
	}
	html_str(out, name);
	buf_printf(out, "</h%d>\n", level);
}

static void html_anchor(struct buf *out, const char *anchor)
{
	buf_str(out, "<span id=\"");
	html_str(out, anchor);
	buf_str(out, "\"></span>");
}

static void html_heads(struct buf *out, const char *const *heads, size_t n)
{
	buf_str(out, "<tr>");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "<th>%s</th>", heads[i]);
	buf_str(out, "</tr>\n");
}

const struct docs_format docs_html = {
	.suffix = ".html",
	.open = {
		[DOCS_PARAGRAPH] = "<p>",
		[DOCS_LIST] = "<ul>\n",
		[DOCS_NUMBERED] = "<ol>\n",
		[DOCS_ITEM] = "<li>",
		[DOCS_NUMBERED_ITEM] = "<li>",
		[DOCS_TABLE] = "<table>\n",
		[DOCS_ROW] = "<tr>",
		[DOCS_CELL] = "<td>",
		[DOCS_CODE] = "<pre>",
		[DOCS_IDL] = "<pre>",
		[DOCS_C] = "<pre class=\"c\">",
		[DOCS_NOTE] = "<p class=\"note\">",
	},
	.close = {
		[DOCS_PARAGRAPH] = "</p>\n",
		[DOCS_LIST] = "</ul>\n",
		[DOCS_NUMBERED] = "</ol>\n",
		[DOCS_ITEM] = "</li>\n",
		[DOCS_NUMBERED_ITEM] = "</li>\n",
		[DOCS_TABLE] = "</table>\n",
		[DOCS_ROW] = "</tr>\n",
		[DOCS_CELL] = "</td>",
		[DOCS_CODE] = "</pre>\n",
		[DOCS_IDL] = "</pre>\n",
		[DOCS_C] = "</pre>\n",
		[DOCS_NOTE] = "</p>\n",
	},
	.begin = html_begin,
	.end = html_end,
	.heading = html_heading,
	.anchor = html_anchor,
	.heads = html_heads,
	.text = html_text,
	.code = html_code,
	.raw = html_text,
	.link = html_link,
};
