/* SPDX-License-Identifier: MIT */
#include "face/pyro/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "face/pyro/members.h"
#include "generic/generic.h"

/* ---- which exception ---- */

/* Exceptions of Pyro, by the words that messages begin with. */
static const char *const pyros[][2] = {
	{ "PyroError", NULL },
	{ "CommunicationError", NULL },
	{ "ConnectionClosedError", NULL },
	{ "ConnectionClosed", "ConnectionClosedError" },
	{ "TimeoutError", NULL },
	{ "ProtocolError", NULL },
	{ "MessageTooLargeError", NULL },
	{ "MessageTooLarge", "MessageTooLargeError" },
	{ "SerializeError", NULL },
	{ "NamingError", NULL },
	{ "DaemonError", NULL },
	{ "SecurityError", NULL },
};

/* Of Python, which any client makes of their names. */
static const char *const pythons[] = {
	"ArithmeticError",    "AssertionError",      "AttributeError",  "BufferError",
	"EOFError",           "Exception",           "FileExistsError", "FileNotFoundError",
	"FloatingPointError", "GeneratorExit",       "IndexError",      "InterruptedError",
	"KeyError",           "LookupError",         "MemoryError",     "NameError",
	"NotADirectoryError", "NotImplementedError", "OSError",         "OverflowError",
	"PermissionError",    "ReferenceError",      "RuntimeError",    "StopIteration",
	"TypeError",          "UnicodeError",        "ValueError",      "ZeroDivisionError",
};

/* What is no other one. raised: of errors that methods raise; else of Pyrite's own. Without a dot:
 * of the protocol's errors. */
static const struct {
	int code;
	const char *raised, *own;
} codes[] = {
	{ PYR_INVALID_ARGUMENT, "builtins.ValueError", "builtins.TypeError" },
	{ PYR_OUT_OF_RANGE, "builtins.IndexError", "builtins.ValueError" },
	{ PYR_NOT_FOUND, "builtins.LookupError", "DaemonError" },
	{ PYR_UNIMPLEMENTED, "builtins.NotImplementedError", "builtins.AttributeError" },
	{ PYR_PERMISSION_DENIED, "SecurityError", "SecurityError" },
	{ PYR_UNAUTHENTICATED, "SecurityError", "SecurityError" },
	{ PYR_DEADLINE_EXCEEDED, "TimeoutError", "TimeoutError" },
	{ PYR_UNAVAILABLE, "CommunicationError", "CommunicationError" },
	{ PYR_UNKNOWN, "builtins.RuntimeError", "PyroError" },
	{ PYR_INTERNAL, "builtins.RuntimeError", "PyroError" },
	{ PYR_FAILED_PRECONDITION, "builtins.RuntimeError", "PyroError" },
};

/* The exception with that name of n bytes, NULL if there is none. Pyro's go first: it has a
 * TimeoutError, too. */
static const char *find(const char *name, size_t n, bool *is_pyros)
{
	size_t i;

	*is_pyros = true;
	for (i = 0; i < sizeof(pyros) / sizeof(pyros[0]); i++)
		if (strlen(pyros[i][0]) == n && memcmp(pyros[i][0], name, n) == 0)
			return pyros[i][1] ? pyros[i][1] : pyros[i][0];
	*is_pyros = false;
	for (i = 0; i < sizeof(pythons) / sizeof(pythons[0]); i++)
		if (strlen(pythons[i]) == n && memcmp(pythons[i], name, n) == 0)
			return pythons[i];
	return NULL;
}

static void set_name(struct pyro_fault *fault, enum ser_protocol protocol, const char *name,
		     bool is_pyros)
{
	if (is_pyros)
		ser_error_name(protocol, name, fault->name, sizeof(fault->name));
	else
		snprintf(fault->name, sizeof(fault->name), "%s%s",
			 strchr(name, '.') ? "" : "builtins.", name);
}

int fault_say(struct pyro_fault *fault, enum ser_protocol protocol, const char *name,
	      const char *format, ...)
{
	va_list args;

	fault->error = NULL;
	fault->proxy = NULL;
	set_name(fault, protocol, name, !strchr(name, '.'));
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	return 1;
}

/* The exception that the message names: "NamingError: unknown name: x". What follows is in *text.
 */
static const char *named(const char **text, bool *is_pyros)
{
	const char *colon = strstr(*text, ": "), *found;

	if (!colon)
		return NULL;
	found = find(*text, (size_t)(colon - *text), is_pyros);
	if (found)
		*text = colon + 2;
	return found;
}

static const char *by_code(const pyr_error *error)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == error->code)
			return error->raised ? codes[i].raised : codes[i].own;
	return "PyroError";
}

/* A typed exception: one with the name of Python's is that one. */
static const char *typed(const pyr_error *error, bool *is_pyros)
{
	const char *dot = strrchr(error->exception, '.');
	const char *name = dot ? dot + 1 : error->exception;

	return find(name, strlen(name), is_pyros);
}

int fault_of_error(struct pyro_fault *fault, enum ser_protocol protocol, const pyr_proxy *proxy)
{
	const pyr_error *error = pyr_last_error();
	const char *text = error->message, *name;
	bool is_pyros;

	name = error->exception[0] ? typed(error, &is_pyros) : named(&text, &is_pyros);
	if (!name) {
		name = error->exception[0] ? "PyroError" : by_code(error);
		is_pyros = !strchr(name, '.');
	}
	set_name(fault, protocol, name, is_pyros);
	snprintf(fault->text, sizeof(fault->text), "%s", text);
	text_clean(fault->text);
	fault->error = error;
	fault->proxy = proxy;
	return 1;
}

/* ---- how it is told ---- */

/* A line of the error's trace, in Python's form as far as it has it. */
static void put_line(struct ser_sink *sink, const char *line, size_t n)
{
	char text[1024];

	snprintf(text, sizeof(text), "  %.*s\n", (int)(n < 1000 ? n : 1000), line);
	ser_put_text(sink, text);
}

static void put_traceback(const struct pyro_fault *fault, struct ser_sink *sink)
{
	const char *at = fault->error ? fault->error->trace : "", *end;
	const char *dot = strrchr(fault->name, '.');
	char last[2400];

	ser_put_member(sink, "_pyroTraceback");
	sink->sink.kind->array(&sink->sink);
	ser_put_text(sink, "Traceback (most recent call last):\n");
	for (; *at; at = end + (*end == '\n')) {
		end = at + strcspn(at, "\n");
		put_line(sink, at, (size_t)(end - at));
	}
	snprintf(last, sizeof(last), "%s: %s\n", dot ? dot + 1 : fault->name, fault->text);
	ser_put_text(sink, last);
	sink->sink.kind->array_end(&sink->sink);
}

static void put_attributes(struct ser_sink *sink, void *data)
{
	const struct pyro_fault *fault = data;
	struct members_sink members;

	put_traceback(fault, sink);
	if (!fault->error)
		return;
	ser_put_member(sink, "status");
	ser_put_text(sink, pyr_status_name(fault->error->code));
	if (!fault->error->exception[0])
		return;
	ser_put_member(sink, "exception");
	ser_put_text(sink, fault->error->exception);
	if (fault->proxy) {
		members_sink(&members, &sink->sink);
		generic_exception(fault->proxy, false, &members.sink);
	}
}

void fault_put(const struct pyro_fault *fault, struct ser_sink *sink)
{
	ser_put_exception(sink, fault->name, fault->text, put_attributes, (void *)(uintptr_t)fault);
}

void fault_put_wrapped(const struct pyro_fault *fault, struct ser_sink *sink)
{
	ser_put_wrapped(sink, fault->name, fault->text, put_attributes, (void *)(uintptr_t)fault);
}
