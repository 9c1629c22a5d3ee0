/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CONFIG_H
#define PYRITE_CONFIG_H
/*
 * The settings a user can make from outside. One table holds them all: docs/limits.md is tested
 * against it. The environment is read once, at the first question; a value that makes no sense is
 * told through the log, as soon as somebody listens, and the default stands. The log's own setting
 * is told to it when the library is loaded. Any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_key {
	CONFIG_HOST,
	CONFIG_PORT,
	CONFIG_NS_HOST,
	CONFIG_NS_PORT,
	CONFIG_NS_DOMAIN,
	CONFIG_NS_DNS,
	CONFIG_NS_BROADCAST,
	CONFIG_TIMEOUT_MS,
	CONFIG_CONNECT_TIMEOUT_MS,
	CONFIG_LOOKUP_TIMEOUT_MS,
	CONFIG_WAIT_MS,
	CONFIG_MAX_RETRIES,
	CONFIG_LEASE_TTL_MS,
	CONFIG_FOLLOW,
	CONFIG_DRAIN_MS,
	CONFIG_STREAM_LIFETIME_MS,
	CONFIG_STREAM_LINGER_MS,
	CONFIG_THREADS,
	CONFIG_MAX_MESSAGE,
	CONFIG_MAX_CALLS,
	CONFIG_MAX_LINKS,
	CONFIG_MAX_REFERENCES,
	CONFIG_KEEPALIVE_MS,
	CONFIG_LANE,
	CONFIG_GUARD_OWN,
	CONFIG_KEYS,
	CONFIG_SHARED_KEY_FILE,
	CONFIG_SHARED_KEY,
	CONFIG_RULES,
	CONFIG_ADVERTISE,
	CONFIG_AUDIT,
	CONFIG_FACES,
	CONFIG_LOG,
	CONFIG_LOG_FORM,
	CONFIG_COUNT
};

enum config_kind {
	CONFIG_TEXT,
	CONFIG_NUMBER,
	CONFIG_BYTES, /* a number, K, M or G (1024) may follow */
	CONFIG_LEVEL, /* off, error, warning, info, debug: 0 to PYR_LOG_DEBUG */
	CONFIG_LANES, /* auto, grpc and so on: enum pyr_lane, from 1 on */
	CONFIG_FORMS  /* text, json, journal: enum log_form */
};

struct config_setting {
	const char *name;     /* "max_message" */
	const char *variable; /* "PYRITE_MAX_MESSAGE" */
	enum config_kind kind;
	uint32_t value, min, max; /* default and range of all but CONFIG_TEXT */
	const char *text;         /* default of CONFIG_TEXT; else the default as it is written */
	const char *help;         /* what it is, and what happens beyond */
};

/* Rows are in the order of enum config_key. */
extern const struct config_setting config_settings[CONFIG_COUNT];

uint32_t config_number(enum config_key key);  /* of all but TEXT */
const char *config_text(enum config_key key); /* of TEXT; valid for ever */

/* What an option of the program says, where 0 is the setting and, of the second, PYR_NONE is 0. */
uint32_t config_or(uint32_t option, enum config_key key);
uint32_t config_or_none(uint32_t option, enum config_key key);

/* As the environment has it: what is used, NULL: the default is; what made no sense, NULL: nothing.
 * Valid for ever. */
void config_given(enum config_key key, const char **ret, const char **ret_bad);

/* Reads one value as written in the environment. Returns false, *ret untouched, if it makes no
 * sense. */
bool config_parse(const struct config_setting *setting, const char *text, uint32_t *ret);
#endif
