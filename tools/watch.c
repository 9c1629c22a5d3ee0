/* SPDX-License-Identifier: MIT */
/* pyrite watch: which names come, go and change. The name server tells nobody: it is asked. */
#include <pyrite/pyrite.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../nameserver/text_put.h"
#include "command.h"
#include "objects.h"
#include "words.h"

static const struct argp_option options[] = {
	{ "interval", 'i', "MS", 0, "Ask every MS milliseconds (500)", 0 },
	{ "changes", 'n', "N", 0, "End after N changes (never)", 0 },
	WORDS_JSON("Print each change as a line of JSON"),
	{ 0 },
};

struct input {
	struct words words;
	uint32_t interval_ms, changes;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;

	switch (key) {
	case 'i':
		input->interval_ms = words_number(state, arg, "a time", 10, 3600000);
		return 0;
	case 'n':
		input->changes = words_number(state, arg, "a number", 1, UINT32_MAX - 1);
		return 0;
	default:
		return words_parse(key, arg, state, &input->words);
	}
}

const struct argp watch_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[PREFIX]",
	.doc = "Prints the names at the name server that begin with PREFIX, and then each change: "
	       "+ "
	       "a name was registered, - it is gone, ~ it leads elsewhere or has other tags.\v"
	       "The name server is asked every half a second: of what happens in between only the "
	       "difference is seen. While it is not reachable the names stay as they were.\n\n"
	       "Exit codes: 0 ended by --changes, SIGINT or SIGTERM; 1 wrong usage; 2 refused; 3 "
	       "no name server reached at first.",
};

static volatile sig_atomic_t is_told;

static void on_signal(int signal)
{
	(void)signal;
	is_told = 1;
}

/* What is watched. */
struct watch {
	const struct input *input;
	pyr_ns *ns;
	struct pyr_ns_entries *now; /* NULL: nothing is known */
	uint32_t left;              /* changes; 0: for ever */
	bool is_lost, has_ended;
};

static void print(struct watch *watch, char sign, const struct pyr_ns_entry *entry, bool is_change)
{
	static const char *const words[] = { "added", "removed", "changed" };
	const char *word = words[sign == '+' ? 0 : sign == '-' ? 1 : 2];

	if (watch->has_ended)
		return;
	if (watch->input->words.is_json) {
		printf("{\"change\": \"%s\", \"name\": ", is_change ? word : "present");
		words_put_string(stdout, entry->name);
		fputs(", \"uri\": ", stdout);
		words_put_string(stdout, entry->uri);
		fputs("}\n", stdout);
	} else {
		fputs(words_colour(stdout, sign == '+'   ? WORDS_GOOD
					   : sign == '-' ? WORDS_BAD
							 : WORDS_NOTE),
		      stdout);
		printf("%c ", is_change ? sign : ' ');
		text_put(stdout, entry->name);
		fputs(words_colour(stdout, WORDS_PLAIN), stdout);
		fputs("  ", stdout);
		text_put(stdout, entry->uri);
		putchar('\n');
	}
	if (is_change && watch->left > 0 && --watch->left == 0)
		watch->has_ended = true;
}

/* Of two registrations, those of one name with one URI are the same, and of names that are not
 * shared those of one name. */
static int order(const struct pyr_ns_entry *a, const struct pyr_ns_entry *b)
{
	int by_name = strcmp(a->name, b->name);

	return by_name ? by_name : strcmp(a->uri, b->uri);
}

static bool is_alone(const struct pyr_ns_entries *all, size_t i)
{
	const struct pyr_ns_entry *items = all->items;

	return (i == 0 || strcmp(items[i - 1].name, items[i].name) != 0) &&
	       (i + 1 == all->n || strcmp(items[i + 1].name, items[i].name) != 0);
}

static bool has_same_tags(const struct pyr_ns_entry *a, const struct pyr_ns_entry *b)
{
	size_t i;

	for (i = 0; i < a->n_tags && i < b->n_tags; i++)
		if (strcmp(a->tags[i], b->tags[i]) != 0)
			return false;
	return a->n_tags == b->n_tags;
}

/* Both lists are sorted. */
static void compare(struct watch *watch, const struct pyr_ns_entries *old,
		    const struct pyr_ns_entries *new)
{
	size_t i = 0, k = 0;
	int before;

	while (i < old->n || k < new->n) {
		before = i == old->n ? 1 : k == new->n ? -1 : order(&old->items[i], &new->items[k]);
		if (before != 0 && i < old->n &&
		    k < new->n &&strcmp(old->items[i].name, new->items[k].name) == 0 &&
		    is_alone(old, i) && is_alone(new, k)) {
			print(watch, '~', &new->items[k], true);
			i++, k++;
		} else if (before < 0) {
			print(watch, '-', &old->items[i++], true);
		} else if (before > 0) {
			print(watch, '+', &new->items[k++], true);
		} else {
			if (!has_same_tags(&old->items[i], &new->items[k]))
				print(watch, '~', &new->items[k], true);
			i++, k++;
		}
	}
}

static void show(struct watch *watch, struct pyr_ns_entries *new)
{
	size_t i;

	if (watch->now)
		compare(watch, watch->now, new);
	else
		for (i = 0; i < new->n; i++)
			print(watch, ' ', &new->items[i], false);
	pyr_free(watch->now);
	watch->now = new;
	fflush(stdout);
}

static void say(struct watch *watch, bool is_lost)
{
	if (is_lost == watch->is_lost)
		return;
	watch->is_lost = is_lost;
	if (is_lost)
		pyr_perror("pyrite watch");
	else
		fputs("pyrite watch: the name server answers again\n", stderr);
}

static int look(struct watch *watch)
{
	struct pyr_ns_entries *new;
	int err = pyr_ns_list(watch->ns, watch->input->words.n ? watch->input->words.list[0] : NULL,
			      &new);

	if (err == 0) {
		say(watch, false);
		show(watch, new);
		return COMMAND_OK;
	}
	if (!watch->now || (err != -PYR_UNAVAILABLE && err != -PYR_DEADLINE_EXCEEDED))
		return objects_complain("pyrite watch", NULL, watch->input->words.is_json);
	say(watch, true);
	return COMMAND_OK;
}

static void pause_for(uint32_t ms)
{
	struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&time, NULL); /* a signal ends it */
}

int watch_main(int argc, char **argv)
{
	struct input input = { .words = { .max = 1 }, .interval_ms = 500 };
	struct watch watch = { .input = &input };
	struct sigaction action = { .sa_handler = on_signal };
	int code = COMMAND_OK;

	argp_parse(&watch_argp, argc, argv, 0, NULL, &input);
	watch.left = input.changes;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	watch.ns = pyr_ns_locate(NULL);
	if (!watch.ns)
		return objects_complain("pyrite watch", NULL, input.words.is_json);
	if (!input.words.is_json)
		fprintf(stderr, "pyrite watch: asking the name server at %s every %u ms\n",
			pyr_ns_address(watch.ns), input.interval_ms);
	while (!is_told && !watch.has_ended && !ferror(stdout)) {
		code = look(&watch);
		if (code != COMMAND_OK)
			break;
		if (!watch.has_ended && !is_told)
			pause_for(input.interval_ms);
	}
	pyr_free(watch.now);
	pyr_ns_free(watch.ns);
	return code;
}
