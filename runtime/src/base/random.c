/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

bool random_bytes(void *ret, size_t n)
{
	uint8_t *p = ret;
	ssize_t got;

	while (n > 0) {
		got = getrandom(p, n, 0);
		if (got < 0 && errno != EINTR)
			return false;
		p += got > 0 ? got : 0;
		n -= got > 0 ? (size_t)got : 0;
	}
	return true;
}
