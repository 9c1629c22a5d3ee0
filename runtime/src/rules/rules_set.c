/* SPDX-License-Identifier: MIT */
/*
 * A line is
 *
 *     group NAME WHO...
 *     allow|deny WHO[,WHO...] ACTION [TARGET [at OBJECT]]
 *
 * or empty, or a comment, which # begins. Words are separated by blanks; one with blanks in it is
 * quoted. There is nothing inside one another, so no parser of a larger language is asked for.
 */
#include "rules/rules_set.h"

#include <pyrite/pyrite.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 64, WORD_MAX = 511, RULES_MAX = 65536 };

struct words {
	unsigned n;
	unsigned columns[WORDS];
	char *at[WORDS];
};

struct rule {
	struct rule *next;
	unsigned line;
	bool allows;
	char *who; /* WHO,WHO... */
	char *action, *target, *object;
	char *words; /* what they point into */
};

struct group {
	struct group *next;
	char *name;
	unsigned n_members;
	char **members;
	char *words;
};

struct rules_set {
	struct rule *first, **last;
	struct group *groups;
	unsigned n;
};

/* Where in which file. */
struct place {
	const char *name;
	unsigned line;
	struct rules_problem *problem;
};

static int wrong(const struct place *place, unsigned column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int wrong(const struct place *place, unsigned column, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	place->problem->code = PYR_INVALID_ARGUMENT;
	snprintf(place->problem->text, sizeof(place->problem->text), "%.200s:%u:%u: %s",
		 place->name, place->line, column, text);
	return -PYR_INVALID_ARGUMENT;
}

static int no_memory(struct rules_problem *problem)
{
	problem->code = PYR_RESOURCE_EXHAUSTED;
	snprintf(problem->text, sizeof(problem->text), "out of memory");
	return -PYR_RESOURCE_EXHAUSTED;
}

/* ---- words ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts one off, in place. Returns behind it; NULL with the problem told. */
static char *take_word(char *line, char *at, struct words *words, const struct place *place)
{
	unsigned column = (unsigned)(at - line) + 1;
	bool is_quoted = *at == '"';
	char *end;

	if (words->n == WORDS) {
		wrong(place, column, "more than %d words in a line", WORDS);
		return NULL;
	}
	at += is_quoted;
	for (end = at; *end && (is_quoted ? *end != '"' : !is_blank(*end)); end++)
		;
	if (is_quoted && !*end) {
		wrong(place, column, "the quotation mark is not closed");
		return NULL;
	}
	if (end - at > WORD_MAX) {
		wrong(place, column, "a word of more than %d bytes", WORD_MAX);
		return NULL;
	}
	words->columns[words->n] = column;
	words->at[words->n++] = at;
	if (*end)
		*end++ = '\0';
	return end;
}

static int split(char *line, struct words *words, const struct place *place)
{
	char *at = line;

	words->n = 0;
	for (;;) {
		while (is_blank(*at))
			at++;
		if (!*at || *at == '#')
			return 0;
		if (!(at = take_word(line, at, words, place)))
			return -PYR_INVALID_ARGUMENT;
	}
}

/* ---- patterns ---- */

bool rules_fits(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* ---- lines ---- */

static const struct {
	const char *name;
	bool has_target, has_object;
} actions[] = {
	{ "call", true, true },      { "inspect", false, false }, { "traces", false, false },
	{ "register", true, false }, { "replace", true, false },  { "remove", true, false },
	{ "metadata", true, false }, { "override", true, false }, { "share", true, false },
};
enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

/* Those of programs have a colon: a misspelt one is none of them. */
static int check_action(const struct words *words, const struct place *place)
{
	const char *action = words->at[2];
	unsigned i, most = 6;

	if (!strchr(action, ':')) {
		for (i = 0; i < ACTIONS && strcmp(actions[i].name, action) != 0; i++)
			;
		if (i == ACTIONS)
			return wrong(place, words->columns[2],
				     "'%.60s' is not an action: call, inspect, traces, register, "
				     "replace, remove, metadata, override, share, or one of the "
				     "program's own, with a colon",
				     action);
		most = actions[i].has_object ? 6 : actions[i].has_target ? 4 : 3;
	}
	if (words->n > most)
		return wrong(place, words->columns[most], "'%.60s' is one word too many",
			     words->at[most]);
	if (words->n == 5 || (words->n == 6 && strcmp(words->at[4], "at") != 0))
		return wrong(place, words->columns[4], "expected 'at OBJECT'");
	return 0;
}

static const struct group *find_group(const struct rules_set *set, const char *name, size_t n)
{
	const struct group *group;

	for (group = set->groups; group; group = group->next)
		if (strncmp(group->name, name, n) == 0 && !group->name[n])
			return group;
	return NULL;
}

/* Each WHO: a pattern with a kind, group:NAME, nobody, or *. */
static int check_who(const struct rules_set *set, const char *who, unsigned column,
		     const struct place *place)
{
	static const char *const kinds[] = { "cert:", "uid:", "key:" };
	size_t n = strcspn(who, ","), i;

	for (;; who += n + 1, n = strcspn(who, ",")) {
		for (i = 0; i < 3 && strncmp(who, kinds[i], strlen(kinds[i])) != 0; i++)
			;
		if (n > 6 && strncmp(who, "group:", 6) == 0) {
			if (!find_group(set, who + 6, n - 6))
				return wrong(place, column, "group '%.*s' is not defined above",
					     (int)n - 6, who + 6);
		} else if (i == 3 && !(n == 1 && *who == '*') &&
			   !(n == 6 && strncmp(who, "nobody", 6) == 0)) {
			return wrong(place, column,
				     "'%.*s' is not an identity: expected cert:NAME, uid:NUMBER, "
				     "group:NAME, nobody or *",
				     (int)(n < 60 ? n : 60), who);
		}
		if (!who[n])
			return 0;
	}
}

static int add_rule(struct rules_set *set, const struct words *words, char *line,
		    const struct place *place)
{
	struct rule *rule;
	int err;

	if (words->n < 3)
		return wrong(place, words->columns[0], "expected '%s WHO ACTION'", words->at[0]);
	err = check_who(set, words->at[1], words->columns[1], place);
	if (err == 0)
		err = check_action(words, place);
	if (err < 0)
		return err;
	if (set->n++ == RULES_MAX)
		return wrong(place, 1, "more than %d rules", RULES_MAX);
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return no_memory(place->problem);
	*rule = (struct rule){ .line = place->line,
			       .allows = strcmp(words->at[0], "allow") == 0,
			       .who = words->at[1],
			       .action = words->at[2],
			       .target = words->n > 3 ? words->at[3] : (char *)"*",
			       .object = words->n > 5 ? words->at[5] : (char *)"*",
			       .words = line };
	*set->last = rule;
	set->last = &rule->next;
	return 1; /* the line is its */
}

static int add_group(struct rules_set *set, const struct words *words, char *line,
		     const struct place *place)
{
	struct group *group;
	unsigned i;
	int err;

	if (words->n < 3)
		return wrong(place, words->columns[0], "expected 'group NAME WHO...'");
	if (strpbrk(words->at[1], ",:*?"))
		return wrong(place, words->columns[1], "'%.60s' is not a name for a group",
			     words->at[1]);
	if (find_group(set, words->at[1], strlen(words->at[1])))
		return wrong(place, words->columns[1], "group '%.60s' is already defined",
			     words->at[1]);
	for (i = 2; i < words->n; i++)
		if ((err = check_who(set, words->at[i], words->columns[i], place)) < 0)
			return err;
	group = calloc(1, sizeof(*group));
	if (group)
		group->members = calloc(words->n - 2, sizeof(char *));
	if (!group || !group->members) {
		free(group);
		return no_memory(place->problem);
	}
	memcpy(group->members, words->at + 2, (words->n - 2) * sizeof(char *));
	group->n_members = words->n - 2;
	group->name = words->at[1];
	group->words = line;
	group->next = set->groups;
	set->groups = group;
	return 1;
}

/* Takes the line if it returns 1. */
static int add_line(struct rules_set *set, char *line, const struct place *place)
{
	struct words words;
	int err = split(line, &words, place);

	if (err < 0 || words.n == 0)
		return err;
	if (strcmp(words.at[0], "group") == 0)
		return add_group(set, &words, line, place);
	if (strcmp(words.at[0], "allow") == 0 || strcmp(words.at[0], "deny") == 0)
		return add_rule(set, &words, line, place);
	return wrong(place, words.columns[0],
		     "a line begins with allow, deny or group, not '%.60s'", words.at[0]);
}

/* ---- the whole ---- */

void rules_set_free(struct rules_set *set)
{
	struct group *group;
	struct rule *rule;

	while (set && (rule = set->first)) {
		set->first = rule->next;
		free(rule->words);
		free(rule);
	}
	while (set && (group = set->groups)) {
		set->groups = group->next;
		free(group->members);
		free(group->words);
		free(group);
	}
	free(set);
}

/* The next line, copied; NULL when memory is out. */
static char *copy_line(const char *text, size_t n, const struct place *place)
{
	char *line;

	if (memchr(text, '\0', n)) {
		wrong(place, 1, "a NUL byte");
		return NULL;
	}
	line = malloc(n + 1);
	if (!line) {
		no_memory(place->problem);
		return NULL;
	}
	memcpy(line, text, n);
	line[n] = '\0';
	return line;
}

struct rules_set *rules_set_parse(const char *text, size_t n, const char *name,
				  struct rules_problem *problem)
{
	struct rules_set *set = calloc(1, sizeof(*set));
	struct place place = { name, 1, problem };
	const char *end = text + n, *eol;
	char *line;
	int err;

	if (!set) {
		no_memory(problem);
		return NULL;
	}
	set->last = &set->first;
	for (; text < end; text = eol + 1, place.line++) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (!eol)
			eol = end;
		line = copy_line(text, (size_t)(eol - text), &place);
		err = line ? add_line(set, line, &place) : -1;
		if (err != 1)
			free(line);
		if (err < 0) {
			rules_set_free(set);
			return NULL;
		}
	}
	return set;
}

/* ---- decisions ---- */

static bool is_who(const struct rules_set *set, const char *list, const char *who);

static bool is_member(const struct rules_set *set, const struct group *group, const char *who)
{
	unsigned i;

	for (i = 0; group && i < group->n_members; i++)
		if (is_who(set, group->members[i], who)) /* a group has those above it alone */
			return true;
	return false;
}

static bool is_who(const struct rules_set *set, const char *list, const char *who)
{
	char pattern[WORD_MAX + 1];
	size_t n;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		memcpy(pattern, list, n);
		pattern[n] = '\0';
		if (strncmp(pattern, "group:", 6) == 0) {
			if (is_member(set, find_group(set, pattern + 6, n - 6), who))
				return true;
		} else if (strcmp(pattern, "nobody") == 0 ? !who[0] : rules_fits(pattern, who)) {
			return true;
		}
		if (!list[n])
			return false;
	}
}

bool rules_set_allow(const struct rules_set *set, const struct rules_question *question,
		     unsigned *ret_line)
{
	const struct rule *rule;

	for (rule = set->first; rule; rule = rule->next) {
		if (strcmp(rule->action, question->action) != 0 ||
		    !rules_fits(rule->target, question->target) ||
		    !rules_fits(rule->object, question->object) ||
		    !is_who(set, rule->who, question->who))
			continue;
		*ret_line = rule->line;
		return rule->allows;
	}
	*ret_line = 0;
	return false;
}
