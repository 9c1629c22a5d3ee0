/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_H
#define PYRITE_CODEC_H
/*
 * From C values to protobuf messages and back, driven by the tables of <pyrite/gen.h>. Floor 1:
 * knows tables and protobuf-c, nothing of calls or links; the only files that include protobuf-c.
 * What comes from a peer is scanned (framing, depth, UTF-8, NUL) before anything is made of it, and
 * bounded in the memory it may become: both ends count it in the same way, so that what one may
 * send the other may take (codec_memory_max()).
 */
#include <pyrite/gen.h>

#include "base/arena.h"
#include "base/buf.h"

struct codec_message; /* what is known of one list of fields: protobuf-c's descriptor, and whether
			 values need converting */

/* Whether the interface has that name, or one of its bases. */
bool codec_has_interface(const struct pyr__interface *table, struct span name);

struct codec_operation {
	const struct pyr__operation *table;
	const struct codec_message *request;            /* slots: the in-parameters */
	const struct codec_message *reply;              /* slots: the results */
	const struct codec_message *in_item, *out_item; /* a slot each; NULL: no such stream */
};

struct codec_interface {
	const struct pyr__interface *table;
	struct codec_operation *operations; /* table->n_operations */
};

/* Of what is handed on as it came, by who does not know what it is: one operation, whose name is
 * for messages; with streams, their items are what they are. */
extern const struct codec_interface codec_as_it_came;
const struct codec_operation *codec_stream_as_it_came(bool in, bool out);

/* Why a value could not be packed or a message not unpacked: a status, and a text that names the
 * field. */
struct codec_problem {
	int code; /* enum pyr_status */
	char text[256];
};

/* What a value of an interface's type stands for, and which of them a message carries. */
struct reference;
struct codec_carried {
	const struct codec_carried *next;
	struct reference *reference;
};

/* A message made ready to be written: its size is known, its memory is the arena's and the caller's
 * values. */
struct codec_packer {
	const void *message;
	size_t size;
	const uint8_t *bytes; /* these as they are, instead of a message */
	size_t memory;        /* what it takes at its receiver, who is bounded in that, too */
	const struct codec_carried *carried; /* NULL: none */
};

/*
 * What references are is not the codec's to know. It is told once, before anything is packed, how a
 * value (not NULL) is written: its pyrite.Reference, which lasts as long as the value. encode()
 * returns NULL with *why: "stands for a batch"; NULL: memory is out.
 */
struct codec_references {
	struct reference *(*encode)(const void *value, struct span *ret, const char **why);
	/* The same of one that was encoded before. */
	struct span (*encoded)(struct reference *reference);
};
void codec_set_references(const struct codec_references *references);

/* Who makes values of the references that come. */
struct codec_taker;
struct codec_taker_kind {
	/* type: of the field; NULL: an Object. Returns 0, or a status with the text of what is
	 * wrong with the reference: "leads to no object". */
	int (*take)(struct codec_taker *taker, const struct pyr__type *type, struct span encoded,
		    void **ret, char *text, size_t n);
	/* One more of a value that somebody has, likewise. */
	int (*keep)(struct codec_taker *taker, const void *value, void **ret, char *text, size_t n);
	/* Those taken or kept since the last time lie in that block, NULL: in none. Returns false
	 * when memory is out. */
	bool (*settle)(struct codec_taker *taker, void *block);
};
struct codec_taker {
	const struct codec_taker_kind *kind;
};

/* Builds the descriptors at first use, then finds them again. Never freed, reachable. Returns NULL
 * when memory is out. Any thread. */
const struct codec_interface *codec_interface_get(const struct pyr__interface *table);
/* One that is in use, of that name and fingerprint; NULL: there is none. */
const struct codec_interface *codec_interface_find(struct span name, uint64_t fingerprint);
/* sizeof the C type of a value; of a string: of a pointer. */
size_t codec_natural_size(const struct pyr__field *field);
const struct codec_message *
codec_type_get(const struct pyr__type *table); /* of an exception: its fields */

/*
 * Checks (NULL strings, bounds, ranges, exact array counts, discriminators, UTF-8) and converts
 * slots. Returns 0 or minus a status with *problem told: "parameter 'x' is NULL". ret points into
 * arena and the slots' values.
 */
int codec_prepare(const struct codec_message *message, const union pyr__slot *slots,
		  struct arena *arena, struct codec_packer *ret, struct codec_problem *problem);
/* Its slots hold required numbers and nothing else, and whatever they are may be sent. */
bool codec_holds_numbers(const struct codec_message *message);

/* Writes exactly packer->size bytes. */
void codec_pack(const struct codec_packer *packer, uint8_t *dst);

/* Bytes of memory that the values of one message may take at an end that takes messages of
 * max_message bytes. */
size_t codec_memory_max(uint32_t max_message);
/* Whether an end that takes messages of max_message bytes would refuse it; then text says how large
 * it is: "of 70000000 bytes, the most is 67108864". */
bool codec_is_too_large(const struct codec_packer *packer, uint32_t max_message, char *text,
			size_t n);

/* Slots from a message; what they point to lives in arena, and the bytes of long sequences of
 * octets in the message, if that lasts as long. The servant's side. What the taker made is its
 * owner's, also when it fails; NULL: references are refused. */
int codec_take(const struct codec_message *message, struct codec_taker *taker, struct span data,
	       bool data_lasts, uint32_t max_message, struct arena *arena, union pyr__slot *ret,
	       struct codec_problem *problem);

/* Results from a message: stores value i through out[i] (NULL = not wanted); each pointer is one
 * malloc'ed block. The caller's side: nothing is stored, nothing leaks when it fails but what the
 * taker made. */
int codec_take_results(const struct codec_message *message, struct codec_taker *taker,
		       struct span data, uint32_t max_message, void *const *out,
		       struct codec_problem *problem);

/* Stores slot values through out[i] (NULL = not wanted) as they are. */
void codec_store(const struct codec_message *message, const union pyr__slot *slots,
		 void *const *out);

/* One struct, union, exception or collection as a whole: value is the C struct. */
int codec_prepare_value(const struct pyr__type *type, const void *value, struct arena *arena,
			struct codec_packer *ret, struct codec_problem *problem);
/* *ret: one malloc'ed block. */
int codec_take_value(const struct pyr__type *type, struct codec_taker *taker, struct span data,
		     uint32_t max_message, void **ret, struct codec_problem *problem);

/* The same of what has no references. */
static inline int codec_unpack(const struct codec_message *message, struct span data,
			       bool data_lasts, uint32_t max_message, struct arena *arena,
			       union pyr__slot *ret, struct codec_problem *problem)
{
	return codec_take(message, NULL, data, data_lasts, max_message, arena, ret, problem);
}

static inline int codec_unpack_results(const struct codec_message *message, const uint8_t *data,
				       size_t n, uint32_t max_message, void *const *out,
				       struct codec_problem *problem)
{
	return codec_take_results(message, NULL, (struct span){ data, n }, max_message, out,
				  problem);
}

static inline int codec_unpack_value(const struct pyr__type *type, const uint8_t *data, size_t n,
				     uint32_t max_message, void **ret,
				     struct codec_problem *problem)
{
	return codec_take_value(type, NULL, (struct span){ data, n }, max_message, ret, problem);
}

/* A deep copy. The first run, without a block, measures: ret->size; the second fills a zeroed block
 * of that size. The value begins the block; references in it are the taker's, also when it fails.
 */
struct codec_dup {
	struct codec_taker *taker;
	uint8_t *block; /* NULL: measure */
	size_t size, used;
};
int codec_dup(const struct pyr__type *type, const void *value, struct codec_dup *ret,
	      struct codec_problem *problem);

/* ---- any ---- */

/* A value made ready to be an any: n_head and n_encoded are the bytes that it takes. */
struct codec_any_packer {
	const struct pyr__type *type;
	struct codec_packer value;
	size_t n_head, n_encoded, n_references;
};
/* type: with a name of its own, or an enum, whose value is an int32. As codec_prepare(). */
int codec_any_prepare(const struct pyr__type *type, const void *value, struct arena *arena,
		      struct codec_any_packer *ret, struct codec_problem *problem);
/* Makes it in a block of that size. */
pyr_any *codec_any_pack(const struct codec_any_packer *packer, void *block);
/* Bytes of a copy, and one in a block of that size, which has no references until they are kept. */
size_t codec_any_copy_size(const pyr_any *any);
pyr_any *codec_any_copy(const pyr_any *any, void *block);
/* Values of the references in an any that was just made: those that came along with its bytes, or
 * the same as another's. They are the taker's, also when it fails. Return 0, or a status with the
 * text of why not. taker: NULL: fails, if there are any. */
int codec_any_take_references(pyr_any *any, struct codec_taker *taker, char *text, size_t n);
int codec_any_keep_references(pyr_any *any, const pyr_any *from, struct codec_taker *taker,
			      char *text, size_t n);
/* What its value's references lead to, in arena. Returns false when memory is out. */
bool codec_any_carried(const pyr_any *any, struct arena *arena, const struct codec_carried **ret);
const char *codec_any_type(const pyr_any *any);
/* For who does not know the type: the message in it, borrowed, and its fingerprint; and one made of
 * these, in the arena, NULL when memory is out. */
struct span codec_any_bytes(const pyr_any *any, uint64_t *fingerprint);
pyr_any *codec_any_of_bytes(struct span type, struct span value, uint64_t fingerprint,
			    struct arena *arena);
/* *ret: one malloc'ed block, of an enum the int32 itself. problem->text is about the any: "it is a
 * shop.Line". */
int codec_any_take(const pyr_any *any, const struct pyr__type *type, struct codec_taker *taker,
		   uint32_t max_message, void *ret, struct codec_problem *problem);

/* An operation's fields from one on, parameters, results and items; NULL if it has none at all. */
static inline const struct pyr__field *codec_fields_from(const struct pyr__operation *operation,
							 size_t at)
{
	return operation->fields ? operation->fields + at : NULL;
}

/* Writes "(int32, example.Point, sequence<string>) -> int32" into buf, cut short at n bytes. */
void codec_signature(const struct pyr__operation *operation, char *buf, size_t n);
#endif
