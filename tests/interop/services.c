/* SPDX-License-Identifier: MIT */
/*
 * A daemon whose objects come and go: services-server [THREADS]. It prints its address, then does
 * what lines of its standard input say, and prints "ok": "add ID", "remove ID", "table", "hold"
 * (calls of add), "wait" (until one is held), "go" (on with them), "stop".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "messages.h"
#include "streams.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_held, is_waiting;

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	pthread_mutex_lock(&lock);
	while (is_held) { /* a call that keeps a daemon that drains */
		is_waiting = true;
		pthread_cond_broadcast(&changed);
		pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
	*ret = (int32_t)((uint32_t)x + (uint32_t)y);
	return 0;
}

static int both(pyr_call *call, int32_t factor, pyr_stream *stream)
{
	int32_t x;
	int n;

	(void)call;
	while ((n = streams_Feed_both_read(stream, &x)) > 0)
		if ((n = streams_Feed_both_yield(stream, x * factor)) < 0)
			break;
	return n;
}

/* ---- msg::Table, whose messages are structs ---- */

static int read_rows(pyr_call *call, const struct msg_Range *range, const struct msg_Rows **ret)
{
	struct msg_Rows *rows = pyr_call_alloc(call, sizeof(*rows));
	const char **items = pyr_call_alloc(call, 2 * sizeof(*items));

	if (strcmp(range->from, range->to) > 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "nothing from %s to %s", range->from,
				range->to);
	items[0] = range->from;
	items[1] = range->to;
	rows->rows.n = range->has_limit && range->limit < 2 ? (size_t)range->limit : 2;
	rows->rows.items = items;
	rows->more = rows->rows.n < 2;
	*ret = rows;
	return 0;
}

static int watch_rows(pyr_call *call, const struct msg_Range *range, pyr_stream *stream)
{
	const char *items[] = { range->from, range->to };
	struct msg_Rows rows = { .rows = { 1, items }, .more = true };
	int err = msg_Table_watch_yield(stream, &rows);

	(void)call;
	rows = (struct msg_Rows){ .rows = { 1, items + 1 } };
	return err < 0 ? err : msg_Table_watch_yield(stream, &rows);
}

static int write_rows(pyr_call *call, pyr_stream *stream, const struct msg_Empty **ret)
{
	const struct msg_Rows *rows;
	int n;

	*ret = pyr_call_alloc(call, sizeof(**ret));
	while ((n = msg_Table_write_read(stream, &rows)) > 0)
		if (rows->rows.n == 0)
			return pyr_fail(call, PYR_INVALID_ARGUMENT, "no rows");
	return n;
}

static int swap_rows(pyr_call *call, pyr_stream *stream)
{
	const struct msg_Rows *rows;
	int n;

	(void)call;
	while ((n = msg_Table_swap_read(stream, &rows)) > 0)
		if ((n = msg_Table_swap_yield(stream, rows)) < 0)
			break;
	return n;
}

static int plain_rows(pyr_call *call, const struct msg_Range *range, const struct msg_Rows **ret)
{
	return read_rows(call, range, ret);
}

static const struct msg_Table_methods table = {
	.read = read_rows,
	.watch = watch_rows,
	.write = write_rows,
	.swap = swap_rows,
	.plain = plain_rows,
};

static const struct example_Server_methods methods = { .add = add };
static const struct streams_Feed_methods feed = { .both = both };

static void *serve(void *data)
{
	if (pyr_daemon_run(data) < 0)
		fprintf(stderr, "%s\n", pyr_last_error()->message);
	return NULL;
}

static bool obey(pyr_daemon *daemon, const char *word, const char *id)
{
	if (strcmp(word, "add") == 0)
		return example_Server_register(daemon, id, &methods, NULL) != NULL;
	if (strcmp(word, "table") == 0)
		return msg_Table_register(daemon, "table", &table, NULL) != NULL;
	if (strcmp(word, "remove") == 0)
		return pyr_daemon_unregister(daemon, id) == 0;
	if (strcmp(word, "stop") == 0) {
		pyr_daemon_stop(daemon);
		return true;
	}
	pthread_mutex_lock(&lock);
	if (strcmp(word, "wait") != 0)
		is_held = strcmp(word, "hold") == 0;
	pthread_cond_broadcast(&changed);
	while (strcmp(word, "wait") == 0 && !is_waiting)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return true;
}

int main(int argc, char *argv[])
{
	struct pyr_daemon_options options = { .signals = PYR_NO };
	char word[16], id[64], line[128];
	pyr_daemon *daemon;
	pthread_t thread;

	if (argc > 1)
		options.threads = (unsigned)atoi(argv[1]);
	daemon = pyr_daemon_new(&options);
	if (!daemon || !streams_Feed_register(daemon, NULL, &feed, NULL) ||
	    pthread_create(&thread, NULL, serve, daemon) != 0) {
		fprintf(stderr, "%s\n", pyr_last_error()->message);
		return 1;
	}
	printf("%s\n", pyr_daemon_address(daemon));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		id[0] = '\0';
		if (sscanf(line, "%15s %63s", word, id) < 1)
			continue;
		puts(obey(daemon, word, id) ? "ok" : pyr_last_error()->message);
		fflush(stdout);
	}
	(void)obey(daemon, "go", "");
	pyr_daemon_stop(daemon);
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon);
	return 0;
}
