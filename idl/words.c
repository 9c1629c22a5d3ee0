/* SPDX-License-Identifier: MIT */
/*
 * Words that generated code uses bare: members and parameters that are the same in every header,
 * and what bodies and tables name. A macro of such a name would reach into all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "names.h"

/* Sorted, for bsearch(). */
static const char *const words[] = {
	"b",
	"bases",
	"bound",
	"c",
	"call",
	"call_of_method",
	"callback",
	"d",
	"daemon",
	"data",
	"default_field",
	"deferred",
	"deprecated",
	"entry_size",
	"enumerators",
	"exception",
	"f",
	"field",
	"fields",
	"file",
	"fingerprint",
	"flags",
	"future",
	"has_offset",
	"i16",
	"i32",
	"i64",
	"i8",
	"id",
	"in",
	"item",
	"items",
	"key",
	"kind",
	"labels",
	"line",
	"methods",
	"n",
	"n_enumerators",
	"n_fields",
	"n_in",
	"n_labels",
	"n_operations",
	"n_out",
	"name",
	"offset",
	"oneof",
	"op",
	"operation",
	"operations",
	"options",
	"out",
	"p",
	"proxy",
	"raises",
	"ret",
	"s",
	"self",
	"shim",
	"size",
	"status",
	"stream",
	"timeout_ms",
	"type",
	"u16",
	"u32",
	"u64",
	"u8",
	"unused_",
	"uri",
	"value",
};

static int compare(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

bool word_of_generated_code(const char *name)
{
	return bsearch(name, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), compare);
}
