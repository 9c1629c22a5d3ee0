/* SPDX-License-Identifier: MIT */
/* Values of settings, as the environment has them: the first byte is which setting. */
#include "base/config.h"
#include "base/faces.h"
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct config_setting *setting;
	uint32_t value = 0;
	char *text;

	if (size == 0)
		return 0;
	setting = &config_settings[data[0] % CONFIG_COUNT];
	text = text_of(data + 1, size - 1);
	if (setting->kind != CONFIG_TEXT && config_parse(setting, text, &value) &&
	    (value < setting->min || value > setting->max))
		abort();
	free(text);
	return 0;
}
