/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shelf.h"

/* One text is enough for a sample; the daemon is serial, so it needs no lock. */
struct text {
	char *title;
	char **lines;
	uint32_t n;
};

static void clear(struct text *text)
{
	while (text->n > 0)
		free(text->lines[--text->n]);
	free(text->lines);
	free(text->title);
	*text = (struct text){ 0 };
}

static int add(struct text *text, const char *line)
{
	char **lines = realloc(text->lines, (text->n + 1) * sizeof(*lines));

	if (lines)
		text->lines = lines;
	if (!lines || !(lines[text->n] = strdup(line)))
		return -PYR_RESOURCE_EXHAUSTED;
	text->n++;
	return 0;
}

static int put(pyr_call *call, const char *title, pyr_stream *stream, uint32_t *ret)
{
	struct text *text = pyr_call_data(call);
	const char *line;
	int more, err = 0;

	clear(text);
	text->title = strdup(title);
	while (err == 0 && (more = shelf_Shelf_put_read(stream, &line)) > 0)
		err = add(text, line);
	*ret = text->n;
	return err < 0 ? err : more;
}

static int get(pyr_call *call, const char *title, pyr_stream *stream)
{
	struct text *text = pyr_call_data(call);
	char line[256];
	uint32_t i;
	int err = 0;

	if (!text->title || strcmp(text->title, title) != 0)
		return shelf_Shelf_raise_Missing(call, &(struct shelf_Missing){ title });
	for (i = 0; i < text->n && err == 0; i++) {
		snprintf(line, sizeof(line), "%u %s", i + 1, text->lines[i]);
		err = shelf_Shelf_get_yield(stream, line);
	}
	return err;
}

static int shout(pyr_call *call, pyr_stream *stream)
{
	const char *line;
	char *loud;
	int more, err = 0;

	(void)call;
	while (err == 0 && (more = shelf_Shelf_shout_read(stream, &line)) > 0) {
		loud = strdup(line);
		for (char *c = loud; c && *c; c++)
			*c = (char)toupper((unsigned char)*c);
		err = shelf_Shelf_shout_yield(stream, loud);
		free(loud);
	}
	return err < 0 ? err : more;
}

static const struct shelf_Shelf_methods methods = { .put = put, .get = get, .shout = shout };

int main(void)
{
	struct text text = { 0 };
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = shelf_Shelf_register(daemon, NULL, &methods, &text);
	int err;

	if (pyr_ns_register(ns, "example.shelf", uri) < 0)
		return pyr_perror("example.shelf");
	puts("Ready");
	fflush(stdout);
	err = pyr_daemon_run(daemon);
	clear(&text);
	return err < 0;
}
