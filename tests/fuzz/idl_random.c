/* SPDX-License-Identifier: MIT */
/*
 * IDL at random through the front end and all emitters, in this process: nothing crashes, hangs or
 * leaks. Of every `each` trees without errors one is written out, and its C must compile and its
 * .proto pass protoc. Build it with a sanitizer:
 *
 *	idl-random count [seed [each]]
 *
 * File number i comes of seed + i alone, which is printed when something goes wrong.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format_mix.h"
#include "format_through.h"
#include "idl_make.h"
#include "idl_through.h"

enum {
	SECONDS = 60,
	PRINTED = 16,
	FORMATTED = 3
}; /* for one file; one in so many has its messages printed,
    * is formatted */

static char folder[64]; /* in TMPDIR: one in memory, as /dev/shm, halves the time */
static char paths[MAKE_FILES][128];
static volatile uint64_t seed; /* of the file now */
static FILE *nowhere;

/* Of the sanitizer's runtime, if there is one. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void tell_seed(void)
{
	char text[40] = "seed ", digits[24];
	uint64_t number = seed;
	size_t n = 0, at = 5;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		text[at++] = digits[--n];
	text[at++] = '\n';
	if (write(STDERR_FILENO, text, at) < 0)
		_exit(3);
}

static void on_signal(int number)
{
	tell_seed();
	signal(number, SIG_DFL);
	raise(number);
}

/* How far it has come, for who ends a long run. */
static void on_term(int number)
{
	(void)number;
	tell_seed();
	_exit(1);
}

static void watch(void)
{
	signal(SIGTERM, on_term);
	signal(SIGALRM, on_signal);
	signal(SIGABRT, on_signal);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(tell_seed);
	else
		signal(SIGSEGV, on_signal);
}

static int save_to_folder(const struct buf *text, const char *dir, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return buf_save_path(text, path);
}

static bool save(void *data, const char *name, const struct buf *text)
{
	char path[300];

	(void)data;
	snprintf(path, sizeof(path), "%s/pyrite", folder);
	mkdir(path, 0777);
	return save_to_folder(text, folder, name) == 0;
}

static bool write_out(const struct idl_unit *unit)
{
	struct buf header = { 0 }, source = { 0 }, name = { 0 };
	bool ok;

	emit_header(&header, unit, false);
	emit_source(&source, unit);
	buf_printf(&name, "%s.h", unit->main->stem);
	ok = save_to_folder(&header, folder, buf_text(&name)) == 0;
	name.data[name.n - 1] = 'c';
	ok = ok && save_to_folder(&source, folder, buf_text(&name)) == 0 &&
	     emit_proto(unit, save, NULL);
	buf_free(&header);
	buf_free(&source);
	buf_free(&name);
	return ok;
}

/* Returns false if the compiler or protoc has something to say. */
static bool compiles(void)
{
	char command[1024];

	snprintf(
		command, sizeof(command),
		"cd %s && for c in main one two; do ${CC:-cc} -std=c99 -fsyntax-only -Wall -Wextra "
		"-Wshadow "
		"-Wpedantic -Werror -Wno-deprecated-declarations -I " INCLUDE_DIR
		" $c.c || exit 1; done && mkdir -p google/protobuf && printf 'syntax = \"proto3\"; "
		"package google.protobuf; message Any { string type_url = 1; bytes value = 2; }' "
		">google/protobuf/any.proto && protoc -I . --descriptor_set_out=/dev/null *.proto",
		folder);
	return system(command) == 0;
}

/* Also of what was written before a file of the tree was refused. */
static bool clear_outputs(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -f %s/*.proto %s/*.c %s/*.h", folder, folder,
		 folder);
	return system(command) == 0;
}

/* Returns false if what was made is wrong. Trees of which an included file is refused by itself
 * have no header to include. */
static bool check_outputs(void)
{
	struct idl_unit *unit;
	bool all = true, ok = clear_outputs();
	size_t i;

	for (i = 0; all && ok && i < MAKE_FILES; i++) {
		unit = through_front(paths[i], folder, NULL);
		all = unit != NULL;
		ok = !unit || write_out(unit);
		idl_unit_free(unit);
	}
	return ok && (!all || compiles());
}

/* The main file as it is, and with other layout. */
static void format_one(uint64_t state)
{
	struct idl_unit *unit = format_read(paths[0], NULL, 0, true);
	struct buf mixed = { 0 }, text = { 0 };
	const char *fault = format_fault(paths[0], NULL, 0, &text);

	buf_free(&text);
	if (unit && !fault) {
		format_mix(&mixed, unit, &state);
		fault = format_fault(paths[0], buf_text(&mixed), mixed.n, &text);
	}
	if (fault) {
		fprintf(stderr, "%s\n%s\n", fault, buf_text(&mixed));
		abort();
	}
	idl_unit_free(unit);
	buf_free(&mixed);
	buf_free(&text);
}

static struct idl_unit *read_one(uint64_t number)
{
	struct make make = { .state = number * 0x9e3779b97f4a7c15u };
	struct idl_unit *unit;
	size_t i;

	make_idl(&make);
	for (i = 0; i < MAKE_FILES; i++)
		through_write(paths[i], make.texts[i], strlen(make.texts[i]));
	make_free(&make);
	unit = through_front(paths[0], folder, number % PRINTED == 0 ? nowhere : NULL);
	if (unit)
		through_emitters(unit);
	if (number % FORMATTED == 0)
		format_one(number);
	return unit;
}

/* Two versions of something: what one run left, and what this one made. */
static void compare(const struct idl_unit *old, const struct idl_unit *unit)
{
	struct diag *diag = diag_new();

	if (!diag || !breaking_compare(old, unit, diag, nowhere))
		abort();
	diag_free(diag);
}

static int run(uint64_t count, uint64_t first, uint64_t each)
{
	struct idl_unit *old = NULL, *unit;
	uint64_t i, n_accepted = 0, n_compiled = 0;

	for (i = 0; i < count; i++) {
		seed = first + i;
		alarm(SECONDS);
		unit = read_one(seed);
		if (!unit)
			continue;
		if (old)
			compare(old, unit);
		idl_unit_free(old);
		old = unit;
		if (++n_accepted % each == 0) {
			n_compiled++;
			if (!check_outputs()) {
				fprintf(stderr, "what was generated is wrong: look into %s\n",
					folder);
				tell_seed();
				idl_unit_free(old);
				return 1;
			}
		}
	}
	idl_unit_free(old);
	printf("%" PRIu64 " files, %" PRIu64 " without errors, %" PRIu64 " compiled\n", count,
	       n_accepted, n_compiled);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	uint64_t each = argc > 3 ? strtoull(argv[3], NULL, 10) : 100;
	char command[100];
	size_t i;
	int rc;

	nowhere = fopen("/dev/null", "w");
	snprintf(folder, sizeof(folder), "%s/pyrite-idl-random-XXXXXX", fuzz_tmp());
	if (!nowhere || !mkdtemp(folder) || each == 0)
		return 2;
	for (i = 0; i < MAKE_FILES; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, make_names[i]);
	watch();
	rc = run(count, first, each);
	fclose(nowhere);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return rc == 0 && system(command) == 0 ? 0 : 1;
}
