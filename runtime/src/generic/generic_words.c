/* SPDX-License-Identifier: MIT */
/* Arguments as people type them. */
#include "generic/generic_args.h"

#include <pyrite/value.h>

#include <string.h>

#include "base/error.h"
#include "proxy/proxy.h"

enum { WORDS_MAX = 65535 };

struct words {
	const struct pyr__operation *operation;
	const char **values; /* of the parameters; NULL: none yet */
};

/* The parameter that "name=value" names, -1: it is a value by itself. */
static int named(const struct pyr__operation *op, const char *word, const char **value)
{
	const char *sign = strchr(word, '=');
	struct span name;
	unsigned i;

	if (!sign)
		return -1;
	name = (struct span){ (const uint8_t *)word, (size_t)(sign - word) };
	*value = sign + 1;
	for (i = 0; i < op->n_in; i++)
		if (span_is(name, op->fields[i].name))
			return (int)i;
	return -1;
}

static int take_named(struct words *words, int i, const char *value)
{
	if (words->values[i])
		return error_set(PYR_INVALID_ARGUMENT, "%s: parameter '%s' occurs twice",
				 words->operation->name, words->operation->fields[i].name);
	words->values[i] = value;
	return 0;
}

/* Values by themselves go to those parameters, in order, that no word names. */
static int sort(struct words *words, const char *const *all, size_t n)
{
	const struct pyr__operation *op = words->operation;
	const char *value;
	unsigned next = 0;
	int at, err = 0;
	size_t i;

	for (i = 0; err == 0 && i < n; i++)
		if ((at = named(op, all[i], &value)) >= 0)
			err = take_named(words, at, value);
	for (i = 0; err == 0 && i < n; i++) {
		if (named(op, all[i], &value) >= 0)
			continue;
		while (next < op->n_in && words->values[next])
			next++;
		if (next == op->n_in)
			return error_set(PYR_INVALID_ARGUMENT,
					 "%s: '%.60s' is one argument too many", op->name, all[i]);
		words->values[next] = all[i];
	}
	return err;
}

/* One value of JSON, and nothing else: it may not add others. */
static int check(const struct words *words, unsigned i, const char *text, size_t n)
{
	struct json json;

	json_begin(&json, text, n);
	if (json_skip(&json) && json_at_end(&json))
		return 0;
	return error_set(PYR_INVALID_ARGUMENT, "%s: parameter '%s': malformed JSON at byte %zu: %s",
			 words->operation->name, words->operation->fields[i].name,
			 (size_t)(json.at - json.begin), json.source.wrong);
}

static int write_json(const struct words *words, struct buf *out)
{
	const struct pyr__operation *op = words->operation;
	const char *separator = "{\"";
	unsigned i;
	size_t at;
	int err = 0;

	for (i = 0; err == 0 && i < op->n_in; i++) {
		if (!words->values[i])
			continue;
		buf_append(out, separator, strlen(separator));
		separator = ", \"";
		buf_append(out, op->fields[i].name, strlen(op->fields[i].name));
		buf_append(out, "\": ", 3);
		at = out->n;
		value_text_to_json(&op->fields[i], words->values[i], out);
		if (!out->broken)
			err = check(words, i, (const char *)out->data + at, out->n - at);
	}
	if (separator[0] == '{')
		buf_append(out, "{", 1);
	buf_append(out, "}", 1);
	return err;
}

/* One word has all of them. */
static bool is_json(const struct pyr__operation *op, const char *const *words, size_t n)
{
	uint8_t kind = op->n_in == 1 ? op->fields[0].kind : 0;

	return n == 1 && words[0][0] == '{' && kind != PYR__STRUCT && kind != PYR__UNION &&
	       kind != PYR__MAP && kind != PYR__ANY;
}

static int make(const struct pyr__operation *op, const char *const *words, size_t n, char **ret)
{
	struct words sorted = { .operation = op };
	struct buf text = { 0 };
	struct arena arena;
	char *given;
	int err;

	arena_init(&arena, NULL, 0);
	sorted.values = arena_alloc(&arena, (op->n_in + 1u) * sizeof(*sorted.values));
	if (!sorted.values)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (is_json(op, words, n)) {
		buf_append(&text, words[0], strlen(words[0]));
		err = 0;
	} else {
		err = sort(&sorted, words, n);
		if (err == 0)
			err = write_json(&sorted, &text);
	}
	arena_clear(&arena);
	if (err < 0) {
		buf_free(&text);
		return err;
	}
	if (!(given = generic_text(&text)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return 0;
}

/* ---- of any type ---- */

/* What a word says, of a type that nobody knows: JSON if it is that, else a string. */
static void put_any(const char *word, struct buf *out)
{
	struct json json;

	json_begin(&json, word, strlen(word));
	if (word[0] && json_skip(&json) && json_at_end(&json))
		buf_append(out, word, strlen(word));
	else
		json_put_string(out, word, strlen(word));
}

/* The length of the name of "name=value", 0: it is a value by itself. */
static size_t name_of(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return n > 0 && word[n] == '=' && (word[0] < '0' || word[0] > '9') ? n : 0;
}

/* A list, or an object if all have names. */
static int put_words(const char *const *words, size_t n, struct buf *out)
{
	bool is_named = n > 0 && name_of(words[0]) > 0;
	size_t i, n_name;

	buf_append(out, is_named ? "{" : "[", 1);
	for (i = 0; i < n; i++) {
		n_name = name_of(words[i]);
		if ((n_name > 0) != is_named)
			return error_set(PYR_INVALID_ARGUMENT,
					 "'%.60s': arguments go in order, or all by name",
					 words[i]);
		if (i > 0)
			buf_append(out, ", ", 2);
		if (is_named) {
			json_put_string(out, words[i], n_name);
			buf_append(out, ": ", 2);
		}
		put_any(words[i] + (is_named ? n_name + 1 : 0), out);
	}
	buf_append(out, is_named ? "}" : "]", 1);
	return 0;
}

static int make_any(const char *const *words, size_t n, char **ret)
{
	struct buf text = { 0 };
	char *given;
	int err = 0;

	if (n == 1 && words[0][0] == '{')
		buf_append(&text, words[0], strlen(words[0]));
	else
		err = put_words(words, n, &text);
	if (err < 0) {
		buf_free(&text);
		return err;
	}
	if (!(given = generic_text(&text)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return 0;
}

int pyr_proxy_args_json(pyr_proxy *proxy, const char *operation, const char *const *words, size_t n,
			char **ret)
{
	const struct pyr__operation *op;
	int place;
	size_t i;

	if (!proxy)
		return error_null("proxy");
	if (!operation || !ret || (!words && n > 0))
		return error_missing(!operation ? "operation" : !ret ? "ret" : "words");
	for (i = 0; i < n; i++)
		if (!words[i])
			return error_missing("a word");
	if (n > WORDS_MAX)
		return error_set(PYR_INVALID_ARGUMENT, "%zu arguments are too many", n);
	place = generic_operation(proxy->interface->table, operation);
	if (place < 0)
		return -PYR_UNIMPLEMENTED;
	op = &proxy->interface->table->operations[place];
	return value_is_json(op->fields, op->n_in) ? make_any(words, n, ret)
						   : make(op, words, n, ret);
}
