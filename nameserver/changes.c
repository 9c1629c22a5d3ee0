/* SPDX-License-Identifier: MIT */
#include "changes.h"

#include <stdlib.h>

void changes_init(struct changes *changes)
{
	*changes = (struct changes){ .first = 1, .next = 1, .since = UINT64_MAX };
}

void changes_begin(struct changes *changes, uint64_t revision)
{
	changes->since = revision;
}

static struct change_entry *place_of(const struct changes *changes, uint64_t number)
{
	return &changes->ring[number % CHANGES_KEPT];
}

static size_t size_of(const struct change_entry *entry)
{
	return (entry->before ? record_cost(entry->before) : 0) +
	       (entry->after ? record_cost(entry->after) : 0);
}

static void drop_first(struct changes *changes)
{
	struct change_entry *entry = place_of(changes, changes->first++);

	changes->since = entry->revision;
	changes->bytes -= size_of(entry);
	free(entry->before);
	free(entry->after);
}

void changes_forget(struct changes *changes)
{
	while (changes->first < changes->next)
		drop_first(changes);
	changes->first = ++changes->next;
	changes->since = UINT64_MAX; /* until the next */
}

void changes_fini(struct changes *changes)
{
	changes_forget(changes);
	free(changes->ring);
	changes->ring = NULL;
}

/* Returns false when memory is out. */
static bool copy_change(const struct store_change *change, struct change_entry *ret)
{
	*ret = (struct change_entry){ .revision = change->revision };
	ret->before = change->before ? record_copy(change->before) : NULL;
	ret->after = change->after ? record_copy(change->after) : NULL;
	if ((ret->before || !change->before) && (ret->after || !change->after))
		return true;
	free(ret->before);
	free(ret->after);
	return false;
}

void changes_add(struct changes *changes, const struct store_change *change)
{
	struct change_entry entry;

	if (!changes->ring)
		changes->ring = calloc(CHANGES_KEPT, sizeof(*changes->ring));
	if (!changes->ring || !copy_change(change, &entry)) {
		changes_forget(changes);
		return;
	}
	if (changes->since == UINT64_MAX)
		changes->since = entry.revision;
	changes->bytes += size_of(&entry);
	while (changes->first < changes->next &&
	       (changes->next - changes->first == CHANGES_KEPT || changes->bytes > CHANGES_BYTES))
		drop_first(changes);
	*place_of(changes, changes->next++) = entry;
}

const struct change_entry *changes_at(const struct changes *changes, uint64_t number)
{
	return place_of(changes, number);
}

uint64_t changes_after(const struct changes *changes, uint64_t revision)
{
	uint64_t low = changes->first, high = changes->next, middle;

	if (revision < changes->since)
		return 0;
	while (low < high) { /* the first beyond the revision is in low..high */
		middle = low + (high - low) / 2;
		if (place_of(changes, middle)->revision > revision)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}
