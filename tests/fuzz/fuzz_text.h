/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_TEXT_H
#define PYRITE_FUZZ_TEXT_H
/* For targets whose inputs are texts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A copy with a NUL behind it. Returns: owned, free(). */
static inline char *text_of(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);

	if (!text)
		abort();
	if (n > 0)
		memcpy(text, data, n);
	text[n] = '\0';
	return text;
}

/* The text before the next end of a line, which is taken from the input. Returns: owned. */
static inline char *take_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t n = end ? (size_t)(end - *data) : *size;
	char *line = text_of(*data, n);

	*data += end ? n + 1 : n;
	*size -= end ? n + 1 : n;
	return line;
}
#endif
