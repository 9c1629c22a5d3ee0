/* SPDX-License-Identifier: MIT */
#include "value/description_own.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool description_fail(struct maker *maker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(maker->text, maker->n_text, format, args);
	va_end(args);
	return false;
}

bool description_no_memory(struct maker *maker)
{
	return description_fail(maker, "out of memory");
}

/* ---- names and numbers ---- */

/* Returns the identifier's length, 0 if there is none. */
static size_t identifier(const char *s)
{
	size_t n = 0;

	if (*s >= '0' && *s <= '9')
		return 0;
	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') ||
	       (s[n] >= '0' && s[n] <= '9') || s[n] == '_')
		n++;
	return n;
}

/* With dots, or without. */
static bool is_name(const char *s, bool is_full)
{
	size_t n;

	if (strlen(s) > DESCRIPTION_NAME)
		return false;
	for (;;) {
		n = identifier(s);
		if (n == 0)
			return false;
		s += n;
		if (*s != '.' || !is_full)
			return !*s;
		s++;
	}
}

bool description_name(struct maker *maker, const char *name, bool is_full)
{
	return is_name(name, is_full) || description_fail(maker, "'%.40s' is not a name", name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorts them. */
bool description_once(struct maker *maker, const char **names, size_t n, const char *of)
{
	size_t i;

	if (n > 1)
		qsort(names, n, sizeof(*names), by_text);
	for (i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return description_fail(maker, "%.100s has '%.40s' twice", of, names[i]);
	return true;
}

bool description_numbers(struct maker *maker, int64_t *numbers, size_t n, const char *of)
{
	size_t i;

	if (n > 1)
		qsort(numbers, n, sizeof(*numbers), by_number);
	for (i = 1; i < n; i++)
		if (numbers[i - 1] == numbers[i])
			return description_fail(maker, "%.100s has the number %" PRId64 " twice",
						of, numbers[i]);
	return true;
}

const char *description_keep(struct maker *maker, const char *text)
{
	return arena_copy(maker->arena, text, strlen(text) + 1);
}
