/* SPDX-License-Identifier: MIT */
/*
 * How the codec words a refusal: "parameter 'x' is NULL" for what stands in the call itself,
 * "order.lines[3].name is longer than 10 bytes" for what is deeper.
 */
#include "wire/codec_internal.h"

#include <stdio.h>

enum { SUBJECT = 160 }; /* the rest of the text is for what is wrong */

static size_t put_path(char *buf, size_t used, const struct codec_path *path)
{
	if (path->up)
		used = put_path(buf, used, path->up);
	if (path->name && used < SUBJECT)
		used += (size_t)snprintf(buf + used, SUBJECT - used, "%s%s", path->up ? "." : "",
					 path->name);
	if (path->index != SIZE_MAX && used < SUBJECT)
		used += (size_t)snprintf(buf + used, SUBJECT - used, "[%zu]", path->index);
	return used;
}

static void put_subject(char *buf, const char *role, const struct codec_path *path)
{
	if (!path)
		snprintf(buf, SUBJECT, "the message");
	else if (!path->up && path->index == SIZE_MAX)
		snprintf(buf, SUBJECT, "%s '%s'", role, path->name);
	else
		put_path(buf, 0, path);
}

int codec_fail(struct codec_problem *problem, int code, const char *role,
	       const struct codec_path *path, const char *format, ...)
{
	char subject[SUBJECT], what[96];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	put_subject(subject, role, path);
	problem->code = code;
	snprintf(problem->text, sizeof(problem->text), "%s %s", subject, what);
	return -code;
}

int codec_fail_at(struct codec_problem *problem, int code, const char *role,
		  const struct codec_path *path, const char *format, ...)
{
	char subject[SUBJECT], what[94];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (path)
		put_subject(subject, role, path);
	problem->code = code;
	snprintf(problem->text, sizeof(problem->text), "%s%s%s", path ? subject : "",
		 path ? ": " : "", what);
	return -code;
}

int codec_fail_reference(struct codec_problem *problem, const char *role,
			 const struct codec_path *path, const char *what)
{
	char subject[SUBJECT];

	put_subject(subject, role, path);
	problem->code = PYR_UNIMPLEMENTED;
	snprintf(problem->text, sizeof(problem->text), "%s: %s", what, subject);
	return -PYR_UNIMPLEMENTED;
}

int codec_fail_memory(struct codec_problem *problem)
{
	problem->code = PYR_RESOURCE_EXHAUSTED;
	snprintf(problem->text, sizeof(problem->text), "out of memory");
	return -PYR_RESOURCE_EXHAUSTED;
}

int codec_fail_range(struct codec_problem *problem, const char *role, const struct codec_path *path,
		     uint8_t kind, const void *shadow)
{
	return codec_fail(problem, PYR_INVALID_ARGUMENT, role, path, "does not fit %s: %lld",
			  codec_kind_name(kind), (long long)codec_shadow_integer(kind, shadow));
}

const struct codec_path *codec_root(const struct codec_message *message,
				    const struct pyr__type *type, struct codec_path *ret)
{
	if (message->type)
		return NULL;
	*ret = (struct codec_path){ NULL, type->name, SIZE_MAX };
	return ret;
}
