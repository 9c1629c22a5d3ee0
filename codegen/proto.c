/* SPDX-License-Identifier: MIT */
#include "proto.h"

#include <stdlib.h>
#include <string.h>

/* There is room up to the next power of two. */
static bool make_room(struct proto_run *run)
{
	size_t n = run->n_kept;
	char **kept;

	if (n & (n - 1))
		return true;
	kept = realloc(run->kept, (n > 0 ? 2 * n : 1) * sizeof(*kept));
	if (kept)
		run->kept = kept;
	return kept;
}

const char *proto_keep(struct proto_run *run, const char *text)
{
	char *copy = strdup(text);

	if (!copy || !make_room(run)) {
		free(copy);
		run->failed = true;
		return "";
	}
	run->kept[run->n_kept++] = copy;
	return copy;
}

void proto_import(struct proto *proto, const char *path)
{
	if (strcmp(path, buf_text(&proto->name)) == 0 || set_has(&proto->imported, path))
		return;
	set_add(&proto->imported, proto_keep(proto->run, path));
	items_add(&proto->imports, "%s", path);
}

void proto_doc(struct buf *out, size_t indent, const char *doc)
{
	while (doc && *doc) {
		size_t n = strcspn(doc, "\n");

		buf_printf(out, "%*s//%s", (int)indent, "", n > 0 ? " " : "");
		for (size_t i = 0; i < n; i++)
			buf_add(out, (unsigned char)doc[i] < ' ' ? " " : doc + i, 1);
		buf_str(out, "\n");
		doc += n + (doc[n] == '\n');
	}
}

void proto_init(struct proto *proto, struct proto_run *run, const char *name, const char *package)
{
	*proto = (struct proto){ .run = run };
	buf_str(&proto->name, name);
	buf_str(&proto->package, package);
}

void proto_clear(struct proto *proto)
{
	buf_free(&proto->name);
	buf_free(&proto->package);
	buf_free(&proto->body);
	items_clear(&proto->imports);
	set_free(&proto->imported);
}

void proto_run_clear(struct proto_run *run)
{
	for (size_t i = 0; i < run->n_kept; i++)
		free(run->kept[i]);
	free(run->kept);
	free(run->packages);
	set_free(&run->locals);
	set_free(&run->taken);
	set_free(&run->wrappers);
}
