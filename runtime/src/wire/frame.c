/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include <string.h>

#include "wire/varint.h"

/* Protobuf's wire format: a tag is number << 3 | wire type. */
enum { VARINT = 0, FIXED64 = 1, LEN = 2, FIXED32 = 5 };
enum kind { NONE = 0, U32, U64, F64, SPAN };

struct member {
	uint8_t id, kind;
	uint16_t offset;
};

#define M(id, kind, name)                                                                          \
	{                                                                                          \
		id, kind, offsetof(struct frame, name)                                             \
	}
#define PAYLOAD 15 /* always the last */
enum { MEMBERS_MAX = 16 };

static const struct member hello[] = { M(1, U32, min_version),
				       M(2, U32, max_version),
				       M(3, U32, max_calls),
				       M(4, U32, max_message),
				       M(5, SPAN, agent),
				       M(6, SPAN, from),
				       M(7, U32, window),
				       M(8, U32, stream_linger_ms),
				       M(9, SPAN, token),
				       M(10, SPAN, handshake),
				       { 0 } };
static const struct member bind[] = { M(1, U32, session),    M(2, SPAN, object),
				      M(3, SPAN, interface), M(4, F64, fingerprint),
				      M(5, SPAN, handshake), M(6, SPAN, annotation),
				      M(7, SPAN, shape),     M(8, SPAN, chain),
				      M(9, SPAN, reference), { 0 } };
static const struct member bound[] = { M(1, U32, session),    M(2, U32, code),
				       M(3, SPAN, message),   M(4, F64, fingerprint),
				       M(5, SPAN, handshake), M(6, SPAN, annotation),
				       M(8, SPAN, shape),     { 0 } };
static const struct member unbind[] = { M(1, U32, session), { 0 } };
static const struct member call[] = {
	M(1, U32, session),       M(2, U32, operation),      M(3, SPAN, name),
	M(4, F64, fingerprint),   M(5, U32, flags),          M(6, U64, time_left),
	M(7, SPAN, chain),        M(8, U32, depth),          M(9, SPAN, correlation_id),
	M(10, SPAN, traceparent), M(11, SPAN, annotation),   M(12, U32, total),
	M(13, SPAN, token),       M(PAYLOAD, SPAN, payload), { 0 }
};
static const struct member reply[] = {
	M(1, U32, flags), M(2, SPAN, annotation), M(3, U32, total), M(PAYLOAD, SPAN, payload), { 0 }
};
static const struct member error[] = { M(1, U32, code),         M(2, SPAN, message),
				       M(3, SPAN, exception),   M(4, SPAN, detail),
				       M(5, SPAN, trace),       M(6, SPAN, correlation_id),
				       M(7, U32, may_have_run), M(8, SPAN, annotation),
				       M(9, U32, was_not_run),  M(10, U32, found_here),
				       M(11, U32, raised),      { 0 } };
static const struct member cancel[] = { M(1, U32, code), { 0 } };
static const struct member item[] = { M(1, U32, to_caller),      M(2, U64, value),
				      M(3, U32, flags),          M(4, U32, total),
				      M(PAYLOAD, SPAN, payload), { 0 } };
static const struct member end[] = {
	M(1, U32, to_caller), M(2, U32, code), M(3, SPAN, message), { 0 }
};
static const struct member credit[] = { M(1, U32, to_caller), M(2, U64, value), { 0 } };
static const struct member release[] = { M(1, SPAN, reference), M(2, U32, count), { 0 } };
static const struct member lost[] = { M(1, SPAN, reference), { 0 } };
static const struct member ping[] = { M(1, U64, value), { 0 } };
static const struct member goaway[] = {
	M(1, U32, code), M(2, SPAN, message), M(4, U32, takes_none), { 0 }
};
static const struct member resume[] = { M(1, U32, session),  M(2, SPAN, token),
					M(3, U64, received), M(4, U64, consumed),
					M(5, U32, attempt),  { 0 } };
static const struct member resumed[] = { M(1, U64, received), M(2, U64, consumed), { 0 } };
static const struct member auth[] = { M(1, SPAN, token), { 0 } };

static const struct member *const bodies[FRAME_TYPES] = {
	[FRAME_HELLO] = hello,   [FRAME_BIND] = bind,       [FRAME_BOUND] = bound,
	[FRAME_UNBIND] = unbind, [FRAME_CALL] = call,       [FRAME_REPLY] = reply,
	[FRAME_ERROR] = error,   [FRAME_CANCEL] = cancel,   [FRAME_ITEM] = item,
	[FRAME_END] = end,       [FRAME_CREDIT] = credit,   [FRAME_RELEASE] = release,
	[FRAME_PING] = ping,     [FRAME_PONG] = ping,       [FRAME_GOAWAY] = goaway,
	[FRAME_RESUME] = resume, [FRAME_RESUMED] = resumed, [FRAME_LOST] = lost,
	[FRAME_AUTH] = auth,
};

static uint8_t *put_fixed64(uint8_t *p, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

static size_t len_size(size_t n)
{
	return 1 + varint_size(n) + n;
}

static uint32_t get_u32(const struct frame *frame, const struct member *m)
{
	return *(const uint32_t *)((const char *)frame + m->offset);
}

static uint64_t get_u64(const struct frame *frame, const struct member *m)
{
	return *(const uint64_t *)((const char *)frame + m->offset);
}

static struct span get_span(const struct frame *frame, const struct member *m)
{
	return *(const struct span *)((const char *)frame + m->offset);
}

static size_t member_size(const struct frame *frame, const struct member *m)
{
	switch (m->kind) {
	case U32:
		return get_u32(frame, m) ? 1 + varint_size(get_u32(frame, m)) : 0;
	case U64:
		return get_u64(frame, m) ? 1 + varint_size(get_u64(frame, m)) : 0;
	case F64:
		return get_u64(frame, m) ? 9 : 0;
	default:
		return get_span(frame, m).n && m->id != PAYLOAD ? len_size(get_span(frame, m).n)
								: 0;
	}
}

static uint8_t *put_span(uint8_t *p, uint8_t id, struct span span)
{
	*p++ = (uint8_t)(id << 3 | LEN);
	p = varint_put(p, span.n);
	if (span.n > 0)
		memcpy(p, span.p, span.n);
	return p + span.n;
}

static uint8_t *put_member(uint8_t *p, const struct frame *frame, const struct member *m)
{
	uint64_t v;

	if (m->kind == SPAN)
		return put_span(p, m->id, get_span(frame, m));
	v = m->kind == U32 ? get_u32(frame, m) : get_u64(frame, m);
	*p++ = (uint8_t)(m->id << 3 | (m->kind == F64 ? FIXED64 : VARINT));
	return m->kind == F64 ? put_fixed64(p, v) : varint_put(p, v);
}

/* A Call or Reply that says nothing but numbers, as nearly all do. */
static bool is_brief(const struct frame *f)
{
	if (f->type == FRAME_CALL)
		return !(f->name.n | f->chain.n | f->correlation_id.n | f->traceparent.n |
			 f->annotation.n | f->token.n | f->body.n | f->fingerprint | f->depth |
			 f->total | f->critical);
	return f->type == FRAME_REPLY &&
	       !(f->annotation.n | f->body.n | f->flags | f->total | f->critical);
}

static size_t number_size(uint64_t v)
{
	return v ? 1 + varint_size(v) : 0;
}

static uint8_t *put_number(uint8_t *p, uint8_t id, uint64_t v)
{
	if (v == 0)
		return p;
	*p++ = (uint8_t)(id << 3 | VARINT);
	return varint_put(p, v);
}

/* The same as write_frame(), of a brief one. */
static uint8_t *write_brief(struct buf *buf, const struct frame *f, size_t n_payload, size_t n_here)
{
	size_t n_body = n_payload > 0 ? len_size(n_payload) : 0, n_frame;
	bool is_call = f->type == FRAME_CALL;
	uint8_t *p;

	if (is_call)
		n_body += number_size(f->session) + number_size(f->operation) +
			  number_size(f->flags) + number_size(f->time_left);
	n_frame = number_size(f->number) + len_size(n_body);
	p = buf_grow(buf, len_size(n_frame) - n_payload + n_here);
	if (!p)
		return NULL;
	*p++ = 1 << 3 | LEN;
	p = varint_put(p, n_frame);
	p = put_number(p, 1, f->number);
	*p++ = (uint8_t)(f->type << 3 | LEN);
	p = varint_put(p, n_body);
	if (is_call) {
		p = put_number(p, 1, f->session);
		p = put_number(p, 2, f->operation);
		p = put_number(p, 5, f->flags);
		p = put_number(p, 6, f->time_left);
	}
	if (n_payload > 0) {
		*p++ = PAYLOAD << 3 | LEN;
		p = varint_put(p, n_payload);
	}
	return p;
}

/* n_here: bytes after the head that the buffer gets room for. */
static uint8_t *write_frame(struct buf *buf, const struct frame *frame, size_t n_payload,
			    size_t n_here)
{
	const struct member *set[MEMBERS_MAX], *m; /* those that there are */
	uint32_t tag = (uint32_t)frame->type << 3 | LEN;
	size_t n_body = frame->body.n, n_frame, n, n_set = 0, i;
	uint8_t *p;

	if (is_brief(frame))
		return write_brief(buf, frame, n_payload, n_here);
	for (m = bodies[frame->type]; m->kind; m++) {
		n = member_size(frame, m);
		if (n > 0)
			set[n_set++] = m;
		n_body += n;
	}
	if (n_payload > 0)
		n_body += len_size(n_payload);
	n_frame = varint_size(tag) + varint_size(n_body) + n_body;
	n_frame += frame->number ? 1 + varint_size(frame->number) : 0;
	n_frame += frame->critical ? 2 : 0;
	p = buf_grow(buf, len_size(n_frame) - n_payload + n_here);
	if (!p)
		return NULL;
	*p++ = 1 << 3 | LEN;
	p = varint_put(p, n_frame);
	if (frame->number) {
		*p++ = 1 << 3 | VARINT;
		p = varint_put(p, frame->number);
	}
	if (frame->critical) {
		*p++ = 2 << 3 | VARINT;
		*p++ = 1;
	}
	p = varint_put(p, tag);
	p = varint_put(p, n_body);
	for (i = 0; i < n_set; i++)
		p = put_member(p, frame, set[i]);
	if (frame->body.n > 0)
		p = (uint8_t *)memcpy(p, frame->body.p, frame->body.n) + frame->body.n;
	if (n_payload > 0) {
		*p++ = PAYLOAD << 3 | LEN;
		p = varint_put(p, n_payload);
	}
	return p;
}

uint8_t *frame_write(struct buf *buf, const struct frame *frame, size_t n_payload)
{
	return write_frame(buf, frame, n_payload, n_payload);
}

bool frame_write_head(struct buf *buf, const struct frame *frame, size_t n_payload)
{
	return write_frame(buf, frame, n_payload, 0) != NULL;
}

bool frame_append(struct buf *buf, const struct frame *frame)
{
	uint8_t *p = frame_write(buf, frame, frame->payload.n);

	if (p && frame->payload.n > 0)
		memcpy(p, frame->payload.p, frame->payload.n);
	return p != NULL;
}

/* One field of any kind: value for numbers, span for bytes. */
struct field {
	uint32_t id, wire;
	uint64_t value;
	struct span span;
};

static inline bool get_field(const uint8_t **data, const uint8_t *limit, struct field *ret)
{
	uint64_t tag, n;
	int i, width;

	*ret = (struct field){ 0 };
	if (!varint_get(data, limit, &tag) || tag > UINT32_MAX || tag < 8)
		return false;
	ret->id = (uint32_t)(tag >> 3);
	ret->wire = tag & 7;
	if (ret->wire == VARINT)
		return varint_get(data, limit, &ret->value);
	if (ret->wire == LEN) {
		if (!varint_get(data, limit, &n) || n > (uint64_t)(limit - *data))
			return false;
		ret->span = (struct span){ *data, (size_t)n };
		*data += n;
		return true;
	}
	if (ret->wire != FIXED64 && ret->wire != FIXED32)
		return false;
	width = ret->wire == FIXED64 ? 8 : 4;
	if (limit - *data < width)
		return false;
	for (ret->value = 0, i = 0; i < width; i++)
		ret->value |= (uint64_t)(*data)[i] << (8 * i);
	*data += width;
	return true;
}

size_t frame_size_told(const uint8_t *data, size_t n)
{
	const uint8_t *p = data, *limit = span_end((struct span){ data, n });
	uint64_t tag, size;

	if (!varint_get(&p, limit, &tag) || (tag & 7) != LEN || !varint_get(&p, limit, &size) ||
	    size > SIZE_MAX / 2)
		return 0;
	return (size_t)(p - data) + (size_t)size;
}

size_t frame_size(const uint8_t *data, size_t n)
{
	const uint8_t *p = data;
	struct field field;

	return get_field(&p, span_end((struct span){ data, n }), &field) ? (size_t)(p - data) : 0;
}

bool frame_renumber(struct buf *buf, const uint8_t *data, size_t size, uint32_t number)
{
	const uint8_t *limit = data + size, *rest;
	struct field outer, inner;
	size_t n_rest, n;
	uint8_t *p;

	if (!get_field(&data, limit, &outer) || outer.wire != LEN)
		return false;
	rest = outer.span.p;
	if (!get_field(&rest, limit, &inner) || inner.id != 1 || inner.wire != VARINT)
		return false;
	n_rest = (size_t)(limit - rest);
	n = 1 + varint_size(number) + n_rest;
	p = buf_grow(buf, len_size(n));
	if (!p)
		return false;
	*p++ = 1 << 3 | LEN;
	p = varint_put(p, n);
	*p++ = 1 << 3 | VARINT;
	p = varint_put(p, number);
	memcpy(p, rest, n_rest);
	return true;
}

void frame_void(uint8_t *data)
{
	*data = 15 << 3 | LEN; /* a field that Message does not have */
}

static void set_member(struct frame *frame, const struct member *m, const struct field *field)
{
	void *at = (char *)frame + m->offset;

	if (m->kind == SPAN && field->wire == LEN)
		*(struct span *)at = field->span;
	else if (m->kind == U32 && field->wire == VARINT)
		*(uint32_t *)at = (uint32_t)field->value;
	else if ((m->kind == U64 && field->wire == VARINT) ||
		 (m->kind == F64 && field->wire == FIXED64))
		*(uint64_t *)at = field->value;
}

static bool read_body(struct frame *frame, struct span body)
{
	const uint8_t *p = body.p, *limit = span_end(body);
	const struct member *const first = bodies[frame->type], *m = first;
	struct field field;

	frame->body = body;
	while (p < limit) {
		if (!get_field(&p, limit, &field))
			return false;
		if (field.id < m->id) /* else it stands further on: most bodies are in order */
			m = first;
		while (m->kind && m->id < field.id)
			m++;
		if (m->kind && m->id == field.id)
			set_member(frame, m, &field);
		else
			m = first;
	}
	return true;
}

bool frame_read_body(enum frame_type type, struct span body, struct frame *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->type = type;
	return read_body(ret, body);
}

static bool read_frame(struct span span, struct frame *ret)
{
	const uint8_t *p = span.p, *limit = span_end(span);
	struct field field;
	struct span body = { NULL, 0 };

	while (p < limit) {
		if (!get_field(&p, limit, &field))
			return false;
		if (field.id == 1 && field.wire == VARINT)
			ret->number = (uint32_t)field.value;
		else if (field.id == 2 && field.wire == VARINT)
			ret->critical = field.value != 0;
		else if (field.id < FRAME_TYPES && bodies[field.id] && field.wire == LEN) {
			ret->type = (enum frame_type)field.id;
			body = field.span;
		}
	}
	return ret->type == FRAME_UNKNOWN || read_body(ret, body);
}

int frame_read(const uint8_t **data, const uint8_t *limit, struct frame *ret)
{
	struct field field;

	while (*data < limit) {
		if (!get_field(data, limit, &field))
			return -1;
		if (field.id != 1 || field.wire != LEN)
			continue;
		memset(ret, 0, sizeof(*ret));
		return read_frame(field.span, ret) ? 1 : -1;
	}
	return 0;
}

int frame_repeated(struct span *rest, uint32_t id, struct frame_entry *ret)
{
	const uint8_t *p = rest->p, *limit = span_end(*rest), *q;
	struct field field, inner;

	while (p < limit) {
		if (!get_field(&p, limit, &field))
			return -1;
		if (field.id != id || field.wire != LEN)
			continue;
		*rest = (struct span){ p, (size_t)(limit - p) };
		*ret = (struct frame_entry){ 0 };
		for (q = field.span.p; q < span_end(field.span);) {
			if (!get_field(&q, span_end(field.span), &inner))
				return -1;
			if (inner.id == 1 && inner.wire == LEN)
				ret->name = inner.span;
			else if (inner.id == 1)
				ret->number = inner.value;
			else if (inner.id == 2 && inner.wire == LEN)
				ret->bytes = inner.span;
			else if (inner.id == 2)
				ret->value = inner.value;
			else if (inner.id == 3 && inner.wire == LEN)
				ret->text = inner.span;
		}
		return 1;
	}
	return 0;
}

static void put_operation(struct buf *buf, struct span n, uint64_t fingerprint, struct span s)
{
	size_t size = len_size(n.n) + 9 + len_size(s.n);
	uint8_t *p = buf_grow(buf, len_size(size));

	if (!p)
		return;
	*p++ = 7 << 3 | LEN;
	p = varint_put(p, size);
	p = put_span(p, 1, n);
	*p++ = 2 << 3 | FIXED64;
	p = put_fixed64(p, fingerprint);
	put_span(p, 3, s);
}

void frame_put_operation(struct buf *buf, const char *name, uint64_t fingerprint,
			 const char *signature)
{
	put_operation(buf, span_of(name), fingerprint, span_of(signature));
}

void frame_copy_operations(struct span body, struct buf *buf)
{
	struct frame_entry entry;

	while (frame_repeated(&body, 7, &entry) > 0)
		put_operation(buf, entry.name, entry.value, entry.text);
}

void frame_put_annotation(struct buf *buf, uint32_t id, struct span key, struct span value)
{
	size_t size = len_size(key.n) + len_size(value.n);
	uint8_t *p = buf_grow(buf, len_size(size));

	if (!p)
		return;
	*p++ = (uint8_t)(id << 3 | LEN);
	p = varint_put(p, size);
	p = put_span(p, 1, key);
	put_span(p, 2, value);
}

/* The field of its body. */
static uint32_t references_of(enum frame_type type)
{
	switch (type) {
	case FRAME_CALL:
		return 14;
	case FRAME_REPLY:
		return 4;
	case FRAME_ITEM:
		return 5;
	default: /* FRAME_ERROR */
		return 12;
	}
}

/* The id; a byte if it is the receiver's, or has an address; the name, if that is another. */
enum { ID = 16, IS_HOME = 1, HAS_ADDRESS };

void frame_put_reference(struct buf *buf, enum frame_type type,
			 const struct frame_reference *reference)
{
	uint8_t bytes[2 * ID + 1] = { 0 };
	size_t n = ID;
	uint8_t *p;

	memcpy(bytes, reference->id, ID);
	if (reference->is_home || reference->has_address)
		bytes[n++] = reference->is_home ? IS_HOME : HAS_ADDRESS;
	if (memcmp(reference->id, reference->name, ID) != 0) {
		memcpy(bytes + n, reference->name, ID);
		n += ID;
	}
	p = buf_grow(buf, len_size(n));
	if (p)
		put_span(p, (uint8_t)references_of(type), (struct span){ bytes, n });
}

static bool read_reference(struct span span, struct frame_reference *ret)
{
	bool has_more = span.n % ID == 1, has_name = span.n >= 2 * ID;
	uint8_t more = has_more ? span.p[ID] : IS_HOME;

	if (span.n != (has_name ? 2 * ID : ID) + (size_t)has_more ||
	    (more != IS_HOME && more != HAS_ADDRESS))
		return false;
	ret->is_home = has_more && more == IS_HOME;
	ret->has_address = more == HAS_ADDRESS;
	memcpy(ret->id, span.p, ID);
	memcpy(ret->name, has_name ? span.p + span.n - ID : span.p, ID);
	return true;
}

int frame_next_reference(struct span *rest, enum frame_type type, struct frame_reference *ret)
{
	const uint8_t *p = rest->p, *limit = span_end(*rest);
	uint32_t id = references_of(type);
	struct field field;

	while (p < limit) {
		if (!get_field(&p, limit, &field))
			return -1;
		if (field.id != id || field.wire != LEN)
			continue;
		*rest = (struct span){ p, (size_t)(limit - p) };
		return read_reference(field.span, ret) ? 1 : -1;
	}
	return 0;
}

void frame_put_mark(struct buf *buf, uint32_t session, uint32_t last_number)
{
	size_t size = 2 + varint_size(session) + varint_size(last_number);
	uint8_t *p = buf_grow(buf, len_size(size));

	if (!p)
		return;
	*p++ = 3 << 3 | LEN;
	p = varint_put(p, size);
	*p++ = 1 << 3 | VARINT;
	p = varint_put(p, session);
	*p++ = 2 << 3 | VARINT;
	varint_put(p, last_number);
}
