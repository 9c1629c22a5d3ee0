/* SPDX-License-Identifier: MIT */
/* An operation in IDL: its parameters in an order that gives them the numbers they have. */
#include "value/idl_own.h"
#include "value/types.h"
#include "wire/codec.h"

#include <string.h>

/* The parameters of one, while they are printed. */
struct params {
	const struct pyr__operation *op;
	const struct pyr__field *in, *in_end, *out, *out_end, *stream;
	uint32_t next_in, next_out;
	bool is_first;
};

static const struct pyr__field *find(const struct pyr__field *from, const struct pyr__field *end,
				     const char *name)
{
	for (; from < end; from++)
		if (strcmp(from->name, name) == 0)
			return from;
	return NULL;
}

static void put_comma(struct idl *idl, struct params *params)
{
	if (!params->is_first)
		idl_put(idl, ", ");
	params->is_first = false;
}

static void put_stream(struct idl *idl, struct params *params, const char *direction)
{
	put_comma(idl, params);
	idl_put_id(idl, params->stream->id, direction[0] ? &params->next_out : &params->next_in);
	idl_put(idl, "%sstream<", direction);
	idl_put_type(idl, params->stream);
	idl_put(idl, "> ");
	idl_put_name(idl, params->stream->name);
	params->stream = NULL;
}

static void put_param(struct idl *idl, const struct pyr__field *field)
{
	idl_put_type(idl, field);
	idl_put(idl, " ");
	idl_put_name(idl, field->name);
}

static void put_in(struct idl *idl, struct params *params)
{
	if (params->stream && params->stream->id < params->in->id)
		put_stream(idl, params, "");
	put_comma(idl, params);
	idl_put_id(idl, params->in->id, &params->next_in);
	idl_put_flags(idl, params->in);
	idl_put(idl, "in ");
	put_param(idl, params->in++);
}

static void put_out(struct idl *idl, struct params *params)
{
	put_comma(idl, params);
	idl_put_id(idl, params->out->id, &params->next_out);
	idl_put_flags(idl, params->out);
	idl_put(idl, "out ");
	put_param(idl, params->out++);
}

static void put_inout(struct idl *idl, struct params *params)
{
	uint32_t id = params->in->id, out_id = params->out->id;

	if (params->stream && params->stream->id < id)
		put_stream(idl, params, "");
	put_comma(idl, params);
	if (id != params->next_in || out_id != params->next_out)
		idl_put(idl, "@id(%u) ", id);
	params->next_in = id + 1;
	params->next_out = out_id + 1;
	idl_put_flags(idl, params->in++);
	idl_put(idl, "inout ");
	put_param(idl, params->out++);
}

/* Up to the next that goes in and comes out, first those that go in, then those that come out. */
static void put_params(struct idl *idl, struct params *params)
{
	while (params->in < params->in_end || params->out < params->out_end) {
		while (params->in < params->in_end &&
		       !find(params->out, params->out_end, params->in->name))
			put_in(idl, params);
		while (params->out < params->out_end &&
		       !find(params->in, params->in_end, params->out->name))
			put_out(idl, params);
		if (params->in == params->in_end || params->out == params->out_end)
			continue;
		if (strcmp(params->in->name, params->out->name) != 0)
			return; /* in no order that IDL has */
		put_inout(idl, params);
	}
	if (params->stream)
		put_stream(idl, params, "");
}

static void put_raises(struct idl *idl, const struct pyr__operation *op)
{
	size_t i;

	for (i = 0; op->raises && op->raises[i]; i++) {
		idl_put(idl, i == 0 ? " raises (" : ", ");
		idl_put_full(idl, op->raises[i]->name);
	}
	idl_put(idl, i > 0 ? ");\n" : ";\n");
}

static void put_terms(struct idl *idl, const struct pyr__operation *op,
		      const struct pyr__field *result)
{
	idl_indent(idl);
	if (op->flags & PYR__IDEMPOTENT)
		idl_put(idl, "@idempotent ");
	if (op->flags & PYR__INLINE)
		idl_put(idl, "@inline ");
	if (types_is_message(op))
		idl_put(idl, "@message ");
	if (op->timeout_ms > 0)
		idl_put(idl, "@timeout(%u) ", op->timeout_ms);
	if (result && (result->flags & PYR__OPTIONAL))
		idl_put(idl, "@optional ");
	if (op->flags & PYR__ONEWAY)
		idl_put(idl, "oneway ");
}

void idl_put_operation(struct idl *idl, const struct pyr__operation *op)
{
	const struct pyr__field *out = codec_fields_from(op, op->n_in);
	const struct pyr__field *end = codec_fields_from(op, op->n_in + op->n_out);
	const struct pyr__field *result = op->n_out > 0 && out->id == 1 ? out : NULL;
	struct params params = { .op = op, .in = op->fields, .in_end = out, .is_first = true };
	const struct pyr__field *written = op->flags & PYR__STREAM_IN ? end + 1 : end;
	size_t n;

	params.next_in = 1;
	params.next_out = 2;
	params.out = result ? out + 1 : out;
	params.out_end = end;
	params.stream = op->flags & PYR__STREAM_IN ? end : NULL;
	put_terms(idl, op, result);
	if (result) {
		idl_put_type(idl, result);
	} else if ((op->flags & PYR__STREAM_OUT) && strcmp(written->name, "ret") == 0) {
		idl_put(idl, "stream<");
		idl_put_type(idl, written);
		idl_put(idl, ">");
	} else {
		idl_put(idl, "void");
	}
	idl_put(idl, " ");
	idl_put_name(idl, idl_short(op->name, &n));
	idl_put(idl, "(");
	put_params(idl, &params);
	if (!result && (op->flags & PYR__STREAM_OUT) && strcmp(written->name, "ret") != 0) {
		params.stream = written;
		put_stream(idl, &params, "out ");
	}
	idl_put(idl, ")");
	put_raises(idl, op);
}
