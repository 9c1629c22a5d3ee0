/* SPDX-License-Identifier: MIT */
#include "face/http/page.h"

#include <string.h>

#include "face/http/page_files.h"

static const struct {
	const char *name, *type;
	const unsigned char *data;
	const size_t *n;
} files[] = {
	{ "", "text/html; charset=utf-8", page_index_html, &page_index_html_size },
	{ "app.js", "text/javascript; charset=utf-8", page_app_js, &page_app_js_size },
	{ "style.css", "text/css; charset=utf-8", page_style_css, &page_style_css_size },
};

void page_get(struct http_request *request, struct http_answer *answer)
{
	const char *name = request->url.n > 0 ? request->url.segments[0] : "";
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(files[i].name, name) != 0)
			continue;
		answer->status = 200;
		answer->type = files[i].type;
		answer->fixed = (struct span){ files[i].data, *files[i].n };
		answer->is_page = true;
		return;
	}
	answer_problem(request, answer, 404, "there is nothing at '/%.200s'", name);
}

void page_redirect(struct http_request *request, struct http_answer *answer)
{
	(void)request;
	answer->status = 302;
	answer_header(answer, "Location", "/");
}
