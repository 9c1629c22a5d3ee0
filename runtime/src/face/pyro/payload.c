/* SPDX-License-Identifier: MIT */
/* What is done to a payload without reading it: zlib's compression, and Pyro4's signature. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "face/pyro/messages.h"

enum { PIECE = 16384 };

/* ---- compression ---- */

static bool inflate_all(z_stream *z, size_t max, struct buf *ret, struct pyro_wrong *wrong)
{
	int state = Z_OK;
	size_t room;
	uint8_t *p;

	while (state != Z_STREAM_END) {
		room = max - ret->n < PIECE ? max - ret->n + 1 : PIECE;
		p = buf_grow(ret, room);
		if (!p) {
			snprintf(wrong->text, sizeof(wrong->text), "out of memory");
			return false;
		}
		z->next_out = p;
		z->avail_out = (uInt)room;
		state = inflate(z, Z_NO_FLUSH);
		ret->n -= z->avail_out;
		if (ret->n > max) {
			snprintf(wrong->text, sizeof(wrong->text),
				 "max message size exceeded (when inflated, where max=%zu)", max);
			return false;
		}
		if ((state != Z_OK && state != Z_STREAM_END) ||
		    (state == Z_OK && z->avail_out > 0)) {
			snprintf(wrong->text, sizeof(wrong->text),
				 "the compressed payload is damaged");
			return false;
		}
	}
	return true;
}

bool pyro_inflate(struct span data, size_t max, struct buf *ret, struct pyro_wrong *wrong)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data.p, .avail_in = (uInt)data.n };
	bool is_whole;

	if (inflateInit(&z) != Z_OK) {
		snprintf(wrong->text, sizeof(wrong->text), "out of memory");
		return false;
	}
	is_whole = inflate_all(&z, max, ret, wrong);
	inflateEnd(&z);
	return is_whole;
}

bool pyro_deflate(struct span data, struct buf *ret)
{
	uLongf n = compressBound((uLong)data.n);
	uint8_t *p = buf_grow(ret, n);

	if (!p || compress(p, &n, data.p, (uLong)data.n) != Z_OK || n >= data.n)
		return false;
	ret->n = n;
	return true;
}

/* ---- signatures ---- */

static int by_id(const struct pyro_annotation *a, const struct pyro_annotation *b)
{
	return memcmp(a->id, b->id, 4);
}

/* Sorted by id; the last of several with one id counts, as in a dictionary. */
static size_t sorted(struct span annotations, struct pyro_annotation ret[PYRO_ANNOTATIONS])
{
	struct pyro_annotation next;
	size_t n = 0, i;

	while (n < PYRO_ANNOTATIONS && pyro_annotation_next(PYRO_4, &annotations, &next)) {
		if (strcmp(next.id, "HMAC") == 0)
			continue;
		for (i = n; i > 0 && by_id(&ret[i - 1], &next) > 0; i--)
			continue;
		if (i > 0 && by_id(&ret[i - 1], &next) == 0) {
			ret[i - 1] = next;
			continue;
		}
		memmove(&ret[i + 1], &ret[i], (n - i) * sizeof(ret[0]));
		ret[i] = next;
		n++;
	}
	return n;
}

static bool sign(EVP_MAC_CTX *mac, struct span key, struct span annotations, struct span data,
		 uint8_t *ret)
{
	char digest[] = "SHA1";
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("digest", digest, sizeof(digest) - 1),
				OSSL_PARAM_END };
	struct pyro_annotation items[PYRO_ANNOTATIONS + 1];
	size_t n = sorted(annotations, items), i, size;

	if (!EVP_MAC_init(mac, key.p, key.n, params) || !EVP_MAC_update(mac, data.p, data.n))
		return false;
	for (i = 0; i < n; i++)
		if (!EVP_MAC_update(mac, items[i].data.p, items[i].data.n))
			return false;
	return EVP_MAC_final(mac, ret, &size, PYRO_SIGNATURE_SIZE) && size == PYRO_SIGNATURE_SIZE;
}

bool pyro_sign(struct span key, struct span annotations, struct span data,
	       uint8_t ret[PYRO_SIGNATURE_SIZE])
{
	EVP_MAC *kind = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = kind ? EVP_MAC_CTX_new(kind) : NULL;
	bool is_signed = mac && sign(mac, key, annotations, data, ret);

	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(kind);
	return is_signed;
}

bool pyro_signature_is(const uint8_t own[PYRO_SIGNATURE_SIZE], struct span given)
{
	return given.n == PYRO_SIGNATURE_SIZE && CRYPTO_memcmp(own, given.p, given.n) == 0;
}
