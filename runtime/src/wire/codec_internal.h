/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_INTERNAL_H
#define PYRITE_CODEC_INTERNAL_H
/*
 * What the codec's own files share. A value has two forms: natural, the plain C of the user's
 * headers (and the slots of a stub), and shadow, the struct that protobuf-c writes from: a
 * ProtobufCMessage, then 8 bytes for each scalar, string or message, 16 for bytes, count and
 * pointer for what is repeated. A list of required scalars and strings is direct: its shadow is the
 * base followed by the slots as they are. Reading goes from the wire to natural, without a shadow:
 * see docs/internals/codec.md.
 */
#include <protobuf-c/protobuf-c.h>

#include "wire/codec.h"
#include "wire/codec_kinds.h"

enum {
	CODEC_DEPTH = 64,     /* deepest message inside a message, both ways */
	CODEC_REFERENCE = 512 /* what a reference counts for in memory, at both ends */
};

enum codec_presence {
	CODEC_PLAIN, /* always there; what is zero is not sent */
	CODEC_HAS,   /* a flag beside it in the shadow, or a pointer that may be NULL */
	CODEC_ONEOF  /* the case beside it in the shadow */
};

struct codec_field {
	const struct pyr__field *table;
	const struct pyr__field
		*value; /* one value: table itself, or the element that is repeated */
	const struct codec_message
		*message; /* of one value: struct, union, wrapper, entry of a map */
	const char *name; /* NULL in a wrapper: paths show the index only */
	uint32_t id;
	uint32_t offset, quantifier; /* in the shadow; quantifier: flag, count or case */
	uint8_t presence;            /* enum codec_presence */
	uint8_t wire;                /* ProtobufCWireType of one value */
	bool many;                   /* repeated */
	bool packable;               /* many, and of scalars */
	bool reference; /* INTERFACE, OBJECT, ANY: bytes in the shadow, a pointer that may be NULL
			 */
	bool by_value;  /* a slot holds it itself: required scalar or string */
};

struct codec_message {
	ProtobufCMessageDescriptor pb;
	const char *role;                   /* of its fields, for error texts */
	const struct pyr__type *type;       /* of a struct or union; NULL: slots, wrapper, entry */
	const struct pyr__type *union_type; /* the same if it is a union, else NULL */
	/* Slots: one, a struct, whose message this is; NULL: no. */
	const struct codec_message *whole;
	struct codec_field *fields;        /* in the table's order */
	const struct codec_field **by_id;  /* in the order of pb.fields */
	const struct codec_field **fixups; /* direct: strings and kinds that are not protobuf-c's */
	unsigned n_fields, n_fixups;
	bool slots;   /* the natural form is a list of slots */
	bool direct;  /* see above */
	bool flat;    /* codec_flat.c can do it */
	bool numbers; /* slots of required numbers, of which every value may be sent */
};

/* codec_values.c: what is known of one kind */
size_t codec_shadow_size(uint8_t kind);
bool codec_same_layout(uint8_t kind); /* natural and shadow are the same bytes */
void codec_widen(uint8_t kind, const void *natural, void *shadow);
/* Returns false when the value does not fit; *natural is untouched then. */
bool codec_narrow(uint8_t kind, const void *shadow, void *natural);
int64_t codec_shadow_integer(uint8_t kind, const void *shadow);
/* Valid UTF-8 without NUL. */
bool codec_is_text(const uint8_t *data, size_t n);

/* codec_problem.c: all return minus code */
/* Of references that nobody takes. */
int codec_fail_reference(struct codec_problem *problem, const char *role,
			 const struct codec_path *path, const char *what);
int codec_fail_range(struct codec_problem *problem, const char *role, const struct codec_path *path,
		     uint8_t kind, const void *shadow);

/* codec_scan.c: checks a message from a peer. */
int codec_scan(const struct codec_message *message, const uint8_t *data, size_t n,
	       struct codec_problem *problem);

/* What a message holds of one field. */
struct codec_seen {
	const uint8_t *first;   /* where its first value's tag stands */
	const uint8_t *payload; /* of the last value */
	const uint8_t *end;     /* of the last value */
	size_t n;               /* values, those in packed ones counted singly; 0 = absent */
};

/*
 * codec_fill.c: from a scanned message to natural. Memory comes from the arena, or from one block;
 * used counts what a block needs, in all ways alike, so that a first run measures the second.
 */
struct codec_fill {
	struct arena *arena;
	uint8_t *block, *block_end; /* NULL: the arena */
	bool is_dirty;              /* the block is not zeroed */
	bool borrows;               /* bytes stay where they are, in the message */
	bool measures;              /* nothing is taken: it fills once more */
	struct codec_taker *taker;
	size_t used, limit;
	size_t sorted; /* of messages around this one that were sorted; the limit is theirs, too */
	size_t beside; /* counted as used is, and no part of a block: of references */
	const char *role;
	struct codec_problem *problem;
};

/* codec_survey.c. Of a message that was scanned; ret: zeroed. */
void codec_look(const struct codec_message *message, const uint8_t *data, const uint8_t *end,
		struct codec_seen *ret);
/* One that would be read too often gets its fields together, in a block that seen is about from
 * then on: in arena; NULL: owned, free(). Returns NULL if all is as it was. */
void *codec_sort(const struct codec_message *message, const uint8_t *data, const uint8_t *end,
		 struct codec_seen *seen, struct arena *arena);
/* Both: one for each field of the message, in arena; NULL: out of memory. */
struct codec_seen *codec_survey(const struct codec_message *message, const uint8_t *data, size_t n,
				struct arena *arena);
int codec_fill_slot(struct codec_fill *fill, const struct codec_field *field,
		    const struct codec_seen *seen, union pyr__slot *ret);
/* message: of that type. */
int codec_fill_value(struct codec_fill *fill, const struct codec_message *message,
		     const struct pyr__type *type, struct span data, void **ret);
/* What the paths of a value begin with: nothing in a struct, whose members have names, else the
 * type's name. NULL or *ret. */
const struct codec_path *codec_root(const struct codec_message *message,
				    const struct pyr__type *type, struct codec_path *ret);

/* codec_flat.c: a few required numbers, as slots. */
enum { CODEC_FLAT_MAX = 12, CODEC_FLAT_FIELD = 11 /* bytes of one, at most */ };
/* Returns how many bytes it wrote; dst has room for the most. */
size_t codec_flat_put(const struct codec_message *message, const union pyr__slot *slots,
		      uint8_t *dst);
/* Returns false if that is not how we would have written it: then nothing is known of it. */
bool codec_flat_get(const struct codec_message *message, const uint8_t *data, size_t n,
		    union pyr__slot *ret);

/* What the functions of these names do, without a look at the stack; codec_stack.c. */
int codec_prepare_here(const struct codec_message *message, const union pyr__slot *slots,
		       struct arena *arena, struct codec_packer *ret,
		       struct codec_problem *problem);
int codec_prepare_value_here(const struct pyr__type *type, const void *value, struct arena *arena,
			     struct codec_packer *ret, struct codec_problem *problem);
void codec_pack_here(const struct codec_packer *packer, uint8_t *dst);
int codec_take_results_here(const struct codec_message *message, struct codec_taker *taker,
			    struct span data, uint32_t max_message, void *const *out,
			    struct codec_problem *problem);
int codec_take_value_here(const struct pyr__type *type, struct codec_taker *taker, struct span data,
			  uint32_t max_message, void **ret, struct codec_problem *problem);
extern const struct codec_references *codec_references; /* codec_reference.c */

/* What a block of n bytes counts for, at both ends. */
static inline size_t codec_padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static inline const void *codec_at(const void *base, size_t offset)
{
	return (const uint8_t *)base + offset;
}

static inline void *codec_in(void *base, size_t offset)
{
	return (uint8_t *)base + offset;
}
#endif
