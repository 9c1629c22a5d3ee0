/* SPDX-License-Identifier: MIT */
/*
 * The .proto files of one IDL file. A service that inherits from another module of its file imports
 * that module's file. Where such imports would form a circle, which protoc refuses, the services
 * that close it stand in FILE.MODULE-services.proto, which nothing imports. So there are two goes:
 * the first shows the circles, the second avoids them.
 */
#include <stdint.h>
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
	struct set by_name;
	const struct files *before; /* of the first go; NULL: this is it */
};

/* Returns: the files', NULL if memory is out. */
static struct proto *files_get(struct files *files, const char *name, const char *package)
{
	struct proto **protos;
	struct proto *proto;

	proto = (struct proto *)(uintptr_t)set_get(&files->by_name, name);
	if (proto)
		return proto;
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
	if (!proto->name.failed)
		set_put(&files->by_name, buf_text(&proto->name), proto);
	files->run.failed |= files->by_name.failed;
	return proto;
}

/* ---- circles of imports: Tarjan's strongly connected components ---- */

/* Both with room for all files. */
struct search {
	struct files *files;
	struct proto **path; /* from the first one to that which is looked at */
	struct proto **open; /* met, and not known to which circle they belong */
	size_t n_path, n_open, n_met;
	bool found; /* one of several files */
};

static void meet(struct search *search, struct proto *proto)
{
	proto->number = proto->least = ++search->n_met;
	search->path[search->n_path++] = proto;
	search->open[search->n_open++] = proto;
}

static void look_at(struct search *search, struct proto *proto, struct proto *imported)
{
	if (imported && imported->number == 0)
		meet(search, imported);
	else if (imported && imported->circle == 0 && imported->number < proto->least)
		proto->least = imported->number;
}

/* All that it imports has been looked at. */
static void leave(struct search *search, const struct proto *proto)
{
	struct proto *up = --search->n_path > 0 ? search->path[search->n_path - 1] : NULL;
	struct proto *member;
	size_t n = 0;

	if (up && proto->least < up->least)
		up->least = proto->least;
	if (proto->least < proto->number)
		return;
	do {
		member = search->open[--search->n_open];
		member->circle = proto->number;
		n++;
	} while (member != proto);
	search->found |= n > 1;
}

static void search_from(struct search *search, struct proto *start)
{
	struct proto *proto;

	meet(search, start);
	while (search->n_path > 0) {
		proto = search->path[search->n_path - 1];
		proto->at = items_next(&proto->imports, proto->at);
		if (proto->at)
			look_at(search, proto,
				(struct proto *)(uintptr_t)set_get(&search->files->by_name,
								   proto->at));
		else
			leave(search, proto);
	}
}

/* Finds which files import each other, directly or not. Returns whether some do. */
static bool find_circles(struct files *files)
{
	struct search search = { .files = files,
				 .path = calloc(files->n + 1, sizeof(*search.path)),
				 .open = calloc(files->n + 1, sizeof(*search.open)) };

	files->run.failed |= !search.path || !search.open;
	for (size_t i = 0; i < files->n && !files->run.failed; i++)
		if (files->protos[i]->number == 0)
			search_from(&search, files->protos[i]);
	free(search.path);
	free(search.open);
	return search.found;
}

static size_t circle_of(const struct files *files, const char *name)
{
	const struct proto *proto = set_get(&files->before->by_name, name);

	return proto ? proto->circle : 0;
}

/* Whether a service needs messages of a file that reaches the one named, which imports it. */
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
			 circle_of(files, buf_text(&other)) == circle_of(files, name);
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
	set_free(&files->by_name);
	proto_run_clear(&files->run);
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
	if (find_circles(&first)) {
		make(&second);
		files = &second;
	}
	ok = save_all(files, save, data) && !files->run.failed;
	files_clear(&second);
	files_clear(&first);
	return ok;
}
