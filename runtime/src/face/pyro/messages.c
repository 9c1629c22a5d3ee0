/* SPDX-License-Identifier: MIT */
#include "face/pyro/messages.h"

#include <stdio.h>
#include <string.h>

enum {
	HEADER_4 = 24,
	HEADER_5 = 40,
	CHECKSUM_4 = 0x34e9,
	MAGIC_5 = 0x4dc5,
	DATA_MAX_4 = 0x7fffffff,
	ANNOTATIONS_MAX_4 = 0xffff
};

/* The same flag in each version's header; 0: it has none. */
static const struct {
	uint16_t flag, of_4, of_5;
} flags[] = {
	{ PYRO_EXCEPTION, 1, 1 },    { PYRO_COMPRESSED, 2, 2 },  { PYRO_ONEWAY, 4, 4 },
	{ PYRO_BATCH, 8, 8 },        { PYRO_META, 16, 0 },       { PYRO_STREAM, 32, 16 },
	{ PYRO_SERIALIZED, 64, 32 }, { PYRO_CORRELATED, 0, 64 },
};

static uint16_t get_16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get_32(const uint8_t *p)
{
	return (uint32_t)get_16(p) << 16 | get_16(p + 2);
}

static uint8_t *put_16(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
	return p + 2;
}

static uint8_t *put_32(uint8_t *p, uint32_t n)
{
	return put_16(put_16(p, n >> 16), n & 0xffff);
}

static uint16_t flags_from(unsigned version, uint16_t given)
{
	uint16_t ret = 0;
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (given & (version == PYRO_4 ? flags[i].of_4 : flags[i].of_5))
			ret |= flags[i].flag;
	return ret;
}

static uint16_t flags_to(unsigned version, uint16_t own)
{
	uint16_t ret = 0;
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (own & flags[i].flag)
			ret |= version == PYRO_4 ? flags[i].of_4 : flags[i].of_5;
	return ret;
}

static int is_wrong(struct pyro_wrong *wrong, const char *text)
{
	snprintf(wrong->text, sizeof(wrong->text), "%s", text);
	return -1;
}

/* ---- headers ---- */

size_t pyro_header_size(unsigned version)
{
	return version == PYRO_4 ? HEADER_4 : HEADER_5;
}

/* Of a header as it travels: the sum of its fields. flags: as they travel. */
static uint16_t checksum(const struct pyro_header *header, unsigned travelling)
{
	return (uint16_t)(header->type + PYRO_4 + header->n_data + header->n_annotations +
			  header->serializer + travelling + header->seq + CHECKSUM_4);
}

static int read_4(const uint8_t *p, struct pyro_header *ret, struct pyro_wrong *wrong)
{
	ret->type = get_16(p + 6);
	ret->flags = flags_from(PYRO_4, get_16(p + 8));
	ret->seq = get_16(p + 10);
	ret->n_data = get_32(p + 12);
	ret->serializer = get_16(p + 16);
	ret->n_annotations = get_16(p + 18);
	if (get_16(p + 22) != checksum(ret, get_16(p + 8)))
		return is_wrong(wrong, "header checksum mismatch");
	if (ret->n_data > DATA_MAX_4)
		return is_wrong(wrong, "invalid message size (outside range 0..2Gb)");
	return HEADER_4;
}

static int read_5(const uint8_t *p, struct pyro_header *ret, struct pyro_wrong *wrong)
{
	if (get_16(p + 38) != MAGIC_5)
		return is_wrong(wrong, "invalid message or protocol version");
	ret->type = p[6];
	ret->serializer = p[7];
	ret->flags = flags_from(PYRO_5, get_16(p + 8));
	ret->seq = get_16(p + 10);
	ret->n_data = get_32(p + 12);
	ret->n_annotations = get_32(p + 16);
	memcpy(ret->correlation, p + 20, sizeof(ret->correlation));
	return HEADER_5;
}

static int check_size(const struct pyro_header *header, uint32_t max, struct pyro_wrong *wrong)
{
	uint64_t n = (uint64_t)header->n_annotations + header->n_data;

	if (n <= max)
		return 0;
	snprintf(wrong->text, sizeof(wrong->text),
		 header->version == PYRO_4 ? "max message size exceeded (%llu where max=%u)"
					   : "message too large (%llu, max=%u)",
		 (unsigned long long)n, max);
	return -1;
}

int pyro_header_read(const uint8_t *data, size_t n, uint32_t max, struct pyro_header *ret,
		     struct pyro_wrong *wrong)
{
	size_t common = n < 4 ? n : 4;
	int size;

	memset(ret, 0, sizeof(*ret));
	if (memcmp(data, "PYRO", common) != 0)
		return is_wrong(wrong, "invalid data or unsupported protocol version");
	if (n < PYRO_VERSION_AT)
		return 0;
	if (get_16(data + 4) != PYRO_4 && get_16(data + 4) != PYRO_5)
		return is_wrong(wrong, "invalid data or unsupported protocol version");
	ret->version = get_16(data + 4);
	if (n < pyro_header_size(ret->version))
		return 0;
	size = ret->version == PYRO_4 ? read_4(data, ret, wrong) : read_5(data, ret, wrong);
	return size < 0 || check_size(ret, max, wrong) < 0 ? -1 : size;
}

static void write_4(uint8_t *p, const struct pyro_header *header)
{
	uint16_t travelling = flags_to(PYRO_4, header->flags);

	p = put_16(p, header->type);
	p = put_16(p, travelling);
	p = put_16(p, header->seq);
	p = put_32(p, header->n_data);
	p = put_16(p, header->serializer);
	p = put_16(p, header->n_annotations);
	p = put_16(p, 0);
	put_16(p, checksum(header, travelling));
}

static void write_5(uint8_t *p, const struct pyro_header *header)
{
	*p++ = (uint8_t)header->type;
	*p++ = (uint8_t)header->serializer;
	p = put_16(p, flags_to(PYRO_5, header->flags));
	p = put_16(p, header->seq);
	p = put_32(p, header->n_data);
	p = put_32(p, header->n_annotations);
	memcpy(p, header->correlation, sizeof(header->correlation));
	p = put_16(p + sizeof(header->correlation), 0);
	put_16(p, MAGIC_5);
}

bool pyro_message_put(struct buf *out, const struct pyro_header *header, struct span annotations,
		      struct span data)
{
	struct pyro_header whole = *header;
	uint8_t *p;

	if (data.n > DATA_MAX_4 ||
	    annotations.n > (whole.version == PYRO_4 ? ANNOTATIONS_MAX_4 : DATA_MAX_4))
		return false;
	whole.n_annotations = (uint32_t)annotations.n;
	whole.n_data = (uint32_t)data.n;
	p = buf_grow(out, pyro_header_size(whole.version));
	if (!p)
		return false;
	memcpy(p, "PYRO", 4);
	p = put_16(p + 4, whole.version);
	if (whole.version == PYRO_4)
		write_4(p, &whole);
	else
		write_5(p, &whole);
	buf_append(out, annotations.p, annotations.n);
	buf_append(out, data.p, data.n);
	return !out->broken;
}

/* ---- annotations ---- */

/* Bytes before an annotation's data. */
static size_t chunk_head(unsigned version)
{
	return version == PYRO_4 ? 6 : 8;
}

/* Returns false if it is not whole, or its id is none. */
static bool read_chunk(unsigned version, struct span *rest, struct pyro_annotation *ret)
{
	size_t head = chunk_head(version), n, i;

	if (rest->n < head)
		return false;
	n = version == PYRO_4 ? get_16(rest->p + 4) : get_32(rest->p + 4);
	if (n > rest->n - head)
		return false;
	for (i = 0; i < 4; i++)
		if (rest->p[i] < 0x20 || rest->p[i] > 0x7e)
			return false;
	memcpy(ret->id, rest->p, 4);
	ret->id[4] = '\0';
	ret->data = (struct span){ rest->p + head, n };
	rest->p += head + n;
	rest->n -= head + n;
	return true;
}

bool pyro_annotations_check(unsigned version, struct span annotations, struct pyro_wrong *wrong)
{
	struct pyro_annotation annotation;
	unsigned n;

	for (n = 0; annotations.n > 0; n++) {
		if (n == PYRO_ANNOTATIONS) {
			snprintf(wrong->text, sizeof(wrong->text), "more than %d annotations", n);
			return false;
		}
		if (!read_chunk(version, &annotations, &annotation)) {
			is_wrong(wrong, "annotation chunk length exceeds remaining data");
			return false;
		}
	}
	return true;
}

bool pyro_annotation_next(unsigned version, struct span *rest, struct pyro_annotation *ret)
{
	return rest->n > 0 && read_chunk(version, rest, ret);
}

bool pyro_annotation_find(unsigned version, struct span annotations, const char *id,
			  struct span *ret)
{
	struct pyro_annotation annotation;

	while (pyro_annotation_next(version, &annotations, &annotation)) {
		if (strcmp(annotation.id, id) != 0)
			continue;
		*ret = annotation.data;
		return true;
	}
	return false;
}

void pyro_annotation_put(struct buf *out, unsigned version, const char *id, struct span data)
{
	uint8_t *p = buf_grow(out, chunk_head(version));

	if (!p)
		return;
	memcpy(p, id, 4);
	if (version == PYRO_4)
		put_16(p + 4, (uint32_t)data.n);
	else
		put_32(p + 4, (uint32_t)data.n);
	buf_append(out, data.p, data.n);
}
