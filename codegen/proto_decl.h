/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_PROTO_DECL_H
#define PYRITE_CODEGEN_PROTO_DECL_H
/* What stands in a .proto for each declaration. */
#include "proto.h"

/* A type, in FILE.proto. */
void proto_type(struct proto *proto, const struct ast_decl *decl);
/* An interface. messages: where those of its own operations are written. */
void proto_service(struct proto *proto, struct proto *messages, const struct ast_decl *decl);
#endif
