/* SPDX-License-Identifier: MIT */
#include "wire/shape_codec.h"

#include "wire/shape.h"

#define AT(type, member) .offset = offsetof(struct type, member)

#define LIST(list_name, seq, item_kind, item_type)                                                 \
	static const struct pyr__field list_name##_items[] = {                                     \
		{ .id = 1, .name = "items", .kind = item_kind, .type = item_type }                 \
	};                                                                                         \
	static const struct pyr__type list_name = { .kind = PYR__SEQUENCE,                         \
						    .name = "pyrite." #list_name,                  \
						    .size = sizeof(struct seq),                    \
						    .n_fields = 1,                                 \
						    .fields = list_name##_items }

#define STRUCT(type_name, c_name, field_rows)                                                      \
	static const struct pyr__type type_name = { .kind = PYR__STRUCT,                           \
						    .name = "pyrite." #type_name,                  \
						    .size = sizeof(struct c_name),                 \
						    .n_fields = sizeof(field_rows) /               \
								sizeof(field_rows[0]),             \
						    .fields = field_rows }

static const struct pyr__type Type;
LIST(Types, shape_types, PYR__STRUCT, &Type);
static const struct pyr__field type_fields[] = {
	{ .id = 1, .name = "kind", .kind = PYR__UINT32, AT(shape_type, kind) },
	{ .id = 2, .name = "bound", .kind = PYR__UINT32, AT(shape_type, bound) },
	{ .id = 3, .name = "name", .kind = PYR__STRING, AT(shape_type, name) },
	{ .id = 4, .name = "of", .kind = PYR__SEQUENCE, AT(shape_type, of), .type = &Types },
};
STRUCT(Type, shape_type, type_fields);

static const struct pyr__field field_fields[] = {
	{ .id = 1, .name = "id", .kind = PYR__UINT32, AT(shape_field, id) },
	{ .id = 2, .name = "flags", .kind = PYR__UINT32, AT(shape_field, flags) },
	{ .id = 3, .name = "name", .kind = PYR__STRING, AT(shape_field, name) },
	{ .id = 4, .name = "type", .kind = PYR__STRUCT, AT(shape_field, type), .type = &Type },
	{ .id = 5, .name = "value", .kind = PYR__STRING, AT(shape_field, value) },
};
STRUCT(Field, shape_field, field_fields);
LIST(Fields, shape_fields, PYR__STRUCT, &Field);

static const struct pyr__field number_fields[] = {
	{ .id = 1, .name = "value", .kind = PYR__INT64, AT(shape_number, value) },
	{ .id = 2, .name = "name", .kind = PYR__STRING, AT(shape_number, name) },
};
STRUCT(Number, shape_number, number_fields);
LIST(Numbers, shape_numbers, PYR__STRUCT, &Number);

static const struct pyr__field decl_fields[] = {
	{ .id = 1, .name = "name", .kind = PYR__STRING, AT(shape_decl, name) },
	{ .id = 2, .name = "kind", .kind = PYR__UINT32, AT(shape_decl, kind) },
	{ .id = 3, .name = "is_oneof", .kind = PYR__BOOL, AT(shape_decl, is_oneof) },
	{ .id = 4, .name = "other", .kind = PYR__STRING, AT(shape_decl, other) },
	{ .id = 5,
	  .name = "fields",
	  .kind = PYR__SEQUENCE,
	  AT(shape_decl, fields),
	  .type = &Fields },
	{ .id = 6,
	  .name = "numbers",
	  .kind = PYR__SEQUENCE,
	  AT(shape_decl, numbers),
	  .type = &Numbers },
	{ .id = 7, .name = "status", .kind = PYR__UINT32, AT(shape_decl, status) },
};
STRUCT(Declaration, shape_decl, decl_fields);
LIST(Declarations, shape_decls, PYR__STRUCT, &Declaration);

LIST(Names, shape_names, PYR__STRING, NULL);
static const struct pyr__field operation_fields[] = {
	{ .id = 1, .name = "name", .kind = PYR__STRING, AT(shape_operation, name) },
	{ .id = 2, .name = "fingerprint", .kind = PYR__UINT64, AT(shape_operation, fingerprint) },
	{ .id = 3, .name = "is_oneway", .kind = PYR__BOOL, AT(shape_operation, is_oneway) },
	{ .id = 4, .name = "in", .kind = PYR__SEQUENCE, AT(shape_operation, in), .type = &Fields },
	{ .id = 5,
	  .name = "out",
	  .kind = PYR__SEQUENCE,
	  AT(shape_operation, out),
	  .type = &Fields },
	{ .id = 6,
	  .name = "streams",
	  .kind = PYR__SEQUENCE,
	  AT(shape_operation, streams),
	  .type = &Fields },
	{ .id = 7,
	  .name = "raises",
	  .kind = PYR__SEQUENCE,
	  AT(shape_operation, raises),
	  .type = &Names },
	{ .id = 8, .name = "flags", .kind = PYR__UINT32, AT(shape_operation, flags) },
	{ .id = 9, .name = "timeout_ms", .kind = PYR__UINT32, AT(shape_operation, timeout_ms) },
};
STRUCT(OperationShape, shape_operation, operation_fields);
LIST(OperationShapes, shape_operations, PYR__STRUCT, &OperationShape);

static const struct pyr__field shape_fields_[] = {
	{ .id = 1,
	  .name = "operations",
	  .kind = PYR__SEQUENCE,
	  AT(shape, operations),
	  .type = &OperationShapes },
	{ .id = 2,
	  .name = "declarations",
	  .kind = PYR__SEQUENCE,
	  AT(shape, decls),
	  .type = &Declarations },
};
const struct pyr__type shape_codec_type = { .kind = PYR__STRUCT,
					    .name = "pyrite.Shape",
					    .size = sizeof(struct shape),
					    .n_fields = 2,
					    .fields = shape_fields_ };
