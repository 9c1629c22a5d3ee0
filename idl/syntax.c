/* SPDX-License-Identifier: MIT */
/* The texts of syntax errors, and the search for the word that was meant. */
#include "syntax.h"

#include <ctype.h>
#include <string.h>

#include "diag.h"
#include "feed.h"
#include "memory.h"
#include "parser.h"
#include "tree.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct group { /* tokens that are told as one thing when most of them would do */
	const char *name;
	const char *const *words;
	size_t n_words, least;
};

static const char *const type_words[] = {
	"a name",   "any",    "boolean", "char",     "double", "float",  "long",
	"map",      "Object", "octet",   "sequence", "short",  "stream", "string",
	"unsigned", "wchar",  "wstring", "::",       "fixed",
};
static const char *const definition_words[] = { "struct", "union", "enum" };
static const char *const declaration_words[] = {
	"const",     "enum",   "exception",
	"interface", "module", "struct",
	"typedef",   "union",  "an unsupported declaration",
	"@",
};
static const char *const operation_words[] = {
	"attribute",
	"oneway",
	"readonly",
	"void",
};
static const char *const value_words[] = {
	"a number", "a float",     "a fixed-point number",
	"a string", "a character", "TRUE",
	"FALSE",    "(",           "-",
	"+",        "~",           "a name",
	"::",
};
static const char *const operator_words[] = { "|", "^", "&", "<<", ">>", "+", "-", "*", "/", "%" };

static const char *const param_words[] = { "in", "inout", "out", "a type" };

static const struct group groups[] = {
	{ "a declaration", declaration_words, N(declaration_words), 6 },
	{ "an operation", operation_words, N(operation_words), 3 },
	{ "a type", type_words, N(type_words), 10 },
	{ "a value", value_words, N(value_words), 8 },
	{ "a type defined here", definition_words, N(definition_words), 3 },
	{ "an operator", operator_words, N(operator_words), 8 },
	{ "a parameter", param_words, N(param_words), 4 },
};

struct expected {
	const char *words[80];
	size_t n;
};

static const char *bare(const char *name)
{
	static const char *const quoted[] = { "'('", "'-'", "'+'", "'~'", "'|'", "'^'",
					      "'&'", "'*'", "'/'", "'%'", "'@'" };
	static const char *const plain[] = {
		"(", "-", "+", "~", "|", "^", "&", "*", "/", "%", "@"
	};
	size_t i;

	for (i = 0; i < N(quoted); i++)
		if (strcmp(name, quoted[i]) == 0)
			return plain[i];
	return name;
}

static bool is_in(const char *word, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(bare(word), words[i]) == 0)
			return true;
	return false;
}

static void fold(struct expected *expected, const struct group *group)
{
	size_t i, n = 0, out = 0;

	for (i = 0; i < expected->n; i++)
		n += is_in(expected->words[i], group->words, group->n_words);
	if (n < group->least)
		return;
	for (i = 0; i < expected->n; i++)
		if (!is_in(expected->words[i], group->words, group->n_words))
			expected->words[out++] = expected->words[i];
	expected->words[out++] = group->name;
	expected->n = out;
}

static bool has(const struct expected *expected, const char *word)
{
	size_t i;

	for (i = 0; i < expected->n; i++)
		if (strcmp(expected->words[i], word) == 0)
			return true;
	return false;
}

static void drop(struct expected *expected, const char *word)
{
	size_t i, out = 0;

	for (i = 0; i < expected->n; i++)
		if (strcmp(expected->words[i], word) != 0)
			expected->words[out++] = expected->words[i];
	expected->n = out;
}

/* Names and texts in quotes, kinds ("a name") without. */
static const char *quote(struct front *front, const char *word)
{
	bool kind = strncmp(word, "a ", 2) == 0 || strncmp(word, "an ", 3) == 0 ||
		    word[0] == '\'' || strncmp(word, "end of", 6) == 0;

	return kind ? word : front_printf(front, "'%s'", word);
}

static const char *join(struct front *front, const struct expected *expected)
{
	const char *text = "";
	size_t i;

	for (i = 0; i < expected->n && i < 8; i++)
		text = front_printf(front, "%s%s%s", text,
				    i == 0                 ? ""
				    : i + 1 == expected->n ? " or "
							   : ", ",
				    quote(front, expected->words[i]));
	return text;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Letters added, left out, changed, or two of them swapped. */
size_t syntax_distance(const char *a, const char *b)
{
	enum { MOST = 40, FAR = 4 };
	size_t rows[3][MOST + 1], n_a = strlen(a), n_b = strlen(b), i, j;

	if (n_a > MOST || n_b > MOST || n_a > n_b + FAR || n_b > n_a + FAR)
		return FAR;
	for (j = 0; j <= n_b; j++)
		rows[0][j] = j;
	for (i = 1; i <= n_a; i++) {
		size_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = i;
		for (j = 1; j <= n_b; j++) {
			row[j] = up[j - 1] + !same_letter(a[i - 1], b[j - 1]);
			row[j] = least(row[j], least(up[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return least(rows[n_a % 3][n_b], FAR);
}

const char *syntax_nearest(const char *word, const char *const *words, size_t n)
{
	size_t limit = strlen(word) < 5 ? 1 : strlen(word) < 9 ? 2 : 3, best = limit + 1, i, d;
	const char *nearest = NULL;

	for (i = 0; i < n; i++) {
		d = syntax_distance(word, words[i]);
		if (d < best) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}

static const char *describe(struct front *front, const char *found)
{
	const struct token *last = &front->feed->last;

	if (strcmp(found, "end of file") == 0)
		return "the end of the file";
	if (last->kind == TOK_POISONED)
		return quote(front, last->text);
	if (last->n_text > 0 && last->n_text <= 40 && last->kind != TOK_STRING &&
	    last->kind != TOK_CHAR)
		return front_printf(front, "'%s'", last->text);
	return quote(front, found);
}

static void suggest(struct front *front, const struct expected *expected)
{
	static const char *const words[] = {
		"const",   "enum",   "exception", "interface", "module",   "struct",
		"typedef", "union",  "attribute", "oneway",    "readonly", "void",
		"raises",  "switch", "case",      "default",   "unsigned",
	};
	const struct token *last = &front->feed->last;
	const char *nearest;

	if (last->kind != TOK_IDENT) {
		if (last->kind > 255 && has(expected, "a name") && last->n_text > 1 &&
		    (isalpha((unsigned char)last->text[0])) && expected->n < 4 &&
		    last->kind != TOK_POISONED)
			diag_suggest(front->diag, "as a name, write '_%s'", last->text);
		return;
	}
	nearest = syntax_nearest(last->text, words, N(words));
	if (nearest && strcmp(nearest, last->text) != 0)
		diag_suggest(front->diag, "did you mean '%s'?", nearest);
}

/* Leaves out of the list what only makes it longer. */
static void simplify(struct front *front, struct expected *expected)
{
	const struct token *last = &front->feed->last;
	size_t i;

	for (i = 0; i < N(groups); i++)
		fold(expected, &groups[i]);
	if (has(expected, "a name")) {
		drop(expected, "long");
		drop(expected, "double");
		drop(expected, "::");
	}
	if (has(expected, "a declaration")) {
		drop(expected, "an operation");
		drop(expected, "a type");
		drop(expected, "';'");
		drop(expected, "end of file");
	}
	if (has(expected, "a type"))
		drop(expected, "a type defined here");
	if (expected->n > 1)
		drop(expected, "'@'");
	if (has(expected, "'>'")) {
		drop(expected, "long");
		drop(expected, "double");
	}
	if (has(expected, "';'")) {
		static const char *const rarely[] = { "'['",    "an operator", "context",
						      "raises", "getraises",   "setraises",
						      "::",     "a string" };

		for (i = 0; i < N(rarely); i++)
			drop(expected, rarely[i]);
		if (last->line_start || last->kind == '}' || last->kind == TOK_YYEOF)
			drop(expected, "','");
	}
}

/* A missing ';' is told where it should stand: behind the token before. */
static void report_semicolon(struct front *front)
{
	const struct token *before = &front->feed->before;
	struct ast_loc loc = before->loc;

	loc.column += (int)before->n_text;
	diag_error(front->diag, &loc, "expected ';' after '%.*s'", 40, before->text);
}

void syntax_error(struct front *front, const char *found, const struct ast_loc *loc,
		  const char *const *words, size_t n_words)
{
	const struct feed *feed = front->feed;
	struct expected expected = { .n = 0 };
	size_t i;

	front->n_syntax_errors++;
	if (front->stopped || feed->before.stand_in == TOK_STRING ||
	    feed->before.stand_in == TOK_CHAR) /* it swallowed its line, and that was reported */
		return;
	for (i = 0; i < n_words && i < N(expected.words); i++)
		expected.words[expected.n++] = words[i];
	if (expected.n > 3)
		drop(&expected, "an unsupported declaration");
	simplify(front, &expected);
	if (expected.n == 1 && has(&expected, "';'") && feed->before.n_text > 0 &&
	    (feed->last.line_start || feed->last.kind == '}' || feed->last.kind == TOK_YYEOF)) {
		report_semicolon(front);
		return;
	}
	diag_error(front->diag, loc, "expected %s before %s", join(front, &expected),
		   describe(front, found));
	suggest(front, &expected);
	if (feed->last.kind == TOK_YYEOF && feed->n_open > 0)
		diag_note(front->diag, &feed->open[feed->n_open - 1].loc, "'%c' opened here",
			  feed->open[feed->n_open - 1].kind);
}
