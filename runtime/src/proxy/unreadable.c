/* SPDX-License-Identifier: MIT */
#include "proxy/unreadable.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

int unreadable(const struct codec_problem *problem, const char *what, ...)
{
	bool is_too_much = problem->code == PYR_RESOURCE_EXHAUSTED;
	char text[512];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	return error_set(is_too_much ? PYR_RESOURCE_EXHAUSTED : PYR_INTERNAL, "%s: %s: %s",
			 is_too_much ? "MessageTooLarge" : "ProtocolError", text, problem->text);
}
