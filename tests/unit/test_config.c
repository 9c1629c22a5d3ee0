/* SPDX-License-Identifier: MIT */
#include "base/config.h"
#include "base/log.h"
#include "test.h"

static char warnings[4096];
static int n_warnings;

static void note(enum pyr_log_level level, const char *text, void *data)
{
	(void)level;
	(void)data;
	n_warnings++;
	strncat(warnings, text, sizeof(warnings) - strlen(warnings) - 2);
	strcat(warnings, "\n");
}

/* Before anything reads a setting. */
static void set_environment(void)
{
	int key;

	for (key = 0; key < CONFIG_COUNT; key++)
		unsetenv(config_settings[key].variable);
	setenv("PYRITE_HOST", "10.1.2.3", 1);
	setenv("PYRITE_PORT", "4000", 1);
	setenv("PYRITE_NS_HOST", "", 1);
	setenv("PYRITE_MAX_MESSAGE", "2M", 1);
	setenv("PYRITE_THREADS", "many", 1);
	setenv("PYRITE_NS_PORT", "0", 1);
	setenv("PYRITE_LOG", "loud\n", 1);
}

TEST(the_environment_is_read_once)
{
	set_environment();
	CHECK_STR(config_text(CONFIG_HOST), "10.1.2.3");
	CHECK_INT(config_number(CONFIG_PORT), 4000);
	CHECK_INT(config_number(CONFIG_MAX_MESSAGE), 2 << 20);
	setenv("PYRITE_PORT", "4001", 1);
	CHECK_INT(config_number(CONFIG_PORT), 4000);
}

TEST(what_is_not_set_or_empty_has_its_default)
{
	CHECK_STR(config_text(CONFIG_NS_HOST), "127.0.0.1");
	CHECK_INT(config_number(CONFIG_TIMEOUT_MS), 0);
	CHECK_INT(config_number(CONFIG_CONNECT_TIMEOUT_MS), 5000);
	CHECK_INT(config_number(CONFIG_MAX_CALLS), 16384);
}

TEST(a_bad_value_is_told_once_to_the_first_who_listens)
{
	CHECK_INT(config_number(CONFIG_THREADS), 0);
	CHECK_INT(config_number(CONFIG_NS_PORT), 9090);
	CHECK_INT(config_number(CONFIG_LOG), 0);
	CHECK_INT(n_warnings, 0);
	pyr_set_log(note, PYR_LOG_WARNING, NULL);
	CHECK_INT(n_warnings, 3);
	CHECK_STR(warnings,
		  "PYRITE_NS_PORT is '0', not a number from 1 to 65535: 9090 is used\n"
		  "PYRITE_THREADS is 'many', not a number from 0 to 1024: 0 is used\n"
		  "PYRITE_LOG is 'loud\\n', not off, error, warning, info or debug: off is "
		  "used\n");
	pyr_set_log(note, PYR_LOG_WARNING, NULL);
	(void)config_number(CONFIG_PORT);
	CHECK_INT(n_warnings, 3);
	pyr_set_log(NULL, PYR_LOG_WARNING, NULL);
}

static bool parses(enum config_key key, const char *text, uint32_t expected)
{
	uint32_t value = 77;

	return config_parse(&config_settings[key], text, &value) && value == expected;
}

static bool refuses(enum config_key key, const char *text)
{
	uint32_t value = 77;

	return !config_parse(&config_settings[key], text, &value) && value == 77;
}

TEST(numbers_have_a_range_and_nothing_around_them)
{
	CHECK(parses(CONFIG_NS_PORT, "1", 1));
	CHECK(parses(CONFIG_NS_PORT, "65535", 65535));
	CHECK(refuses(CONFIG_NS_PORT, "65536"));
	CHECK(refuses(CONFIG_NS_PORT, "0"));
	CHECK(refuses(CONFIG_NS_PORT, "-1"));
	CHECK(refuses(CONFIG_NS_PORT, "+1"));
	CHECK(refuses(CONFIG_NS_PORT, " 1"));
	CHECK(refuses(CONFIG_NS_PORT, "1 "));
	CHECK(refuses(CONFIG_NS_PORT, "0x10"));
	CHECK(refuses(CONFIG_NS_PORT, "1K"));
	CHECK(refuses(CONFIG_NS_PORT, "18446744073709551617"));
	CHECK(refuses(CONFIG_NS_PORT, ""));
}

TEST(sizes_may_be_given_in_kmg)
{
	CHECK(parses(CONFIG_MAX_MESSAGE, "1024", 1024));
	CHECK(parses(CONFIG_MAX_MESSAGE, "1K", 1024));
	CHECK(parses(CONFIG_MAX_MESSAGE, "1G", 1 << 30));
	CHECK(refuses(CONFIG_MAX_MESSAGE, "2G"));
	CHECK(refuses(CONFIG_MAX_MESSAGE, "9999999999G"));
	CHECK(refuses(CONFIG_MAX_MESSAGE, "1k"));
	CHECK(refuses(CONFIG_MAX_MESSAGE, "1KK"));
	CHECK(refuses(CONFIG_MAX_MESSAGE, "K"));
}

TEST(a_level_is_a_word)
{
	CHECK(parses(CONFIG_LOG, "off", 0));
	CHECK(parses(CONFIG_LOG, "debug", PYR_LOG_DEBUG));
	CHECK(refuses(CONFIG_LOG, "Debug"));
	CHECK(refuses(CONFIG_LOG, "1"));
}

TEST(every_default_is_written_as_it_is_read)
{
	const struct config_setting *setting;
	int key;

	for (key = 0; key < CONFIG_COUNT; key++) {
		setting = &config_settings[key];
		CHECK(setting->name && setting->variable && setting->text && setting->help);
		CHECK(strncmp(setting->variable, "PYRITE_", 7) == 0);
		if (setting->kind != CONFIG_TEXT)
			CHECK(parses((enum config_key)key, setting->text, setting->value));
	}
}

/* The whole of docs/limits.md; owned, free(). */
static char *read_limits(void)
{
	const char *source = getenv("PYRITE_SOURCE");
	char path[1024], *text = calloc(1, 65536);
	FILE *file;

	snprintf(path, sizeof(path), "%s/docs/limits.md", source ? source : ".");
	file = fopen(path, "r");
	if (file && text)
		text[fread(text, 1, 65535, file)] = '\0';
	if (file)
		fclose(file);
	return text;
}

TEST(t16_docs_limits_lists_every_setting_and_no_other)
{
	char *text = read_limits(), row[1024];
	const char *at;
	int key, n_rows = 0;

	REQUIRE(text && text[0]);
	for (key = 0; key < CONFIG_COUNT; key++) {
		snprintf(row, sizeof(row), "| %s | %s | `%s` | %s |\n", config_settings[key].name,
			 config_settings[key].text, config_settings[key].variable,
			 config_settings[key].help);
		CU_assertImplementation(strstr(text, row) != NULL, __LINE__, row, __FILE__, "",
					CU_FALSE);
	}
	for (at = text; (at = strstr(at, "| `PYRITE_")) != NULL; at++)
		n_rows++;
	CHECK_INT(n_rows, CONFIG_COUNT);
	free(text);
}

TESTS(config, T(the_environment_is_read_once), T(what_is_not_set_or_empty_has_its_default),
      T(a_bad_value_is_told_once_to_the_first_who_listens),
      T(numbers_have_a_range_and_nothing_around_them), T(sizes_may_be_given_in_kmg),
      T(a_level_is_a_word), T(every_default_is_written_as_it_is_read),
      T(t16_docs_limits_lists_every_setting_and_no_other))
