/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_FORMAT_COMMAND_H
#define PYRITE_CODEGEN_FORMAT_COMMAND_H
/* pyrite-idl --format. */
#include <stdbool.h>
#include <stddef.h>

#include "../idl/idl.h"

enum format_mode {
	FORMAT_PRINT,    /* one file, to stdout */
	FORMAT_IN_PLACE, /* each file that changes is replaced */
	FORMAT_CHECK     /* only said which would change, and where */
};

/* "-" is stdin. Nothing is written unless all files can be parsed. Returns false after saying what
 * is wrong, or which file is not formatted. */
bool format_files(const char *const *files, size_t n_files, const struct idl_options *options,
		  enum format_mode mode);
#endif
