/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LOG_FORM_H
#define PYRITE_LOG_FORM_H
/* Lines of the log as programs read them: JSON, and fields of systemd's journal. */
#include <pyrite/pyrite.h>

#include <stdbool.h>

#define LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Of the request that a thread works on; "": none. */
struct log_ids {
	char correlation_id[129], traceparent[64];
};

struct log_record {
	enum pyr_log_level level;
	const char *level_name;
	const char *text; /* one line without controls */
	struct log_ids ids;
};

/* {"time": "2026-11-30T07:30:00.123Z", "level": "warning", "pid": 7, "message": "..."} and the ids
 * that there are, in one write. */
void log_print_json(const struct log_record *record, FILE *stream);

/* To a journal, by its native protocol. Returns false if nobody takes it. Does not wait. */
bool log_send(const struct log_record *record, const char *path);
#endif
