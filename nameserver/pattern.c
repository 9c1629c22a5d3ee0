/* SPDX-License-Identifier: MIT */
/*
 * The only file that knows PCRE2. Its memory comes from an allocator that stops giving, because the
 * library's own limits bound what a match takes, not what compiling does.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
	size_t used; /* bytes given to PCRE2 */
	pcre2_general_context *memory;
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

/* In front of each piece, so that its size is known when it comes back. */
union piece {
	size_t size;
	max_align_t align;
};

static void *give(size_t size, void *data)
{
	struct pattern *pattern = data;
	union piece *piece;

	if (size > PATTERN_MEMORY - pattern->used)
		return NULL;
	piece = malloc(sizeof(*piece) + size);
	if (!piece)
		return NULL;
	piece->size = size;
	pattern->used += size;
	return piece + 1;
}

static void take_back(void *memory, void *data)
{
	struct pattern *pattern = data;
	union piece *piece = memory;

	if (!piece)
		return;
	piece--;
	pattern->used -= piece->size;
	free(piece);
}

static bool compile(struct pattern *pattern, const char *text, char *ret, size_t size)
{
	pcre2_compile_context *context = pcre2_compile_context_create(pattern->memory);
	PCRE2_SIZE at = 0;
	char why[200];
	int error = 0;

	if (!context) {
		snprintf(ret, size, "out of memory");
		return false;
	}
	pcre2_set_parens_nest_limit(context, PATTERN_NESTING);
	pattern->code =
		pcre2_compile((PCRE2_SPTR)text, strlen(text),
			      PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_NEVER_BACKSLASH_C,
			      &error, &at, context);
	pcre2_compile_context_free(context);
	if (pattern->code)
		return true;
	pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof(why));
	snprintf(ret, size, "%s at position %zu", why, (size_t)at);
	return false;
}

/* What a match needs. */
static bool prepare(struct pattern *pattern)
{
	pattern->match = pcre2_match_data_create(1, pattern->memory);
	pattern->limits = pcre2_match_context_create(pattern->memory);
	if (!pattern->match || !pattern->limits)
		return false;
	pcre2_set_match_limit(pattern->limits, PATTERN_STEPS);
	pcre2_set_depth_limit(pattern->limits, PATTERN_STEPS);
	pcre2_set_heap_limit(pattern->limits, PATTERN_MEMORY / 1024);
	return true;
}

struct pattern *pattern_new(const char *text, char *ret, size_t size)
{
	struct pattern *pattern;

	if (strlen(text) > PATTERN_MAX) {
		snprintf(ret, size, "it has at most %d bytes, not %zu", PATTERN_MAX, strlen(text));
		return NULL;
	}
	pattern = calloc(1, sizeof(*pattern));
	if (pattern)
		pattern->memory = pcre2_general_context_create(give, take_back, pattern);
	if (!pattern || !pattern->memory) {
		snprintf(ret, size, "out of memory");
		free(pattern);
		return NULL;
	}
	if (!compile(pattern, text, ret, size)) {
		pattern_free(pattern);
		return NULL;
	}
	if (!prepare(pattern)) {
		snprintf(ret, size, "it is too large");
		pattern_free(pattern);
		return NULL;
	}
	return pattern;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_match_context_free(pattern->limits);
	pcre2_match_data_free(pattern->match);
	pcre2_code_free(pattern->code);
	pcre2_general_context_free(pattern->memory);
	free(pattern);
}

enum pattern_answer pattern_match(struct pattern *pattern, const char *name)
{
	int n = pcre2_match(pattern->code, (PCRE2_SPTR)name, strlen(name), 0, 0, pattern->match,
			    pattern->limits);

	if (n >= 0)
		return PATTERN_YES;
	return n == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_TOO_MUCH;
}
