/* SPDX-License-Identifier: MIT */
#include "format_command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

enum { MOST_STDIN = (1 << 20) + 1 }; /* a byte more than the front end takes */

struct formatted {
	const char *name; /* for messages */
	struct idl_unit *unit;
	struct buf text;
	bool ok; /* text is what it should be */
};

/* Reads a file, or a text that stands for it. Returns NULL after printing what is wrong. */
static struct idl_unit *read_pieces(const char *name, const struct idl_options *options,
				    const char *text, size_t n)
{
	struct idl_options with_text = *options;
	struct diag *diag = diag_new();
	struct idl_unit *unit;
	bool ok;

	with_text.keep_pieces = true;
	with_text.text = text;
	with_text.n_text = n;
	unit = diag ? idl_read(name, &with_text, diag) : NULL;
	ok = unit && diag_errors(diag) == 0;
	if (diag && diag_errors(diag) > 0)
		diag_print(diag, stderr);
	else if (!ok)
		fprintf(stderr, "pyrite-idl: %s: out of memory\n", name);
	diag_free(diag);
	if (!ok) {
		idl_unit_free(unit);
		unit = NULL;
	}
	return unit;
}

static struct idl_unit *read_stdin(const struct idl_options *options)
{
	char *text = malloc(MOST_STDIN);
	struct idl_unit *unit = NULL;
	size_t n;

	if (!text) {
		fputs("pyrite-idl: <stdin>: out of memory\n", stderr);
		return NULL;
	}
	n = fread(text, 1, MOST_STDIN, stdin);
	if (ferror(stdin))
		fprintf(stderr, "pyrite-idl: <stdin>: %s\n", strerror(errno));
	else
		unit = read_pieces("<stdin>", options, text, n);
	free(text);
	return unit;
}

/* Reads the result as it would be read as a file: it says the same, or it is not used. */
static bool is_proven(const struct formatted *file, const struct idl_options *options)
{
	struct idl_unit *again;
	bool ok;

	if (file->text.failed) {
		fprintf(stderr, "pyrite-idl: %s: out of memory\n", file->name);
		return false;
	}
	again = read_pieces(file->name, options, buf_text(&file->text), file->text.n);
	ok = again && format_is_same(file->unit, again);
	if (!ok)
		fprintf(stderr,
			"pyrite-idl: %s: internal error: the formatted text says something else\n",
			file->name);
	idl_unit_free(again);
	return ok;
}

static bool format_one(struct formatted *file, const char *path, const struct idl_options *options)
{
	bool is_stdin = strcmp(path, "-") == 0;

	file->name = is_stdin ? "<stdin>" : path;
	file->unit = is_stdin ? read_stdin(options) : read_pieces(path, options, NULL, 0);
	if (!file->unit)
		return false;
	format_unit(&file->text, file->unit);
	return is_proven(file, options);
}

static bool has_changed(const struct formatted *file)
{
	return file->text.n != file->unit->n_text ||
	       memcmp(buf_text(&file->text), file->unit->text, file->text.n) != 0;
}

static void print_line(char mark, const char *text, size_t n)
{
	fputc(mark, stderr);
	for (size_t i = 0; i < n; i++) {
		bool is_control =
			((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 127;

		fputc(is_control ? '?' : text[i], stderr);
	}
	fputc('\n', stderr);
}

/* What cannot be seen of a line that changes. n: without its end; ends: it has one. */
static const char *what_changes(const char *was, size_t n_was, bool ends, const char *is,
				size_t n_is)
{
	if (n_was >= 3 && memcmp(was, "\xef\xbb\xbf", 3) == 0)
		return "begins with a byte order mark";
	if (n_was == n_is + 1 && was[n_was - 1] == '\r' && memcmp(was, is, n_is) == 0)
		return "ends its lines with CR LF";
	if (!ends && n_was == n_is && memcmp(was, is, n_is) == 0)
		return "does not end with a line end";
	return "is not formatted";
}

/* file:line: and the first line that differs. */
static void print_difference(const struct formatted *file)
{
	const char *was = file->unit->text, *was_end = was + file->unit->n_text;
	const char *is = buf_text(&file->text), *is_end = is + file->text.n;
	size_t line = 1, n_was, n_is;
	bool ends;

	for (;; line++) {
		const char *was_stop = memchr(was, '\n', (size_t)(was_end - was));
		const char *is_stop = memchr(is, '\n', (size_t)(is_end - is));

		n_was = (size_t)((was_stop ? was_stop : was_end) - was);
		n_is = (size_t)((is_stop ? is_stop : is_end) - is);
		ends = was_stop != NULL;
		if (n_was != n_is || memcmp(was, is, n_is) != 0 || !was_stop || !is_stop)
			break;
		was = was_stop + 1;
		is = is_stop + 1;
	}
	fprintf(stderr, "%s:%zu: %s\n", file->name, line, what_changes(was, n_was, ends, is, n_is));
	if (n_was > 0 || was < was_end)
		print_line('-', was, n_was);
	if (n_is > 0 || is < is_end)
		print_line('+', is, n_is);
}

static bool print(const struct formatted *file)
{
	if (fwrite(buf_text(&file->text), 1, file->text.n, stdout) == file->text.n &&
	    fflush(stdout) == 0)
		return true;
	fprintf(stderr, "pyrite-idl: <stdout>: %s\n", strerror(errno));
	return false;
}

/* Also behind a symbolic link. */
static bool replace(const struct formatted *file)
{
	char path[PATH_MAX];
	struct stat st;

	if (!realpath(file->name, path) || stat(path, &st) < 0) {
		fprintf(stderr, "pyrite-idl: %s: %s\n", file->name, strerror(errno));
		return false;
	}
	return buf_save_as(&file->text, path, st.st_mode & 07777) == 0;
}

static bool finish(const struct formatted *file, enum format_mode mode)
{
	if (mode == FORMAT_PRINT)
		return print(file);
	if (!has_changed(file))
		return true;
	if (mode == FORMAT_IN_PLACE)
		return replace(file);
	print_difference(file);
	return false;
}

bool format_files(const char *const *files, size_t n_files, const struct idl_options *options,
		  enum format_mode mode)
{
	struct formatted *all = calloc(n_files, sizeof(*all));
	bool ok = all != NULL;

	if (!all)
		fputs("pyrite-idl: out of memory\n", stderr);
	for (size_t i = 0; all && i < n_files; i++)
		ok &= all[i].ok = format_one(&all[i], files[i], options);
	for (size_t i = 0; ok && i < n_files && mode != FORMAT_CHECK; i++)
		ok = finish(&all[i], mode);
	for (size_t i = 0; all && i < n_files && mode == FORMAT_CHECK; i++)
		if (all[i].ok)
			ok &= finish(&all[i], mode);
	for (size_t i = 0; all && i < n_files; i++) {
		idl_unit_free(all[i].unit);
		buf_free(&all[i].text);
	}
	free(all);
	return ok;
}
