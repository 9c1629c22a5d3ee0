/* SPDX-License-Identifier: MIT */
/*
 * No text makes the front end crash, hang or leak: every file of the corpus is accepted as it is,
 * then read again cut short at every 7th byte and with bytes changed. Run under sanitizers.
 *
 *	test_idl_mutate tests/corpus
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "idl.h"
#include "test.h"

enum { MOST_FILES = 64, STEP = 7, CPU_SECONDS = 12 };

static const char *names[MOST_FILES];
static size_t n_files;
static char scratch[64];

static struct timespec started;

static bool in_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec - started.tv_sec < CPU_SECONDS;
}

static size_t read_path(const char *path, FILE *out)
{
	static const char *const here[] = { "." }; /* mutants stand elsewhere */
	struct idl_options options = { .include_dirs = here, .n_include_dirs = 1 };
	struct diag *diag = diag_new();
	struct idl_unit *unit = idl_read(path, &options, diag);
	size_t n_errors = diag_errors(diag);

	CHECK(unit != NULL);
	diag_print(diag, out);
	idl_unit_free(unit);
	diag_free(diag);
	return n_errors;
}

static void read_text(const char *text, size_t n)
{
	static FILE *nowhere;
	int fd = open(scratch, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	REQUIRE(nowhere != NULL && fd >= 0 && write(fd, text, n) == (ssize_t)n);
	close(fd);
	read_path(scratch, nowhere);
}

static char *load(const char *name, size_t *n)
{
	FILE *file = fopen(name, "r");
	char *text = calloc(1, 1 << 16);

	REQUIRE(file != NULL && text != NULL);
	*n = fread(text, 1, (1 << 16) - 1, file);
	fclose(file);
	return text;
}

TEST(the_corpus_is_accepted)
{
	size_t i;

	CHECK(n_files >= 6);
	for (i = 0; i < n_files; i++)
		if (strcmp(names[i], "unsupported.idl") != 0) /* only to be included */
			CHECK_INT(read_path(names[i], stdout), 0);
}

TEST(a_file_cut_anywhere_is_answered)
{
	size_t i, n, cut, rounds = 0;

	for (i = 0; i < n_files; i++) {
		char *text = load(names[i], &n);

		for (cut = 0; cut < n && in_time(); cut += STEP, rounds++)
			read_text(text, cut);
		free(text);
	}
	CHECK(rounds > 200);
}

/* A fixed sequence of numbers: the same mutations in every run. */
static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void mutate(char *text, size_t n, unsigned *state)
{
	static const char spice[] = "{}()<>;:,\"'#/*@=-~\\\n\0\xff_0a";
	size_t at = next_random(state) % n;

	switch (next_random(state) % 3) {
	case 0:
		text[at] = spice[next_random(state) % sizeof(spice)];
		break;
	case 1:
		text[at] = (char)(text[at] ^ (1 << next_random(state) % 8));
		break;
	default: /* a piece of the file over another */
		memmove(text + at, text + next_random(state) % n,
			(n - at) / 2 < 40 ? (n - at) / 2 : 40);
		break;
	}
}

TEST(a_file_with_bytes_changed_is_answered)
{
	size_t i, n, round, rounds = 0, k;
	unsigned state = 1;

	for (round = 0; round < 150; round++)
		for (i = 0; i < n_files && in_time(); i++, rounds++) {
			char *text = load(names[i], &n);

			for (k = 0; k <= round % 5; k++)
				mutate(text, n - 64, &state);
			read_text(text, n);
			free(text);
		}
	CHECK(rounds > 100);
}

static void list_folder(void)
{
	DIR *dir = opendir(".");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && n_files < MOST_FILES)
		if (strstr(entry->d_name, ".idl") && entry->d_name[0] != '.')
			names[n_files++] = strdup(entry->d_name);
	if (dir)
		closedir(dir);
}

int main(int argc, char **argv)
{
	static const struct test_case tests[] = {
		T(the_corpus_is_accepted),
		T(a_file_cut_anywhere_is_answered),
		T(a_file_with_bytes_changed_is_answered),
	};
	int rc;

	if (argc != 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: test_idl_mutate folder\n");
		return 2;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &started);
	list_folder();
	snprintf(scratch, sizeof(scratch), "/tmp/pyrite-mutant-%d.idl", (int)getpid());
	rc = test_main("idl_mutate", tests, sizeof(tests) / sizeof(tests[0]));
	remove(scratch);
	while (n_files > 0)
		free((void *)names[--n_files]);
	return rc;
}
