/* SPDX-License-Identifier: MIT */
/*
 * An error that the name server sent gets its address added; one that was found here says it
 * already.
 */
#include "naming/naming_server.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "naming/naming_find.h"

int naming_add_address(const char *address)
{
	const pyr_error *error = pyr_last_error();
	struct error_info info = { .code = error->code,
				   .remote = error->remote,
				   .may_have_run = error->may_have_run };
	char text[1400];

	if (!error->remote && !pyr_error_is_communication(error))
		return -error->code;
	if (!error->remote)
		naming_find_again();
	snprintf(text, sizeof(text), "%s (name server at %s)", error->message, address);
	info.message = text;
	info.raised = error->remote && strncmp(text, "NamingError: ", strlen("NamingError: ")) != 0;
	info.object = error->object;
	info.operation = error->operation;
	info.address = error->address;
	info.trace = error->trace;
	return error_set_info(&info);
}

struct pyrite_NameServer *naming_proxy(const char *address, uint32_t timeout_ms, uint32_t wait_ms)
{
	struct pyr_proxy_options options = { .timeout_ms = timeout_ms,
					     .wait_ms = wait_ms ? wait_ms : PYR_NONE };
	char uri[NAMING_ADDRESS_MAX + 64];

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, address);
	return pyrite_NameServer_proxy_with(uri, &options);
}
