/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_PROTO_H
#define PYRITE_CODEGEN_PROTO_H
/*
 * Parts of the protobuf emitter. A .proto file has one package, an IDL file any number of modules.
 * What the modules of a file have in common is the package of FILE.proto, which holds all its types
 * and that module's services; services of modules further in stand in FILE.MODULE.proto.
 *
 * Here is what the parts share. proto_names.c knows what is called how and where, proto_message.c
 * writes messages, proto_decl.c what stands for each declaration, proto_files.c walks the file.
 */
#include "buf.h"
#include "set.h"

#include "../idl/ast.h"

struct proto_package {
	const struct ast_file *file;
	const char *name;
};

/* What all .proto files of a run share. */
struct proto_run {
	const struct idl_unit *unit;
	struct proto *types;            /* FILE.proto */
	struct proto_package *packages; /* of the files asked for so far */
	size_t n_packages;
	struct set locals;   /* wire name -> name in its file's package */
	struct set taken;    /* file and a name in its package */
	struct set wrappers; /* C name of an anonymous collection -> name in FILE.proto's package */
	char **kept;         /* strings that sets refer to */
	size_t n_kept;
	bool failed;
};

/* One .proto file under construction. */
struct proto {
	struct proto_run *run;
	struct buf name;      /* "example.proto" */
	struct buf package;   /* "" = none */
	struct buf body;      /* what stands below the imports */
	struct items imports; /* in the order first met */
	struct set imported;
	/* proto_files.c: of the search for circles of imports */
	size_t number,
		least;  /* in the order in which files are met, from 1 on; the least reached */
	size_t circle;  /* the same for files that import each other; 0: not known yet */
	const char *at; /* the import that is looked at; NULL: none yet */
};

void proto_init(struct proto *proto, struct proto_run *run, const char *name, const char *package);
void proto_clear(struct proto *proto);
void proto_run_clear(struct proto_run *run);

void proto_import(struct proto *proto, const char *path);
void proto_doc(struct buf *out, size_t indent, const char *doc);

/* A copy of text that lives as long as the run; "" if memory is out. */
const char *proto_keep(struct proto_run *run, const char *text);
#endif
