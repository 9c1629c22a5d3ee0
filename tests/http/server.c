/* SPDX-License-Identifier: MIT */
/*
 * http-server [option=value...]: a daemon that speaks HTTP with one object, "cart" (shop.idl), and
 * more for each `objects`. Prints its address; ends on a signal, or with its standard input.
 * Options: socket, rules, key, host, insecure, max_message, drain_ms, threads, audit, objects,
 * name.
 */
#include <pyrite/pyrite.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cart.h"

static unsigned n_objects;
static const char *ns_name; /* of "cart" at a name server; NULL: none */

static bool set(struct pyr_daemon_options *options, struct pyr_key_options *key, const char *text)
{
	const char *value = strchr(text, '=');
	char name[32];

	if (!value || (size_t)(value - text) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(value - text), text);
	value++;
	if (strcmp(name, "socket") == 0)
		options->socket = value;
	else if (strcmp(name, "host") == 0)
		options->host = value;
	else if (strcmp(name, "rules") == 0)
		options->rules = value;
	else if (strcmp(name, "faces") == 0)
		options->faces = value;
	else if (strcmp(name, "insecure") == 0)
		options->insecure = PYR_YES;
	else if (strcmp(name, "max_message") == 0)
		options->max_message = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "drain_ms") == 0)
		options->drain_ms = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "threads") == 0)
		options->threads = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(name, "audit") == 0)
		options->audit = value;
	else if (strcmp(name, "objects") == 0)
		n_objects = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(name, "name") == 0)
		ns_name = value;
	else if (strcmp(name, "key") == 0)
		options->key = key, key->text = value;
	else
		return false;
	return true;
}

static void *watch_input(void *data)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	_exit(3);
	return data;
}

int main(int argc, char **argv)
{
	struct pyr_daemon_options options = { .faces = "+http", .threads = 8 };
	struct pyr_key_options key = { 0 };
	pyr_daemon *daemon;
	pyr_ns *ns = NULL;
	pthread_t watcher;
	sigset_t all, before;
	char id[32];
	unsigned i;

	for (i = 1; i < (unsigned)argc; i++)
		if (!set(&options, &key, argv[i]))
			return 2;
	daemon = pyr_daemon_new(&options);
	if (!shop_Cart_register(daemon, "cart", &cart_methods, NULL))
		return pyr_perror("http-server");
	for (i = 0; i < n_objects; i++) {
		snprintf(id, sizeof(id), "cart/%05u", i);
		if (!shop_Cart_register(daemon, id, &cart_methods, NULL))
			return pyr_perror("http-server");
	}
	if (ns_name && (!(ns = pyr_ns_locate(NULL)) ||
			pyr_ns_register(ns, ns_name, pyr_daemon_uri(daemon, "cart")) < 0))
		return pyr_perror("http-server");
	printf("%s\n", pyr_daemon_address(daemon));
	fflush(stdout);
	sigfillset(&all); /* signals are for the daemon */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&watcher, NULL, watch_input, NULL) != 0)
		return 1;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_detach(watcher);
	if (pyr_daemon_run(daemon) < 0)
		return pyr_perror("http-server");
	puts("stopped");
	pyr_ns_free(ns);
	pyr_daemon_free(daemon);
	return 0;
}
