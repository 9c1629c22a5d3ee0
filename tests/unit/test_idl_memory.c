/* SPDX-License-Identifier: MIT */
/*
 * pyrite-idl when memory is out: the n-th allocation fails, for each n. It then says so and writes
 * nothing, or what it writes is as always; nothing leaks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "command.h"
#include "test.h"

/* ---- allocations; the linker puts these in place of the originals (tests.cmake) ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t n);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
char *__real_realpath(const char *path, char *ret);
void __real_free(void *block);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t n);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
char *__wrap_realpath(const char *path, char *ret);
void __wrap_free(void *block);

static long n_live;
/* Allocations that still succeed; -1: all. Shared with the process that becomes protoc. */
static long *until_failure;

static pid_t own_pid;

static bool fails(void)
{
	static int n_in_child;

	if (getpid() != own_pid && n_in_child++ > 0)
		return false; /* gcov's, in a build that has it, as the process becomes protoc */
	if (*until_failure < 0 || (*until_failure)-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

static void *taken(void *block)
{
	n_live += block != NULL;
	return block;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : taken(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : taken(__real_calloc(n, size));
}

void *__wrap_realloc(void *block, size_t n)
{
	if (fails())
		return NULL;
	return block ? __real_realloc(block, n) : taken(__real_realloc(NULL, n));
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : taken(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t n)
{
	return fails() ? NULL : taken(__real_strndup(text, n));
}

char *__wrap_realpath(const char *path, char *ret)
{
	if (ret)
		return __real_realpath(path, ret);
	return fails() ? NULL : taken(__real_realpath(path, NULL));
}

void __wrap_free(void *block)
{
	n_live -= block != NULL;
	__real_free(block);
}

/* ---- files ---- */

static char folder[64];

static const char *at(const char *name)
{
	static char paths[4][128];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, name);
	return paths[i];
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(at(name), "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

/* Of all that a file holds, "" if there is none. */
static const char *content(const char *name)
{
	static char text[1 << 17];
	FILE *file = fopen(at(name), "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[n] = '\0';
	return text;
}

static unsigned long hash(const char *text)
{
	unsigned long ret = 5381;

	for (; *text; text++)
		ret = ret * 33 + (unsigned char)*text;
	return ret;
}

/* ---- runs ---- */

/* A command, and the files it writes; "stdout" is one, and so is what a command changes in place.
 */
struct run {
	const char *arguments[10];
	const char *outputs[8];
	void (*prepare)(void);
};

enum {
	N_OUTPUTS = 8,
	STEP = 10 / OFTEN(10) /* under a sanitizer only every tenth allocation */
};

static int run_once(const struct run *run)
{
	static const char *const streams[] = { NULL, "stdout", "stderr" };
	char *argv[12] = { "pyrite-idl" }, texts[10][128];
	int argc, fd, kept[3], code;

	for (argc = 1; argc < 11 && run->arguments[argc - 1]; argc++) {
		const char *argument = run->arguments[argc - 1];

		snprintf(texts[argc - 1], sizeof(texts[0]), "%s",
			 argument[0] == '-'   ? argument
			 : argument[0] == '+' ? argument + 1
					      : at(argument));
		argv[argc] = texts[argc - 1];
	}
	for (int i = 1; i < 3; i++) {
		fd = open(at(streams[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		kept[i] = dup(i);
		if (fd < 0 || kept[i] < 0 || dup2(fd, i) < 0)
			abort();
		close(fd);
	}
	code = command_run(argc, argv);
	fflush(stdout);
	for (int i = 1; i < 3; i++) {
		dup2(kept[i], i);
		close(kept[i]);
	}
	return code;
}

static void clear(const struct run *run)
{
	for (int i = 0; i < N_OUTPUTS && run->outputs[i]; i++)
		remove(at(run->outputs[i]));
	if (run->prepare)
		run->prepare();
}

/* Only the n-th allocation fails. Returns whether there was an n-th. */
static bool fails_at(const struct run *run, int expected, long n, const unsigned long *good)
{
	unsigned long before[N_OUTPUTS];
	long n_before;
	int code;

	clear(run);
	for (int i = 0; i < N_OUTPUTS && run->outputs[i]; i++)
		before[i] = hash(content(run->outputs[i]));
	n_before = n_live;
	*until_failure = n;
	code = run_once(run);
	if (*until_failure >= 0) {
		*until_failure = -1;
		CHECK_INT(code, expected);
		return false;
	}
	CHECK_INT(n_live, n_before);
	if (code != expected)
		CHECK_HAS(content("stderr"), "emory");
	for (int i = 0; i < N_OUTPUTS && run->outputs[i]; i++) {
		unsigned long now = hash(content(run->outputs[i]));

		CHECK(now == good[i] || (code != 0 && now == before[i]));
	}
	return true;
}

/* code: as it ends when memory is not out. */
static void torture(const struct run *run, int code, long least)
{
	unsigned long good[N_OUTPUTS] = { 0 };
	long n;

	clear(run);
	CHECK_INT(run_once(run), code);
	if (code == 0)
		CHECK_STR(content("stderr"), "");
	for (int i = 0; i < N_OUTPUTS && run->outputs[i]; i++)
		good[i] = hash(content(run->outputs[i]));
	for (n = 0; fails_at(run, code, n, good); n += STEP)
		;
	CHECK(n >= least);
}

/* Something of everything. */
static const char full[] =
	"#define MOST 5\n"
	"/** About m. */ module m {\n"
	"const long N = MOST; const string S = \"long \" \"text\"; const double D = 0.1;\n"
	"enum Color { red, green }; enum Low { a, b };\n"
	"exception Bad { string why; };\n"
	"struct Item { long id; @optional string name; sequence<string> tags; long grid[2][3];\n"
	"  map<string, sequence<Color>> colors; @default(7) short d; };\n"
	"union U switch (long) { case 1: case 2: string s; default: Item i; };\n"
	"typedef sequence<Item, MOST> Items;\n"
	"interface Base { attribute long size; void ping(); };\n"
	"/** Things of a paragraph that is so long that it does not fit into what a text has room "
	"for at\n"
	" * first: 256 bytes are little when somebody has so much to say about what the interface "
	"is for,\n"
	" * who calls it, and what they see of each other; then there is a list, too.\n"
	" * - one\n *\n * @see Base */\n"
	"interface Thing : Base {\n"
	"  /** Adds.\n   * @param x one `x` */\n"
	"  @idempotent long add(in long x, inout string y, out Items z) raises (Bad);\n"
	"  oneway void post(in any a); @deprecated(\"old\") U u(in U u);\n"
	"  stream<Item> pour(long n); long take(stream<Color> c); Thing same(Thing x, Object o);\n"
	"}; };\n";

static void write_full(void)
{
	write_file("full.idl", full);
}

TEST(a_check_says_that_memory_is_out)
{
	static const struct run run = { { "--check", "full.idl" }, { NULL }, NULL };

	write_full();
	torture(&run, 0, 20);
}

TEST(errors_are_reported_as_far_as_memory_goes)
{
	static const struct run run = { { "--check", "bad.idl" }, { NULL }, NULL };

	write_file("bad.idl", "struct S { long a; long a; Gone b; };\nconst long X = 1 / 0;\n"
			      "interface I { void f(inn long x); @idempotnt void g(); };\n");
	torture(&run, 1, 20);
}

TEST(generated_files_are_whole_or_as_before)
{
	static const struct run run = {
		{ "--c", "", "--proto", "", "--depfile", "full.d", "full.idl" },
		{ "full.h", "full.c", "full.proto", "full.m.proto", "full.d",
		  "pyrite/reference.proto" },
		NULL,
	};

	torture(&run, 0, 500);
}

TEST(pages_are_whole_or_as_before)
{
	static const struct run run = { { "--docs", "", "full.idl" },
					{ "full.html", "index.html" },
					NULL };

	torture(&run, 0, 200);
}

TEST(markdown_is_whole_or_as_before)
{
	static const struct run run = { { "--docs", "", "--docs-format", "+markdown", "full.idl" },
					{ "full.md", "index.md" },
					NULL };

	torture(&run, 0, 200);
}

TEST(a_formatted_file_is_printed_or_not)
{
	static const struct run run = { { "--format", "full.idl" }, { "stdout" }, NULL };

	torture(&run, 0, 50);
}

TEST(a_file_is_formatted_in_place_or_as_before)
{
	static const struct run run = { { "--format", "-i", "full.idl" },
					{ "full.idl" },
					write_full };

	torture(&run, 0, 50);
}

TEST(a_file_that_is_not_formatted_is_named)
{
	static const struct run run = { { "--format", "--check", "full.idl" },
					{ NULL },
					write_full };

	torture(&run, 1, 50);
}

TEST(versions_are_compared_or_not)
{
	static const struct run run = { { "--breaking", "full.idl", "--compatible", "new.idl" },
					{ NULL },
					NULL };

	write_full();
	write_file("new.idl",
		   "module m { enum Color { red, green, blue };\n"
		   "exception Bad { string why; long code; };\n"
		   "struct Item { long id; string name; };\n"
		   "interface Base { void ping(long n); }; interface More : Base {};\n"
		   "interface Thing : Base { oneway void post(in any a); void fresh(); }; };\n");
	torture(&run, 1, 50);
}

/* What protoc would print is in a file: see main(). */
TEST(idl_of_a_proto_is_whole_or_as_before)
{
	static const struct run run = { { "--idl", "", "testing.proto" }, { "testing.idl" }, NULL };

	torture(&run, 0, 10);
}

static const struct test_case tests[] = {
	T(a_check_says_that_memory_is_out),
	T(errors_are_reported_as_far_as_memory_goes),
	T(generated_files_are_whole_or_as_before),
	T(pages_are_whole_or_as_before),
	T(markdown_is_whole_or_as_before),
	T(a_formatted_file_is_printed_or_not),
	T(a_file_is_formatted_in_place_or_as_before),
	T(a_file_that_is_not_formatted_is_named),
	T(versions_are_compared_or_not),
	T(idl_of_a_proto_is_whole_or_as_before),
};

/* protoc is run once; after that, what it printed is printed again, which is faster. */
static void stand_in_for_protoc(const char *proto)
{
	char text[600];

	snprintf(
		text, sizeof(text),
		"protoc --include_imports --include_source_info --descriptor_set_out=%s -I %.*s %s",
		at("set"), (int)(strrchr(proto, '/') - proto), proto, proto);
	if (system(text) != 0)
		abort();
	snprintf(text, sizeof(text), "#!/bin/sh\nexec cat %s\n", at("set"));
	write_file("protoc", text);
	chmod(at("protoc"), 0700);
	snprintf(text, sizeof(text), "%s:%s", folder, getenv("PATH"));
	setenv("PATH", text, 1);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "full.idl",
					     "bad.idl",
					     "new.idl",
					     "stdout",
					     "stderr",
					     "full.h",
					     "full.c",
					     "full.d",
					     "full.proto",
					     "full.m.proto",
					     "pyrite/reference.proto",
					     "pyrite",
					     "full.html",
					     "index.html",
					     "full.md",
					     "index.md",
					     "testing.idl",
					     "set",
					     "protoc" };
	int rc;

	until_failure = mmap(NULL, sizeof(*until_failure), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (until_failure == MAP_FAILED)
		abort();
	*until_failure = -1;
	own_pid = getpid();
	strcpy(folder, "/tmp/pyrite-idl-memory-XXXXXX");
	if (argc != 2 || !mkdtemp(folder))
		abort();
	stand_in_for_protoc(argv[1]);
	rc = test_main("idl_memory", tests, sizeof(tests) / sizeof(tests[0]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(at(names[i]));
	if (rmdir(folder) != 0)
		perror(folder);
	return rc;
}
