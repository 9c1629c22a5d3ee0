/* SPDX-License-Identifier: MIT */
/*
 * pyrite-idl: checks IDL files and generates from them. Nothing is written before every file given
 * was read without errors.
 */
#include <argp.h>
#include <errno.h>
#include <pyrite/pyrite.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "depfile.h"
#include "emit.h"

#include "../idl/idl.h"

const char *argp_program_version = "pyrite-idl " PYR_VERSION;

enum { KEY_C = 256, KEY_PROTO, KEY_CHECK, KEY_DEPFILE };

struct arguments {
	const char *c_dir, *proto_dir, *depfile;
	bool check;
	const char **files, **include_dirs, **defines; /* argc long */
	size_t n_files, n_include_dirs, n_defines;
};

static const struct argp_option options[] = {
	{ "c", KEY_C, "DIR", 0, "write FILE.h and FILE.c into DIR", 0 },
	{ "proto", KEY_PROTO, "DIR", 0, "write FILE.proto into DIR", 0 },
	{ "check", KEY_CHECK, NULL, 0, "only report what is wrong", 0 },
	{ "depfile", KEY_DEPFILE, "FILE", 0, "write what the outputs depend on, for make", 0 },
	{ NULL, 'I', "DIR", 0, "look for included files in DIR", 0 },
	{ NULL, 'D', "NAME[=TOKENS]", 0, "define a macro", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEY_C:
		arguments->c_dir = argument;
		return 0;
	case KEY_PROTO:
		arguments->proto_dir = argument;
		return 0;
	case KEY_CHECK:
		arguments->check = true;
		return 0;
	case KEY_DEPFILE:
		arguments->depfile = argument;
		return 0;
	case 'I':
		arguments->include_dirs[arguments->n_include_dirs++] = argument;
		return 0;
	case 'D':
		arguments->defines[arguments->n_defines++] = argument;
		return 0;
	case ARGP_KEY_ARG:
		arguments->files[arguments->n_files++] = argument;
		return 0;
	case ARGP_KEY_END:
		if (arguments->n_files == 0)
			argp_error(state, "no file given");
		if (!arguments->c_dir && !arguments->proto_dir && !arguments->check)
			argp_error(state, "nothing to do: give --c, --proto or --check");
		if (arguments->depfile && !arguments->c_dir && !arguments->proto_dir)
			argp_error(state, "--depfile needs --c or --proto");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct outputs {
	const char *dir;
	struct items *targets; /* paths written, for the depfile */
};

/* Saves a text in a folder of outputs; the one subfolder that a name may have is made. */
static bool save(void *data, const char *name, const struct buf *text)
{
	const struct outputs *outputs = data;
	struct buf path = { 0 };
	const char *slash = strchr(name, '/');
	bool ok;

	if (slash)
		buf_printf(&path, "%s/%.*s", outputs->dir, (int)(slash - name), name);
	ok = !slash || mkdir(buf_text(&path), 0777) == 0 || errno == EEXIST;
	if (!ok)
		fprintf(stderr, "pyrite-idl: %s: %s\n", buf_text(&path), strerror(errno));
	ok = ok && buf_save(text, outputs->dir, name) == 0;
	items_add(outputs->targets, "%s/%s", outputs->dir, name);
	buf_free(&path);
	return ok;
}

static bool save_c(const struct idl_unit *unit, struct outputs *outputs,
		   void (*emit)(struct buf *, const struct idl_unit *), const char *extension)
{
	struct buf text = { 0 }, name = { 0 };
	bool ok;

	emit(&text, unit);
	buf_printf(&name, "%s.%s", unit->main->stem, extension);
	text.failed |= name.failed;
	ok = save(outputs, buf_text(&name), &text);
	buf_free(&text);
	buf_free(&name);
	return ok;
}

static bool generate(const struct idl_unit *unit, const struct arguments *arguments,
		     struct buf *rules)
{
	struct items targets = { 0 };
	struct outputs outputs = { arguments->c_dir, &targets };
	bool ok = true;

	if (arguments->c_dir)
		ok = save_c(unit, &outputs, emit_header, "h") &&
		     save_c(unit, &outputs, emit_source, "c");
	outputs.dir = arguments->proto_dir;
	if (ok && arguments->proto_dir)
		ok = emit_proto(unit, save, &outputs);
	depfile_rule(rules, &targets, unit);
	items_clear(&targets);
	return ok;
}

static bool read_all(const struct arguments *arguments, struct idl_unit **units)
{
	struct idl_options idl_options = {
		.include_dirs = arguments->include_dirs,
		.n_include_dirs = arguments->n_include_dirs,
		.defines = arguments->defines,
		.n_defines = arguments->n_defines,
	};
	bool ok = true;

	for (size_t i = 0; i < arguments->n_files; i++) {
		struct diag *diag = diag_new();

		units[i] = diag ? idl_read(arguments->files[i], &idl_options, diag) : NULL;
		if (diag)
			diag_print(diag, stderr);
		if (!units[i] && (!diag || diag_errors(diag) == 0))
			fprintf(stderr, "pyrite-idl: %s: out of memory\n", arguments->files[i]);
		ok = ok && units[i] && diag_errors(diag) == 0;
		diag_free(diag);
	}
	return ok;
}

static bool generate_all(const struct arguments *arguments, struct idl_unit *const *units)
{
	struct buf rules = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < arguments->n_files; i++)
		ok = generate(units[i], arguments, &rules);
	if (ok && arguments->depfile)
		ok = buf_save_path(&rules, arguments->depfile) == 0;
	buf_free(&rules);
	return ok;
}

static bool run(const struct arguments *arguments)
{
	struct idl_unit **units = calloc(arguments->n_files, sizeof(*units));
	bool ok;

	if (!units) {
		fputs("pyrite-idl: out of memory\n", stderr);
		return false;
	}
	ok = read_all(arguments, units);
	if (ok && !arguments->check)
		ok = generate_all(arguments, units);
	for (size_t i = 0; i < arguments->n_files; i++)
		idl_unit_free(units[i]);
	free(units);
	return ok;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE.idl...",
		.doc = "Checks IDL files and generates C and protobuf from them.",
	};
	size_t n = (size_t)argc + 1;
	struct arguments arguments = {
		.files = calloc(n, sizeof(char *)),
		.include_dirs = calloc(n, sizeof(char *)),
		.defines = calloc(n, sizeof(char *)),
	};
	bool ok = false;

	argp_err_exit_status = 1;
	if (arguments.files && arguments.include_dirs && arguments.defines)
		ok = argp_parse(&argp, argc, argv, 0, NULL, &arguments) == 0 && run(&arguments);
	free(arguments.files);
	free(arguments.include_dirs);
	free(arguments.defines);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
