/* SPDX-License-Identifier: MIT */
/* A door's look at the first bytes: once it has decided, more of them change nothing, and it
 * decides in time. */
#include <stdint.h>
#include <stdlib.h>

#include "door/door.h"
#include "door/door_sources.h"

enum { LONGEST = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum door_protocol before, now;
	char address[64];
	size_t n;

	if (size == 0)
		return 0;
	n = data[0] % (LONGEST + 1); /* so many come first */
	data++;
	size--;
	before = door_classify(data, n < size ? n : size);
	now = door_classify(data, size);
	if (before != DOOR_UNDECIDED && now != before)
		abort();
	if (size >= LONGEST && now == DOOR_UNDECIDED)
		abort();
	(void)door_protocol_name(now);
	for (n = 0; n < size && n < sizeof(address) - 1 && data[n]; n++)
		address[n] = (char)data[n];
	address[n] = '\0';
	(void)door_source_of(address);
	return 0;
}
