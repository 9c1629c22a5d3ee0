/* SPDX-License-Identifier: MIT */
/*
 * evolution-old and evolution-new, one source with two versions of rules.idl.
 *
 *	evolution-X serve [threads=1] [socket=PATH]   prints the URI of an ev.Rules that does
 *nothing; ends with its standard input evolution-X ask URI                           for each
 *operation: its name, what the proxy says of it, what the server does
 *
 * The server is asked by a proxy that has not heard from it: its first call travels with the Bind,
 * so that it decides by itself.
 */
#include "rules.h"

#include <pyrite/gen.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 96, ROOM = 4096 };

static const struct pyr__interface *const interface = &ev_Rules_interface;

/* ---- server ---- */

static int answer_nothing(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	(void)call;
	(void)methods;
	(void)in;
	(void)out;
	return 0;
}

static void *watch_input(void *data)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	pyr_daemon_stop(data);
	return NULL;
}

/* The interface with all methods replaced. */
static const struct pyr__interface *idle_interface(void)
{
	static struct pyr__operation operations[MOST];
	static struct pyr__interface idle;
	uint32_t i;

	idle = *interface;
	for (i = 0; i < idle.n_operations && i < MOST; i++) {
		operations[i] = interface->operations[i];
		operations[i].shim = answer_nothing;
	}
	idle.operations = operations;
	return &idle;
}

static int serve(int argc, char **argv)
{
	static const void *methods[MOST];
	struct pyr_daemon_options options = { 0 };
	pthread_t watcher;
	pyr_daemon *daemon;
	const char *uri;
	int i, err;

	for (i = 0; i < MOST; i++)
		methods[i] = methods; /* present, never called */
	for (i = 2; i < argc; i++) {
		if (strncmp(argv[i], "threads=", 8) == 0)
			options.threads = (unsigned)atoi(argv[i] + 8);
		else if (strncmp(argv[i], "socket=", 7) == 0)
			options.socket = argv[i] + 7;
	}
	daemon = pyr_daemon_new(&options);
	uri = pyr__register(daemon, idle_interface(), "rules", methods, NULL);
	if (!uri || pthread_create(&watcher, NULL, watch_input, daemon) != 0)
		return pyr_perror("evolution");
	puts(uri);
	fflush(stdout);
	err = pyr_daemon_run(daemon);
	pthread_join(watcher, NULL);
	pyr_daemon_free(daemon);
	return err < 0 ? pyr_perror("run") : 0;
}

/* ---- client ---- */

static const char *outcome(int err)
{
	return err == 0 ? "ok" : pyr_status_name(err);
}

/* A value of a parameter that any version takes: all zero. */
static void zero(const struct pyr__field *field, union pyr__slot *slot)
{
	static _Alignas(16) char room[ROOM];

	memset(slot, 0, sizeof(*slot));
	if (field->flags & PYR__OPTIONAL)
		return;
	if (field->kind == PYR__STRING)
		slot->s = "";
	else if (field->kind == PYR__BYTES || field->kind >= PYR__STRUCT)
		slot->p = room;
}

/* The method ended at once: the stream has no items, or there is none. */
static int see_end(pyr_stream *stream, const struct pyr__operation *op, void *const *out)
{
	static _Alignas(16) char item[ROOM];
	int err;

	if (!(op->flags & PYR__STREAM_OUT))
		return pyr__finish(stream, op, out);
	err = pyr__next(stream, op, item);
	pyr_stream_free(stream);
	return err;
}

static int call_once(const char *uri, unsigned place)
{
	const struct pyr__operation *op = &interface->operations[place];
	union pyr__slot in[8];
	void *out[8] = { NULL };
	pyr_stream *stream;
	void *proxy = pyr__proxy_new(interface, uri, NULL, 0);
	unsigned i;
	int err;

	for (i = 0; i < op->n_in && i < 8; i++)
		zero(&op->fields[i], &in[i]);
	if (!proxy)
		err = -pyr_last_error()->code;
	else if (!(op->flags & (PYR__STREAM_IN | PYR__STREAM_OUT)))
		err = pyr__call(proxy, interface, place, in, out);
	else if ((err = pyr__open(proxy, interface, place, in, &stream)) == 0)
		err = see_end(stream, op, out);
	if (err < 0)
		fprintf(stderr, "call %s: %s\n", op->name, pyr_errmsg());
	pyr__proxy_free(proxy);
	return err;
}

static int ask(const char *uri)
{
	void *proxy = pyr__proxy_new(interface, uri, NULL, 0);
	unsigned i;
	int has;

	if (!proxy || pyr_proxy_bind(proxy) < 0)
		return pyr_perror("bind");
	for (i = 0; i < interface->n_operations; i++) {
		has = pyr_proxy_has(proxy, interface->operations[i].name);
		if (has < 0)
			fprintf(stderr, "%s\n", pyr_errmsg());
		printf("%s %s %s\n", interface->operations[i].name, outcome(has),
		       outcome(call_once(uri, i)));
	}
	pyr__proxy_free(proxy);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve(argc, argv);
	if (argc == 3 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2]);
	fputs("usage: evolution-X serve [option=value...] | ask URI\n", stderr);
	return 2;
}
