/* SPDX-License-Identifier: MIT */
#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format.h"
#include "import_idl.h"
#include "import_want.h"

enum { SET_MAX = 256 << 20, CHUNK = 65536 };

/* The file as protoc knows it: relative to the folder it stands in, which is searched first. */
struct place {
	char *folder;
	const char *name;
};

static bool place_of(const char *file, struct place *ret)
{
	const char *slash = strrchr(file, '/');

	ret->folder =
		slash ? strndup(file, slash == file ? 1 : (size_t)(slash - file)) : strdup(".");
	ret->name = slash ? slash + 1 : file;
	return ret->folder;
}

/* A file inside a folder that is searched is known by its path there: in the innermost of them. */
static const char *inside(const char *file, const char *const *dirs, size_t n, const char **ret_dir)
{
	const char *ret = NULL;
	size_t i, length, best = 0;

	for (i = 0; i < n; i++) {
		length = strlen(dirs[i]);
		while (length > 1 && dirs[i][length - 1] == '/')
			length--;
		if (length < best || strncmp(file, dirs[i], length) != 0 || file[length] != '/')
			continue;
		best = length;
		*ret_dir = dirs[i];
		ret = file + length + 1;
	}
	return ret;
}

static void run_protoc(const char *name, const char *folder, const char *const *dirs, size_t n,
		       int out)
{
	const char **argv = calloc(2 * n + 8, sizeof(*argv));
	size_t k = 0, i;

	if (!argv || dup2(out, 1) < 0) {
		perror("pyrite-idl");
		_exit(126);
	}
	argv[k++] = "protoc";
	argv[k++] = "--include_imports";
	argv[k++] = "--include_source_info";
	argv[k++] = "--descriptor_set_out=/dev/stdout";
	if (folder) { /* protoc takes the first in which it finds the file */
		argv[k++] = "-I";
		argv[k++] = folder;
	}
	for (i = 0; i < n; i++) {
		argv[k++] = "-I";
		argv[k++] = dirs[i];
	}
	argv[k++] = name;
	execvp("protoc", (char **)argv);
	fprintf(stderr, "pyrite-idl: protoc: %s: a .proto is read by it (protobuf-compiler)\n",
		strerror(errno));
	_exit(127);
}

/* Until the end. Returns false after saying why not. */
static bool read_all(int fd, struct buf *ret)
{
	static char chunk[CHUNK];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			buf_add(ret, chunk, (size_t)n);
		if (n > 0 && !ret->failed && ret->n <= SET_MAX)
			continue;
		fprintf(stderr, "pyrite-idl: protoc: %s\n",
			n < 0         ? strerror(errno)
			: ret->failed ? "out of memory"
				      : "its descriptors are too large");
		return false;
	}
	return true;
}

static bool ask_protoc(const char *file, const char *const *dirs, size_t n, struct buf *ret)
{
	struct place place = { 0 };
	const char *dir = NULL, *name = inside(file, dirs, n, &dir);
	int ends[2], status = -1;
	bool ok = false;
	pid_t pid;

	if (!place_of(file, &place) || pipe(ends) != 0) {
		perror("pyrite-idl");
		free(place.folder);
		return false;
	}
	fflush(stderr);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_protoc(name ? name : place.name, name ? dir : place.folder, dirs, n, ends[1]);
	}
	close(ends[1]);
	if (pid > 0)
		ok = read_all(ends[0], ret);
	close(ends[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0; /* it has said why not */
	free(place.folder);
	return ok && pid > 0;
}

static bool write_one(struct import_set *set, struct import_file *file, struct set *names,
		      const char *source, const char *dir, struct outputs *outputs)
{
	struct buf name = { 0 }, text = { 0 };
	const char *key;
	bool ok;

	import_file_name(file, &name);
	key = arena_copy(set->arena, buf_text(&name), name.n + 1);
	ok = !key || set_put(names, key, file->name);
	if (ok) {
		import_write(file, &text);
		text.failed |= name.failed || !key || names->failed;
		format_text(&text, buf_text(&name));
		outputs_add(outputs, dir, buf_text(&name), &text, source);
	} else {
		fprintf(stderr, "pyrite-idl: %s and %s would both be %s\n",
			(const char *)set_get(names, key), file->name, key);
	}
	buf_free(&name);
	return ok;
}

static bool write_all(struct import_set *set, const char *source, const char *dir,
		      struct outputs *outputs)
{
	struct import_file *file;
	struct set names = { 0 }; /* of the files */
	bool ok = true;

	for (file = set->files; ok && file; file = file->next)
		if (file->is_wanted)
			ok = write_one(set, file, &names, source, dir, outputs);
	set_free(&names);
	return ok;
}

bool import_proto(const char *file, const char *const *include_dirs, size_t n_include_dirs,
		  const char *dir, struct outputs *outputs)
{
	struct arena arena;
	struct import_set set = { .arena = &arena };
	struct import_file *main_file;
	struct buf data = { 0 };
	bool ok = ask_protoc(file, include_dirs, n_include_dirs, &data);

	arena_init(&arena, NULL, 0);
	if (ok && !import_set_read(&set, (const uint8_t *)buf_text(&data), data.n)) {
		if (!set.failed)
			fprintf(stderr, "pyrite-idl: %s: protoc wrote no set of descriptors\n",
				file);
		ok = false;
	}
	main_file = set.last_file; /* imports come first */
	ok = ok && main_file && import_want(&set, main_file) && write_all(&set, file, dir, outputs);
	if (set.failed)
		fprintf(stderr, "pyrite-idl: %s: out of memory\n", file);
	import_set_free(&set);
	arena_clear(&arena);
	buf_free(&data);
	return ok;
}
