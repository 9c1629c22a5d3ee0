/* SPDX-License-Identifier: MIT */
/*
 * A client that does what it is told, for tests with servers of other languages: interop-caller. It
 * reads a command with its arguments from each line, and answers with one: "ok" and the results, or
 * the error as "CODE here|there ran|left MESSAGE", with the fields of a typed exception before it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interop.h"

enum { MAX_FLIGHT = 4096 };

static struct interop_Calculator *calculator;
static struct interop_Flow *flow;
static pyr_future *hanging;

static void say_error(void)
{
	const struct interop_NoFunds *no_funds = interop_NoFunds_caught();
	const struct interop_NoText *no_text = interop_NoText_caught();
	const pyr_error *error = pyr_last_error();

	if (no_funds)
		printf("NoFunds %" PRId64 " %s ", no_funds->missing, no_funds->account);
	if (no_text)
		printf("NoText %zu ", strlen(no_text->text));
	if (!no_funds && !no_text && error->exception[0])
		printf("%s ", error->exception);
	printf("%s %s %s %s\n", pyr_status_name(error->code), error->remote ? "there" : "here",
	       error->may_have_run ? "ran" : "left", error->message);
}

/* proxy URI auto|never|only TIMEOUT */
static void proxy(char **word)
{
	static const char *const modes[] = { "auto", "never", "only" };
	struct pyr_proxy_options options = { .connect_timeout_ms = 3000 };
	int i;

	for (i = 0; i < 3; i++)
		if (strcmp(word[2], modes[i]) == 0)
			options.plain = (enum pyr_plain)i;
	options.timeout_ms = (uint32_t)atoi(word[3]);
	interop_Calculator_free(calculator);
	interop_Flow_free(flow);
	calculator = interop_Calculator_proxy_with(word[1], &options);
	flow = interop_Flow_proxy_with(word[1], &options);
	if (calculator && flow)
		puts("ok");
	else
		say_error();
}

static void bind(char **word)
{
	(void)word;
	if (pyr_proxy_bind(interop_Calculator_as_proxy(calculator)) < 0)
		say_error();
	else
		printf("ok %d\n", pyr_proxy_is_plain(interop_Calculator_as_proxy(calculator)));
}

static void release(char **word)
{
	(void)word;
	pyr_proxy_release(interop_Calculator_as_proxy(calculator));
	puts("ok");
}

static void narrow(char **word)
{
	struct interop_Base *narrowed =
		interop_Base_narrow(interop_Calculator_as_proxy(calculator));

	(void)word;
	if (narrowed)
		puts("ok");
	else
		say_error();
	interop_Base_free(narrowed);
}

static void add(char **word)
{
	int32_t ret;

	if (interop_Calculator_add(calculator, atoi(word[1]), atoi(word[2]), &ret) < 0)
		say_error();
	else
		printf("ok %d\n", (int)ret);
}

/* annotate NAME VALUE: adds 1 and 2, with an annotation; of the value "bytes", which no header has
 */
static void annotate(char **word)
{
	struct pyr_annotation one = { word[1], word[2], strlen(word[2]) };
	struct pyr_call_options options = { .annotations = &one, .n_annotations = 1 };
	int32_t ret;

	if (strcmp(word[2], "bytes") == 0) {
		one.value = "\x00\xff";
		one.size = 2;
	}
	if (interop_Calculator_add(interop_Calculator_with(calculator, &options), 1, 2, &ret) < 0)
		say_error();
	else
		printf("ok %d\n", (int)ret);
}

static void divide(char **word)
{
	int32_t ret, rest;

	if (interop_Calculator_divide(calculator, atoi(word[1]), atoi(word[2]), &ret, &rest) < 0)
		say_error();
	else
		printf("ok %d %d\n", (int)ret, (int)rest);
}

static void say(int err)
{
	if (err < 0)
		say_error();
	else
		puts("ok");
}

static void withdraw(char **word)
{
	say(interop_Calculator_withdraw(calculator, atoll(word[1])));
}

static void complain(char **word)
{
	say(interop_Calculator_complain(calculator, word[1]));
}

static void lose(char **word)
{
	say(interop_Calculator_lose(calculator, word[1]));
}

static void note(char **word)
{
	say(interop_Calculator_note(calculator, word[1]));
}

static void who(char **word)
{
	char *ret;

	(void)word;
	if (interop_Calculator_who(calculator, &ret) < 0) {
		say_error();
		return;
	}
	printf("ok %s\n", ret);
	pyr_free(ret);
}

static void time_left(char **word)
{
	int64_t ret;

	if (interop_Calculator_time_left(
		    interop_Calculator_with(
			    calculator,
			    &(struct pyr_call_options){ .timeout_ms = (uint32_t)atoi(word[1]) }),
		    &ret) < 0)
		say_error();
	else
		printf("ok %" PRId64 "\n", ret);
}

/* blob SENT WANTED: whether they are the same bytes */
static void blob(char **word)
{
	struct pyr_bytes data = { .n = (size_t)atoll(word[1]) }, *ret;
	uint32_t n = (uint32_t)atoll(word[2]);
	size_t i;

	data.items = malloc(data.n + 1);
	if (!data.items)
		abort();
	for (i = 0; i < data.n; i++)
		data.items[i] = (uint8_t)(i % 251);
	if (interop_Calculator_blob(calculator, n, &data, &ret) < 0) {
		say_error();
	} else {
		for (i = 0; i < ret->n && ret->items[i] == data.items[i % data.n]; i++)
			continue;
		printf("ok %zu %s\n", ret->n, i == ret->n ? "same" : "other");
		pyr_free(ret);
	}
	free(data.items);
}

static void hang(char **word)
{
	say(interop_Calculator_hang(interop_Calculator_with(
		calculator, &(struct pyr_call_options){ .timeout_ms = (uint32_t)atoi(word[1]) })));
}

static void hang_start(char **word)
{
	(void)word;
	hanging = interop_Calculator_hang_start(calculator);
	if (hanging && pyr_future_wait(hanging, 0) < 0) /* which sends it */
		puts("ok");
	else
		puts("it does not hang");
}

static void hang_cancel(char **word)
{
	(void)word;
	pyr_future_cancel(hanging);
	say(interop_Calculator_hang_get(hanging));
}

static void hang_get(char **word)
{
	(void)word;
	say(interop_Calculator_hang_get(hanging));
}

/* flight N: as many add() at once */
static void flight(char **word)
{
	static pyr_future *futures[MAX_FLIGHT];
	int n = atoi(word[1]), i, good = 0;
	int32_t ret;

	for (i = 0; i < n && i < MAX_FLIGHT; i++)
		futures[i] = interop_Calculator_add_start(calculator, i, 1);
	for (i = 0; i < n && i < MAX_FLIGHT; i++)
		good += interop_Calculator_add_get(futures[i], &ret) == 0 && ret == i + 1;
	printf("ok %d\n", good);
}

/* ---- streams ---- */

/* up_to N MOST: reads at most so many; "ok COUNT SUM" at the end */
static void up_to(char **word)
{
	int64_t sum = 0, count = 0, most = atoll(word[2]);
	pyr_stream *stream;
	int32_t item;
	int n = 0;

	if (interop_Flow_up_to(flow, atoi(word[1]), &stream) < 0) {
		say_error();
		return;
	}
	while (count < most && (n = interop_Flow_up_to_next(stream, &item)) > 0) {
		sum += item;
		count++;
	}
	if (n < 0) {
		printf("%" PRId64 " ", count);
		say_error();
	} else {
		printf("ok %" PRId64 " %" PRId64 "\n", count, sum);
	}
	pyr_stream_free(stream);
}

/* sum N FIRST: of as many numbers from the first on */
static void sum(char **word)
{
	int n = atoi(word[1]), first = atoi(word[2]), i, err = 0;
	pyr_stream *stream;
	uint32_t count;
	int64_t ret;

	if (interop_Flow_sum(flow, &stream) < 0) {
		say_error();
		return;
	}
	for (i = 0; i < n && err == 0; i++)
		err = interop_Flow_sum_write(stream, first + i);
	if (interop_Flow_sum_finish(stream, &ret, &count) < 0)
		say_error();
	else
		printf("ok %" PRId64 " %u\n", ret, (unsigned)count);
}

/* echo N SIZE: as many blocks, each read when it was written */
static void echo(char **word)
{
	int n = atoi(word[1]), good = 0;
	struct pyr_bytes block = { .n = (size_t)atoll(word[2]) }, *back;
	pyr_stream *stream;

	block.items = calloc(1, block.n + 1);
	if (!block.items)
		abort();
	if (interop_Flow_echo(flow, &stream) < 0) {
		say_error();
		free(block.items);
		return;
	}
	for (; good < n; good++) {
		memset(block.items, good & 0xff, block.n);
		if (interop_Flow_echo_write(stream, &block) < 0 ||
		    interop_Flow_echo_next(stream, &back) <= 0)
			break;
		if (back->n != block.n || memcmp(back->items, block.items, block.n) != 0)
			break;
		pyr_free(back);
	}
	if (pyr_stream_end(stream) < 0 || interop_Flow_echo_next(stream, &back) != 0)
		say_error();
	else
		printf("ok %d\n", good);
	pyr_stream_free(stream);
	free(block.items);
}

/* scale N FACTOR */
static void scale(char **word)
{
	int n = atoi(word[1]), i, err = 0;
	int64_t total = 0;
	pyr_stream *stream;
	int32_t item;

	if (interop_Flow_scale(flow, atoi(word[2]), &stream) < 0) {
		say_error();
		return;
	}
	for (i = 0; i < n && err == 0; i++)
		err = interop_Flow_scale_write(stream, i);
	if (err == 0)
		err = pyr_stream_end(stream);
	while (err == 0 && (i = interop_Flow_scale_next(stream, &item)) > 0)
		total += item;
	if (err < 0 || i < 0)
		say_error();
	else
		printf("ok %" PRId64 "\n", total);
	pyr_stream_free(stream);
}

static const struct {
	const char *name;
	void (*run)(char **word);
	int n;
} commands[] = {
	{ "proxy", proxy, 3 },
	{ "bind", bind, 0 },
	{ "release", release, 0 },
	{ "narrow", narrow, 0 },
	{ "add", add, 2 },
	{ "annotate", annotate, 2 },
	{ "divide", divide, 2 },
	{ "withdraw", withdraw, 1 },
	{ "complain", complain, 1 },
	{ "lose", lose, 1 },
	{ "note", note, 1 },
	{ "who", who, 0 },
	{ "time_left", time_left, 1 },
	{ "blob", blob, 2 },
	{ "hang", hang, 1 },
	{ "hang_start", hang_start, 0 },
	{ "hang_cancel", hang_cancel, 0 },
	{ "hang_get", hang_get, 0 },
	{ "flight", flight, 1 },
	{ "up_to", up_to, 2 },
	{ "sum", sum, 2 },
	{ "echo", echo, 2 },
	{ "scale", scale, 2 },
};

static bool run(char *line)
{
	char *word[8] = { strtok(line, " \n") };
	int n = 0;
	size_t i;

	while (n < 6 && (word[n + 1] = strtok(NULL, " \n")))
		n++;
	for (i = 0; word[0] && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, word[0]) != 0 || commands[i].n != n)
			continue;
		commands[i].run(word);
		fflush(stdout);
		return true;
	}
	return false;
}

int main(void)
{
	char line[65536];

	while (fgets(line, sizeof(line), stdin))
		if (!run(line))
			return 2;
	interop_Calculator_free(calculator);
	interop_Flow_free(flow);
	return 0;
}
