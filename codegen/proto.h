/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_PROTO_H
#define PYRITE_CODEGEN_PROTO_H
/*
 * Parts of the protobuf emitter. A .proto file has one package, an IDL file any number of modules.
 * What the modules of a file have in common is the package of FILE.proto, which holds all its types
 * and that module's services; services of modules further in stand in FILE.MODULE.proto. proto.c
 * walks the file, proto_names.c knows what is called how and where, proto_message.c writes
 * messages.
 */
#include "buf.h"
#include "c_type.h"
#include "set.h"

#include "../idl/ast.h"

struct proto_package {
	const struct ast_file *file;
	const char *name;
};

/* The wrapper of an anonymous collection: it is written once, for the first file that needs it. */
struct proto_wrapper {
	const char *wire_name;
	const struct ast_file *file;
};

/* What all .proto files of a run share. */
struct proto_run {
	const struct idl_unit *unit;
	const struct ast_file *file;    /* whose declarations are written now */
	struct proto *types;            /* FILE.proto of it */
	struct proto_package *packages; /* of the files asked for so far */
	size_t n_packages;
	struct set locals,
		taken; /* wire name -> name in its file's package; file and such a name */
	struct proto_wrapper *wrappers;
	size_t n_wrappers;
	char **kept; /* strings that sets refer to */
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
	struct set enumerators; /* they share one scope */
};

void proto_init(struct proto *proto, struct proto_run *run, const char *module);
void proto_clear(struct proto *proto);
void proto_run_clear(struct proto_run *run);

/* The package of FILE.proto: what the modules of all its types and interfaces have in common.
 * Returns: kept. */
const char *proto_package(struct proto_run *run, const struct ast_file *file);
/* The modules around a declaration, "a.b". */
void proto_module(struct buf *out, const struct ast_decl *decl);
/* "FILE.proto", or "FILE.MODULE.proto" for services of another module than its package. */
void proto_file_name(struct buf *out, const struct ast_file *file, const char *package,
		     const char *module);

/* The name of a type in the package of its file: "Point", "inner_Point". Returns: the run's. */
const char *proto_local_name(struct proto_run *run, const struct ast_decl *decl);

/* A reference to a type from where proto stands; its file gets imported. */
void proto_reference(struct buf *out, struct proto *proto, const struct ast_decl *decl);
/* The same for the wrapper of an anonymous collection, which is written if it is not there yet. */
void proto_wrapper_reference(struct buf *out, struct proto *proto, const struct ast_type *type);
/* The same for the message "Interface_op_request", or _reply, of an operation. */
void proto_operation_reference(struct buf *out, struct proto *proto,
			       const struct ast_decl *operation, const char *which);
void proto_import(struct proto *proto, const char *path);

/* A copy of text that lives as long as the run; "" if memory is out. */
const char *proto_keep(struct proto_run *run, const char *text);

/* One field of a message. */
struct proto_field {
	uint32_t id;
	const char *name;
	const struct ast_type *type;
	bool has;      /* optional, with a default, or a member of a union: its presence shows */
	bool optional; /* @optional: a collection then needs a wrapper */
	bool in_oneof;
	const struct ast_decl *decl; /* doc comment and deprecation; may be NULL */
};

/* name: the message's. oneof: all fields are alternatives. is_void: field 1 is reserved. */
struct proto_message {
	const char *name;
	const struct ast_decl *decl; /* doc comment and deprecation; may be NULL */
	const struct proto_field *fields;
	size_t n_fields;
	bool oneof, is_void;
};

/* Writes a message, and before it the wrappers that it needs. */
void proto_message(struct proto *proto, const struct proto_message *message);

/* The message that holds a collection where protobuf has no place for one. */
void proto_wrapper(struct proto *proto, const struct ast_type *type, const char *name);

void proto_doc(struct buf *out, size_t indent, const char *doc);
#endif
