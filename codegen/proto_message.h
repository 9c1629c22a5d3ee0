/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_PROTO_MESSAGE_H
#define PYRITE_CODEGEN_PROTO_MESSAGE_H
/* Messages, and the wrappers that they need. */
#include "proto.h"

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
#endif
