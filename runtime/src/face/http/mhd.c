/* SPDX-License-Identifier: MIT */
#include "face/http/mhd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct mhd_api mhd;

static char text[256];

static void fail(void)
{
	const char *why = dlerror();

	snprintf(text, sizeof(text), "libmicrohttpd cannot be loaded: %.200s",
		 why ? why : "no reason given");
}

static void load(void)
{
	void *library = dlopen(PYRITE_MICROHTTPD_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	void *symbol;

	if (!library) {
		fail();
		return;
	}
/* ISO C has no cast from an object's address to a function's. */
#define FIND(name)                                                                                 \
	symbol = dlsym(library, #name);                                                            \
	if (!symbol) {                                                                             \
		fail();                                                                            \
		return;                                                                            \
	}                                                                                          \
	memcpy(&mhd.name, &symbol, sizeof(symbol));
	MHD_FUNCTIONS(FIND)
#undef FIND
}

const char *mhd_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return text[0] ? text : NULL;
}
