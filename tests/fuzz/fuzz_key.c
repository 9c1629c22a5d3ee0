/* SPDX-License-Identifier: MIT */
/* Files of shared keys, and what another end says of its own: the first line is the ids of its keys
 * and a proof, what follows is the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "key/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t nonce[KEY_NONCE] = { 1 };
	struct key_facts facts = { .client = nonce, .server = nonce };
	const uint8_t *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - data) : size;
	struct span said = { data, n };
	struct key_problem problem;
	struct key_ring *ring = NULL;
	uint8_t ids[KEYS_MAX * KEY_ID], proof[KEY_PROOF];
	size_t n_ids;
	int key;

	if (end)
		ring = key_ring_parse((const char *)end + 1, size - n - 1, "file", &problem);
	if (!ring)
		return 0;
	key = key_ring_find(ring, said);
	if (key >= 0 && key_is_proved(ring, key, KEY_SERVER, &facts, said))
		abort(); /* nobody guesses that */
	n_ids = key_ring_ids(ring, ids);
	if (n_ids == 0 || key_ring_find(ring, (struct span){ ids, n_ids }) != 0)
		abort();
	if (!key_prove(ring, 0, KEY_SERVER, &facts, proof) ||
	    !key_is_proved(ring, 0, KEY_SERVER, &facts, (struct span){ proof, KEY_PROOF }) ||
	    key_is_proved(ring, 0, KEY_CLIENT, &facts, (struct span){ proof, KEY_PROOF }))
		abort();
	key_ring_unref(ring);
	return 0;
}
