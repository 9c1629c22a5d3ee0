/* SPDX-License-Identifier: MIT */
/* A line of the audit log. What it has of others is cut and cleaned: it is one line of JSON for
 * whoever reads it, and text for a terminal. */
#include "base/audit_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { TIME = 40, ONE = 16 };

/* Where the line is written; there is always room for what closes it. */
struct line {
	char *at, *end;
};

static void put(struct line *line, const char *text, size_t n)
{
	if (n > (size_t)(line->end - line->at))
		n = (size_t)(line->end - line->at);
	memcpy(line->at, text, n);
	line->at += n;
}

/* One character, or one byte that is none, as JSON has it. Returns how many bytes of s it was. */
static size_t escape(const char *s, size_t n, char ret[ONE], size_t *ret_n)
{
	uint32_t c = 0xfffd;
	size_t used = text_char(s, n, &c);

	if (used == 0)
		c = 0xfffd;
	if (used > 0 && !text_is_control(c) && c != '"' && c != '\\') {
		memcpy(ret, s, used);
		*ret_n = used;
	} else if (c == '"' || c == '\\') {
		ret[0] = '\\';
		ret[1] = (char)c;
		*ret_n = 2;
	} else {
		*ret_n = (size_t)snprintf(ret, ONE, "\\u%04x", (unsigned)c);
	}
	return used ? used : 1;
}

/* ,"key":"text", of which max bytes are written. */
static void put_text(struct line *line, const char *key, const char *text, size_t max)
{
	size_t n = text ? strnlen(text, max + 1) : 0, at = 0, n_out = 0, n_one;
	char one[ONE];

	put(line, ",\"", 2);
	put(line, key, strlen(key));
	put(line, "\":\"", 3);
	while (at < n) {
		at += escape(text + at, n - at, one, &n_one);
		if (n_out + n_one > max) {
			put(line, "...", 3);
			break;
		}
		put(line, one, n_one);
		n_out += n_one;
	}
	put(line, "\"", 1);
}

static void put_some(struct line *line, const char *key, const char *text, size_t max)
{
	if (text && text[0])
		put_text(line, key, text, max);
}

static void put_rule(struct line *line, const struct audit_event *event)
{
	char text[300];

	if (!event->file)
		return;
	snprintf(text, sizeof(text), event->line ? "%.256s:%u" : "%.256s", event->file,
		 event->line);
	put_text(line, "rule", text, 400);
}

size_t audit_line(char ret[AUDIT_LINE], const struct audit_event *event, const struct timespec *at)
{
	struct line line = { ret, ret + AUDIT_LINE - 4 };
	char text[TIME];
	struct tm day;
	size_t n;

	gmtime_r(&at->tv_sec, &day);
	put(&line, "{\"time\":\"", 9);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &day);
	put(&line, text, n);
	n = (size_t)snprintf(text, sizeof(text), ".%03dZ\"", (int)(at->tv_nsec / 1000000));
	put(&line, text, n);
	put_text(&line, "who", event->who, 320);
	put_text(&line, "from", event->from, 160);
	put_text(&line, "action", event->action, 100);
	put_some(&line, "target", event->target, 600);
	put_some(&line, "object", event->object, 300);
	put_text(&line, "decision", event->decision, 20);
	put_rule(&line, event);
	put_some(&line, "why", event->why, 600);
	if (event->count) {
		n = (size_t)snprintf(text, sizeof(text), ",\"count\":%llu",
				     (unsigned long long)event->count);
		put(&line, text, n);
	}
	memcpy(line.at, "}\n", 3);
	return (size_t)(line.at + 2 - ret);
}
