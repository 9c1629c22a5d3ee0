/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SOURCE_H
#define PYRITE_SOURCE_H
/* Files as texts in memory. */
#include "ast.h"

struct front;

struct source { /* one file, read once */
	struct ast_file file;
	const char *text; /* size bytes and a NUL */
	size_t size;
	unsigned long long device, inode; /* who it is */
	bool once;                        /* #pragma once */
	size_t n_mark;                    /* bytes before text: a byte order mark */
};

/* Each sets *error to 0 or errno; NULL if it cannot be read. */
struct source *source_open(struct front *front, const char *path, int *error);
/* Closes the file whose reading was cut short by lack of memory. */
void source_forget(struct front *front);
struct source *source_from_text(struct front *front, const char *path, const char *text);
/* The same for what stands for a file: it may begin with a byte order mark and hold anything. */
struct source *source_from_memory(struct front *front, const char *path, const char *text,
				  size_t n);

#endif
