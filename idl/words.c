/* SPDX-License-Identifier: MIT */
/*
 * Words that generated code uses bare: members and parameters that are the same in every header,
 * and what bodies and tables name. A macro of such a name would reach into all of them.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

/* Sorted, for bsearch(). */
static const char *const words[] = {
	"abi",
	"any",
	"b",
	"bases",
	"batch",
	"bound",
	"c",
	"call",
	"call_of_method",
	"callback",
	"count",
	"d",
	"daemon",
	"data",
	"default_field",
	"deferred",
	"defined",
	"deprecated",
	"docs",
	"entry_size",
	"enumerators",
	"exception",
	"f",
	"fd",
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
	"interface",
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
	"object",
	"offset",
	"on_release",
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

static const char *const variables[] = {
	"any",     "batch",  "call",       "daemon",  "data", "deferred", "exception",
	"fd",      "file",   "future",     "id",      "in",   "item",     "line",
	"methods", "object", "on_release", "options", "out",  "proxy",    "ret",
	"self",    "status", "stream",     "uri",
};

static int compare(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

bool word_of_generated_code(const char *name)
{
	return bsearch(name, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), compare);
}

bool word_of_generated_function(const char *name)
{
	return bsearch(name, variables, sizeof(variables) / sizeof(variables[0]),
		       sizeof(variables[0]), compare);
}
