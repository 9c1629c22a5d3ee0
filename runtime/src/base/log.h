/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LOG_H
#define PYRITE_LOG_H
/*
 * What an operator may want to know. A line goes to the callback of pyr_set_log() and, where the
 * user set PYRITE_LOG, to stderr: the one case in which the library prints. The callback runs with
 * no lock held, so one that has just been replaced may still be running in another thread.
 */
#include "base/log_form.h"

enum log_form { LOG_TEXT, LOG_JSON, LOG_JOURNAL };

/* The log's own settings, told by config.c when the library is loaded; asked for at the first use.
 */
struct log_settings {
	enum pyr_log_level (*to_stderr)(void); /* 0: nothing */
	enum log_form (*form)(void);           /* of that */
	void (*has_listener)(void);            /* a callback was set: what waits can be said */
};
void log_set_settings(const struct log_settings *settings);

/* Ids of the request that the thread works on, "" for none: told by who knows, when the library is
 * loaded. */
void log_set_ids(void (*ids)(struct log_ids *ret));

/* "warning"; "off" for 0. */
const char *log_level_name(enum pyr_log_level level);

/* Whether anybody listens at this level: an atomic load. For callers that would have to compute
 * what they say. */
bool log_is_on(enum pyr_log_level level);

/* One line, no newline at its end; cut at 1 KiB, controls escaped. Leaves errno alone. */
void log_line(enum pyr_log_level level, const char *format, ...) PYR_PRINTF(2, 3);
#endif
