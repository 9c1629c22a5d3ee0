/* SPDX-License-Identifier: MIT */
/* The settings as programs are told them. */
#include <pyrite/settings.h>

#include <string.h>

#include "base/config.h"

static const char *shown(enum config_key key, const char *value)
{
	return key == CONFIG_SHARED_KEY && value[0] ? "(secret)" : value;
}

int pyr__setting(size_t i, struct pyr_setting *ret, size_t size)
{
	const struct config_setting *row = &config_settings[i < CONFIG_COUNT ? i : 0];
	struct pyr_setting own = { 0 };
	const char *given;

	if (i >= CONFIG_COUNT || !ret)
		return 0;
	config_given((enum config_key)i, &given, &own.wrong);
	own.name = row->name;
	own.variable = row->variable;
	own.value = shown((enum config_key)i, given ? given : row->text);
	own.standard = row->text;
	own.help = row->help;
	own.is_given = given;
	memset(ret, 0, size);
	memcpy(ret, &own, size < sizeof(own) ? size : sizeof(own));
	return 1;
}
