/* SPDX-License-Identifier: MIT */
/*
 * Calls an object that Python's Pyro serves: pyro-caller URI [TIMES [MS]]. Prints what each call
 * returns, for pyro_served.py; with TIMES, what that many calls of add() alone do, each
 * in MS at most.
 */
#include <pyrite/pyrite.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pyrod.h"

static struct pyrod_Server *server;

static int failed(const char *what)
{
	const pyr_error *error = pyr_last_error();

	printf("%s: %d %s\n", what, error->code, error->message);
	return 0;
}

static void call_scalars(void)
{
	int32_t number;
	char *text = NULL;
	double half;
	enum pyrod_Color color;

	if (pyrod_Server_add(server, 1, 2, &number) < 0)
		failed("add");
	else
		printf("add: %d\n", number);
	if (pyrod_Server_echo(server, "it's \"\u20ac\"\n\\", &text) < 0)
		failed("echo");
	else
		printf("echo: %s\n", text);
	pyr_free(text);
	if (pyrod_Server_other(server, pyrod_RED, &color) < 0)
		failed("other");
	else
		printf("other: %d\n", (int)color);
	if (pyrod_Server_half(server, 7, &half, &number) < 0)
		failed("half");
	else
		printf("half: %g rest %d\n", half, number);
}

static void call_optional(bool yes)
{
	char *text = NULL;

	if (pyrod_Server_maybe(server, yes, &text) < 0)
		failed("maybe");
	else
		printf("maybe: %s\n", text ? text : "(none)");
	pyr_free(text);
}

static void call_bytes(size_t n)
{
	struct pyr_bytes bytes = { n, malloc(n + 1) }, *back = NULL;
	size_t i;

	if (!bytes.items)
		abort();
	for (i = 0; i < n; i++)
		bytes.items[i] = (uint8_t)(i * 7);
	if (pyrod_Server_blob(server, &bytes, &back) < 0)
		failed("blob");
	else
		printf("blob: %zu %s\n", back->n,
		       back->n == n && memcmp(back->items, bytes.items, n) == 0 ? "same" : "other");
	pyr_free(back);
	free(bytes.items);
}

static void call_collections(void)
{
	const char *words[] = { "a", "b", "a" };
	struct pyrod_Words list = { 3, words };
	struct pyrod_Counts *counts = NULL;
	struct pyrod_Point point = { .x = 1, .y = 2 }, *moved = NULL;
	size_t i;

	if (pyrod_Server_count(server, &list, &counts) < 0)
		failed("count");
	for (i = 0; counts && i < counts->n; i++)
		printf("count: %s %d\n", counts->items[i].key, counts->items[i].value);
	pyr_free(counts);
	if (pyrod_Server_move(server, &point, 5, &moved) < 0)
		failed("move");
	else
		printf("move: %d %d %s\n", moved->x, moved->y,
		       moved->has_name ? moved->name : "(none)");
	pyr_free(moved);
}

static void call_failures(void)
{
	static const char *const hows[] = { "value", "funds", "unseen", "key", "type", "pyro" };
	static const char *const wrongs[] = { "text", "none", "large", "list", "stream" };
	struct pyrod_Point *point = NULL;
	int32_t number;
	size_t i;

	for (i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
		if (pyrod_Server_fail(server, hows[i]) < 0)
			failed(hows[i]);
	if (pyrod_Server_fail(server, "funds") < 0 && pyr_last_error()->exception[0])
		printf("missing: %s\n", pyr_last_error()->exception);
	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		if (pyrod_Server_wrong(server, wrongs[i], &number) < 0)
			failed(wrongs[i]);
	if (pyrod_Server_wrong_point(server, &point) < 0)
		failed("wrong_point");
	if (pyrod_Server_hidden(server, &number) < 0)
		failed("hidden");
}

static void call_attributes(void)
{
	int32_t level;
	char *title = NULL;

	if (pyrod_Server_set_level(server, 42) < 0)
		failed("set_level");
	if (pyrod_Server_get_level(server, &level) < 0)
		failed("get_level");
	else
		printf("level: %d\n", level);
	if (pyrod_Server_get_title(server, &title) < 0)
		failed("get_title");
	else
		printf("title: %s\n", title);
	pyr_free(title);
}

static void call_oneway(void)
{
	struct pyrod_Words *noted = NULL;
	size_t i, tries;

	if (pyrod_Server_note(server, "first") < 0 || pyrod_Server_note(server, "second") < 0)
		failed("note");
	for (tries = 0; tries < 1000; tries++) { /* Pyro gives a oneway call a thread of its own */
		pyr_free(noted);
		noted = NULL;
		if (pyrod_Server_noted(server, &noted) < 0)
			failed("noted");
		if (!noted || noted->n == 2)
			break;
	}
	for (i = 0; noted && i < noted->n; i++)
		printf("noted: %s\n", noted->items[i]);
	pyr_free(noted);
}

static void read_numbers(int32_t n, int most)
{
	pyr_stream *stream;
	int64_t sum = 0;
	int32_t number;
	int got = 0, err = 1;

	if (pyrod_Server_numbers(server, n, &stream) < 0) {
		failed("numbers");
		return;
	}
	while (got < most && (err = pyrod_Server_numbers_next(stream, &number)) == 1) {
		sum += number;
		got++;
	}
	if (err < 0)
		failed("numbers");
	else
		printf("numbers: %d, sum %lld\n", got, (long long)sum);
	pyr_stream_free(stream);
}

static void read_points(const char *how)
{
	struct pyrod_Point *point;
	pyr_stream *stream;
	int err;

	if (pyrod_Server_points(server, how, &stream) < 0) {
		failed("points");
		return;
	}
	while ((err = pyrod_Server_points_next(stream, &point)) == 1) {
		printf("point: %d %d %zu\n", point->x, point->y,
		       point->has_name ? strlen(point->name) : 0);
		pyr_free(point);
	}
	if (err < 0)
		failed(how);
	pyr_stream_free(stream);
}

static void call_streams(void)
{
	static const char *const hows[] = { "good", "large", "wrong", "raises", "at once", "list" };
	size_t i;

	read_numbers(1000, 2000);
	read_numbers(1000, 10); /* the rest is not wanted */
	read_numbers(0, 10);
	for (i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
		read_points(hows[i]);
}

static void call_late(void)
{
	int32_t number;

	pyr_proxy_set_timeout(pyrod_Server_as_proxy(server), 50);
	if (pyrod_Server_slow(server, 300, &number) < 0)
		failed("slow");
	pyr_proxy_set_timeout(pyrod_Server_as_proxy(server), 10000);
	if (pyrod_Server_add(server, 20, 22, &number) < 0)
		failed("add");
	else
		printf("add: %d\n", number);
}

/* What Pyro's protocol does not have; calls go on after each. */
static void call_refused(void)
{
	pyr_batch *batch = pyr_batch_new(pyrod_Server_as_proxy(server));
	pyr_stream *stream = NULL;
	int32_t number = 0;

	if (pyrod_Server_add(pyrod_Server_batch(batch), 1, 2, &number) < 0 ||
	    pyr_batch_run(batch) < 0)
		failed("batch");
	pyr_batch_free(batch);
	if (pyrod_Server_pour(server, &stream) < 0 || pyrod_Server_pour_finish(stream, &number) < 0)
		failed("pour"); /* finishing has freed the stream */
	if (pyrod_Server_add(server, 3, 4, &number) < 0)
		failed("add");
	else
		printf("add: %d\n", number);
}

static void call_add(int times)
{
	int32_t number;

	for (; times > 0; times--)
		if (pyrod_Server_add(server, times, 1, &number) < 0)
			failed("add");
		else
			printf("add: %d\n", number);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	server = argc > 1 ? pyrod_Server_proxy(argv[1]) : NULL;
	if (!server)
		return failed("proxy") + 1;
	if (argc > 2) {
		pyr_proxy_set_timeout(pyrod_Server_as_proxy(server),
				      argc > 3 ? (uint32_t)atoi(argv[3]) : 20000);
		call_add(atoi(argv[2]));
	} else {
		call_scalars();
		call_optional(true);
		call_optional(false);
		call_bytes(300);
		call_bytes(200000);
		call_collections();
		call_failures();
		call_attributes();
		call_oneway();
		call_streams();
		call_refused();
		call_late();
	}
	pyrod_Server_free(server);
	return 0;
}
