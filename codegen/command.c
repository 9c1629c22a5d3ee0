/* SPDX-License-Identifier: MIT */
/*
 * pyrite-idl: checks IDL files and generates from them. Nothing is written before every file given
 * was read without errors.
 */
#include "command.h"

#include <argp.h>
#include <pyrite/pyrite.h>
#include <stdlib.h>
#include <string.h>

#include "breaking.h"
#include "depfile.h"
#include "docs.h"
#include "emit.h"
#include "format_command.h"
#include "import.h"
#include "output.h"

#include "../idl/idl.h"

const char *argp_program_version = "pyrite-idl " PYR_VERSION;

enum {
	KEY_C = 256,
	KEY_PROTO,
	KEY_IDL,
	KEY_CHECK,
	KEY_DEPFILE,
	KEY_BREAKING,
	KEY_COMPATIBLE,
	KEY_FORCE,
	KEY_HIDDEN,
	KEY_FORMAT,
	KEY_DOCS,
	KEY_DOCS_FORMAT
};

struct arguments {
	const char *c_dir, *proto_dir, *idl_dir, *docs_dir, *depfile, *old_file;
	const struct docs_format *docs_format;
	bool check, compatible, force, hidden, format, in_place;
	const char **files, **include_dirs, **defines; /* argc long */
	size_t n_files, n_include_dirs, n_defines;
};

static const struct argp_option options[] = {
	{ "c", KEY_C, "DIR", 0, "write FILE.h and FILE.c into DIR", 0 },
	{ "proto", KEY_PROTO, "DIR", 0, "write FILE.proto into DIR", 0 },
	{ "idl", KEY_IDL, "DIR", 0,
	  "write FILE.idl into DIR for each FILE.proto and for its imports (needs protoc)", 0 },
	{ "docs", KEY_DOCS, "DIR", 0,
	  "write pages that document the files, and what they include, into DIR", 0 },
	{ "docs-format", KEY_DOCS_FORMAT, "html|markdown", 0, "with --docs: html unless given", 0 },
	{ "check", KEY_CHECK, NULL, 0,
	  "only check the files for errors; with --format: only report files that are not "
	  "formatted",
	  0 },
	{ "format", KEY_FORMAT, NULL, 0, "print the file formatted; - is standard input", 0 },
	{ "in-place", 'i', NULL, 0, "with --format: write each file back formatted", 0 },
	{ "depfile", KEY_DEPFILE, "FILE", 0, "write the dependencies of the outputs, for make", 0 },
	{ "breaking", KEY_BREAKING, "OLD.idl", 0,
	  "report changes that break programs built from OLD.idl", 0 },
	{ "compatible", KEY_COMPATIBLE, NULL, 0, "with --breaking: also list compatible changes",
	  0 },
	{ "force", KEY_FORCE, NULL, 0, "replace files that pyrite-idl did not write", 0 },
	{ "hidden", KEY_HIDDEN, NULL, 0,
	  "with --c: hide the generated functions from other libraries", 0 },
	{ NULL, 'I', "DIR", 0, "search DIR for included files", 0 },
	{ NULL, 'D', "NAME[=TOKENS]", 0, "define a macro", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static bool is_proto(const char *file)
{
	const char *dot = strrchr(file, '.');

	return dot && strcmp(dot, ".proto") == 0;
}

static void check_format(const struct arguments *arguments, struct argp_state *state)
{
	if (!arguments->format && arguments->in_place)
		argp_error(state, "--in-place needs --format");
	if (!arguments->format)
		return;
	if (arguments->c_dir || arguments->proto_dir || arguments->docs_dir ||
	    arguments->old_file || arguments->depfile || arguments->idl_dir)
		argp_error(state, "--format cannot be combined with options that generate");
	if (arguments->check && arguments->in_place)
		argp_error(state, "give one of --check and --in-place");
	if (arguments->n_files > 1 && !arguments->check && !arguments->in_place)
		argp_error(state, "--format prints one file; for several give --in-place or "
				  "--check");
	for (size_t i = 0; arguments->in_place && i < arguments->n_files; i++)
		if (strcmp(arguments->files[i], "-") == 0)
			argp_error(state, "--in-place cannot write to standard input");
}

/* --idl goes with .proto, all else with .idl. */
static void check_protos(const struct arguments *arguments, struct argp_state *state)
{
	for (size_t i = 0; i < arguments->n_files; i++)
		if (is_proto(arguments->files[i]) != (arguments->idl_dir != NULL))
			argp_error(state, "'%s' is %s .proto, which --idl %s", arguments->files[i],
				   arguments->idl_dir ? "no" : "a",
				   arguments->idl_dir ? "reads" : "makes IDL of");
	if (arguments->idl_dir &&
	    (arguments->c_dir || arguments->proto_dir || arguments->docs_dir || arguments->check ||
	     arguments->old_file || arguments->depfile))
		argp_error(state, "--idl goes with -I and --force alone: give what it writes to "
				  "another run");
}

static void check_usage(const struct arguments *arguments, struct argp_state *state)
{
	bool generates = arguments->c_dir || arguments->proto_dir || arguments->docs_dir;

	if (arguments->n_files == 0)
		argp_error(state, "no file given");
	check_protos(arguments, state);
	check_format(arguments, state);
	if (!generates && !arguments->format && !arguments->check && !arguments->old_file &&
	    !arguments->idl_dir)
		argp_error(state, "nothing to do: give --c, --proto, --docs, --check, --breaking, "
				  "--format or --idl");
	if (arguments->docs_format && !arguments->docs_dir)
		argp_error(state, "--docs-format needs --docs");
	if (arguments->depfile && !arguments->c_dir && !arguments->proto_dir)
		argp_error(state, "--depfile needs --c or --proto");
	if (arguments->old_file && arguments->n_files > 1)
		argp_error(state, "--breaking compares with one file");
	if (arguments->hidden && !arguments->c_dir)
		argp_error(state, "--hidden needs --c");
	if (arguments->compatible && !arguments->old_file)
		argp_error(state, "--compatible needs --breaking");
}

static void set_docs_format(struct arguments *arguments, struct argp_state *state, const char *name)
{
	if (strcmp(name, "html") == 0)
		arguments->docs_format = &docs_html;
	else if (strcmp(name, "markdown") == 0)
		arguments->docs_format = &docs_markdown;
	else
		argp_error(state, "--docs-format is html or markdown, not '%s'", name);
}

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
	case KEY_IDL:
		arguments->idl_dir = argument;
		return 0;
	case KEY_CHECK:
		arguments->check = true;
		return 0;
	case KEY_DEPFILE:
		arguments->depfile = argument;
		return 0;
	case KEY_BREAKING:
		arguments->old_file = argument;
		return 0;
	case KEY_COMPATIBLE:
		arguments->compatible = true;
		return 0;
	case KEY_FORCE:
		arguments->force = true;
		return 0;
	case KEY_HIDDEN:
		arguments->hidden = true;
		return 0;
	case KEY_DOCS:
		arguments->docs_dir = argument;
		return 0;
	case KEY_DOCS_FORMAT:
		set_docs_format(arguments, state, argument);
		return 0;
	case KEY_FORMAT:
		arguments->format = true;
		return 0;
	case 'i':
		arguments->in_place = true;
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
		check_usage(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Where the files of one IDL file go. */
struct destination {
	struct outputs *outputs;
	struct items targets; /* their paths, for the depfile */
	const char *dir, *source;
};

static void add_output(struct destination *to, const char *name, struct buf *text)
{
	items_add(&to->targets, "%s/%s", to->dir, name);
	outputs_add(to->outputs, to->dir, name, text, to->source);
}

static bool add_proto(void *data, const char *name, const struct buf *text)
{
	struct buf copy = { .failed = text->failed };

	buf_add(&copy, buf_text(text), text->n);
	add_output(data, name, &copy);
	return true;
}

static void add_c(const struct idl_unit *unit, struct destination *to, bool hidden)
{
	struct buf header = { 0 }, source = { 0 }, name = { 0 };

	emit_header(&header, unit, hidden);
	emit_source(&source, unit);
	buf_printf(&name, "%s.h", unit->main->stem);
	header.failed |= name.failed;
	add_output(to, buf_text(&name), &header);
	if (!name.failed)
		name.data[name.n - 1] = 'c';
	source.failed |= name.failed;
	add_output(to, buf_text(&name), &source);
	buf_free(&name);
}

/* Whether a name can stand in a comment, and between the quotes of #include and import: one with a
 * line break would put what follows it into the code. */
static bool is_plain_name(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f || *name == '"' || *name == '\\')
			return false;
	return true;
}

static bool check_names(const struct idl_unit *unit)
{
	bool ok = true;

	for (size_t i = 0; i < unit->n_files; i++) {
		if (is_plain_name(unit->files[i]->name))
			continue;
		fputs("pyrite-idl: ", stderr);
		for (const char *c = unit->files[i]->path; *c; c++)
			putc((unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c, stderr);
		fputs(": no code can be generated from a file whose name has quotes, backslashes "
		      "or control characters\n",
		      stderr);
		ok = false;
	}
	return ok;
}

static bool generate(const struct idl_unit *unit, const struct arguments *arguments,
		     struct outputs *outputs, struct buf *rules)
{
	struct destination to = { .outputs = outputs,
				  .dir = arguments->c_dir,
				  .source = unit->main->path };
	bool ok = true;

	if ((arguments->c_dir || arguments->proto_dir) && !check_names(unit))
		return false;
	if (arguments->c_dir)
		add_c(unit, &to, arguments->hidden);
	to.dir = arguments->proto_dir;
	if (arguments->proto_dir)
		ok = emit_proto(unit, add_proto, &to);
	if (!ok)
		fprintf(stderr, "pyrite-idl: %s: out of memory\n", unit->main->path);
	depfile_rule(rules, &to.targets, unit);
	items_clear(&to.targets);
	return ok;
}

struct docs_destination {
	struct outputs *outputs;
	const char *dir;
};

static void add_docs(void *data, const char *name, struct buf *text, const char *source)
{
	struct docs_destination *to = data;

	outputs_add(to->outputs, to->dir, name, text, source ? source : "the index");
}

static bool document(const struct arguments *arguments, struct idl_unit *const *units,
		     struct outputs *outputs)
{
	struct docs_destination to = { outputs, arguments->docs_dir };
	bool ok =
		emit_docs(arguments->docs_format ? arguments->docs_format : &docs_html,
			  (const struct idl_unit *const *)units, arguments->n_files, add_docs, &to);

	if (!ok)
		fputs("pyrite-idl: out of memory\n", stderr);
	return ok;
}

/* What was wrong; and if nothing was, that memory was out. Returns whether all is well. */
static bool report(const struct diag *diag, bool has_result, const char *file)
{
	if (diag)
		diag_print(diag, stderr);
	if (!has_result && (!diag || diag_errors(diag) == 0))
		fprintf(stderr, "pyrite-idl: %s: out of memory\n", file);
	return has_result && diag_errors(diag) == 0;
}

static struct idl_options idl_options_of(const struct arguments *arguments)
{
	return (struct idl_options){
		.include_dirs = arguments->include_dirs,
		.n_include_dirs = arguments->n_include_dirs,
		.defines = arguments->defines,
		.n_defines = arguments->n_defines,
	};
}

static bool read_one(const struct arguments *arguments, const char *file, struct idl_unit **ret)
{
	struct idl_options idl_options = idl_options_of(arguments);
	struct diag *diag = diag_new();
	bool ok;

	*ret = diag ? idl_read(file, &idl_options, diag) : NULL;
	ok = report(diag, *ret != NULL, file);
	diag_free(diag);
	return ok;
}

static bool read_all(const struct arguments *arguments, struct idl_unit **units)
{
	bool ok = true;

	for (size_t i = 0; i < arguments->n_files; i++)
		ok &= read_one(arguments, arguments->files[i], &units[i]);
	return ok;
}

/* Returns whether programs of both versions understand each other. */
static bool compare(const struct arguments *arguments, const struct idl_unit *new_unit)
{
	struct idl_unit *old_unit;
	struct diag *diag;
	bool ok = read_one(arguments, arguments->old_file, &old_unit);

	if (ok) {
		diag = diag_new();
		ok = diag && breaking_compare(old_unit, new_unit, diag,
					      arguments->compatible ? stdout : NULL);
		ok = report(diag, ok, arguments->files[0]);
		diag_free(diag);
	}
	idl_unit_free(old_unit);
	return ok;
}

static bool generate_all(const struct arguments *arguments, struct idl_unit *const *units)
{
	struct outputs outputs = { 0 };
	struct buf rules = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < arguments->n_files; i++)
		ok = generate(units[i], arguments, &outputs, &rules);
	if (ok && arguments->docs_dir)
		ok = document(arguments, units, &outputs);
	ok = ok && outputs_check(&outputs, arguments->force) && outputs_write(&outputs);
	if (ok && arguments->depfile)
		ok = buf_save_path(&rules, arguments->depfile) == 0;
	buf_free(&rules);
	outputs_free(&outputs);
	return ok;
}

/* IDL of each .proto. */
static bool import_all(const struct arguments *arguments)
{
	struct outputs outputs = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < arguments->n_files; i++)
		ok = import_proto(arguments->files[i], arguments->include_dirs,
				  arguments->n_include_dirs, arguments->idl_dir, &outputs);
	ok = ok && outputs_check(&outputs, arguments->force) && outputs_write(&outputs);
	outputs_free(&outputs);
	return ok;
}

static bool format_all(const struct arguments *arguments)
{
	struct idl_options idl_options = idl_options_of(arguments);
	enum format_mode mode = arguments->check      ? FORMAT_CHECK
				: arguments->in_place ? FORMAT_IN_PLACE
						      : FORMAT_PRINT;

	return format_files(arguments->files, arguments->n_files, &idl_options, mode);
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
	if (ok && arguments->old_file)
		ok = compare(arguments, units[0]);
	if (ok && !arguments->check)
		ok = generate_all(arguments, units);
	for (size_t i = 0; i < arguments->n_files; i++)
		idl_unit_free(units[i]);
	free(units);
	return ok;
}

int command_run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE.idl...\n--idl=DIR FILE.proto...",
		.doc = "Checks IDL files and generates C and protobuf from them; generates IDL "
		       "from the .proto files of other gRPC services.",
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
		ok = argp_parse(&argp, argc, argv, 0, NULL, &arguments) == 0 &&
		     (arguments.idl_dir  ? import_all(&arguments)
		      : arguments.format ? format_all(&arguments)
					 : run(&arguments));
	else
		fprintf(stderr, "pyrite-idl: out of memory\n");
	free(arguments.files);
	free(arguments.include_dirs);
	free(arguments.defines);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
