/* SPDX-License-Identifier: MIT */
/*
 * pyrite watch: which names come, go and change, as the name server tells it. What is there is
 * kept, so that after a name server that was started again only the difference is printed. All but
 * the beginning and the end happens in the watcher's thread.
 */
#include <pyrite/pyrite.h>

#include <poll.h>
#include <search.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../nameserver/text_put.h"
#include "command.h"
#include "objects.h"
#include "words.h"

static const struct argp_option options[] = {
	{ "changes", 'n', "N", 0, "End after N changes (never)", 0 },
	WORDS_JSON("Print each change as a line of JSON"),
	{ 0 },
};

struct input {
	struct words words;
	uint32_t changes;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;

	if (key != 'n')
		return words_parse(key, arg, state, &input->words);
	input->changes = words_number(state, arg, "a number", 1, UINT32_MAX - 1);
	return 0;
}

const struct argp watch_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[PREFIX]",
	.doc = "Prints the names at the name server that begin with PREFIX, and then each change.\v"
	       "+ is a name that was registered, - one that is gone, ~ one that leads elsewhere or "
	       "has "
	       "other tags. While the name server is not reachable the names stay as they were; "
	       "then "
	       "what has changed meanwhile is printed.\n\n"
	       "Exit codes: 0 ended by --changes, SIGINT or SIGTERM; 1 wrong usage; 2 refused; 3 "
	       "no name server reached at first.",
};

/* A registration. */
struct known {
	char *name, *uri, *tags; /* tags: joined */
	bool is_shared;
	bool is_told; /* since all began anew */
	size_t at;    /* in the row */
};

struct watch {
	const struct input *input;
	struct known **items; /* a row, and */
	void *tree;           /* by name and URI: there may be a million */
	size_t n, room;
	uint32_t left; /* changes; 0: for ever */
	bool is_first; /* names are those that were there */
	bool is_anew;  /* all are told once more */
	bool is_lost, has_ended;
	int code;
	int end; /* an eventfd: nothing more is to come */
};

/* ---- what is printed ---- */

static void end(struct watch *w, int code)
{
	uint64_t one = 1;

	w->has_ended = true;
	w->code = code;
	if (write(w->end, &one, sizeof(one)) < 0)
		perror("pyrite watch");
}

static void print_line(char sign, const struct known *known)
{
	enum words_colour colour = sign == '+'   ? WORDS_GOOD
				   : sign == '-' ? WORDS_BAD
				   : sign == '~' ? WORDS_NOTE
						 : WORDS_PLAIN;

	fputs(words_colour(stdout, colour), stdout);
	printf("%c ", sign);
	text_put(stdout, known->name);
	fputs(words_colour(stdout, WORDS_PLAIN), stdout);
	fputs("  ", stdout);
	text_put(stdout, known->uri);
	putchar('\n');
}

/* sign: ' ' for what was there. */
static void print(struct watch *w, char sign, const struct known *known)
{
	if (w->has_ended)
		return;
	if (w->input->words.is_json) {
		printf("{\"change\": \"%s\", \"name\": ", sign == '+'   ? "added"
							  : sign == '-' ? "removed"
							  : sign == '~' ? "changed"
									: "present");
		words_put_string(stdout, known->name);
		fputs(", \"uri\": ", stdout);
		words_put_string(stdout, known->uri);
		fputs("}\n", stdout);
	} else {
		print_line(sign, known);
	}
	fflush(stdout);
	if (ferror(stdout) || (sign != ' ' && w->left > 0 && --w->left == 0))
		end(w, COMMAND_OK);
}

/* ---- what is there ---- */

static char *joined(const char *const *tags, size_t n)
{
	size_t length = 1, i;
	char *ret, *end;

	for (i = 0; i < n; i++)
		length += strlen(tags[i]) + 1;
	ret = end = malloc(length);
	if (ret)
		ret[0] = '\0';
	for (i = 0; ret && i < n; i++)
		end = stpcpy(stpcpy(end, tags[i]), ",");
	return ret;
}

static void forget(struct known *known)
{
	free(known->name);
	free(known->uri);
	free(known->tags);
}

/* uri: NULL: any. */
static int compare(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 || !x->uri || !y->uri ? order : strcmp(x->uri, y->uri);
}

static struct known *find_one(const struct watch *w, const char *name, const char *uri)
{
	struct known key = { .name = (char *)name, .uri = (char *)uri };
	struct known **place = tfind(&key, &w->tree, compare);

	return place ? *place : NULL;
}

/* Of shared names each URI is a registration of its own. */
static struct known *find(const struct watch *w, const struct pyr_ns_event *event)
{
	struct known *known = find_one(w, event->name, event->uri);

	return known || event->shared ? known : find_one(w, event->name, NULL);
}

/* Takes what it holds, also on failure. */
static bool add(struct watch *w, const struct known *now)
{
	size_t room = w->room ? 2 * w->room : 64;
	struct known **items = w->items, *known = malloc(sizeof(*known));

	if (w->n == w->room && (items = realloc(items, room * sizeof(struct known *)))) {
		w->items = items;
		w->room = room;
	}
	if (known)
		*known = *now;
	if (!known || !items || !tsearch(known, &w->tree, compare)) {
		free(known);
		return false;
	}
	known->at = w->n;
	w->items[w->n++] = known;
	return true;
}

/* Takes it out; what it holds goes to *ret. */
static void take_out(struct watch *w, struct known *known, struct known *ret)
{
	*ret = *known;
	(void)tdelete(known, &w->tree, compare);
	w->items[known->at] = w->items[--w->n];
	w->items[known->at]->at = known->at;
	free(known);
}

static void put(struct watch *w, const struct pyr_ns_event *event)
{
	struct known *known = find(w, event), old = { 0 };
	struct known now = { .name = strdup(event->name),
			     .uri = strdup(event->uri),
			     .tags = joined(event->tags, event->n_tags),
			     .is_shared = event->shared,
			     .is_told = true };
	bool is_same;

	if (known)
		take_out(w, known, &old);
	is_same = old.name && now.uri && now.tags && strcmp(old.uri, now.uri) == 0 &&
		  strcmp(old.tags, now.tags) == 0;
	if (!now.name || !now.uri || !now.tags || !add(w, &now)) {
		forget(&now);
		fputs("pyrite watch: out of memory\n", stderr);
		end(w, COMMAND_REFUSED);
	} else if (!is_same) {
		print(w, w->is_first ? ' ' : old.name ? '~' : '+', &now);
	}
	forget(&old);
}

static void gone(struct watch *w, struct known *known)
{
	struct known old;

	take_out(w, known, &old);
	print(w, '-', &old);
	forget(&old);
}

/* Those that were not told again are there no more. */
static void drop_untold(struct watch *w)
{
	size_t i;

	for (i = w->n; i > 0; i--)
		if (!w->items[i - 1]->is_told)
			gone(w, w->items[i - 1]);
}

static void lost(struct watch *w)
{
	int status = pyr_last_error()->code;

	if (status != PYR_UNAVAILABLE && status != PYR_DEADLINE_EXCEEDED) {
		end(w, objects_complain("pyrite watch", NULL, w->input->words.is_json));
		return;
	}
	if (!w->is_lost)
		pyr_perror("pyrite watch");
	w->is_lost = true;
}

static void on_event(const struct pyr_ns_event *event, void *data)
{
	struct watch *w = data;
	struct known *known;
	size_t i;

	if (w->has_ended)
		return;
	switch (event->kind) {
	case PYR_NS_RESYNC:
		w->is_anew = true;
		for (i = 0; i < w->n; i++)
			w->items[i]->is_told = false;
		break;
	case PYR_NS_PUT:
		put(w, event);
		break;
	case PYR_NS_GONE:
		if ((known = find(w, event)))
			gone(w, known);
		break;
	case PYR_NS_READY:
		if (w->is_anew)
			drop_untold(w);
		if (w->is_lost)
			fputs("pyrite watch: the name server answers again\n", stderr);
		w->is_first = w->is_anew = w->is_lost = false;
		break;
	case PYR_NS_LOST:
		lost(w);
		break;
	}
}

/* ---- from the beginning to the end ---- */

static int watch(struct watch *w, pyr_ns *ns, int signals)
{
	struct pollfd ends[] = { { .fd = w->end, .events = POLLIN },
				 { .fd = signals, .events = POLLIN } };
	struct pyr_ns_watch_options view = { 0 };
	pyr_ns_watcher *watcher;

	view.prefix = w->input->words.n ? w->input->words.list[0] : NULL;
	watcher = pyr_ns_watch(ns, &view, on_event, w);
	if (!watcher)
		return objects_complain("pyrite watch", NULL, w->input->words.is_json);
	while (poll(ends, 2, -1) < 0)
		;
	pyr_ns_watcher_free(watcher);
	return w->code;
}

int watch_main(int argc, char **argv)
{
	struct input input = { .words = { .max = 1 } };
	struct watch w = { .input = &input, .is_first = true };
	struct known old;
	sigset_t set;
	int signals, code;
	pyr_ns *ns;

	argp_parse(&watch_argp, argc, argv, 0, NULL, &input);
	w.left = input.changes;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	w.end = eventfd(0, EFD_CLOEXEC);
	ns = signals >= 0 && w.end >= 0 ? pyr_ns_locate(NULL) : NULL;
	code = ns ? watch(&w, ns, signals)
		  : objects_complain("pyrite watch", NULL, input.words.is_json);
	pyr_ns_free(ns);
	while (w.n > 0) {
		take_out(&w, w.items[w.n - 1], &old);
		forget(&old);
	}
	free(w.items);
	return code;
}
