/* SPDX-License-Identifier: MIT */
/* An error for human eyes: on several lines, and by the names that Pyro's errors have. What comes
 * from the other side is escaped and bounded. */
#include <string.h>

#include "base/error.h"
#include "base/text.h"

enum {
	MESSAGE_SHOWN = 2048, /* bytes */
	LINE_SHOWN = 512,
	HOPS_SHOWN = 32 /* lines of a trace: half from its begin, half from its end */
};

/* What hangs on the connection first: pyr_error_is_communication(). */
static const char *const classes[] = { "CommunicationError", "ConnectionClosed", "TimeoutError",
				       "ProtocolError",      "MessageTooLarge",  "NamingError",
				       "DaemonError",        "SecurityError" };
enum { N_COMMUNICATION = 5, N_CLASSES = sizeof(classes) / sizeof(classes[0]) };

/* Returns its place in classes, N_CLASSES if it has none. */
static unsigned class_of(const pyr_error *error)
{
	size_t n = strcspn(error->message, ":");
	unsigned i;

	if (error->raised) /* a method may begin its text with any word */
		return N_CLASSES;
	for (i = 0; i < N_CLASSES; i++)
		if (strlen(classes[i]) == n && memcmp(error->message, classes[i], n) == 0 &&
		    error->message[n] == ':')
			break;
	return i;
}

const char *pyr_error_class(const pyr_error *error)
{
	unsigned i = class_of(error ? error : pyr_last_error());

	return i < N_CLASSES ? classes[i] : "";
}

bool pyr_error_is_communication(const pyr_error *error)
{
	return class_of(error ? error : pyr_last_error()) < N_COMMUNICATION;
}

static void print_message(FILE *stream, const char *before, const pyr_error *error)
{
	char text[4 * MESSAGE_SHOWN + 8];

	text_escape(text, sizeof(text), error->message, MESSAGE_SHOWN);
	fprintf(stream, "%s%s%s%s\n", before, pyr_status_name(error->code), text[0] ? ": " : "",
		text);
}

static void print_part(FILE *stream, const char *before, const char *part, size_t n)
{
	char line[LINE_SHOWN + 2], text[4 * LINE_SHOWN + 8];

	if (n > LINE_SHOWN)
		n = LINE_SHOWN + 1; /* one more, so that it is seen to be cut */
	memcpy(line, part, n);
	line[n] = '\0';
	text_escape(text, sizeof(text), line, LINE_SHOWN);
	fprintf(stream, "%s%s\n", before, text);
}

static void print_call(FILE *stream, const pyr_error *error)
{
	char line[1024];

	snprintf(line, sizeof(line), "calling %.300s of '%.255s' at %.200s%s", error->operation,
		 error->object, error->address, error->may_have_run ? ", which may have run" : "");
	fputs("Trace (most recent call last):\n", stream);
	print_part(stream, "  ", line, strlen(line));
}

static size_t count_lines(const char *trace)
{
	size_t n = 0;

	for (; *trace; trace += strcspn(trace, "\n"), trace += *trace == '\n')
		n++;
	return n;
}

static void print_line(FILE *stream, const char *trace, size_t i)
{
	for (; i > 0; i--) {
		trace += strcspn(trace, "\n");
		trace += *trace == '\n';
	}
	print_part(stream, " |   ", trace, strcspn(trace, "\n"));
}

/* A trace begins where the error did, what is printed ends there. */
static void print_trace(FILE *stream, const char *trace)
{
	size_t n = count_lines(trace), i;

	if (n > 0)
		fputs(" | Trace (most recent call last):\n", stream);
	for (i = n; i > 0; i--) {
		if (n > HOPS_SHOWN && i == n - HOPS_SHOWN / 2) {
			fprintf(stream, " |   ... %zu more\n", n - HOPS_SHOWN);
			i = HOPS_SHOWN / 2;
		}
		print_line(stream, trace, i - 1);
	}
}

void pyr_error_print(const pyr_error *error, FILE *stream)
{
	if (!error)
		error = pyr_last_error();
	if (error->code == 0) {
		fputs("no error\n", stream);
		return;
	}
	if (error->operation[0])
		print_call(stream, error);
	print_message(stream, "", error);
	if (!error->remote)
		return;
	fputs(" +--- This error occurred remotely (Pyrite) - Remote trace:\n", stream);
	print_trace(stream, error->trace);
	print_message(stream, " | ", error);
	if (error->correlation_id[0])
		print_part(stream, " | correlation id: ", error->correlation_id,
			   strlen(error->correlation_id));
	fputs(" +--- End of remote trace\n", stream);
}
