/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* strptime() */
#include "keys_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEX       "ca/index"
#define FIRST_LINE  "# serial, name, kind, not after, revoked"
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define NEVER       "-"

static const char *const kinds[] = { [KEYS_SERVER] = "server", [KEYS_CLIENT] = "client" };

const char *keys_kind_text(enum keys_kind kind)
{
	return kinds[kind];
}

void keys_time_text(time_t time, char ret[KEYS_TIME])
{
	struct tm parts;

	if (!gmtime_r(&time, &parts) || strftime(ret, KEYS_TIME, TIME_FORMAT, &parts) == 0)
		snprintf(ret, KEYS_TIME, "?");
}

/* ---- lines ---- */

static bool parse_time(const char *text, time_t *ret)
{
	struct tm parts = { 0 };
	const char *end = strptime(text, TIME_FORMAT, &parts);

	if (!end || *end)
		return false;
	*ret = timegm(&parts);
	return true;
}

static bool parse_kind(const char *text, enum keys_kind *ret)
{
	enum keys_kind kind;

	for (kind = KEYS_SERVER; kind <= KEYS_CLIENT; kind++)
		if (strcmp(text, kinds[kind]) == 0) {
			*ret = kind;
			return true;
		}
	return false;
}

/* The line is taken apart. */
static bool parse_row(char *line, struct keys_row *ret)
{
	enum { SERIAL, NAME, KIND, NOT_AFTER, REVOKED, N_FIELDS };
	char *fields[N_FIELDS];
	int i;

	for (i = 0; i < N_FIELDS; i++) {
		fields[i] = strsep(&line, "\t");
		if (!fields[i])
			return false;
	}
	*ret = (struct keys_row){ 0 };
	if (line || strlen(fields[SERIAL]) != KEYS_SERIAL - 1 ||
	    strspn(fields[SERIAL], "0123456789abcdef") != KEYS_SERIAL - 1 ||
	    names_check_issued(fields[NAME]))
		return false;
	strcpy(ret->serial, fields[SERIAL]);
	strcpy(ret->name, fields[NAME]);
	return parse_kind(fields[KIND], &ret->kind) &&
	       parse_time(fields[NOT_AFTER], &ret->not_after) &&
	       (strcmp(fields[REVOKED], NEVER) == 0 || parse_time(fields[REVOKED], &ret->revoked));
}

/* A line that is not understood may be a revocation: the file is refused as a whole. */
static int parse(struct keys_index *index, const struct keys_dir *dir, char *text)
{
	struct keys_row row;
	char *line;
	int number;

	for (number = 1; (line = strsep(&text, "\n")) && text; number++) {
		if (line[0] == '#')
			continue;
		if (!parse_row(line, &row))
			return dir_complain(dir, INDEX,
					    "line %d is damaged: restore the file from a backup",
					    number);
		if (index_add(index, &row) < 0)
			return -1;
	}
	if (line[0])
		return dir_complain(dir, INDEX, "its end is missing: restore it from a backup");
	return 0;
}

int index_read(struct keys_index *index, const struct keys_dir *dir)
{
	struct blob blob;
	int err;

	if (dir_read(dir, INDEX, KEYS_PUBLIC, &blob) < 0)
		return -1;
	blob.data[blob.n] = '\0'; /* dir_read() has left room */
	if (blob.n == 0 || memchr(blob.data, '\0', blob.n))
		err = dir_complain(dir, INDEX, "this is not an index: restore it from a backup");
	else
		err = parse(index, dir, (char *)blob.data);
	blob_free(&blob);
	return err;
}

static void print_row(FILE *out, const struct keys_row *row)
{
	char not_after[KEYS_TIME], revoked[KEYS_TIME] = NEVER;

	keys_time_text(row->not_after, not_after);
	if (row->revoked)
		keys_time_text(row->revoked, revoked);
	fprintf(out, "%s\t%s\t%s\t%s\t%s\n", row->serial, row->name, kinds[row->kind], not_after,
		revoked);
}

int index_write(const struct keys_index *index, const struct keys_dir *dir, const char *folder)
{
	struct blob blob = { 0 };
	char *text = NULL;
	size_t n, i;
	FILE *out = open_memstream(&text, &n);
	int err = -1;

	if (out) {
		fputs(FIRST_LINE "\n", out);
		for (i = 0; i < index->n; i++)
			print_row(out, &index->rows[i]);
		err = fclose(out) == 0 ? blob_set(&blob, text, n) : -1;
	}
	if (err < 0)
		dir_complain(dir, INDEX, "out of memory");
	else
		err = dir_write(dir, folder, "index", &blob, KEYS_SECRET);
	free(text);
	blob_free(&blob);
	return err;
}

/* ---- rows ---- */

int index_add(struct keys_index *index, const struct keys_row *row)
{
	struct keys_row *rows = index->rows;

	/* Full whenever n is a power of two. */
	if ((index->n & (index->n - 1)) == 0) {
		rows = reallocarray(rows, index->n ? index->n * 2 : 1, sizeof(*rows));
		if (!rows) {
			fputs("pyrite keys: out of memory\n", stderr);
			return -1;
		}
		index->rows = rows;
	}
	rows[index->n++] = *row;
	return 0;
}

void index_free(struct keys_index *index)
{
	free(index->rows);
	*index = (struct keys_index){ 0 };
}

const struct keys_row *index_newest(const struct keys_index *index, const char *name)
{
	size_t i;

	for (i = index->n; i-- > 0;)
		if (strcmp(index->rows[i].name, name) == 0)
			return &index->rows[i];
	return NULL;
}

const struct keys_row *index_by_serial(const struct keys_index *index, const char *serial)
{
	size_t i;

	for (i = index->n; i-- > 0;)
		if (strcmp(index->rows[i].serial, serial) == 0)
			return &index->rows[i];
	return NULL;
}

size_t index_n_revoked(const struct keys_index *index)
{
	size_t i, n = 0;

	for (i = 0; i < index->n; i++)
		n += index->rows[i].revoked != 0;
	return n;
}
