/* SPDX-License-Identifier: MIT */
/* The conversation "names" of promises-client: registers, looks up, watches and removes. */
#include <semaphore.h>
#include <stdio.h>

#include <pyrite/names.h>

static sem_t is_ready, is_gone;

static void on_event(const struct pyr_ns_event *event, void *data)
{
	static const char *const kinds[] = { "resync", "put", "gone", "ready", "lost" };

	(void)data;
	printf("%s %s %s\n", kinds[event->kind], event->name ? event->name : "-",
	       event->uri ? event->uri : "-");
	if (event->kind == PYR_NS_READY)
		sem_post(&is_ready);
	if (event->kind == PYR_NS_GONE)
		sem_post(&is_gone);
}

static int failed(const char *what)
{
	printf("%s: %s\n", what, pyr_status_name(pyr_last_error()->code));
	return 1;
}

static int register_and_look_up(pyr_ns *ns)
{
	const char *const tags[] = { "red", "blue" };
	struct pyr_ns_entries *entries;
	struct pyr_ns_entry *entry;
	char *uri;

	if (pyr_ns_register_with(ns, "some.name", "PYRO:thing@example.org:4000",
				 &(struct pyr_ns_register_options){ .tags = tags, .n_tags = 2 }) <
	    0)
		return failed("register");
	if (pyr_ns_lookup(ns, "some.name", &uri) < 0)
		return failed("lookup");
	printf("lookup %s\n", uri);
	pyr_free(uri);
	if (pyr_ns_lookup(ns, "no.name", &uri) < 0)
		failed("lookup");
	if (pyr_ns_lookup_entry(ns, "some.name", &entry) < 0)
		return failed("lookup_entry");
	printf("entry %s, %zu tags\n", entry->name, entry->n_tags);
	pyr_free(entry);
	if (pyr_ns_list(ns, "some.", &entries) < 0)
		return failed("list");
	printf("list %zu\n", entries->n);
	pyr_free(entries);
	return 0;
}

int names(const char *address);

int names(const char *address)
{
	pyr_ns *ns = pyr_ns_locate(address);
	pyr_ns_watcher *watcher;
	int err;

	sem_init(&is_ready, 0, 0);
	sem_init(&is_gone, 0, 0);
	if (!ns)
		return pyr_perror("promises-client");
	err = register_and_look_up(ns);
	watcher = pyr_ns_watch(ns, &(struct pyr_ns_watch_options){ .prefix = "some." }, on_event,
			       NULL);
	if (!watcher)
		return failed("watch");
	sem_wait(&is_ready);
	if (pyr_ns_remove(ns, "some.name") < 0)
		return failed("remove");
	sem_wait(&is_gone);
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	return err;
}
