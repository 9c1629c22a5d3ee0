/* SPDX-License-Identifier: MIT */
/*
 * rules-client [keep]: does what its standard input says, a command a line, and prints a line for
 *each: "ok", "ok VALUE", or "STATUS remote|local maybe|never MESSAGE". Proxies and futures have
 *numbers, 0 to 31.
 *
 *	new P URI [timeout=MS] [connect=MS] [own] [handshake=TEXT] [ask]
 *	bind P   release P   free P    ask: an on_handshake that wants "welcome" or nothing
 *	add P X Y   echo P BYTES   post P GATE   hold P KEY   narrow P
 *	start F P KEY   get F   wait F MS   ready F   cancel F   drop F     futures of hold()
 *	fill P N        N futures of echo() with 60,000 bytes each; empty P gets them
 *	many P N        N futures of hold(), then as many of them as are not refused at once
 *	daemon          runs a daemon with an object "work" in this process, says its address
 * Frees all at the end unless told to keep it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "servant.h"

enum { PLACES = 32, MANY = 20000 };

static struct e2e_Work *proxies[PLACES];
static pyr_future *futures[PLACES];

static void failed(void)
{
	const pyr_error *e = pyr_last_error();

	printf("%s %s %s %s\n", pyr_status_name(e->code), e->remote ? "remote" : "local",
	       e->may_have_run ? "maybe" : "never", e->message);
}

static void say(int err)
{
	if (err < 0)
		failed();
	else
		puts("ok");
}

static void say_number(int err, int64_t value)
{
	if (err < 0)
		failed();
	else
		printf("ok %" PRId64 "\n", value);
}

static int on_handshake(const struct pyr_bytes *answer, char *why, size_t n_why, void *data)
{
	(void)data;
	if (answer->n == 0 || (answer->n == 7 && memcmp(answer->items, "welcome", 7) == 0))
		return 0;
	snprintf(why, n_why, "that is no welcome: %.*s", (int)answer->n,
		 (const char *)answer->items);
	return -PYR_PERMISSION_DENIED;
}

static void new_proxy(int p, char *words)
{
	struct pyr_proxy_options options = { 0 };
	const char *uri = strtok(words, " "), *word;

	while ((word = strtok(NULL, " "))) {
		if (strncmp(word, "timeout=", 8) == 0)
			options.timeout_ms = (uint32_t)atoi(word + 8);
		else if (strncmp(word, "connect=", 8) == 0)
			options.connect_timeout_ms = (uint32_t)atoi(word + 8);
		else if (strncmp(word, "handshake=", 10) == 0)
			options.handshake =
				(struct pyr_bytes){ strlen(word + 10), (uint8_t *)word + 10 };
		else if (strcmp(word, "ask") == 0)
			options.on_handshake = on_handshake;
		else if (strcmp(word, "own") == 0)
			options.own_link = true;
	}
	proxies[p] = e2e_Work_proxy_with(uri, &options);
	say(proxies[p] ? 0 : -1);
}

static void echo(int p, size_t n)
{
	char *text = malloc(n + 1), *ret;
	int err;

	memset(text, 'e', n);
	text[n] = '\0';
	err = e2e_Work_echo(proxies[p], text, &ret);
	say_number(err, err < 0 ? 0 : (int64_t)strlen(ret));
	if (err == 0)
		pyr_free(ret);
	free(text);
}

static void many(int p, int n)
{
	static pyr_future *started[MANY];
	int i, n_started = 0;

	for (i = 0; i < n && i < MANY; i++) {
		started[n_started] = e2e_Work_hold_start(proxies[p], 0);
		if (started[n_started] && !pyr_future_is_ready(started[n_started]))
			n_started++;
		else
			pyr_future_free(started[n_started]);
	}
	printf("ok %d\n", n_started);
	while (n_started > 0)
		pyr_future_free(started[--n_started]);
}

static pyr_future *filling[MANY];
static int n_filling;

static void fill(int p, int n)
{
	static char text[60001];

	memset(text, 'f', sizeof(text) - 1);
	while (n-- > 0 && (filling[n_filling] = e2e_Work_echo_start(proxies[p], text)))
		n_filling++;
	if (n_filling > 0)
		(void)pyr_future_is_ready(filling[0]); /* let them go */
	say_number(0, n_filling);
}

static void empty(void)
{
	char *text;
	int n = 0;

	while (n_filling > 0)
		if (e2e_Work_echo_get(filling[--n_filling], &text) == 0) {
			n += strlen(text) == 60000;
			pyr_free(text);
		}
	say_number(0, n);
}

/* n times add(i, i) as one call. */
static void run_batch(int p, int n)
{
	pyr_batch *batch = pyr_batch_new(e2e_Work_as_proxy(proxies[p]));
	static int32_t sums[MANY];
	int i, err = 0;

	for (i = 0; i < n && i < MANY && err == 0; i++) {
		sums[i] = 0;
		err = e2e_Work_add(e2e_Work_batch(batch), i, i, &sums[i]);
	}
	if (err == 0)
		err = pyr_batch_run(batch);
	for (i = 0; i < n && i < MANY && err == 0; i++)
		if (sums[i] != 2 * i)
			err = -PYR_DATA_LOSS;
	say_number(err, (int32_t)pyr_batch_done(batch));
	pyr_batch_free(batch);
}

static void start_daemon(void)
{
	static struct place place;

	if (place_open(&place, NULL))
		printf("ok %s\n", pyr_daemon_address(place.daemon));
	else
		failed();
}

static void narrow(int p)
{
	struct e2e_Work *other = e2e_Work_narrow(e2e_Work_as_proxy(proxies[p]));

	say(other ? 0 : -1);
	e2e_Work_free(other);
}

static void on_proxy(const char *verb, int p, char *rest)
{
	int32_t x = 0, y = 0, ret = 0;
	int err;

	sscanf(rest, "%d %d", &x, &y);
	if (strcmp(verb, "new") == 0) {
		new_proxy(p, rest);
	} else if (strcmp(verb, "bind") == 0) {
		say(pyr_proxy_bind(e2e_Work_as_proxy(proxies[p])));
	} else if (strcmp(verb, "release") == 0) {
		pyr_proxy_release(e2e_Work_as_proxy(proxies[p]));
		say(0);
	} else if (strcmp(verb, "free") == 0) {
		e2e_Work_free(proxies[p]);
		proxies[p] = NULL;
		say(0);
	} else if (strcmp(verb, "add") == 0) {
		err = e2e_Work_add(proxies[p], x, y, &ret);
		say_number(err, ret);
	} else if (strcmp(verb, "hold") == 0) {
		err = e2e_Work_hold(proxies[p], x, &ret);
		say_number(err, ret);
	} else if (strcmp(verb, "echo") == 0) {
		echo(p, (size_t)x);
	} else if (strcmp(verb, "post") == 0) {
		say(e2e_Work_post(proxies[p], x));
	} else if (strcmp(verb, "many") == 0) {
		many(p, x);
	} else if (strcmp(verb, "batch") == 0) {
		run_batch(p, x);
	} else if (strcmp(verb, "fill") == 0) {
		fill(p, x);
	} else if (strcmp(verb, "empty") == 0) {
		empty();
	} else if (strcmp(verb, "narrow") == 0) {
		narrow(p);
	} else {
		puts("?");
	}
}

static bool on_future(const char *verb, int f, const char *rest)
{
	int32_t ret = 0;
	int p = 0, key = 0, err;

	sscanf(rest, "%d %d", &p, &key);
	if (strcmp(verb, "start") == 0) {
		futures[f] = e2e_Work_hold_start(proxies[p], key);
		say(futures[f] ? 0 : -1);
	} else if (strcmp(verb, "get") == 0) {
		err = e2e_Work_hold_get(futures[f], &ret);
		futures[f] = NULL;
		say_number(err, ret);
	} else if (strcmp(verb, "wait") == 0) {
		say(pyr_future_wait(futures[f], p));
	} else if (strcmp(verb, "ready") == 0) {
		printf("ok %d\n", pyr_future_is_ready(futures[f]));
	} else if (strcmp(verb, "cancel") == 0) {
		pyr_future_cancel(futures[f]);
		say(0);
	} else if (strcmp(verb, "drop") == 0) {
		pyr_future_free(futures[f]);
		futures[f] = NULL;
		say(0);
	} else {
		return false;
	}
	return true;
}

static void obey(char *line)
{
	char verb[16] = "";
	int number = 0, n = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%15s %d %n", verb, &number, &n) < 2 && strcmp(verb, "daemon") != 0)
		puts("?");
	else if (strcmp(verb, "daemon") == 0)
		start_daemon();
	else if (number < 0 || number >= PLACES)
		puts("?");
	else if (!on_future(verb, number, line + n))
		on_proxy(verb, number, line + n);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static char line[4096];
	int i;

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	if (argc > 1 && strcmp(argv[1], "keep") == 0)
		return 0;
	for (i = 0; i < PLACES; i++) {
		pyr_future_free(futures[i]);
		e2e_Work_free(proxies[i]);
	}
	return 0;
}
