/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "base/log_form.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { ROOM = 4096, TRACE_ID_AT = 3, TRACE_ID = 32 };

/* Behind a comma: what is in the quotes is escaped already, but for these two. */
static void add_string(struct text_out *out, const char *name, const char *text)
{
	if (!text[0])
		return;
	text_add(out, ", \"%s\": \"", name);
	for (; *text; text++)
		text_add(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	text_add(out, "\"");
}

static void add_time(struct text_out *out)
{
	struct timespec now;
	struct tm parts;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	text_add(out, "{\"time\": \"%s.%03dZ\"", text, (int)(now.tv_nsec / 1000000));
}

void log_print_json(const struct log_record *record, FILE *stream)
{
	char text[ROOM] = "";
	struct text_out out = { text, text + sizeof(text) - 3 }; /* the end has room anyway */

	add_time(&out);
	add_string(&out, "level", record->level_name);
	text_add(&out, ", \"pid\": %ld", (long)getpid());
	add_string(&out, "message", record->text);
	add_string(&out, "correlation_id", record->ids.correlation_id);
	add_string(&out, "traceparent", record->ids.traceparent);
	memcpy(out.at, "}\n", 3);
	fputs(text, stream);
}

/* sd-daemon's: as of syslog. */
static int priority_of(enum pyr_log_level level)
{
	static const int priorities[] = { 6, 3, 4, 6, 7 };

	return priorities[level];
}

static void add_field(struct text_out *out, const char *name, const char *text)
{
	if (text[0])
		text_add(out, "%s=%s\n", name, text);
}

static size_t fill(const struct log_record *record, char *text, size_t n)
{
	struct text_out out = { text, text + n };
	char trace_id[TRACE_ID + 1] = "";

	if (strlen(record->ids.traceparent) > TRACE_ID_AT + TRACE_ID)
		memcpy(trace_id, record->ids.traceparent + TRACE_ID_AT, TRACE_ID);
	text_add(&out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%.64s\n", priority_of(record->level),
		 program_invocation_short_name);
	add_field(&out, "MESSAGE", record->text);
	add_field(&out, "PYRITE_CORRELATION_ID", record->ids.correlation_id);
	add_field(&out, "PYRITE_TRACE_ID", trace_id);
	add_field(&out, "PYRITE_TRACEPARENT", record->ids.traceparent);
	return (size_t)(out.at - text);
}

bool log_send(const struct log_record *record, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[ROOM] = "";
	size_t n = fill(record, text, sizeof(text));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t sent = -1;

	if (fd < 0)
		return false;
	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		sent = sendto(fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
			      sizeof(address));
	}
	close(fd);
	return sent == (ssize_t)n;
}
