/* SPDX-License-Identifier: MIT */
#define CORE_API_ITSELF
#include "engine/core_api.h"

#include <pyrite/pyrite.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct core_api core_api;

static char text[256];
static atomic_bool has_failed; /* text is set */

static bool fail(void)
{
	const char *why = dlerror();

	snprintf(text, sizeof(text), "gRPC cannot be loaded: %.200s",
		 why ? why : "no reason given");
	atomic_store(&has_failed, true);
	log_line(PYR_LOG_ERROR, "%s", text);
	return false;
}

bool core_api_load(void)
{
	/* Global, as if it were linked: its libraries look for each other's symbols. */
	void *library = dlopen(PYRITE_GRPC_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
	void *symbol;

	if (!library)
		return fail();
/* ISO C has no cast from an object's address to a function's. */
#define FIND(name)                                                                                 \
	symbol = dlsym(library, #name);                                                            \
	if (!symbol)                                                                               \
		return fail();                                                                     \
	memcpy(&core_api.name, &symbol, sizeof(symbol));
	CORE_FUNCTIONS(FIND)
#undef FIND
	return true;
}

const char *core_api_why(void)
{
	return atomic_load(&has_failed) ? text : NULL;
}

struct span core_find_metadata(const grpc_metadata_array *metadata, const char *key)
{
	size_t i;

	for (i = 0; i < metadata->count; i++)
		if (span_is(core_span(&metadata->metadata[i].key), key))
			return core_span(&metadata->metadata[i].value);
	return (struct span){ 0 };
}
