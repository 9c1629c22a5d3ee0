/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "proto.h"

void proto_module(struct buf *out, const struct ast_decl *decl)
{
	const struct ast_decl *up = decl->parent;

	while (up && up->kind != AST_MODULE)
		up = up->parent;
	if (up && up->wire_name)
		buf_str(out, up->wire_name);
}

/* Cuts a off behind the modules that it shares with b. */
static void common_modules(struct buf *a, const char *b)
{
	const char *text = buf_text(a);
	size_t n = 0, i;

	for (i = 0; text[i] && text[i] == b[i]; i++)
		if (text[i] == '.')
			n = i;
	if ((!text[i] || text[i] == '.') && (!b[i] || b[i] == '.'))
		n = i;
	a->n = n;
	if (a->data)
		a->data[n] = '\0';
}

struct package {
	struct proto_run *run;
	const struct ast_file *file;
	struct buf name;
	bool any;
};

static bool is_type(const struct ast_decl *decl)
{
	return decl->kind == AST_STRUCT || decl->kind == AST_EXCEPTION || decl->kind == AST_UNION ||
	       decl->kind == AST_ENUM || decl->kind == AST_TYPEDEF;
}

static void widen(void *data, const struct ast_decl *decl)
{
	struct package *package = data;
	struct buf module = { 0 };

	if (!is_type(decl) && decl->kind != AST_INTERFACE)
		return;
	proto_module(&module, decl);
	if (!package->any)
		buf_str(&package->name, buf_text(&module));
	else
		common_modules(&package->name, buf_text(&module));
	package->any = true;
	package->name.failed |= module.failed;
	buf_free(&module);
}

/* Chooses the name of a type: that of its modules below the package is part of it. */
static void choose(void *data, const struct ast_decl *decl)
{
	struct package *package = data;
	struct proto_run *run = package->run;
	struct buf name = { 0 }, key = { 0 };
	const char *rest = decl->wire_name;
	size_t n = package->name.n;

	if (!is_type(decl))
		return;
	for (rest += n > 0 ? n + 1 : 0; *rest; rest++)
		buf_add(&name, *rest == '.' ? "_" : rest, 1);
	buf_printf(&key, "%s %s", package->file->path, buf_text(&name));
	while (!key.failed && !name.failed && set_has(&run->taken, key.data)) {
		buf_str(&name, "_");
		buf_str(&key, "_");
	}
	set_add(&run->taken, proto_keep(run, buf_text(&key)));
	set_put(&run->locals, decl->wire_name, proto_keep(run, buf_text(&name)));
	run->failed |= name.failed || key.failed || run->taken.failed || run->locals.failed;
	buf_free(&name);
	buf_free(&key);
}

const char *proto_package(struct proto_run *run, const struct ast_file *file)
{
	struct package package = { .run = run, .file = file };
	struct proto_package *packages;
	const char *kept;

	for (size_t i = 0; i < run->n_packages; i++)
		if (run->packages[i].file == file)
			return run->packages[i].name;
	emit_walk(run->unit, file, widen, &package);
	emit_walk(run->unit, file, choose, &package);
	kept = proto_keep(run, buf_text(&package.name));
	packages = realloc(run->packages, (run->n_packages + 1) * sizeof(*packages));
	if (packages) {
		packages[run->n_packages++] = (struct proto_package){ file, kept };
		run->packages = packages;
	}
	run->failed |= package.name.failed || !packages;
	buf_free(&package.name);
	return kept;
}

const char *proto_local_name(struct proto_run *run, const struct ast_decl *decl)
{
	const char *name;

	proto_package(run, decl->loc.file);
	name = set_get(&run->locals, decl->wire_name);
	return name ? name : "";
}

void proto_file_name(struct buf *out, const struct ast_file *file, const char *package,
		     const char *module)
{
	if (strcmp(package, module) == 0)
		buf_printf(out, "%s.proto", file->stem);
	else
		buf_printf(out, "%s.%s.proto", file->stem, module);
}

/* Whether a bare name might be read as something else: a word of the language, or a message that
 * protoc makes for a map. */
static bool needs_dot(const char *name)
{
	static const char *const words[] = {
		"bool",     "bytes",    "double",   "enum",    "extend",   "extensions", "fixed32",
		"fixed64",  "float",    "group",    "import",  "int32",    "int64",      "map",
		"max",      "message",  "oneof",    "option",  "optional", "package",    "public",
		"repeated", "required", "reserved", "returns", "rpc",      "service",    "sfixed32",
		"sfixed64", "sint32",   "sint64",   "stream",  "string",   "syntax",     "to",
		"uint32",   "uint64",   "weak",
	};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return n >= 5 && strcmp(name + n - 5, "Entry") == 0;
}

/* A name in a package as it looks from where proto stands. */
static void qualified(struct buf *out, const struct proto *proto, const char *package,
		      const char *name)
{
	bool here = strcmp(package, buf_text(&proto->package)) == 0;

	if (here && !needs_dot(name))
		buf_str(out, name);
	else
		buf_printf(out, ".%s%s%s", package, *package ? "." : "", name);
}

/* A name in FILE.proto of a file. */
static void in_file(struct buf *out, struct proto *proto, const struct ast_file *file,
		    const char *name)
{
	struct buf path = { 0 };

	proto_file_name(&path, file, "", "");
	proto_import(proto, buf_text(&path));
	qualified(out, proto, proto_package(proto->run, file), name);
	out->failed |= path.failed;
	buf_free(&path);
}

void proto_reference(struct buf *out, struct proto *proto, const struct ast_decl *decl)
{
	in_file(out, proto, decl->loc.file, proto_local_name(proto->run, decl));
}

static const struct ast_file *wrapper_file(struct proto_run *run, const struct ast_type *type,
					   const char *name)
{
	struct proto_wrapper *wrappers;

	for (size_t i = 0; i < run->n_wrappers; i++)
		if (strcmp(run->wrappers[i].wire_name, type->wire_name) == 0)
			return run->wrappers[i].file;
	wrappers = realloc(run->wrappers, (run->n_wrappers + 1) * sizeof(*wrappers));
	if (!wrappers) {
		run->failed = true;
		return run->file;
	}
	wrappers[run->n_wrappers++] = (struct proto_wrapper){ type->wire_name, run->file };
	run->wrappers = wrappers;
	proto_wrapper(run->types, type, name);
	return run->file;
}

void proto_wrapper_reference(struct buf *out, struct proto *proto, const struct ast_type *type)
{
	const char *dot = strrchr(type->wire_name, '.');
	const char *name = dot ? dot + 1 : type->wire_name;

	in_file(out, proto, wrapper_file(proto->run, type, name), name);
}

void proto_operation_reference(struct buf *out, struct proto *proto,
			       const struct ast_decl *operation, const char *which)
{
	const struct ast_decl *owner = operation->owner;
	const char *package = proto_package(proto->run, owner->loc.file);
	struct buf module = { 0 }, path = { 0 }, name = { 0 };

	proto_module(&module, owner);
	proto_file_name(&path, owner->loc.file, package, buf_text(&module));
	proto_import(proto, buf_text(&path));
	buf_printf(&name, "%s_%s_%s", owner->name, operation->wire_name, which);
	qualified(out, proto, buf_text(&module), buf_text(&name));
	out->failed |= module.failed || path.failed || name.failed;
	buf_free(&module);
	buf_free(&path);
	buf_free(&name);
}

const char *proto_keep(struct proto_run *run, const char *text)
{
	char **kept = realloc(run->kept, (run->n_kept + 1) * sizeof(*kept));
	char *copy = strdup(text);

	if (kept)
		run->kept = kept;
	if (!kept || !copy) {
		free(copy);
		run->failed = true;
		return "";
	}
	run->kept[run->n_kept++] = copy;
	return copy;
}

void proto_import(struct proto *proto, const char *path)
{
	if (strcmp(path, buf_text(&proto->name)) == 0 || set_has(&proto->imported, path))
		return;
	set_add(&proto->imported, proto_keep(proto->run, path));
	items_add(&proto->imports, "%s", path);
}

void proto_init(struct proto *proto, struct proto_run *run, const char *module)
{
	const char *package = proto_package(run, run->file);

	*proto = (struct proto){ .run = run };
	buf_str(&proto->package, module ? module : package);
	proto_file_name(&proto->name, run->file, package, buf_text(&proto->package));
}

void proto_clear(struct proto *proto)
{
	buf_free(&proto->name);
	buf_free(&proto->package);
	buf_free(&proto->body);
	items_clear(&proto->imports);
	set_free(&proto->imported);
	set_free(&proto->enumerators);
}

void proto_run_clear(struct proto_run *run)
{
	for (size_t i = 0; i < run->n_kept; i++)
		free(run->kept[i]);
	free(run->kept);
	free(run->packages);
	set_free(&run->locals);
	set_free(&run->taken);
	free(run->wrappers);
}
