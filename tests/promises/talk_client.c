/* SPDX-License-Identifier: MIT */
/*
 * promises-client CONVERSATION URI: talks with the object at the URI, or with the name server at
 * that address, and prints what it hears. Where it prints "cut" its connection is to be cut; it
 * goes on when it has read a line.
 */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include <pyrite/context.h>
#include <pyrite/proxy.h>

#include "talk.h"

enum {
	PATIENCE_MS = 60000
}; /* the other end is played by a script, on a machine that may be busy */

/* Without its address, which is another each time. */
static int failed(const char *what)
{
	const pyr_error *error = pyr_last_error();

	printf("%s: %s %s\n", what, pyr_status_name(error->code), error->message);
	return 0;
}

static int add(struct talk_Talk *talk)
{
	int32_t sum;

	if (talk_Talk_add(talk, 1, 2, &sum) < 0)
		return failed("add");
	printf("add %d\n", sum);
	return 0;
}

static int call(struct talk_Talk *talk)
{
	uint8_t picture[] = { 0, 255, 7 };
	struct pyr_string_int64_map_entry ages[] = { { "ann", 7 }, { "bob", -1 } };
	struct talk_Point point = { .x = -5,
				    .y = 0.5,
				    .name = "caf\xc3\xa9",
				    .color = talk_BLUE,
				    .has_picture = true,
				    .picture = { sizeof(picture), picture },
				    .ages = { 2, ages } };
	struct talk_Point *back;

	add(talk);
	if (talk_Talk_mirror(talk, &point, &back) < 0)
		return failed("mirror");
	printf("mirror %d %g %s %d %zu %zu\n", back->x, back->y, back->name, (int)back->color,
	       back->picture.n, back->ages.n);
	pyr_free(back);
	return 0;
}

static int oneway(struct talk_Talk *talk)
{
	char *text;

	if (talk_Talk_note(talk, "hello") < 0 || talk_Talk_noted(talk, &text) < 0)
		return failed("note");
	printf("noted %s\n", text);
	pyr_free(text);
	return 0;
}

static int exception(struct talk_Talk *talk)
{
	struct pyr_call_options options = { .correlation_id = "order 17" };

	if (talk_Talk_refuse(talk_Talk_with(talk, &options), 7, "no") < 0 && talk_Refused_caught())
		printf("refused %d %s\n", talk_Refused_caught()->number,
		       talk_Refused_caught()->why);
	if (talk_Talk_fail(talk, "not here") < 0)
		printf("failed %s %s\n", pyr_status_name(pyr_last_error()->code),
		       pyr_last_error()->message);
	return 0;
}

static int deferred(struct talk_Talk *talk)
{
	int32_t x;

	if (talk_Talk_later(talk, 41, &x) < 0)
		return failed("later");
	printf("later %d\n", x);
	return 0;
}

static int batch(struct talk_Talk *talk)
{
	pyr_batch *batch = pyr_batch_new(talk_Talk_as_proxy(talk));
	struct talk_Talk *queue = talk_Talk_batch(batch);
	int32_t sums[3] = { 0 };
	int err = 0, i;

	pyr_batch_set_options(batch, &(struct pyr_call_options){ .correlation_id = "order 18" });
	for (i = 0; i < 3 && err == 0; i++)
		err = i == 2 ? talk_Talk_refuse(queue, i, "third")
			     : talk_Talk_add(queue, i, 10, &sums[i]);
	if (err == 0 && pyr_batch_run(batch) < 0)
		printf("batch %d %d, %zu done: %s\n", sums[0], sums[1], pyr_batch_done(batch),
		       pyr_last_error()->exception);
	pyr_batch_free(batch);
	return err;
}

static int stream_from(struct talk_Talk *talk)
{
	pyr_stream *stream;
	int32_t item, n;
	int more;

	for (n = 3; n < 10; n += 4) {
		if (talk_Talk_count(talk, n, &stream) < 0)
			return failed("count");
		while ((more = talk_Talk_count_next(stream, &item)) > 0)
			printf("item %d\n", item);
		if (more < 0 && talk_Refused_caught())
			printf("refused %d %s\n", talk_Refused_caught()->number,
			       talk_Refused_caught()->why);
		pyr_stream_free(stream);
	}
	return 0;
}

static int stream_to(struct talk_Talk *talk)
{
	pyr_stream *stream;
	int64_t sum;
	int err = talk_Talk_sum(talk, &stream), i;

	if (err < 0)
		return failed("sum");
	for (i = 1; i <= 3 && err == 0; i++)
		err = talk_Talk_sum_write(stream, i * 100);
	if (talk_Talk_sum_finish(stream, &sum) < 0)
		return failed("sum");
	printf("sum %d\n", (int)sum);
	return 0;
}

static int say(pyr_stream *stream, const char *word)
{
	char *loud;

	if (talk_Talk_shout_write(stream, word) < 0 || talk_Talk_shout_next(stream, &loud) <= 0)
		return failed("shout") - 1;
	printf("%s\n", loud);
	pyr_free(loud);
	return 0;
}

static int finish(pyr_stream *stream)
{
	char *loud;
	int more = pyr_stream_end(stream);

	if (more == 0)
		more = talk_Talk_shout_next(stream, &loud);
	printf("end %d\n", more);
	pyr_stream_free(stream);
	return 0;
}

static int stream_both(struct talk_Talk *talk)
{
	pyr_stream *stream;

	if (talk_Talk_shout(talk, &stream) < 0)
		return failed("shout");
	return say(stream, "one") || say(stream, "two") || finish(stream);
}

static int resume(struct talk_Talk *talk)
{
	pyr_stream *stream;

	if (talk_Talk_shout(talk, &stream) < 0)
		return failed("shout");
	if (say(stream, "one") < 0)
		return 1;
	puts("cut");
	fflush(stdout);
	if (getchar() == EOF || pyr_proxy_reconnect(talk_Talk_as_proxy(talk), 20, 50) < 0)
		return failed("reconnect");
	return say(stream, "two") || finish(stream);
}

static int add_here(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static int hear(pyr_call *call, const char *text)
{
	printf("heard %s\n", text);
	sem_post(pyr_call_data(call));
	return 0;
}

static const struct talk_Listener_methods listener_methods = { .add = add_here, .hear = hear };

static int references(struct talk_Talk *talk)
{
	sem_t heard;
	struct talk_Listener *mine = talk_Listener_object(NULL, &listener_methods, &heard, NULL);
	struct talk_Listener *theirs = NULL;
	int32_t sum = 0;

	sem_init(&heard, 0, 0);
	if (talk_Talk_ask(talk, mine, 3, 4, &sum) < 0)
		return failed("ask");
	sem_wait(&heard);
	printf("ask %d\n", sum);
	talk_Listener_free(mine);
	if (talk_Talk_make(talk, "echo", &theirs) < 0 || talk_Listener_add(theirs, 5, 6, &sum) < 0)
		return failed("make");
	printf("theirs %d\n", sum);
	talk_Listener_free(theirs);
	return add(talk);
}

/* Three sessions on one connection, and one on the next. */
static int sessions(struct talk_Talk *talk)
{
	struct pyr_proxy_options same = { .lane = PYR_LANE_SOCKET,
					  .connect_timeout_ms = PATIENCE_MS };
	const char *uri = pyr_proxy_uri(talk_Talk_as_proxy(talk));
	struct talk_Talk *other = talk_Talk_proxy_with(uri, &same);

	add(talk);
	add(other);
	pyr_proxy_release(talk_Talk_as_proxy(other));
	add(other);
	pyr_proxy_release(talk_Talk_as_proxy(talk));
	talk_Talk_free(other);
	return add(talk);
}

static int cancel(struct talk_Talk *talk)
{
	pyr_future *future;

	add(talk);
	future = talk_Talk_hang_start(talk);
	pyr_future_cancel(future);
	if (talk_Talk_hang_get(future) < 0)
		printf("hang: %s\n", pyr_status_name(pyr_last_error()->code));
	return add(talk);
}

static int deadline(struct talk_Talk *talk)
{
	bool has = false;

	if (talk_Talk_has_deadline(
		    talk_Talk_with(talk, &(struct pyr_call_options){ .timeout_ms = 60000 }), &has) <
	    0)
		return failed("has_deadline");
	printf("deadline %d\n", has);
	if (talk_Talk_hang(talk_Talk_with(talk, &(struct pyr_call_options){ .timeout_ms = 50 })) <
	    0)
		printf("hang: %s\n", pyr_status_name(pyr_last_error()->code));
	return add(talk);
}

/* A call that is never answered keeps the server from ending at once, so that it says twice that it
 * ends. */
static int goaway(struct talk_Talk *talk)
{
	pyr_future *future;

	add(talk);
	future = talk_Talk_hang_start(talk);
	if (talk_Talk_stop(talk) < 0)
		failed("stop");
	if (talk_Talk_hang_get(future) < 0)
		printf("hang: %s\n", pyr_status_name(pyr_last_error()->code));
	return 0;
}

static int unknown(struct talk_Talk *talk)
{
	int32_t sum;

	if (talk_Talk_add(talk, 1, 2, &sum) < 0)
		printf("add: %s\n", pyr_status_name(pyr_last_error()->code));
	return 0;
}

static int context(struct talk_Talk *talk)
{
	struct pyr_annotation color = { "color", "red\0green", 9 };
	struct pyr_call_options options = {
		.correlation_id = "order 19",
		.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		.annotations = &color,
		.n_annotations = 1
	};

	return add(talk_Talk_with(talk, &options));
}

static void on_reply(const char *operation, int result, void *data)
{
	size_t size = 0;
	const char *shade = pyr_reply_annotation("shade", &size);

	(void)data;
	printf("%s %d %s, %zu bytes\n", operation, result, shade ? shade : "none", size);
}

/* In talk_names.c, which does without talk.idl. */
int names(const char *address);

static const struct conversation {
	const char *name;
	int (*run)(struct talk_Talk *talk);
} conversations[] = { { "call", call },
		      { "oneway", oneway },
		      { "exception", exception },
		      { "deferred", deferred },
		      { "batch", batch },
		      { "stream_from", stream_from },
		      { "stream_to", stream_to },
		      { "stream_both", stream_both },
		      { "resume", resume },
		      { "references", references },
		      { "sessions", sessions },
		      { "cancel", cancel },
		      { "deadline", deadline },
		      { "goaway", goaway },
		      { "unknown", unknown },
		      { "key", add },
		      { "greet", add },
		      { "plain", call },
		      { "pyro", add },
		      { "context", context },
		      { "lane_grpc", call } };

static int converse(const struct conversation *one, const char *uri)
{
	static uint8_t sesame[] = "sesame";
	struct pyr_key_options key = {
		.text = "promises:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	};
	struct pyr_proxy_options options = { .lane = PYR_LANE_SOCKET,
					     .connect_timeout_ms = PATIENCE_MS };
	struct talk_Talk *talk;
	int err;

	if (strcmp(one->name, "key") == 0)
		options.key = &key;
	if (strcmp(one->name, "greet") == 0)
		options.handshake = (struct pyr_bytes){ 6, sesame };
	if (strcmp(one->name, "context") == 0)
		options.on_reply = on_reply;
	if (strcmp(one->name, "lane_grpc") == 0)
		options.lane = PYR_LANE_GRPC;
	if (strcmp(one->name, "plain") == 0)
		options = (struct pyr_proxy_options){ .plain = PYR_PLAIN_ONLY,
						      .connect_timeout_ms = PATIENCE_MS };
	if (strcmp(one->name, "pyro") == 0)
		options = (struct pyr_proxy_options){ .connect_timeout_ms = PATIENCE_MS };
	talk = talk_Talk_proxy_with(uri, &options);
	err = talk ? one->run(talk) : pyr_perror(uri);
	talk_Talk_free(talk);
	return err != 0;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc == 3 && strcmp(argv[1], "names") == 0)
		return names(argv[2]);
	for (i = 0; argc == 3 && i < sizeof(conversations) / sizeof(conversations[0]); i++)
		if (strcmp(conversations[i].name, argv[1]) == 0)
			return converse(&conversations[i], argv[2]);
	fprintf(stderr, "usage: promises-client CONVERSATION URI\n");
	return 2;
}
