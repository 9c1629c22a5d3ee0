/* SPDX-License-Identifier: MIT */
#include "reference/taker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/held.h"
#include "base/uri.h"
#include "reference/references.h"

/* What one of them takes: a proxy, its reference, its texts. */
enum { COST = 1280 };

/* Those that lie in one block. */
struct hung {
	struct held base;
	struct hung *next;
	void *block;
	size_t n;
	void *values[];
};

bool taken_add(struct taken *taken, void *value)
{
	if (!array_reserve(&taken->values, &taken->room, taken->n + 1, sizeof(*taken->values))) {
		reference_maker()->free(value);
		return false;
	}
	taken->values[taken->n++] = value;
	return true;
}

/* They are freed, or others' from now on. */
static void forget(struct taken *taken)
{
	budget_release(taken->budget, taken->cost);
	budget_unref(taken->budget);
	free(taken->values);
	*taken = (struct taken){ 0 };
}

/* Returns false beyond what its connection may hold. */
static bool charge(struct taken *taken, struct budget *budget)
{
	if (!budget)
		return true;
	if (!budget_charge(budget, COST))
		return false;
	if (!taken->budget)
		budget_ref(taken->budget = budget);
	taken->cost += COST;
	return true;
}

/* The last one came to nothing. */
static void discharge(struct taken *taken)
{
	if (!taken->budget)
		return;
	budget_release(taken->budget, COST);
	taken->cost -= COST;
	if (taken->n > 0)
		return;
	budget_unref(taken->budget);
	taken->budget = NULL;
}

void taken_free(struct taken *taken)
{
	while (taken->n > 0)
		reference_maker()->free(taken->values[--taken->n]);
	forget(taken);
}

/* ---- from the message to the value ---- */

/* What the message holds under a name: counted, as is the use of an object. */
struct source {
	struct object *object;
	struct import *import;
};

/* What stands in for another process's object leads there straight away. */
static struct source source_of(struct object *object, struct import *import)
{
	if (object && object->stands_for) {
		import = object->stands_for;
		object = NULL;
	}
	if (object)
		reference_hold(object);
	else if (import)
		import_ref(import);
	return (struct source){ object, object ? NULL : import };
}

/* Who passed it on may be in this process. */
static struct source straight(struct import *import, const uint8_t *name)
{
	struct source source = { NULL, NULL };
	struct object *forward = NULL;

	if (memcmp(import->node.id, name, REFERENCE_ID) != 0)
		forward = reference_find_home(import->node.id);
	if (forward && forward->stands_for)
		source = source_of(forward, NULL);
	if (forward)
		reference_let_go(forward);
	return source.import ? source : source_of(NULL, import);
}

/* An object of this process may be one that the other end was given over the link, or one that came
 * home by a way round. */
static struct source find(struct taker *taker, const uint8_t *name)
{
	const struct brought *brought = import_list_find(taker->held, &taker->cursor, name);
	const struct codec_carried *at;
	struct object *own;

	if (brought && brought->object)
		return source_of(brought->object, NULL);
	own = reference_find_home(name);
	if (own)
		return (struct source){ own, NULL };
	if (brought)
		return straight(brought->import, name);
	for (at = taker->carried; at; at = at->next)
		if (reference_is_called(at->reference, name))
			return source_of(at->reference->object, at->reference->import);
	return (struct source){ NULL, NULL };
}

/* What others are told of it: where it is, and if nowhere, its id on the links of this process. */
static void encode(struct reference *reference, const struct codec_reference *told)
{
	struct codec_reference encoded = *told;
	struct span id = { reference->id, REFERENCE_ID };

	encoded.link_local = encoded.identity = (struct span){ 0 };
	if (reference->has_id && reference->uri)
		encoded.identity = id;
	else if (reference->has_id)
		encoded.link_local = id;
	codec_reference_write(&encoded, &reference->encoded);
}

/* import: taken, may be NULL: then it came over `from`, or NULL. Returns NULL when memory is out.
 */
static struct reference *from_elsewhere(const struct codec_reference *told, const uint8_t *id,
					struct import *import, struct peer *from)
{
	struct reference *reference = calloc(1, sizeof(*reference));

	if (!reference) {
		import_unref(import);
		return NULL;
	}
	reference->refs = 1;
	reference->import = import;
	if (!import && from)
		peer_ref(reference->from = from);
	reference->fingerprint = told->fingerprint;
	reference->interface = span_dup(told->interface);
	reference->has_id = id;
	if (id)
		memcpy(reference->id, id, REFERENCE_ID);
	if (told->uri.n > 0)
		reference->uri = span_dup(told->uri);
	encode(reference, told);
	if (reference->interface && (reference->uri || told->uri.n == 0) &&
	    !reference->encoded.broken)
		return reference;
	reference_unref(reference);
	return NULL;
}

static int fail(int code, const char *what, char *text, size_t n)
{
	snprintf(text, n, "%s", what);
	return code;
}

static bool is_uri(struct span told)
{
	char *text = span_dup(told);
	struct uri_problem problem = { .code = PYR_RESOURCE_EXHAUSTED };
	pyr_uri *uri = text ? uri_parse(text, &problem) : NULL;

	free(text);
	pyr_uri_free(uri);
	return uri || problem.code == PYR_RESOURCE_EXHAUSTED; /* which is told as it is */
}

/* Returns 0 or a status. */
static int make(struct taker *taker, const struct pyr__type *type,
		const struct codec_reference *told, void **ret, char *text, size_t n)
{
	const uint8_t *id = told->link_local.n ? told->link_local.p
			    : told->identity.n ? told->identity.p
					       : NULL;
	struct source source = { NULL, NULL };
	struct reference *reference;

	if (id)
		source = find(taker, id);
	if (source.object) {
		*ret = reference_value(source.object, type);
		return *ret ? 0 : fail(PYR_RESOURCE_EXHAUSTED, "out of memory", text, n);
	}
	if (!source.import && told->uri.n == 0)
		return fail(PYR_INVALID_ARGUMENT, "was not passed along with the message", text, n);
	if (told->uri.n > 0 && !is_uri(told->uri)) {
		import_unref(source.import);
		return fail(PYR_INVALID_ARGUMENT, "has an invalid URI", text, n);
	}
	reference = from_elsewhere(told, id, source.import, taker->from);
	*ret = reference ? reference_maker()->make(reference, type) : NULL;
	return *ret ? 0 : fail(PYR_RESOURCE_EXHAUSTED, "out of memory", text, n);
}

static int take(struct codec_taker *base, const struct pyr__type *type, struct span encoded,
		void **ret, char *text, size_t n)
{
	struct taker *taker = (struct taker *)base;
	struct codec_reference told;
	const char *wrong = codec_reference_read(encoded, &told);
	int code;

	if (wrong)
		return fail(PYR_INVALID_ARGUMENT, wrong, text, n);
	if (taker->taken.n >= REFERENCES_PER_MESSAGE || !charge(&taker->taken, taker->budget))
		return fail(PYR_RESOURCE_EXHAUSTED,
			    "more references than a message or a connection may carry", text, n);
	code = make(taker, type, &told, ret, text, n);
	if (!code && !taken_add(&taker->taken, *ret))
		code = fail(PYR_RESOURCE_EXHAUSTED, "out of memory", text, n);
	if (code)
		discharge(&taker->taken);
	return code;
}

static int keep(struct codec_taker *base, const void *value, void **ret, char *text, size_t n)
{
	struct taker *taker = (struct taker *)base;

	*ret = reference_maker()->dup((void *)value);
	if (!*ret) {
		snprintf(text, n, "cannot be copied: %s", pyr_last_error()->message);
		return pyr_last_error()->code;
	}
	return taken_add(&taker->taken, *ret)
		       ? 0
		       : fail(PYR_RESOURCE_EXHAUSTED, "out of memory", text, n);
}

static void release(struct held *base)
{
	struct hung *hung = (struct hung *)base;
	size_t i;

	for (i = 0; i < hung->n; i++)
		reference_maker()->free(hung->values[i]);
	free(hung);
}

/* What will hang on the block is made now: once values are stored, nothing may fail. */
static bool settle(struct codec_taker *base, void *block)
{
	struct taker *taker = (struct taker *)base;
	size_t first = taker->n_settled, n = taker->taken.n - first;
	struct hung *hung;

	taker->n_settled += n;
	if (!block || n == 0)
		return true;
	hung = malloc(sizeof(*hung) + n * sizeof(hung->values[0]));
	if (!hung)
		return false;
	*hung = (struct hung){ .base = { .release = release }, .next = taker->hung };
	hung->block = block;
	hung->n = n;
	memcpy(hung->values, taker->taken.values + first, n * sizeof(hung->values[0]));
	taker->hung = hung;
	return true;
}

static const struct codec_taker_kind kind = { take, keep, settle };

/* ---- what becomes of them ---- */

void taker_init(struct taker *taker, const struct import_list *held)
{
	*taker = (struct taker){ .base = { &kind }, .held = held };
}

void taker_drop(struct taker *taker)
{
	struct hung *hung;

	while ((hung = taker->hung)) {
		taker->hung = hung->next;
		free(hung);
	}
	taken_free(&taker->taken);
}

void taker_give(struct taker *taker)
{
	struct hung *hung;

	while ((hung = taker->hung)) {
		taker->hung = hung->next;
		held_add(&hung->base, hung->block);
	}
	forget(&taker->taken);
}

bool taker_move(struct taker *taker, struct taken *to)
{
	struct taken *from = &taker->taken;

	if (!array_reserve(&to->values, &to->room, to->n + from->n, sizeof(*to->values)))
		return false;
	if (from->n > 0)
		memcpy(to->values + to->n, from->values, from->n * sizeof(*to->values));
	to->n += from->n;
	to->cost += from->cost; /* of the one connection of the call */
	from->cost = 0;
	if (!to->budget) {
		to->budget = from->budget;
		from->budget = NULL;
	}
	forget(from);
	return true;
}
