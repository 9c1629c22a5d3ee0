/* SPDX-License-Identifier: MIT */
#include "wire/annotation.h"

#include <string.h>

#include "wire/frame.h"

void annotation_put(struct buf *buf, enum annotation_field field,
		    const struct pyr_annotation *annotation)
{
	struct span value = { annotation->value, annotation->value ? annotation->size : 0 };

	frame_put_annotation(buf, (uint32_t)field, span_of(annotation->key), value);
}

static bool is_key(struct span key)
{
	size_t i;

	for (i = 0; i < key.n; i++)
		if (key.p[i] <= ' ' || key.p[i] > '~')
			return false;
	return key.n > 0 && key.n <= ANNOTATION_KEY_MAX;
}

const char *annotations_problem(struct span body, enum annotation_field field)
{
	struct frame_entry entry;
	size_t n = 0, bytes = 0;
	int more;

	while ((more = frame_repeated(&body, (uint32_t)field, &entry)) > 0) {
		if (!is_key(entry.name))
			return "the name of an annotation has 1 to 64 printable characters of "
			       "ASCII";
		bytes += entry.name.n + entry.bytes.n;
		if (++n > ANNOTATIONS_MAX)
			return "a call has at most 64 annotations";
		if (bytes > ANNOTATION_BYTES_MAX)
			return "the annotations of a call have at most 32768 bytes in all";
	}
	return more < 0 ? "its annotations cannot be read" : NULL;
}

void annotations_copy(struct span body, enum annotation_field field, struct buf *buf)
{
	struct frame_entry entry;

	while (frame_repeated(&body, (uint32_t)field, &entry) > 0)
		frame_put_annotation(buf, (uint32_t)field, entry.name, entry.bytes);
}

static bool copy(const struct frame_entry *entry, struct arena *arena, struct pyr_annotation *ret)
{
	char *key = arena_alloc(arena, entry->name.n + 1);
	uint8_t *value = arena_alloc(arena, entry->bytes.n + 1);

	if (!key || !value)
		return false;
	ret->key = memcpy(key, entry->name.p, entry->name.n);
	if (entry->bytes.n > 0)
		memcpy(value, entry->bytes.p, entry->bytes.n);
	ret->value = value;
	ret->size = entry->bytes.n;
	return true;
}

size_t annotations_read(struct span body, enum annotation_field field, struct arena *arena,
			const struct pyr_annotation **ret)
{
	struct pyr_annotation *list;
	struct span rest = body;
	struct frame_entry entry;
	size_t n = 0, i;

	while (frame_repeated(&rest, (uint32_t)field, &entry) > 0)
		n++;
	list = n > 0 ? arena_alloc(arena, n * sizeof(*list)) : NULL;
	if (!list)
		return 0;
	for (i = 0; i < n && frame_repeated(&body, (uint32_t)field, &entry) > 0; i++)
		if (!copy(&entry, arena, &list[i]))
			return 0;
	*ret = list;
	return n;
}

const struct pyr_annotation *annotation_find(const struct pyr_annotation *list, size_t n,
					     const char *key)
{
	for (; key && n > 0; n--)
		if (strcmp(list[n - 1].key, key) == 0)
			return &list[n - 1];
	return NULL;
}
