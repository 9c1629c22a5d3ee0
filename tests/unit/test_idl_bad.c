/* SPDX-License-Identifier: MIT */
/*
 * Every file of tests/bad says in its first lines what pyrite-idl must say about it, and must say
 * nothing else: `// line:col: error: text`, one for each error and warning; with a path before
 * where it is about an included file.
 *
 *	test_idl_bad tests/bad
 */
#include <dirent.h>
#include <stdio.h>

#include "idl.h"
#include "test.h"

enum { MOST_FILES = 400, LEAST_FILES = 60 };

/* Inlined, gcc 12 would take what open_memstream() returns for a pointer to `text` itself. */
__attribute__((noinline)) static char *report_on(const char *name, size_t *n_errors)
{
	struct diag *diag = diag_new();
	struct idl_unit *unit = idl_read(name, NULL, diag);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	REQUIRE(out != NULL);
	diag_print(diag, out);
	fclose(out);
	*n_errors = diag_errors(diag);
	idl_unit_free(unit);
	diag_free(diag);
	return text;
}

/* The two lines below a message: the source line and a caret. */
static bool has_caret(const char *message)
{
	const char *source = strchr(message, '\n'), *caret, *end;

	caret = source && source[1] == '\t' ? strchr(source + 1, '\n') : NULL;
	if (!caret || caret[1] != '\t')
		return false;
	end = strchr(caret + 1, '\n');
	return end && end[-1] == '^';
}

static void check_expected(const char *name, const char *line, const char *report)
{
	char expected[600], what[800];
	bool here = line[0] >= '0' && line[0] <= '9';
	const char *found;

	snprintf(expected, sizeof(expected), "%s%s%.*s\n", here ? name : "", here ? ":" : "",
		 (int)strcspn(line, "\n"), line);
	found = strstr(report, expected);
	snprintf(what, sizeof(what), "%s in\n%.150s", expected, report);
	CU_assertImplementation(found && (found == report || found[-1] == '\n'), __LINE__, what,
				name, "", CU_FALSE);
	snprintf(what, sizeof(what), "source line and caret below %s", expected);
	CU_assertImplementation(found && has_caret(found), __LINE__, what, name, "", CU_FALSE);
}

static int count(const char *text, const char *word)
{
	int n = 0;

	for (text = strstr(text, word); text; text = strstr(text + 1, word))
		n++;
	return n;
}

static void check_file(const char *name)
{
	char line[800], what[400];
	size_t n_errors;
	char *report = report_on(name, &n_errors);
	int errors = 0, warnings = 0;
	FILE *file = fopen(name, "r");

	REQUIRE(file != NULL);
	while (fgets(line, sizeof(line), file) && strncmp(line, "// ", 3) == 0) {
		check_expected(name, line + 3, report);
		errors += strstr(line, ": error: ") != NULL;
		warnings += strstr(line, ": warning: ") != NULL;
	}
	fclose(file);
	snprintf(what, sizeof(what), "%s: %d errors and %d warnings expected, got\n%.200s", name,
		 errors, warnings, report);
	CU_assertImplementation(count(report, ": error: ") == errors &&
					count(report, ": warning: ") == warnings && errors > 0 &&
					n_errors == (size_t)errors,
				__LINE__, what, name, "", CU_FALSE);
	free(report);
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

TEST(every_bad_file_is_answered_with_exactly_what_its_first_lines_say)
{
	static char *names[MOST_FILES];
	DIR *dir = opendir(".");
	struct dirent *entry;
	size_t n = 0, i, length;

	REQUIRE(dir != NULL);
	while ((entry = readdir(dir)) && n < MOST_FILES) {
		length = strlen(entry->d_name);
		if (length > 4 && strcmp(entry->d_name + length - 4, ".idl") == 0)
			names[n++] = strdup(entry->d_name);
	}
	closedir(dir);
	CHECK(n >= LEAST_FILES);
	qsort(names, n, sizeof(names[0]), by_name);
	for (i = 0; i < n; i++) {
		check_file(names[i]);
		free(names[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct test_case tests[] = {
		T(every_bad_file_is_answered_with_exactly_what_its_first_lines_say),
	};

	if (argc != 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: test_idl_bad folder\n");
		return 2;
	}
	return test_main("idl_bad", tests, sizeof(tests) / sizeof(tests[0]));
}
