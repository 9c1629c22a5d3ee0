/* SPDX-License-Identifier: MIT */
/*
 * faults-guest URI ROUNDS: a client that comes, calls, streams, passes an object, cancels and
 * leaves, so many times. Prints how many calls ended with which status: "CODE N" lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

enum { CODES = 32, ADDS = 50, CALLBACKS = 5, TEXT = 65536, MINUTE = 60000 };

static unsigned long n_of[CODES];
static unsigned n_heard;
static char text[TEXT + 1];

static void count(int err)
{
	int code = err < 0 ? -err : 0;

	n_of[code < CODES ? code : CODES - 1]++;
	if (code && code != PYR_UNAVAILABLE && code != PYR_CANCELLED)
		fprintf(stderr, "faults-guest: %s\n", pyr_errmsg());
}

static int on(pyr_call *call, uint32_t n)
{
	(void)call;
	(void)n;
	n_heard++;
	return 0;
}

static void be_called(struct faults_Target *target)
{
	static const struct faults_Listener_methods methods = { .on = on };
	struct faults_Listener *me = faults_Listener_object(NULL, &methods, NULL, NULL);
	unsigned before = n_heard;
	uint32_t n = 0;
	int err = me ? faults_Target_notify(target, me, CALLBACKS, &n) : -1;

	count(err);
	if (err == 0 && (n != CALLBACKS || n_heard - before != CALLBACKS)) /* each once */
		count(-PYR_INTERNAL);
	faults_Listener_free(me);
}

static void stream(struct faults_Target *target)
{
	struct faults_Tree trees[100] = { { { 0 } } };
	struct faults_Trees item = { .items = trees, .n = 100 };
	pyr_stream *stream = NULL;
	int err = faults_Target_hoard(target, 0, &stream);

	if (err == 0) {
		err = faults_Target_hoard_write(stream, &item);
		if (err < 0)
			pyr_stream_free(stream);
		else
			err = faults_Target_hoard_finish(stream); /* which frees it */
	}
	count(err);
}

static void cancel(struct faults_Target *target)
{
	pyr_future *future = faults_Target_sleep_start(target, MINUTE);

	if (!future) {
		count(-pyr_last_error()->code);
		return;
	}
	pyr_future_cancel(future);
	count(faults_Target_sleep_get(future));
}

static void visit(const char *uri)
{
	struct faults_Target *target = faults_Target_proxy(uri);
	uint32_t n;
	int32_t sum;
	int i, err;

	for (i = 0; i < ADDS; i++) {
		err = faults_Target_add(target, i, 2, &sum);
		count(err == 0 && sum != i + 2 ? -PYR_INTERNAL : err);
	}
	count(faults_Target_text(target, text, &n));
	stream(target);
	be_called(target);
	cancel(target);
	faults_Target_free(target);
}

int main(int argc, char **argv)
{
	int left, i;

	if (argc != 3)
		return 2;
	memset(text, 'x', TEXT);
	for (left = atoi(argv[2]); left > 0; left--)
		visit(argv[1]);
	for (i = 0; i < CODES; i++)
		if (n_of[i])
			printf("%d %lu\n", i, n_of[i]);
	return 0;
}
