/* SPDX-License-Identifier: MIT */
/*
 * A stream of messages of Pyro's wire protocol, as it comes in pieces: headers, annotations,
 * compressed payloads, signatures. The header must not depend on how many bytes came first; what
 * is taken is the same when it is written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "face/pyro/messages.h"

enum { MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct pyro_header *header, struct span annotations, struct span data)
{
	struct buf out = { 0 };
	struct pyro_header same;
	struct pyro_wrong wrong;
	int n;

	if (!pyro_message_put(&out, header, annotations, data))
		abort();
	n = pyro_header_read(out.data, out.n, MAX, &same, &wrong);
	if (n <= 0 || same.version != header->version || same.flags != header->flags ||
	    same.n_annotations != annotations.n || same.n_data != data.n)
		abort();
	buf_free(&out);
}

static void take(const struct pyro_header *header, struct span annotations, struct span data)
{
	struct pyro_wrong wrong;
	struct pyro_annotation one;
	struct span rest = annotations, found;
	struct buf inflated = { 0 };
	uint8_t signature[PYRO_SIGNATURE_SIZE];
	int n = 0;

	if (!pyro_annotations_check(header->version, annotations, &wrong))
		return;
	while (pyro_annotation_next(header->version, &rest, &one)) {
		if (++n > PYRO_ANNOTATIONS ||
		    !pyro_annotation_find(header->version, annotations, one.id, &found))
			abort();
	}
	if (pyro_sign((struct span){ (const uint8_t *)"key", 3 }, annotations, data, signature) &&
	    pyro_annotation_find(header->version, annotations, "HMAC", &found))
		(void)pyro_signature_is(signature, found);
	if (header->flags & PYRO_COMPRESSED && pyro_inflate(data, MAX, &inflated, &wrong) &&
	    inflated.n > MAX)
		abort();
	buf_free(&inflated);
	write_again(header, annotations, data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pyro_header header, early;
	struct pyro_wrong wrong;
	int n;

	while ((n = pyro_header_read(data, size, MAX, &header, &wrong)) > 0) {
		if (pyro_header_read(data, (size_t)n - 1, MAX, &early, &wrong) != 0)
			abort(); /* it was taken before it was whole */
		if (header.n_annotations > MAX || header.n_data > MAX)
			abort();
		data += n;
		size -= (size_t)n;
		if ((size_t)header.n_annotations + header.n_data > size)
			break;
		take(&header, (struct span){ data, header.n_annotations },
		     (struct span){ data + header.n_annotations, header.n_data });
		data += header.n_annotations + header.n_data;
		size -= (size_t)header.n_annotations + header.n_data;
	}
	if (n < 0 && !wrong.text[0])
		abort();
	return 0;
}
