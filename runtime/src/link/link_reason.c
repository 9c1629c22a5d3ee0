/* SPDX-License-Identifier: MIT */
#include "link/link.h"

#include <string.h>

const char *link_reason(const char *text)
{
	static const char *const before[] = { "Failed to connect to remote host: ",
					      "last error: " };
	const char *at;
	size_t i;

	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		at = strstr(text, before[i]);
		if (at && at[strlen(before[i])])
			return at + strlen(before[i]);
	}
	return text;
}
