/* SPDX-License-Identifier: MIT */
#include "proto_names.h"

#include <stdlib.h>
#include <string.h>

#include "emit.h"

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

static void take_key(struct buf *key, const struct ast_file *file, const char *name)
{
	buf_printf(key, "%s %s", file->path, name);
}

bool proto_is_taken(struct proto_run *run, const struct ast_file *file, const char *name)
{
	struct buf key = { 0 };
	bool is_taken;

	take_key(&key, file, name);
	is_taken = !key.failed && set_has(&run->taken, key.data);
	run->failed |= key.failed;
	buf_free(&key);
	return is_taken;
}

const char *proto_take(struct proto_run *run, const struct ast_file *file, const char *name,
		       const char *suffix)
{
	struct buf key = { 0 };
	const char *kept;

	take_key(&key, file, name);
	while (!key.failed && set_has(&run->taken, key.data))
		buf_str(&key, suffix);
	kept = proto_keep(run, buf_text(&key));
	set_add(&run->taken, kept);
	run->failed |= key.failed || run->taken.failed;
	buf_free(&key);
	return *kept ? kept + strlen(file->path) + 1 : kept;
}

/* The messages of an interface's own operations. */
static void reserve_messages(const struct package *package, const struct ast_decl *decl)
{
	static const char *const suffixes[] = { "request", "reply" };

	for (size_t i = 0; i < 2 * decl->n_operations; i++) {
		const struct ast_decl *operation = decl->operations[i / 2];
		struct buf name = { 0 };

		if (operation->owner != decl || operation->is_message)
			continue;
		buf_printf(&name, "%s_%s_%s", decl->name, operation->wire_name, suffixes[i % 2]);
		proto_take(package->run, package->file, buf_text(&name), "_");
		package->run->failed |= name.failed;
		buf_free(&name);
	}
}

/* Takes the names in the package that are not free to choose: of services, their messages, and of
 * packages further in. */
static void reserve(void *data, const struct ast_decl *decl)
{
	const struct package *package = data;
	size_t n = package->name.n;
	struct buf module = { 0 };

	if (decl->kind != AST_INTERFACE)
		return;
	proto_module(&module, decl);
	if (module.n == n) {
		proto_take(package->run, package->file, decl->name, "_");
		reserve_messages(package, decl);
	} else if (module.data) {
		char *inner = module.data + n + (n > 0);

		inner[strcspn(inner, ".")] = '\0';
		if (!proto_is_taken(package->run, package->file, inner))
			proto_take(package->run, package->file, inner, "_");
	}
	package->run->failed |= module.failed;
	buf_free(&module);
}

/* Chooses the name of a type: that of its modules below the package is part of it. */
static void choose(void *data, const struct ast_decl *decl)
{
	const struct package *package = data;
	struct proto_run *run = package->run;
	const char *rest = decl->wire_name;
	size_t n = package->name.n;
	struct buf name = { 0 };

	if (!is_type(decl))
		return;
	for (rest += n > 0 ? n + 1 : 0; *rest; rest++)
		buf_add(&name, *rest == '.' ? "_" : rest, 1);
	set_put(&run->locals, decl->wire_name,
		proto_take(run, package->file, buf_text(&name), "_"));
	run->failed |= name.failed || run->locals.failed;
	buf_free(&name);
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
	emit_walk(run->unit, file, reserve, &package);
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

void proto_name_reference(struct buf *out, struct proto *proto, const struct ast_file *file,
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
	proto_name_reference(out, proto, decl->loc.file, proto_local_name(proto->run, decl));
}

void proto_file_of(struct buf *out, struct proto_run *run, const struct ast_decl *interface)
{
	const char *package = proto_package(run, interface->loc.file);
	struct buf module = { 0 };

	proto_module(&module, interface);
	proto_file_name(out, interface->loc.file, package, buf_text(&module));
	out->failed |= module.failed;
	buf_free(&module);
}

/* Of an operation with @message: the struct. */
static const struct ast_decl *message_of(const struct ast_decl *operation, bool is_request)
{
	const struct ast_type *type =
		is_request ? operation->items[0]->type->actual : operation->type->actual;

	return type->kind == TYPE_STREAM ? type->elem->actual->decl : type->decl;
}

void proto_operation_reference(struct buf *out, struct proto *proto,
			       const struct ast_decl *operation, const char *which)
{
	const struct ast_decl *owner = operation->owner;
	struct buf module = { 0 }, path = { 0 }, name = { 0 };

	if (operation->is_message) {
		proto_reference(out, proto, message_of(operation, strcmp(which, "request") == 0));
		return;
	}
	proto_module(&module, owner);
	proto_file_of(&path, proto->run, owner);
	proto_import(proto, buf_text(&path));
	buf_printf(&name, "%s_%s_%s", owner->name, operation->wire_name, which);
	qualified(out, proto, buf_text(&module), buf_text(&name));
	out->failed |= module.failed || path.failed || name.failed;
	buf_free(&module);
	buf_free(&path);
	buf_free(&name);
}
