/* SPDX-License-Identifier: MIT */
/* pyrite describe, list and ping: what stands where, and how far away it is. */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../nameserver/text_put.h"
#include "command.h"
#include "inspect.h"
#include "objects.h"
#include "words.h"

struct input {
	struct words words;
	uint32_t count;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;

	if (key != 'n')
		return words_parse(key, arg, state, &input->words);
	input->count = words_number(state, arg, "a number", 1, 1000000);
	return 0;
}

/* ---- describe ---- */

static int describe(const struct input *input, pyr_proxy *proxy)
{
	char *idl;

	if (pyr_proxy_describe(proxy, &idl) < 0)
		return objects_complain("pyrite describe", proxy, input->words.is_json);
	if (input->words.is_json) {
		fputs("{\"idl\": ", stdout);
		words_put_string(stdout, idl);
		puts("}");
	} else {
		fputs(idl, stdout);
	}
	pyr_free(idl);
	return COMMAND_OK;
}

static const struct argp_option describe_options[] = { WORDS_JSON("Print JSON"), { 0 } };

const struct argp describe_argp = {
	.options = describe_options,
	.parser = parse_option,
	.args_doc = "URI",
	.doc = "Prints the interface of an object as IDL, with all types that it uses.\vURI is the "
	       "same as for 'pyrite call'. pyrite-idl generates stubs from the output.\n\nExit "
	       "codes: 0 success, 1 wrong usage, 2 refused, 3 not reachable.",
};

int describe_main(int argc, char **argv)
{
	struct input input = { { .min = 1, .max = 1, .needs = "expected a URI" }, 0 };
	pyr_proxy *proxy;
	char *uri;
	int code;

	argp_parse(&describe_argp, argc, argv, 0, NULL, &input);
	uri = objects_uri(input.words.list[0]);
	proxy = pyr_proxy_new(uri);
	free(uri);
	code = proxy ? describe(&input, proxy)
		     : objects_complain("pyrite describe", NULL, input.words.is_json);
	pyr_proxy_free(proxy);
	return code;
}

/* ---- a daemon ---- */

/* Returns NULL with the last error set. *ret_address: owned, free(). */
static struct pyrite_Daemon *daemon_at(const char *word, char **ret_address)
{
	char *address = objects_address(word), uri[2048];
	struct pyrite_Daemon *daemon;

	if (!address)
		return NULL;
	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_DAEMON_ID, address);
	daemon = pyrite_Daemon_proxy(uri);
	*ret_address = address;
	return daemon;
}

/* ---- list ---- */

static void print_object(const struct input *input, const struct pyrite_DaemonObject *object,
			 bool *is_first)
{
	size_t i;

	if (input->words.is_json) {
		fputs(*is_first ? "{\"id\": " : ", {\"id\": ", stdout);
		words_put_string(stdout, object->id);
		fputs(", \"interface\": ", stdout);
		words_put_string(stdout, object->interface_name);
		printf(", \"calls\": %" PRIu64 ", \"names\": [", object->n_calls);
	} else {
		text_put(stdout, object->id);
		fputs("  ", stdout);
		text_put(stdout, object->interface_name);
		printf("  %" PRIu64 " calls", object->n_calls);
	}
	for (i = 0; i < object->names.n; i++) {
		fputs(i > 0 ? ", " : input->words.is_json ? "" : "  ", stdout);
		if (input->words.is_json)
			words_put_string(stdout, object->names.items[i]);
		else
			text_put(stdout, object->names.items[i]);
	}
	fputs(input->words.is_json ? "]}" : "\n", stdout);
	*is_first = false;
}

/* Page by page. Returns an exit code. */
static int print_objects(const struct input *input, struct pyrite_Daemon *daemon)
{
	struct pyrite_DaemonPage *page, *before = NULL;
	bool is_first = true, goes_on;
	const char *after = "";
	int code = COMMAND_OK;
	size_t i;

	do {
		if (pyrite_Daemon_objects(daemon, after, &page) < 0) {
			code = objects_complain("pyrite list", NULL, input->words.is_json);
			break;
		}
		for (i = 0; i < page->objects.n; i++)
			print_object(input, &page->objects.items[i], &is_first);
		goes_on = page->objects.n > 0 && page->next[0];
		if (goes_on && strcmp(page->next, after) <= 0) { /* there would be no end */
			fputs("pyrite list: the daemon went back in its list of objects\n", stderr);
			code = COMMAND_REFUSED;
			goes_on = false;
		}
		pyr_free(before);
		before = page;
		after = page->next;
	} while (goes_on);
	pyr_free(before);
	return code;
}

static int list_objects(const struct input *input)
{
	char *address = NULL;
	struct pyrite_Daemon *daemon = daemon_at(input->words.list[0], &address);
	int code;

	if (daemon) {
		fputs(input->words.is_json ? "{\"objects\": [" : "", stdout);
		code = print_objects(input, daemon);
		fputs(input->words.is_json ? "]}\n" : "", stdout);
	} else {
		code = objects_complain("pyrite list", NULL, input->words.is_json);
	}
	pyrite_Daemon_free(daemon);
	free(address);
	return code;
}

static void print_name(const struct input *input, const struct pyr_ns_entry *entry, bool is_first)
{
	int64_t age_ms = pyr_ns_entry_age_ms(entry);

	if (!input->words.is_json) {
		text_put(stdout, entry->name);
		fputs("  ", stdout);
		text_put(stdout, entry->uri);
		if (age_ms >= 0)
			printf("  (as of %.1f s ago)", (double)age_ms / 1000);
		putchar('\n');
		return;
	}
	fputs(is_first ? "{\"name\": " : ", {\"name\": ", stdout);
	words_put_string(stdout, entry->name);
	fputs(", \"uri\": ", stdout);
	words_put_string(stdout, entry->uri);
	printf(", \"generation\": %" PRIu64, pyr_ns_entry_generation(entry));
	if (age_ms >= 0)
		printf(", \"age_ms\": %" PRId64, age_ms);
	putchar('}');
}

static int list_names(const struct input *input)
{
	struct pyr_ns_entries *entries = NULL;
	pyr_ns *ns = pyr_ns_locate(NULL);
	size_t i;
	int err = ns ? pyr_ns_list(ns, NULL, &entries) : -1;

	if (err < 0)
		err = objects_complain("pyrite list", NULL, input->words.is_json);
	if (entries) {
		fputs(input->words.is_json ? "{\"names\": [" : "", stdout);
		for (i = 0; i < entries->n; i++)
			print_name(input, &entries->items[i], i == 0);
		fputs(input->words.is_json ? "]}\n" : "", stdout);
		pyr_free(entries);
	}
	pyr_ns_free(ns);
	return err;
}

static const struct argp_option list_options[] = { WORDS_JSON("Print JSON"), { 0 } };

const struct argp list_argp = {
	.options = list_options,
	.parser = parse_option,
	.args_doc = "[URI|ADDRESS]",
	.doc = "Lists the objects of a daemon; without an argument, the names at the name "
	       "server.\v"
	       "ADDRESS is host:port or ./u:path; of a URI, or a name, the daemon at which "
	       "the object is.\n\n"
	       "Exit codes: 0 success, 1 wrong usage, 2 refused, 3 not reachable.",
};

int list_main(int argc, char **argv)
{
	struct input input = { { .max = 1 }, 0 };

	argp_parse(&list_argp, argc, argv, 0, NULL, &input);
	return input.words.n ? list_objects(&input) : list_names(&input);
}

/* ---- ping ---- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* "IPv4, socket" */
static void way(struct pyrite_Daemon *daemon, char *buf, size_t n)
{
	char text[1024];
	const char *from, *end;

	pyr_proxy_text(pyrite_Daemon_as_proxy(daemon), text, sizeof(text));
	from = strstr(text, "connected ");
	end = from ? strchr(from, ';') : NULL;
	if (!end)
		snprintf(buf, n, "not connected");
	else
		snprintf(buf, n, "%.*s", (int)(end - from - 10), from + 10);
}

static void print_times(const struct input *input, struct pyrite_Daemon *daemon,
			const char *address, const struct pyrite_DaemonInfo *info, int64_t *times)
{
	double least, median, most;
	char lane[64];

	qsort(times, input->count, sizeof(*times), by_time);
	least = (double)times[0] / 1e6;
	median = (double)times[input->count / 2] / 1e6;
	most = (double)times[input->count - 1] / 1e6;
	way(daemon, lane, sizeof(lane));
	if (input->words.is_json) {
		printf("{\"address\": ");
		words_put_string(stdout, address);
		printf(", \"version\": ");
		words_put_string(stdout, info->version);
		printf(", \"threads\": %u, \"started_ms\": %" PRId64 ", \"lane\": ", info->threads,
		       info->started_ms);
		words_put_string(stdout, lane);
		printf(", \"pings\": %u, \"least_ms\": %.3f, \"median_ms\": %.3f, \"most_ms\": "
		       "%.3f}\n",
		       input->count, least, median, most);
		return;
	}
	text_put(stdout, address);
	printf(": Pyrite ");
	text_put(stdout, info->version);
	printf(", %u thread%s; %s\n", info->threads, info->threads == 1 ? "" : "s", lane);
	printf("%u ping%s: %.3f ms at least, %.3f median, %.3f at most\n", input->count,
	       input->count == 1 ? "" : "s", least, median, most);
}

/* Returns 0 or minus a status. */
static int ping(const struct input *input, struct pyrite_Daemon *daemon, const char *address)
{
	int64_t *times = calloc(input->count, sizeof(*times)), begin;
	struct pyrite_DaemonInfo *info = NULL;
	int err = times ? pyrite_Daemon_info(daemon, &info) : -1;
	uint32_t i;

	for (i = 0; err == 0 && i < input->count; i++) {
		begin = now_ns();
		err = pyrite_Daemon_ping(daemon);
		times[i] = now_ns() - begin;
	}
	if (err == 0)
		print_times(input, daemon, address, info, times);
	pyr_free(info);
	free(times);
	return err;
}

static const struct argp_option ping_options[] = { { "count", 'n', "N", 0, "Ping N times (5)", 0 },
						   WORDS_JSON("Print JSON"),
						   { 0 } };

const struct argp ping_argp = {
	.options = ping_options,
	.parser = parse_option,
	.args_doc = "URI|ADDRESS",
	.doc = "Tests whether a daemon answers, and prints its version, the connection, and how "
	       "long an answer takes.\vURI and ADDRESS are the same as for 'pyrite list'.\n\nExit "
	       "codes: 0 success, 1 wrong usage, 2 refused, 3 not reachable.",
};

int ping_main(int argc, char **argv)
{
	struct input input = { { .min = 1, .max = 1, .needs = "expected a URI" }, 5 };
	struct pyrite_Daemon *daemon;
	char *address = NULL;
	int code = COMMAND_OK;

	argp_parse(&ping_argp, argc, argv, 0, NULL, &input);
	daemon = daemon_at(input.words.list[0], &address);
	if (!daemon || ping(&input, daemon, address) < 0)
		code = objects_complain("pyrite ping", NULL, input.words.is_json);
	pyrite_Daemon_free(daemon);
	free(address);
	return code;
}
