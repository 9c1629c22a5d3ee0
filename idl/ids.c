/* SPDX-License-Identifier: MIT */
/*
 * Field numbers: @id where given, else one more than the field before. Requests number the in
 * parameters from 1; in a reply 1 is the return value, also where there is none, and outs follow.
 */
#include "ids.h"

#include "diag.h"
#include "memory.h"

static void claim(struct front *front, struct table *taken, uint32_t id, struct raw_decl *raw)
{
	const char *text = front_printf(front, "%u", (unsigned)id);
	struct raw_decl *other = table_get(taken, NULL, text);

	if (id == 0)
		return;
	if (!other) {
		table_set(front, taken, NULL, text, raw);
		return;
	}
	diag_error(front->diag, &raw->decl.loc, "id %u of '%s' is taken by '%s'", (unsigned)id,
		   raw->decl.name, other->decl.name);
	diag_suggest(front->diag, "give it a free number with @id");
}

/* annotate() left what @id says in decl.id, 0 = nothing. */
static uint32_t next_id(struct front *front, const struct raw_decl *raw, uint32_t id, uint32_t next)
{
	if (id != 0)
		return id;
	if (next >= 19000 && next <= 19999)
		return 20000; /* protobuf keeps these for itself */
	if (next > LIMIT_FIELD_ID) {
		diag_error(front->diag, &raw->decl.loc, "no id is left for '%s': the last is %d",
			   raw->decl.name, LIMIT_FIELD_ID);
		return 0;
	}
	return next;
}

void ids_members(struct front *front, struct raw_decl *raw, uint32_t first)
{
	struct table taken = { .n = 0 };
	uint32_t next = first;
	size_t i;

	for (i = 0; i < raw->decl.n_items; i++) {
		struct raw_decl *member = raw_of(raw->decl.items[i]);

		if (raw->decl.kind == AST_UNION && !raw->decl.oneof && member->decl.id == 1)
			diag_error(front->diag, &member->decl.loc,
				   "id 1 is that of the union's discriminator");
		member->decl.id = next_id(front, member, member->decl.id, next);
		claim(front, &taken, member->decl.id, member);
		next = member->decl.id + 1;
	}
}

void ids_operation(struct front *front, struct raw_decl *raw)
{
	struct table taken_in = { .n = 0 }, taken_out = { .n = 0 };
	uint32_t next_in = 1, next_out = 2;
	size_t i;

	for (i = 0; i < raw->decl.n_items; i++) {
		struct raw_decl *param = raw_of(raw->decl.items[i]);
		uint32_t given = param->decl.id;

		if (param->decl.direction != DIR_IN) {
			if (given == 1)
				diag_error(front->diag, &param->decl.loc,
					   "id 1 of a reply is that of the return value");
			param->decl.out_id = next_id(front, param, given, next_out);
			claim(front, &taken_out, param->decl.out_id, param);
			next_out = param->decl.out_id + 1;
		}
		if (param->decl.direction != DIR_OUT) {
			param->decl.id = next_id(front, param, given, next_in);
			claim(front, &taken_in, param->decl.id, param);
			next_in = param->decl.id + 1;
		} else {
			param->decl.id = param->decl.out_id;
		}
	}
}
