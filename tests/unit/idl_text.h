/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_IDL_TEXT_H
#define PYRITE_IDL_TEXT_H
/* For tests of the front end: IDL as a string in, the tree and the printed report out. */
#include <stdio.h>
#include <sys/stat.h>

#include "idl.h"
#include "test.h"

struct idl_result {
	struct idl_unit *unit;
	char *report;
	size_t n_errors;
};

static char idl_folder[64];

static inline const char *idl_path(const char *name)
{
	static char path[200];

	if (!idl_folder[0]) {
		strcpy(idl_folder, "/tmp/pyrite-idl-XXXXXX");
		if (!mkdtemp(idl_folder))
			abort();
	}
	snprintf(path, sizeof(path), "%s/%s", idl_folder, name);
	return path;
}

static inline void idl_write(const char *name, const char *text, size_t n)
{
	FILE *file = fopen(idl_path(name), "w");

	if (!file || fwrite(text, 1, n, file) != n || fclose(file) != 0)
		abort();
}

static inline struct idl_result idl_read_file(const char *name, const struct idl_options *options)
{
	struct idl_result result = { 0 };
	struct diag *diag = diag_new();
	size_t size;
	FILE *out = open_memstream(&result.report, &size);

	if (!diag || !out)
		abort();
	result.unit = idl_read(idl_path(name), options, diag);
	diag_print(diag, out);
	fclose(out);
	result.n_errors = diag_errors(diag);
	diag_free(diag);
	return result;
}

static inline struct idl_result idl_text(const char *text)
{
	idl_write("main.idl", text, strlen(text));
	return idl_read_file("main.idl", NULL);
}

static inline void idl_done(struct idl_result *result)
{
	idl_unit_free(result->unit);
	free(result->report);
}

/* By a path of names from the root: "m::I::f". The test ends if it is not there. */
static inline struct ast_decl *idl_find(const struct idl_result *result, const char *path)
{
	struct ast_decl *decl = result->unit->root;
	size_t i, n;

	while (*path) {
		n = strcspn(path, ":");
		for (i = 0; i < decl->n_items; i++)
			if (strncmp(decl->items[i]->name, path, n) == 0 &&
			    decl->items[i]->name[n] == '\0')
				break;
		if (i == decl->n_items) {
			printf("no %s in the tree\n%s", path, result->report);
			CU_FAIL_FATAL("no such declaration");
			return NULL;
		}
		decl = decl->items[i];
		path += n;
		path += strspn(path, ":");
	}
	return decl;
}

/* The file is accepted without a word. */
#define CHECK_CLEAN(result) CHECK_STR((result).report, "")

static inline void idl_cleanup(const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		remove(idl_path(names[i]));
	rmdir(idl_folder);
}

#endif
