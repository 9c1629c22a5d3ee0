/* SPDX-License-Identifier: MIT */
#include "scalar.h"

const char *scalar_name(const struct ast_type *type)
{
	static const char *const names[] = {
		"?",      "void",   "boolean", "char",   "wchar",    "octet",  "int8",  "uint8",
		"int16",  "uint16", "int32",   "uint32", "int64",    "uint64", "float", "double",
		"string", "any",    "Object",  "bytes",  "sequence", "map",    "array", "stream",
	};

	return type->kind == TYPE_NAMED ? type->decl->name : names[type->kind];
}

bool scalar_is_integer(const struct ast_type *type)
{
	return type->kind >= TYPE_OCTET && type->kind <= TYPE_UINT64;
}
