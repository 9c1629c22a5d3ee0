/* SPDX-License-Identifier: MIT */
/*
 * Tokens on their way from the preprocessor to the parser. Words of later IDL versions (map,
 * stream, fixed, context, valuetype, component ...) are keywords only where nothing else can be
 * meant: old files use them as names.
 */
#include "feed.h"

#include <string.h>

#include "diag.h"
#include "literal.h"
#include "memory.h"
#include "parser.h"
#include "pp.h"
#include "tree.h"

struct keyword {
	const char *text;
	int kind;
};

static const struct keyword keywords[] = {
	{ "any", TOK_ANY },
	{ "attribute", TOK_ATTRIBUTE },
	{ "boolean", TOK_BOOLEAN },
	{ "case", TOK_CASE },
	{ "char", TOK_CHAR_TYPE },
	{ "const", TOK_CONST },
	{ "default", TOK_DEFAULT },
	{ "double", TOK_DOUBLE },
	{ "enum", TOK_ENUM },
	{ "exception", TOK_EXCEPTION },
	{ "FALSE", TOK_FALSE },
	{ "float", TOK_FLOAT_TYPE },
	{ "in", TOK_IN },
	{ "inout", TOK_INOUT },
	{ "interface", TOK_INTERFACE },
	{ "long", TOK_LONG },
	{ "module", TOK_MODULE },
	{ "Object", TOK_OBJECT },
	{ "octet", TOK_OCTET },
	{ "oneway", TOK_ONEWAY },
	{ "out", TOK_OUT },
	{ "raises", TOK_RAISES },
	{ "readonly", TOK_READONLY },
	{ "sequence", TOK_SEQUENCE },
	{ "short", TOK_SHORT },
	{ "string", TOK_STRING_TYPE },
	{ "struct", TOK_STRUCT },
	{ "switch", TOK_SWITCH },
	{ "TRUE", TOK_TRUE },
	{ "typedef", TOK_TYPEDEF },
	{ "union", TOK_UNION },
	{ "unsigned", TOK_UNSIGNED },
	{ "void", TOK_VOID },
	{ "wchar", TOK_WCHAR },
	{ "wstring", TOK_WSTRING },
};

/* What begins an unsupported declaration: in a module, and in an interface too. */
static const char *const unsupported_in_module[] = {
	"abstract", "component", "connector", "custom",   "eventtype",
	"home",     "import",    "local",     "porttype", "valuetype",
};
static const char *const unsupported_anywhere[] = {
	"bitmask", "bitset", "native", "typeid", "typeprefix",
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static int keyword_kind(const char *text)
{
	size_t i;

	for (i = 0; i < N(keywords); i++)
		if (strcmp(text, keywords[i].text) == 0)
			return keywords[i].kind;
	return TOK_IDENT;
}

static const struct token *peek(struct feed *feed, size_t n)
{
	while (feed->n_ahead <= n)
		pp_next(feed->front->pp, &feed->ahead[feed->n_ahead++]);
	return &feed->ahead[n];
}

static void take(struct feed *feed, struct token *token)
{
	*token = *peek(feed, 0);
	feed->n_ahead--;
	memmove(feed->ahead, feed->ahead + 1, feed->n_ahead * sizeof(feed->ahead[0]));
}

static void put_back(struct feed *feed, const struct token *token)
{
	memmove(feed->ahead + 1, feed->ahead, feed->n_ahead * sizeof(feed->ahead[0]));
	feed->ahead[0] = *token;
	feed->n_ahead++;
}

static struct bracket *innermost(struct feed *feed)
{
	return feed->n_open > 0 ? &feed->open[feed->n_open - 1] : NULL;
}

static void open_bracket(struct feed *feed, int kind, const struct token *token)
{
	struct front *front = feed->front;

	if (feed->n_open == LIMIT_NESTING) {
		if (!front->stopped)
			diag_error(front->diag, &token->loc, "nested more than %d deep",
				   LIMIT_NESTING);
		front->stopped = true;
		return;
	}
	feed->open[feed->n_open++] = (struct bracket){ .kind = kind,
						       .loc = token->loc,
						       .body = kind == '{' ? feed->last_body : 0 };
}

/* Closes the innermost bracket of a kind, and those left open inside it, but never a brace. */
static bool close_bracket(struct feed *feed, int kind)
{
	size_t n;

	for (n = feed->n_open; n > 0; n--) {
		if (feed->open[n - 1].kind == kind) {
			feed->n_open = n - 1;
			return true;
		}
		if (feed->open[n - 1].kind == '{')
			return false;
	}
	return false;
}

static bool close_brace(struct feed *feed)
{
	while (feed->n_open > 0 && feed->open[feed->n_open - 1].kind != '{')
		feed->n_open--;
	if (feed->n_open == 0)
		return false;
	feed->n_open--;
	return true;
}

static bool opens_template(int kind)
{
	return kind == TOK_SEQUENCE || kind == TOK_STRING_TYPE || kind == TOK_WSTRING ||
	       kind == TOK_MAP || kind == TOK_STREAM || kind == TOK_FIXED_TYPE;
}

/* >> that closes two templates: handed out as > and >. */
static void split_shift(struct feed *feed, struct token *token)
{
	struct token second = *token;

	if (feed->n_open < 2 || feed->open[feed->n_open - 1].kind != '<' ||
	    feed->open[feed->n_open - 2].kind != '<')
		return;
	token->kind = second.kind = '>';
	token->text = second.text = ">";
	second.loc.column++;
	put_back(feed, &second);
}

/* Returns false if the token is to be left out. */
static bool watch_brackets(struct feed *feed, struct token *token)
{
	switch (token->kind) {
	case TOK_SHR:
		split_shift(feed, token);
		if (token->kind == '>')
			close_bracket(feed, '<');
		return true;
	case '<':
		if (opens_template(feed->last.kind))
			open_bracket(feed, '<', token);
		return true;
	case '>':
		if (innermost(feed) && innermost(feed)->kind == '<')
			feed->n_open--;
		return true;
	case '(':
	case '[':
	case '{':
		open_bracket(feed, token->kind, token);
		feed->last_body = 0;
		return true;
	case ')':
	case ']':
		close_bracket(feed, token->kind == ')' ? '(' : '[');
		return true;
	case '}':
		if (close_brace(feed))
			return true;
		diag_error(feed->front->diag, &token->loc, "'}' without '{'");
		return false;
	case ';':
		while (innermost(feed) && innermost(feed)->kind != '{')
			feed->n_open--;
		feed->in_attribute = false;
		return true;
	default:
		return true;
	}
}

static bool at_declaration(const struct feed *feed)
{
	int last = feed->last.kind;

	return last == 0 || last == ';' || last == '{' || last == '}' || last == TOK_POISONED;
}

/* Whether a token begins a declaration that is not supported. */
static bool is_unsupported(struct feed *feed, const struct token *token)
{
	const struct bracket *inside = innermost(feed);
	const struct token *next;

	if (!at_declaration(feed) || (inside && inside->body == 0))
		return false;
	next = peek(feed, 0);
	if (token->kind == '@')
		return next->kind == TOK_IDENT && strcmp(next->text, "annotation") == 0 &&
		       peek(feed, 1)->kind == TOK_IDENT;
	if (token->kind != TOK_IDENT ||
	    (next->kind != TOK_IDENT && next->kind != TOK_STRING && next->kind != TOK_SCOPE))
		return false;
	if (is_one_of(token->text, unsupported_anywhere, N(unsupported_anywhere)))
		return peek(feed, 1)->kind != '(';
	return (!inside || inside->body == TOK_MODULE) &&
	       is_one_of(token->text, unsupported_in_module, N(unsupported_in_module));
}

/* Leaves out tokens up to ';' or '}' that end a declaration. Braces inside count from depth. */
static void skip_declaration(struct feed *feed, int depth)
{
	struct token token;

	for (;;) {
		int kind = peek(feed, 0)->kind;

		if (kind == TOK_YYEOF || (depth == 0 && (kind == ';' || kind == '}')))
			return;
		take(feed, &token);
		if (kind == '{')
			depth++;
		else if (kind == '}' && --depth == 0)
			return;
	}
}

static struct raw_decl *fold_unsupported(struct feed *feed, const struct token *first)
{
	struct front *front = feed->front;
	const char *what = first->text;
	struct token token = *peek(feed, 0);
	struct raw_decl *raw;

	if (first->kind == '@') {
		take(feed, &token);
		what = "annotation declaration";
	} else if (token.kind == TOK_IDENT &&
		   (strcmp(token.text, "interface") == 0 || strcmp(token.text, "valuetype") == 0 ||
		    strcmp(token.text, "eventtype") == 0)) {
		take(feed, &token);
		what = front_printf(front, "%s %s", what, token.text);
	}
	token = *peek(feed, 0);
	raw = tree_decl(front, AST_POISONED, token.kind == TOK_IDENT ? token.text : "",
			&first->loc);
	if (token.kind == TOK_IDENT)
		raw->decl.loc = token.loc;
	if (strncmp(what, "type", 4) == 0 || strcmp(what, "import") == 0)
		raw->decl.name = ""; /* says something about a name that is declared elsewhere */
	raw->poison = what;
	raw->poison_loc = first->loc;
	skip_declaration(feed, 0);
	return raw;
}

static int word_kind(struct feed *feed, struct token *token)
{
	int next, kind = keyword_kind(token->text);

	if (feed->last.kind == '@' || (feed->last.kind == TOK_SCOPE && kind == TOK_OBJECT))
		return TOK_IDENT;                              /* CORBA::Object */
	if (token->text[0] == '_' && token->text[1] != '\0') { /* _interface: the name interface */
		token->text++;
		return TOK_IDENT;
	}
	if (kind != TOK_IDENT)
		return kind;
	next = peek(feed, 0)->kind;
	if (next == '<' && strcmp(token->text, "map") == 0)
		return TOK_MAP;
	if (next == '<' && strcmp(token->text, "stream") == 0)
		return TOK_STREAM;
	if (next == '<' && strcmp(token->text, "fixed") == 0)
		return TOK_FIXED_TYPE;
	if (next == '(' && feed->last.kind == ')' && strcmp(token->text, "context") == 0)
		return TOK_CONTEXT;
	if (next == '(' && feed->in_attribute && strcmp(token->text, "getraises") == 0)
		return TOK_GETRAISES;
	if (next == '(' && feed->in_attribute && strcmp(token->text, "setraises") == 0)
		return TOK_SETRAISES;
	return TOK_IDENT;
}

static void note_keyword(struct feed *feed, int kind)
{
	switch (kind) {
	case TOK_MODULE:
	case TOK_INTERFACE:
		feed->last_body = kind;
		break;
	case TOK_STRUCT:
	case TOK_UNION:
	case TOK_ENUM:
	case TOK_EXCEPTION:
		feed->last_body = 0;
		break;
	case TOK_ATTRIBUTE:
		feed->in_attribute = true;
		break;
	default:
		break;
	}
}

static struct expr *literal(struct front *front, const struct token *token)
{
	struct ast_value value = { 0 };
	struct expr *expr;
	bool ok = true;

	if (token->kind == TOK_INTEGER)
		ok = literal_integer(front, token, &value);
	else if (token->kind == TOK_FLOAT)
		ok = literal_float(front, token, &value);
	else if (token->kind == TOK_CHAR)
		ok = literal_char(front, token, &value);
	else if (token->kind == TOK_STRING)
		ok = literal_string(front, token, &value);
	expr = tree_value(front, value, &token->loc);
	expr->bad = !ok;
	expr->fixed = token->kind == TOK_FIXED;
	return expr;
}

static void give_value(struct feed *feed, struct token *token, union IDL_YYSTYPE *value)
{
	switch (token->kind) {
	case TOK_IDENT:
		token->kind = word_kind(feed, token);
		note_keyword(feed, token->kind);
		value->text = token->text;
		break;
	case TOK_INTEGER:
	case TOK_FLOAT:
	case TOK_FIXED:
	case TOK_CHAR:
	case TOK_STRING:
		value->expr = literal(feed->front, token);
		break;
	default:
		break;
	}
}

void feed_open(struct front *front)
{
	front->feed = front_alloc(front, sizeof(*front->feed));
	front->feed->front = front;
}

int feed_next(union IDL_YYSTYPE *value, struct span *span, struct front *front)
{
	struct feed *feed = front->feed;
	struct token token;

	do
		take(feed, &token);
	while (!watch_brackets(feed, &token));
	if (front->stopped)
		token.kind = TOK_YYEOF;
	if (is_unsupported(feed, &token)) {
		value->decl = fold_unsupported(feed, &token);
		token.kind = TOK_POISONED;
	} else {
		give_value(feed, &token, value);
	}
	*span = (struct span){ .loc = token.loc, .doc = token.doc, .valid = true };
	feed->before = feed->last;
	feed->last = token;
	return token.kind;
}

static bool begins_definition(const struct token *token)
{
	switch (token->kind) {
	case TOK_MODULE:
	case TOK_INTERFACE:
	case TOK_STRUCT:
	case TOK_UNION:
	case TOK_ENUM:
	case TOK_EXCEPTION:
	case TOK_TYPEDEF:
	case TOK_CONST:
		return token->line_start;
	default:
		return false;
	}
}

void feed_recover(struct front *front, int *kind, union IDL_YYSTYPE *value, struct span *span,
		  bool stop_at_comma)
{
	struct feed *feed = front->feed;
	int depth = 0, at = *kind;
	bool first = true;

	if (front->n_syntax_errors > LIMIT_SYNTAX_ERRORS)
		front->stopped = true;
	/* The parser may have dropped the token it stumbled over; the feed knows which it was. */
	if (at == TOK_IDL_YYEMPTY)
		at = feed->last.kind == '{' ? '{' : feed_next(value, span, front);
	while (at != TOK_YYEOF) {
		if (depth == 0 && (at == ';' || at == '}' || (at == ',' && stop_at_comma)))
			break;
		if (depth == 0 && !first && begins_definition(&feed->last))
			break;
		first = false;
		depth += (at == '{') - (at == '}');
		if (at == '}' && depth == 0 && peek(feed, 0)->kind != ';') {
			at = ';'; /* a whole body was left out; this was its end */
			break;
		}
		at = feed_next(value, span, front);
	}
	*kind = at == ';' || at == ',' ? TOK_IDL_YYEMPTY : at;
}
