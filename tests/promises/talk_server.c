/* SPDX-License-Identifier: MIT */
/*
 * promises-server [SOCKET [OPTION...]]: a daemon with the object "talk" for recorded conversations.
 * Prints "ready"; ends on a signal, on stop(), or with its standard input. Options: key (a shared
 * key), greet (asks for a handshake), http, and where URIs say that it is: at=ADDRESS.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pyrite/context.h>

#include "talk.h"

/* A oneway of Pyro's runs beside the calls behind it. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t is_made;
	char text[256];
} last_note = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, "" };

/* The annotation "color" comes back as "shade". */
static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	size_t size;
	const void *color = pyr_call_annotation(call, "color", &size);

	*ret = x + y;
	return color ? pyr_call_set_annotation(call, "shade", color, size) : 0;
}

static int note(pyr_call *call, const char *text)
{
	(void)call;
	pthread_mutex_lock(&last_note.lock);
	snprintf(last_note.text, sizeof(last_note.text), "%s", text);
	pthread_cond_broadcast(&last_note.is_made);
	pthread_mutex_unlock(&last_note.lock);
	return 0;
}

/* Waits for the first note. */
static int get_noted(pyr_call *call, const char **ret)
{
	char text[sizeof(last_note.text)];
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&last_note.lock);
	while (!last_note.text[0] && err == 0)
		err = pthread_cond_timedwait(&last_note.is_made, &last_note.lock, &until);
	strcpy(text, last_note.text);
	pthread_mutex_unlock(&last_note.lock);
	if (!text[0])
		return pyr_fail(call, PYR_FAILED_PRECONDITION, "there is no note");
	*ret = pyr_call_strdup(call, text);
	return *ret ? 0 : pyr_pass(call);
}

static int refuse(pyr_call *call, int32_t number, const char *why)
{
	return talk_Refused_raise_at(call, "talk.c", 3, &(struct talk_Refused){ number, why });
}

static int fail(pyr_call *call, const char *why)
{
	return pyr_call_fail(call, "talk.c", 1, PYR_NOT_FOUND, "%s", why);
}

static int mirror(pyr_call *call, const struct talk_Point *point, const struct talk_Point **ret)
{
	(void)call;
	*ret = point;
	return 0;
}

static int later(pyr_call *call, int32_t x)
{
	pyr_deferred *deferred;
	int err = pyr_call_defer(call, &deferred);

	if (err == 0)
		err = talk_Talk_later_reply(deferred, x + 1);
	return err;
}

static int later_method(pyr_call *call, int32_t x, int32_t *ret)
{
	(void)ret;
	return later(call, x);
}

/* Errors have lines that stay the same wherever the code stands. More than five are refused behind
 * the fifth. */
static int count(pyr_call *call, int32_t n, pyr_stream *stream)
{
	int err = 0;
	int32_t i;

	for (i = 1; i <= n && i <= 5 && err == 0; i++)
		err = talk_Talk_count_yield(stream, i);
	if (err == 0 && n > 5)
		return talk_Refused_raise_at(call, "talk.c", 4,
					     &(struct talk_Refused){ n, "too many" });
	return err;
}

static int sum(pyr_call *call, pyr_stream *stream, int64_t *ret)
{
	int32_t item;
	int more;

	(void)call;
	*ret = 0;
	while ((more = talk_Talk_sum_read(stream, &item)) > 0)
		*ret += item;
	return more;
}

static int shout(pyr_call *call, pyr_stream *stream)
{
	const char *word;
	char loud[64];
	int more, err = 0;
	size_t i;

	(void)call;
	while (err == 0 && (more = talk_Talk_shout_read(stream, &word)) > 0) {
		for (i = 0; word[i] && i < sizeof(loud) - 1; i++)
			loud[i] = (char)toupper((unsigned char)word[i]);
		loud[i] = '\0';
		err = talk_Talk_shout_yield(stream, loud);
	}
	return err < 0 ? err : more;
}

static int ask(pyr_call *call, struct talk_Listener *listener, int32_t x, int32_t y, int32_t *ret)
{
	char text[32];

	if (!listener)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "no listener");
	if (talk_Listener_add(listener, x, y, ret) < 0)
		return pyr_pass(call);
	snprintf(text, sizeof(text), "%d", *ret);
	return talk_Listener_hear(listener, text);
}

static int hear(pyr_call *call, const char *text)
{
	return note(call, text);
}

static const struct talk_Listener_methods listener_methods = { .add = add, .hear = hear };

static int make(pyr_call *call, const char *name, struct talk_Listener **ret)
{
	(void)name;
	*ret = talk_Listener_give(
		call, talk_Listener_object(pyr_call_data(call), &listener_methods, NULL, NULL));
	return *ret ? 0 : pyr_pass(call);
}

static void on_cancel(pyr_deferred *deferred, void *data)
{
	(void)data;
	pyr_deferred_fail(deferred, PYR_CANCELLED, "not wanted any more");
}

static int hang(pyr_call *call)
{
	pyr_deferred *deferred;
	int err = pyr_call_defer(call, &deferred);

	if (err == 0)
		pyr_deferred_set_on_cancel(deferred, on_cancel, NULL);
	return err;
}

static int has_deadline(pyr_call *call, bool *ret)
{
	*ret = pyr_call_time_left(call) != INT64_MAX;
	return 0;
}

static int stop(pyr_call *call)
{
	pyr_daemon_stop(pyr_call_data(call));
	return 0;
}

static const struct talk_Talk_methods methods = { .add = add,
						  .note = note,
						  .noted = get_noted,
						  .refuse = refuse,
						  .fail = fail,
						  .mirror = mirror,
						  .later = later_method,
						  .count = count,
						  .sum = sum,
						  .shout = shout,
						  .ask = ask,
						  .make = make,
						  .hang = hang,
						  .has_deadline = has_deadline,
						  .stop = stop };

static int on_connect(pyr_call *call, const struct pyr_bytes *handshake,
		      struct pyr_bytes *ret_answer, void *data)
{
	static uint8_t welcome[] = "welcome";

	(void)data;
	if (handshake->n != 6 || memcmp(handshake->items, "sesame", 6) != 0)
		return pyr_call_fail(call, "talk.c", 2, PYR_UNAUTHENTICATED, "say sesame");
	*ret_answer = (struct pyr_bytes){ 7, welcome };
	return 0;
}

static void *watch_input(void *daemon)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	pyr_daemon_stop(daemon);
	return NULL;
}

static void set(struct pyr_daemon_options *options, const char *word)
{
	static const struct pyr_key_options key = {
		.text = "promises:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	};

	if (strcmp(word, "key") == 0)
		options->key = &key;
	else if (strcmp(word, "greet") == 0)
		options->on_connect = on_connect;
	else if (strcmp(word, "http") == 0)
		options->faces = "all";
	else if (strncmp(word, "at=", 3) == 0)
		options->advertise = word + 3;
}

int main(int argc, char **argv)
{
	struct pyr_daemon_options options = {
		.threads = 2, .drain_ms = 500, .signals = PYR_NO, .faces = "all"
	};
	pthread_t watcher;
	pyr_daemon *daemon;
	int i;

	if (argc > 1)
		options.socket = argv[1];
	for (i = 2; i < argc; i++)
		set(&options, argv[i]);
	daemon = pyr_daemon_new(&options);
	if (!talk_Talk_register(daemon, "talk", &methods, daemon))
		return pyr_perror("promises-server");
	printf("ready\n");
	fflush(stdout);
	if (pthread_create(&watcher, NULL, watch_input, daemon) != 0)
		return 1;
	pthread_detach(watcher);
	if (pyr_daemon_run(daemon) < 0)
		return pyr_perror("promises-server");
	pyr_daemon_free(daemon);
	return 0;
}
