/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_IDL_THROUGH_H
#define PYRITE_FUZZ_IDL_THROUGH_H
/* For the fuzzers of pyrite-idl: a file through all of it, in this process. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "breaking.h"
#include "docs.h"
#include "emit.h"
#include "fuzz_tmp.h"

#include "../idl/idl.h"

static inline bool through_forget(void *data, const char *path, const struct buf *text)
{
	size_t *n = data;

	*n += text->n + strlen(path);
	return !text->failed;
}

static inline void through_page(void *data, const char *name, struct buf *text, const char *source)
{
	size_t *n = data;

	(void)source;
	*n += text->n + strlen(name);
	if (text->failed)
		abort();
	buf_free(text);
}

/* Everything that can be made of a tree without errors. */
static inline void through_emitters(const struct idl_unit *unit)
{
	struct buf header = { 0 }, source = { 0 };
	size_t n = 0;

	emit_header(&header, unit, false);
	emit_source(&source, unit);
	if (header.failed || source.failed || !emit_proto(unit, through_forget, &n) || n == 0)
		abort();
	if (!emit_docs(&docs_html, &unit, 1, through_page, &n) ||
	    !emit_docs(&docs_markdown, &unit, 1, through_page, &n))
		abort();
	buf_free(&header);
	buf_free(&source);
}

static const char *through_made; /* the folder of this target's files */

static inline void through_remove(void)
{
	DIR *dir = opendir(through_made);
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", through_made, entry->d_name);
		(void)unlink(path); /* not "." and ".." */
	}
	if (dir)
		closedir(dir);
	(void)rmdir(through_made);
}

/* Makes the folder, which is removed when the process ends. Returns its path. */
static inline const char *through_folder(void)
{
	static char folder[FUZZ_TMP_MAX + 32];

	snprintf(folder, sizeof(folder), "%s/pyrite-fuzz-idl-XXXXXX", fuzz_tmp());
	through_made = mkdtemp(folder);
	if (!through_made || atexit(through_remove) != 0)
		abort();
	return through_made;
}

/* Reads a file; its messages go to out unless that is NULL. Returns: owned, NULL if it has errors.
 */
static inline struct idl_unit *through_front(const char *path, const char *folder, FILE *out)
{
	const char *const folders[] = { folder };
	struct idl_options options = { .include_dirs = folders, .n_include_dirs = 1 };
	struct diag *diag = diag_new();
	struct idl_unit *unit = diag ? idl_read(path, &options, diag) : NULL;

	if (!unit)
		abort();
	if (out)
		diag_print(diag, out);
	if (diag_errors(diag) > 0) {
		idl_unit_free(unit);
		unit = NULL;
	}
	diag_free(diag);
	return unit;
}

static inline void through_write(const char *path, const char *text, size_t n)
{
	FILE *file = fopen(path, "w");

	if (!file || fwrite(text, 1, n, file) != n || fclose(file) != 0)
		abort();
}
#endif
