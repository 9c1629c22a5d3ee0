/* SPDX-License-Identifier: MIT */
#include "value/source.h"

#include <string.h>

#include "base/text.h"

const char *source_show_text(char *buf, size_t size, struct span text)
{
	char copy[32];
	size_t n = text.n < sizeof(copy) ? text.n : sizeof(copy) - 1;

	memcpy(copy, text.p ? (const char *)text.p : "", n);
	copy[n] = '\0';
	return text_escape(buf, size, copy, text.n < sizeof(copy) ? n : n - 4);
}
