/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_PROTO_NAMES_H
#define PYRITE_CODEGEN_PROTO_NAMES_H
/* What is called how, and in which .proto file it stands. */
#include "proto.h"

/* The package of FILE.proto: what the modules of all its types and interfaces have in common.
 * Returns: kept. */
const char *proto_package(struct proto_run *run, const struct ast_file *file);
/* The modules around a declaration, "a.b". */
void proto_module(struct buf *out, const struct ast_decl *decl);
/* "FILE.proto", or "FILE.MODULE.proto" for services of another module than its package. */
void proto_file_name(struct buf *out, const struct ast_file *file, const char *package,
		     const char *module);
/* The one of an interface's messages. */
void proto_file_of(struct buf *out, struct proto_run *run, const struct ast_decl *interface);

/* Whether FILE.proto's package has something of that name. */
bool proto_is_taken(struct proto_run *run, const struct ast_file *file, const char *name);
/* Takes the name there, with as many suffixes as it needs. Returns: kept. */
const char *proto_take(struct proto_run *run, const struct ast_file *file, const char *name,
		       const char *suffix);

/* The name of a type in the package of its file: "Point", "inner_Point". Returns: the run's. */
const char *proto_local_name(struct proto_run *run, const struct ast_decl *decl);

/* A reference to a type from where proto stands; its file gets imported. */
void proto_reference(struct buf *out, struct proto *proto, const struct ast_decl *decl);
/* The same for a name in FILE.proto. */
void proto_name_reference(struct buf *out, struct proto *proto, const struct ast_file *file,
			  const char *name);
/* The same for a message of an operation; which: "request" or "reply". */
void proto_operation_reference(struct buf *out, struct proto *proto,
			       const struct ast_decl *operation, const char *which);
#endif
