/* SPDX-License-Identifier: MIT */
/* A program that knows nothing of Pyrite and loads plug-ins that use it, each 100 times. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 100 };

struct plugin {
	const char *path;
	const void *place; /* where it was the last time */
};

static bool look_up(void *library, const char *name, void *ret)
{
	void *symbol = dlsym(library, name);

	memcpy(ret, &symbol, sizeof(symbol)); /* a function's address */
	return symbol;
}

/* Returns false, and says why, if anything fails. */
static bool run(struct plugin *plugin)
{
	void *library = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
	const char *(*work)(void);
	const void *(*place)(void);
	const char *failed;

	if (!library || !look_up(library, "plugin_run", &work) ||
	    !look_up(library, "plugin_place", &place)) {
		printf("    %s\n", dlerror());
		return false;
	}
	plugin->place = place();
	failed = work();
	if (failed)
		printf("    %s: %s\n", plugin->path, failed);
	dlclose(library);
	return !failed;
}

static bool result(bool ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "not ok", name);
	return ok;
}

int main(int argc, char **argv)
{
	struct plugin plugins[2] = { { argc > 1 ? argv[1] : "", NULL },
				     { argc > 2 ? argv[2] : "", NULL } };
	const void *before = NULL;
	int i, n_same = 0;
	bool ok = true;

	for (i = 0; ok && i < 2 * ROUNDS; i++) {
		ok = run(&plugins[i & 1]);
		n_same += plugins[i & 1].place == before;
		before = plugins[i & 1].place;
	}
	ok = result(ok, "plug_ins_that_used_pyrite_are_unloaded_100_times");
	/* Else what is above shows nothing of tables that take each other's place. */
	return result(n_same > 0, "their_types_took_each_others_place") && ok ? 0 : 1;
}
