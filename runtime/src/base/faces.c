/* SPDX-License-Identifier: MIT */
/* Names of faces. */
#include "base/faces.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned faces;
} names[] = {
	{ "grpc", FACE_GRPC },
	{ "reflection", FACE_REFLECTION },
	{ "health", FACE_HEALTH },
	{ "pyro", FACE_PYRO },
	{ "http", FACE_HTTP },
	{ "all", FACE_STANDARD | FACE_HTTP },
	{ "none", 0 },
};

/* Returns false if there is no such face. */
static bool find(const char *name, size_t n, unsigned *ret)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == n && memcmp(names[i].name, name, n) == 0) {
			*ret = names[i].faces;
			return true;
		}
	return false;
}

bool face_names(const char *text, unsigned *ret, const char **ret_wrong, int *ret_n)
{
	unsigned all = FACE_STANDARD, named;
	bool is_list = false; /* what has no sign begins one from nothing */
	size_t n, sign;

	for (; *text; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		sign = *text == '+' || *text == '-';
		if (!find(text + sign, n - sign, &named)) {
			*ret_wrong = text;
			*ret_n = (int)n;
			return false;
		}
		if (!sign && !is_list)
			all = 0;
		is_list = is_list || !sign;
		all = *text == '-' ? all & ~named : all | named;
	}
	*ret = all;
	return true;
}
