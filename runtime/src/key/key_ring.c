/* SPDX-License-Identifier: MIT */
/*
 * The keys of one end, and proofs made with them. A ring never changes. It lies in a page of its
 * own, which is in no core dump and is wiped before it is given back.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MADV_DONTDUMP */
#include "key/key.h"

#include <pyrite/pyrite.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PREFIX  "key:"
#define NO_NAME "shared" /* of a key that has none */

struct key {
	uint8_t bytes[KEY_MOST];
	size_t n;
	uint8_t id[KEY_ID];
	char identity[sizeof(PREFIX) + KEY_NAME_MAX];
};

struct key_ring {
	atomic_int refs;
	int n;
	struct key keys[KEYS_MAX];
};

/* ---- lifetimes ---- */

static struct key_ring *new_ring(void)
{
	void *page = mmap(NULL, sizeof(struct key_ring), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct key_ring *ring = page;

	if (page == MAP_FAILED)
		return NULL;
	(void)madvise(page, sizeof(*ring), MADV_DONTDUMP);
	ring->refs = 1;
	return ring;
}

struct key_ring *key_ring_ref(struct key_ring *ring)
{
	atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
	return ring;
}

void key_ring_unref(struct key_ring *ring)
{
	if (!ring || atomic_fetch_sub(&ring->refs, 1) != 1)
		return;
	OPENSSL_cleanse(ring, sizeof(*ring));
	munmap(ring, sizeof(*ring));
}

/* ---- what a file holds ---- */

static bool fail(struct key_problem *problem, const char *called, unsigned line, const char *format,
		 ...) PYR_PRINTF(4, 5);
static bool fail(struct key_problem *problem, const char *called, unsigned line, const char *format,
		 ...)
{
	va_list args;
	int n;

	problem->code = PYR_INVALID_ARGUMENT;
	n = line ? snprintf(problem->text, sizeof(problem->text), "%.200s:%u: ", called, line)
		 : snprintf(problem->text, sizeof(problem->text), "%.200s: ", called);
	va_start(args, format);
	vsnprintf(problem->text + n, sizeof(problem->text) - (size_t)n, format, args);
	va_end(args);
	return false;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_of_name(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '.' || c == '_' || c == '-';
}

/* One line without blanks around it: "NAME:DIGITS" or "DIGITS". What is wrong is said without a
 * word of what it is. */
struct reader {
	const char *called;
	unsigned line;
	struct key_problem *problem;
};

static bool read_name(const struct reader *r, const char *text, size_t n, struct key *ret)
{
	size_t i;

	if (n == 0 || n > KEY_NAME_MAX)
		return fail(r->problem, r->called, r->line, "a name has 1 to %d characters",
			    KEY_NAME_MAX);
	for (i = 0; i < n; i++)
		if (!is_of_name(text[i]))
			return fail(r->problem, r->called, r->line,
				    "a name consists of letters, digits, '.', '_' and '-'");
	snprintf(ret->identity, sizeof(ret->identity), PREFIX "%.*s", (int)n, text);
	return true;
}

static bool read_digits(const struct reader *r, const char *text, size_t n, struct key *ret)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (digit(text[i]) < 0)
			return fail(r->problem, r->called, r->line,
				    "a key is written in hexadecimal digits, as `openssl rand -hex "
				    "32` does, perhaps with a name and ':' before it");
	if (n % 2 || n / 2 < KEY_LEAST || n / 2 > KEY_MOST)
		return fail(r->problem, r->called, r->line,
			    "a key of %zu digits: it has %d to %d bytes, two digits each", n,
			    KEY_LEAST, KEY_MOST);
	for (i = 0; i < n; i += 2)
		ret->bytes[i / 2] = (uint8_t)(digit(text[i]) << 4 | digit(text[i + 1]));
	ret->n = n / 2;
	return true;
}

static bool set_id(struct key *key)
{
	static const unsigned char label[] = "pyrite shared key id";
	uint8_t whole[EVP_MAX_MD_SIZE];
	unsigned n;

	if (!HMAC(EVP_sha256(), key->bytes, (int)key->n, label, sizeof(label), whole, &n))
		return false;
	memcpy(key->id, whole, KEY_ID);
	OPENSSL_cleanse(whole, sizeof(whole));
	return true;
}

static bool is_there(const struct key_ring *ring, const struct key *key)
{
	int i;

	for (i = 0; i < ring->n; i++)
		if (memcmp(ring->keys[i].id, key->id, KEY_ID) == 0)
			return true;
	return false;
}

static bool read_line(const struct reader *r, const char *text, size_t n, struct key_ring *ring)
{
	const char *colon = memchr(text, ':', n);
	size_t n_name = colon ? (size_t)(colon - text) : 0, at = colon ? n_name + 1 : 0;
	struct key *key = &ring->keys[ring->n];

	if (ring->n == KEYS_MAX)
		return fail(r->problem, r->called, r->line, "more than %d keys", KEYS_MAX);
	if (!read_name(r, colon ? text : NO_NAME, colon ? n_name : sizeof(NO_NAME) - 1, key) ||
	    !read_digits(r, text + at, n - at, key))
		return false;
	if (!set_id(key))
		return fail(r->problem, r->called, r->line, "OpenSSL has no HMAC-SHA256");
	if (is_there(ring, key))
		return fail(r->problem, r->called, r->line, "this key occurs twice");
	ring->n++;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Each line that says something. */
static bool read_lines(struct reader *r, const char *text, size_t n, struct key_ring *ring)
{
	const char *limit = text + n, *end;

	for (; text < limit; text = end + 1) {
		const char *last;

		end = memchr(text, '\n', (size_t)(limit - text));
		end = end ? end : limit;
		r->line++;
		while (text < end && is_blank(*text))
			text++;
		for (last = end; last > text && is_blank(last[-1]);)
			last--;
		if (text < last && *text != '#' && !read_line(r, text, (size_t)(last - text), ring))
			return false;
	}
	return ring->n > 0 || fail(r->problem, r->called, 0, "it has no key");
}

struct key_ring *key_ring_parse(const char *text, size_t n, const char *called,
				struct key_problem *problem)
{
	struct reader reader = { .called = called, .problem = problem };
	struct key_ring *ring = new_ring();

	if (!ring) {
		problem->code = PYR_RESOURCE_EXHAUSTED;
		snprintf(problem->text, sizeof(problem->text), "out of memory");
		return NULL;
	}
	if (read_lines(&reader, text, n, ring))
		return ring;
	key_ring_unref(ring);
	return NULL;
}

/* ---- which ---- */

bool key_ring_is_same(const struct key_ring *a, const struct key_ring *b)
{
	bool is = a->n == b->n;
	int i;

	for (i = 0; i < a->n && i < b->n; i++)
		is &= CRYPTO_memcmp(&a->keys[i], &b->keys[i], sizeof(a->keys[i])) == 0;
	return is;
}

size_t key_ring_ids(const struct key_ring *ring, uint8_t ret[KEYS_MAX * KEY_ID])
{
	int i;

	for (i = 0; i < ring->n; i++)
		memcpy(ret + i * KEY_ID, ring->keys[i].id, KEY_ID);
	return (size_t)ring->n * KEY_ID;
}

int key_ring_find(const struct key_ring *ring, struct span ids)
{
	size_t at, n = ids.n < KEYS_MAX * KEY_ID ? ids.n : KEYS_MAX * KEY_ID;
	int i;

	for (i = 0; i < ring->n; i++)
		for (at = 0; at + KEY_ID <= n; at += KEY_ID)
			if (memcmp(ring->keys[i].id, ids.p + at, KEY_ID) == 0)
				return i;
	return -1;
}

struct span key_ring_id(const struct key_ring *ring, int key)
{
	return (struct span){ ring->keys[key].id, KEY_ID };
}

struct span key_ring_secret(const struct key_ring *ring, int key)
{
	return (struct span){ ring->keys[key].bytes, ring->keys[key].n };
}

const char *key_ring_identity(const struct key_ring *ring, int key)
{
	return ring->keys[key].identity;
}

/* ---- proofs ---- */

static uint8_t *put(uint8_t *to, const void *p, size_t n)
{
	memcpy(to, p, n);
	return to + n;
}

static uint8_t *put_number(uint8_t *to, uint32_t number)
{
	int i;

	for (i = 0; i < 4; i++)
		*to++ = (uint8_t)(number >> (8 * i));
	return to;
}

/* docs/wire-protocol.md has it. Every part has a length of its own, so that no two mean the same.
 */
bool key_prove(const struct key_ring *ring, int key, enum key_role role,
	       const struct key_facts *facts, uint8_t ret[KEY_PROOF])
{
	static const char label[] = "pyrite shared key 1";
	uint8_t text[sizeof(label) + 1 + KEY_ID + 2 * KEY_NONCE + 4 * 4 + 1 + KEY_BOND], *p = text;
	static const uint8_t none[KEY_BOND];
	unsigned n;
	int i;

	p = put(p, label, sizeof(label)); /* with its NUL */
	*p++ = (uint8_t)role;
	p = put(p, ring->keys[key].id, KEY_ID);
	p = put(p, facts->client, KEY_NONCE);
	p = put(p, facts->server, KEY_NONCE);
	for (i = 0; i < 4; i++)
		p = put_number(p, facts->versions[i]);
	*p++ = facts->is_bound;
	p = put(p, facts->is_bound ? facts->bond : none, KEY_BOND);
	return HMAC(EVP_sha256(), ring->keys[key].bytes, (int)ring->keys[key].n, text,
		    (size_t)(p - text), ret, &n) != NULL;
}

bool key_is_proved(const struct key_ring *ring, int key, enum key_role role,
		   const struct key_facts *facts, struct span proof)
{
	uint8_t own[KEY_PROOF];

	return proof.n == KEY_PROOF && key_prove(ring, key, role, facts, own) &&
	       CRYPTO_memcmp(own, proof.p, KEY_PROOF) == 0;
}
