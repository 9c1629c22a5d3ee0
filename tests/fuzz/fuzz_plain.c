/* SPDX-License-Identifier: MIT */
/*
 * What plain gRPC says in headers: the path of a method, the details of a status, a text that is
 * to be one, ids of a call.
 */
#include "base/error.h"
#include "base/text.h"
#include "context/context.h"
#include "fuzz_text.h"
#include "wire/plain_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_path(struct span path)
{
	struct span interface, operation;
	char name[PLAIN_NAME_MAX];

	if (plain_parse_path(path, &interface, &operation) &&
	    plain_operation_name(interface, operation, name).n != interface.n + operation.n + 1)
		abort();
}

static void take_status(struct span bytes)
{
	struct span exception = { 0 }, fields = { 0 };
	struct error_info error = { .code = 2, .message = "m" };
	char text[PLAIN_TEXT_MAX + 1];
	struct buf details = { 0 };

	plain_read_details(bytes, &exception, &fields);
	if ((exception.p && (exception.p < bytes.p || exception.n > bytes.n)) ||
	    (fields.p && fields.n > bytes.n))
		abort();
	plain_status(&error, text, &details);
	buf_free(&details);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { data, size };
	char *text = text_of(data, size), encoded[PLAIN_TEXT_MAX + 1], copied[64];

	take_path(all);
	take_status(all);
	if (plain_status_text(encoded, text, PLAIN_TEXT_MAX) > PLAIN_TEXT_MAX ||
	    strlen(encoded) > PLAIN_TEXT_MAX)
		abort();
	plain_text_copy(copied, sizeof(copied), all);
	(void)context_is_traceparent(all);
	free(text);
	return 0;
}
