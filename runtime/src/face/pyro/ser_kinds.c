/* SPDX-License-Identifier: MIT */
/* Which serializers there are, and the way into them. */
#include <stdio.h>

#include "face/pyro/ser_own.h"
#include "value/json_write.h"

static const struct ser_kind *const kinds[] = { &ser_serpent, &ser_json, &ser_marshal,
						&ser_msgpack };

unsigned ser_id(const struct ser_kind *kind, enum ser_protocol protocol)
{
	return protocol == SER_PYRO4 ? kind->id4 : kind->id5;
}

const struct ser_kind *ser_find(enum ser_protocol protocol, unsigned id)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (ser_id(kinds[i], protocol) == id)
			return kinds[i];
	return NULL;
}

const char *ser_name(const struct ser_kind *kind)
{
	return kind->name;
}

/* ---- what comes ---- */

bool ser_parse(const struct ser_kind *kind, struct span bytes, struct arena *arena,
	       struct ser_data *ret, char *text, size_t n)
{
	struct ser_builder b = {
		.arena = arena, .begin = bytes.p, .at = bytes.p, .end = span_end(bytes)
	};
	locale_t before = json_locale();

	if (bytes.n >= UINT32_MAX / 2)
		ser_fail(&b, "it is too large");
	else if (bytes.n == 0)
		ser_fail(&b, "it is empty");
	else
		kind->parse(&b);
	json_locale_back(before);
	if (b.wrong)
		snprintf(text, n, "malformed %s at byte %zu: %s", kind->name,
			 (size_t)(b.at - b.begin), b.wrong);
	else
		*ret = (struct ser_data){ kind, b.values, b.n };
	return !b.wrong;
}
