/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_AST_H
#define PYRITE_AST_H
/*
 * The tree of one IDL file and all it includes: what the parser builds, check.c completes, and
 * emitters read. After idl_check() without errors every reference is resolved, every constant
 * evaluated, every wire id assigned and every C name chosen; emitters decide nothing. All memory is
 * the unit's and lives until idl_unit_free().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ast_file {
	const char *path; /* as given on the command line or in #include */
	const char *name; /* base name, "example.idl" */
	const char *stem; /* "example" */
	bool is_main;
	struct ast_file **includes; /* the files it includes itself, in order */
	size_t n_includes;
};

struct ast_loc {
	const struct ast_file *file;
	int line, column; /* from 1; column counts bytes */
};

enum ast_kind { /* of a declaration */
		AST_MODULE = 1,
		AST_INTERFACE,
		AST_STRUCT,
		AST_EXCEPTION,
		AST_UNION,
		AST_ENUM,
		AST_ENUMERATOR,
		AST_TYPEDEF,
		AST_CONST,
		AST_OPERATION, /* an attribute becomes one or two of them: get_x, set_x */
		AST_ATTRIBUTE, /* kept for documentation; its operations stand beside it */
		AST_MEMBER,
		AST_PARAM,
		AST_POISONED /* an unsupported declaration of an included file: an error where it is
				used */
};

enum ast_type_kind {
	TYPE_VOID = 1,
	TYPE_BOOLEAN,
	TYPE_CHAR,
	TYPE_WCHAR,
	TYPE_OCTET,
	TYPE_INT8,
	TYPE_UINT8,
	TYPE_INT16,
	TYPE_UINT16,
	TYPE_INT32,
	TYPE_UINT32,
	TYPE_INT64,
	TYPE_UINT64,
	TYPE_FLOAT,
	TYPE_DOUBLE,
	TYPE_STRING /* wstring too */,
	TYPE_ANY,
	TYPE_OBJECT,
	TYPE_BYTES,    /* sequence<octet> */
	TYPE_SEQUENCE, /* elem, bound */
	TYPE_MAP,      /* key, elem, bound */
	TYPE_ARRAY,    /* elem, dims */
	TYPE_STREAM,   /* elem */
	TYPE_NAMED     /* decl: struct, union, enum, interface (also exception in raises) or,
			  unresolved, a typedef */
};

struct ast_type {
	enum ast_type_kind kind;
	struct ast_loc loc;
	struct ast_decl *decl;   /* TYPE_NAMED: what it names */
	struct ast_type *actual; /* with all typedefs resolved away; itself if it is none. Emitters
				  * look here. A typedef of a sequence, map or array resolves to
				  * that type, whose `decl` then is the typedef that names it */
	struct ast_type *elem, *key;
	uint32_t bound; /* string<n>, sequence<T, n>, map<K, V, n>; 0 = none */
	uint32_t *dims; /* TYPE_ARRAY, outermost first */
	size_t n_dims;
	const char *c_name;    /* of a struct tag: "example_Numbers" for a named collection,
				  "int32_seq" for an anonymous one */
	const char *wire_name; /* full protobuf name of its wrapper message, if it may need one */
};

enum ast_value_kind {
	VALUE_NONE = 0,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_UINT,
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_CHAR,
	VALUE_ENUM
};

struct ast_value { /* an evaluated constant expression */
	enum ast_value_kind kind;
	int64_t i;  /* BOOL, INT, CHAR (code point) */
	uint64_t u; /* UINT: above INT64_MAX */
	double f;
	const char *s; /* STRING: bytes; may not hold NUL */
	struct ast_decl *enumerator;
};

enum ast_direction { DIR_IN = 1, DIR_OUT, DIR_INOUT };

/* One declaration. Which members mean something depends on kind; lists are in the order of the
 * source. */
struct ast_decl {
	enum ast_kind kind;
	struct ast_loc loc;
	const char *name;      /* as written: "Server" */
	const char *wire_name; /* "example.Server", nested types "example.Server_Point"; fields and
				  operations: the bare name */
	const char *c_name;    /* "example_Server"; of members, params and operations the bare name;
				  keywords and clashes mended */
	const char *doc; /* doc comment, markers stripped, lines joined with \n; NULL if none */
	struct ast_decl *parent; /* enclosing module, interface, struct ...; NULL at file level */
	struct ast_decl **items; /* module, interface: contents. struct, exception, union: members.
				    enum: enumerators. operation: params */
	size_t n_items;

	/* annotations */
	bool optional, idempotent, inline_, deprecated, oneof;
	bool is_message; /* operation: its request and reply are the messages of structs */
	const char *deprecated_text; /* NULL if none */
	uint32_t timeout_ms;
	uint16_t status;      /* exception: number of the status, 0 = not given (AST_ABORTED) */
	struct ast_value def; /* @default, kind VALUE_NONE = none */

	struct ast_type *type; /* typedef, const, member, param, attribute; operation: result;
				  union: discriminator */
	uint32_t id; /* member, param: field number on the wire. Results: the return value is 1 */
	uint32_t out_id; /* out and inout param: field number in the reply */
	enum ast_direction direction;
	struct ast_value value; /* const, enumerator */

	/* union members */
	struct ast_value *labels; /* case values */
	size_t n_labels;
	bool is_default;

	/* operations */
	bool oneway;
	bool is_getter, is_setter; /* made from attribute `attribute` */
	struct ast_decl *attribute;
	struct ast_decl **raises; /* exceptions */
	size_t n_raises;
	struct ast_decl *owner;                        /* the interface that declares it */
	const struct ast_type *stream_in, *stream_out; /* type of the items that the parameter, the
							  result is a stream of; NULL: none */
	const char *signature;                         /* "(int32, int32) -> int32" */
	const char *callback_name, *data_name;         /* C names of I_op_async()'s last two */
	const char *count_name, *options_name;         /* of I_op_map()'s own */
	uint64_t fingerprint;                          /* operation, interface; a type of main */

	/* interfaces */
	struct ast_decl **bases; /* direct ones */
	size_t n_bases;
	struct ast_decl **all_bases; /* every one once, farthest first */
	size_t n_all_bases;
	struct ast_decl **operations; /* flat: bases' first (in all_bases order), then its own;
					 diamonds once. The methods table's order */
	size_t n_operations;
	const char **as_names;    /* C name of I_as_B for each of all_bases */
	struct ast_decl **raised; /* exceptions of all operations, each once */
	const char **raise_names; /* C name of I_raise_E for each of them */
	size_t n_raised;
	bool is_forward; /* never defined: an error where it is used */
	bool readonly;   /* attribute */
};

struct idl_unit {
	struct ast_file *main;
	struct ast_file **files; /* every file read, in the order first met: for --depfile */
	size_t n_files;
	struct ast_decl *
		root; /* a nameless module; reopened modules are one decl with all their contents */
	struct ast_decl **decls; /* of all files, modules left out, in the order of the text: what
				  * is inside a declaration comes before it */
	size_t n_decls;
	struct ast_type **collections; /* every sequence, map and array type that needs a C struct,
					  dependencies first, main file's and includes' */
	size_t n_collections;
	const char *prefix;   /* #pragma prefix of the main file, for reference */
	struct piece *pieces; /* the main file's text, if it was asked for: pieces.h */
	size_t n_pieces;
	const char *text; /* the same as it was read */
	size_t n_text;
	struct arena *memory;
	bool is_cut; /* memory ran out while it was read */
};

/* A constant is an enumerator in C if its type becomes int in every expression; all others are
 * macros. */
static inline bool ast_is_macro(const struct ast_decl *constant)
{
	switch (constant->type->actual->kind) {
	case TYPE_BOOLEAN:
	case TYPE_CHAR:
	case TYPE_OCTET:
	case TYPE_INT8:
	case TYPE_UINT8:
	case TYPE_INT16:
	case TYPE_UINT16:
	case TYPE_INT32:
		return false;
	default:
		return true;
	}
}

enum { AST_ABORTED = 10 }; /* what an exception without @status is */

#endif
