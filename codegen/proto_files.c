/* SPDX-License-Identifier: MIT */
/*
 * The .proto files of one IDL file. A service that inherits from another module of its file imports
 * that module's file. Where such imports would form a circle, which protoc refuses, the services
 * that close it stand in FILE.MODULE-services.proto, which nothing imports. So there are two goes:
 * the first shows the circles, the second avoids them.
 */
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "proto_decl.h"
#include "proto_names.h"

static const char reference_proto[] =
	"// A remote object as a value; the same for all interfaces.\n"
	"syntax = \"proto3\";\n"
	"package pyrite;\n"
	"\n"
	"message Reference {\n"
	"  string interface = 1;\n"
	"  fixed64 fingerprint = 2;\n"
	"  repeated string uris = 3;\n"
	"  string object = 4;\n"
	"  bytes link_local = 5;\n"
	"}\n";

struct files {
	struct proto_run run;
	struct proto **protos; /* [0] is FILE.proto */
	size_t n;
	const struct files *before; /* of the first go; NULL: this is it */
};

/* Returns: the files', NULL if memory is out. */
static struct proto *files_get(struct files *files, const char *name, const char *package)
{
	struct proto **protos;
	struct proto *proto;

	for (size_t i = 0; i < files->n; i++)
		if (strcmp(buf_text(&files->protos[i]->name), name) == 0)
			return files->protos[i];
	protos = realloc(files->protos, (files->n + 1) * sizeof(*protos));
	proto = malloc(sizeof(*proto));
	if (protos)
		files->protos = protos;
	if (!protos || !proto) {
		files->run.failed = true;
		free(proto);
		return NULL;
	}
	proto_init(proto, &files->run, name, package);
	files->protos[files->n++] = proto;
	return proto;
}

static size_t files_find(const struct files *files, const char *name)
{
	size_t i = 0;

	while (i < files->n && strcmp(buf_text(&files->protos[i]->name), name) != 0)
		i++;
	return i;
}

/* Marks all that the file imports, directly or not. */
static void mark(const struct files *files, size_t from, bool *marks)
{
	const struct items *imports = &files->protos[from]->imports;
	const char *name;

	for (name = items_next(imports, NULL); name; name = items_next(imports, name)) {
		size_t to = files_find(files, name);

		if (to == files->n || marks[to])
			continue;
		marks[to] = true;
		mark(files, to, marks);
	}
}

static bool reaches(struct files *files, const char *from, const char *to)
{
	const struct files *graph = files->before;
	size_t start = files_find(graph, from), end = files_find(graph, to);
	bool *marks = calloc(graph->n + 1, sizeof(*marks));
	bool found = false;

	files->run.failed |= !marks;
	if (marks && start < graph->n && end < graph->n) {
		mark(graph, start, marks);
		found = marks[end];
	}
	free(marks);
	return found;
}

/* Whether a service needs messages of a file that reaches the one named. */
static bool closes_circle(struct files *files, const struct ast_decl *decl, const char *name)
{
	bool closes = false;

	for (size_t i = 0; files->before && i < decl->n_operations && !closes; i++) {
		const struct ast_decl *owner = decl->operations[i]->owner;
		struct buf other = { 0 };

		if (owner == decl || owner->loc.file != decl->loc.file)
			continue;
		proto_file_of(&other, &files->run, owner);
		closes = strcmp(buf_text(&other), name) != 0 &&
			 reaches(files, buf_text(&other), name);
		files->run.failed |= other.failed;
		buf_free(&other);
	}
	return closes;
}

static bool has_own_operations(const struct ast_decl *decl)
{
	for (size_t i = 0; i < decl->n_operations; i++)
		if (decl->operations[i]->owner == decl)
			return true;
	return false;
}

static void service(struct files *files, const struct ast_decl *decl)
{
	struct buf module = { 0 }, name = { 0 }, apart = { 0 };
	struct proto *proto, *messages;

	proto_module(&module, decl);
	proto_file_of(&name, &files->run, decl);
	if (closes_circle(files, decl, buf_text(&name))) {
		buf_printf(&apart, "%.*s-services.proto", (int)(name.n - strlen(".proto")),
			   buf_text(&name));
		proto = files_get(files, buf_text(&apart), buf_text(&module));
		messages = proto;
		if (has_own_operations(decl))
			messages = files_get(files, buf_text(&name), buf_text(&module));
	} else {
		proto = messages = files_get(files, buf_text(&name), buf_text(&module));
	}
	if (proto && messages)
		proto_service(proto, messages, decl);
	files->run.failed |= module.failed || name.failed || apart.failed;
	buf_free(&module);
	buf_free(&name);
	buf_free(&apart);
}

static void visit(void *data, const struct ast_decl *decl)
{
	struct files *files = data;

	if (decl->kind == AST_INTERFACE)
		service(files, decl);
	else
		proto_type(files->run.types, decl);
}

static void make(struct files *files)
{
	const struct idl_unit *unit = files->run.unit;
	const char *package = proto_package(&files->run, unit->main);
	struct buf name = { 0 };

	proto_file_name(&name, unit->main, package, package);
	files->run.types = files_get(files, buf_text(&name), package);
	if (files->run.types)
		emit_walk(unit, unit->main, visit, files);
	files->run.failed |= name.failed;
	buf_free(&name);
}

static void files_clear(struct files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		proto_clear(files->protos[i]);
		free(files->protos[i]);
	}
	free(files->protos);
	proto_run_clear(&files->run);
}

static bool has_circles(const struct files *files)
{
	struct files asked = { .before = files };
	bool found = false;

	for (size_t i = 0; i < files->n && !found; i++) {
		const char *name = buf_text(&files->protos[i]->name);

		found = reaches(&asked, name, name) || asked.run.failed;
	}
	return found;
}

static void finish(const struct proto *proto, struct buf *out)
{
	const char *path;

	emit_banner(out, proto->run->unit, "//", "");
	buf_str(out, "syntax = \"proto3\";\n");
	if (proto->package.n > 0)
		buf_printf(out, "package %s;\n", buf_text(&proto->package));
	buf_str(out, proto->imports.n > 0 ? "\n" : "");
	for (path = items_next(&proto->imports, NULL); path;
	     path = items_next(&proto->imports, path))
		buf_printf(out, "import \"%s\";\n", path);
	if (proto->body.n > 0)
		buf_str(out, "\n");
	buf_add(out, buf_text(&proto->body), proto->body.n > 0 ? proto->body.n - 1 : 0);
	out->failed |= proto->run->failed || proto->body.failed || proto->package.failed ||
		       proto->name.failed || proto->imports.text.failed || proto->imported.failed;
}

static bool save_all(const struct files *files, emit_save save, void *data)
{
	struct buf reference = { 0 };
	bool ok = true, referred = false;

	for (size_t i = 0; ok && i < files->n; i++) {
		struct buf text = { 0 };

		finish(files->protos[i], &text);
		ok = save(data, buf_text(&files->protos[i]->name), &text);
		referred |= set_has(&files->protos[i]->imported, "pyrite/reference.proto");
		buf_free(&text);
	}
	buf_str(&reference, reference_proto);
	if (ok && referred)
		ok = save(data, "pyrite/reference.proto", &reference);
	buf_free(&reference);
	return ok;
}

bool emit_proto(const struct idl_unit *unit, emit_save save, void *data)
{
	struct files first = { .run = { .unit = unit } };
	struct files second = { .run = { .unit = unit }, .before = &first };
	struct files *files = &first;
	bool ok;

	make(&first);
	if (has_circles(&first)) {
		make(&second);
		files = &second;
	}
	ok = save_all(files, save, data) && !files->run.failed;
	files_clear(&second);
	files_clear(&first);
	return ok;
}
