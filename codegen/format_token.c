/* SPDX-License-Identifier: MIT */
/* What a token is in its surroundings, whether a space is before it, and whether a line may end
 * there. */
#include "format_own.h"

#include <stdlib.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Words before :: that begins a name from the file on, and before ( that is no call. */
static const char *const keywords[] = {
	"any",    "attribute", "boolean",   "case",   "char",     "const",    "default",
	"double", "enum",      "exception", "float",  "in",       "inout",    "interface",
	"long",   "module",    "octet",     "oneway", "out",      "readonly", "short",
	"struct", "switch",    "typedef",   "union",  "unsigned", "void",     "wchar",
};

/* In declarations that are not supported: names elsewhere, so what was written decides. */
static const char *const other_keywords[] = {
	"import", "manages", "primarykey", "supports", "truncatable", "typeid", "typeprefix",
};

bool piece_is(const struct piece *piece, const char *text)
{
	return piece->n == strlen(text) && memcmp(piece->text, text, piece->n) == 0;
}

static bool is_one_of(const struct piece *piece, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (piece_is(piece, words[i]))
			return true;
	return false;
}

void brackets_push(struct brackets *brackets, struct bracket bracket)
{
	if (brackets->n < FORMAT_NESTED)
		brackets->open[brackets->n++] = bracket;
	else
		brackets->lost++;
}

const struct bracket *brackets_top(const struct brackets *brackets)
{
	return brackets->n > 0 ? &brackets->open[brackets->n - 1] : NULL;
}

bool brackets_in_body(const struct brackets *brackets, enum unit_head head)
{
	const struct bracket *top = brackets_top(brackets);

	return top && top->mark == '{' && !top->is_flat && top->head == head;
}

size_t brackets_indent(const struct brackets *brackets)
{
	for (size_t i = brackets->n; i-- > 0;) {
		const struct bracket *bracket = &brackets->open[i];

		if (bracket->mark == '{' && !bracket->is_flat)
			return bracket->indent +
			       FORMAT_INDENT * (bracket->head == HEAD_UNION ? 2 : 1);
	}
	return 0;
}

/* Closes the innermost bracket of a kind, and those left open inside it, but never a brace. */
static struct bracket pop(struct brackets *brackets, char mark)
{
	static const struct bracket none;
	size_t n = brackets->n;

	if (brackets->lost > 0) {
		brackets->lost--;
		return none;
	}
	while (n > 0 && brackets->open[n - 1].mark != mark &&
	       (mark == '{' || brackets->open[n - 1].mark != '{'))
		n--;
	if (n == 0 || brackets->open[n - 1].mark != mark)
		return none;
	brackets->n = n - 1;
	return brackets->open[n - 1];
}

/* A semicolon ends all but bodies. */
static void end_statement(struct brackets *brackets)
{
	while (brackets->n > 0 && brackets->open[brackets->n - 1].mark != '{')
		brackets->n--;
}

static bool is_value(enum token_role role)
{
	return role == ROLE_WORD || role == ROLE_NUMBER || role == ROLE_STRING ||
	       role == ROLE_CLOSE;
}

static bool is_clause(const struct unit *unit, const struct piece *word)
{
	if (piece_is(word, "raises"))
		return true;
	if (piece_is(word, "getraises") || piece_is(word, "setraises"))
		return unit->is_attribute;
	return piece_is(word, "context") && unit->role == ROLE_CLOSE;
}

static enum token_role word_role(struct unit *unit, const struct piece *word)
{
	if (unit->role == ROLE_AT)
		return ROLE_NOTE;
	if (unit->role == ROLE_SCOPE || unit->role == ROLE_ROOT)
		return ROLE_WORD;
	unit->is_attribute |= piece_is(word, "attribute");
	unit->is_label |=
		unit->role == ROLE_NONE && (piece_is(word, "case") || piece_is(word, "default"));
	if (piece_is(word, "enum"))
		unit->head = HEAD_ENUM;
	else if (piece_is(word, "union"))
		unit->head = HEAD_UNION;
	else if (piece_is(word, "module"))
		unit->head = HEAD_MODULE;
	else if (piece_is(word, "struct"))
		unit->head = HEAD_OTHER;
	if (is_clause(unit, word))
		return ROLE_CLAUSE;
	return is_one_of(word, keywords, N(keywords)) ? ROLE_KEYWORD : ROLE_WORD;
}

static enum token_role scope_role(const struct unit *unit, const struct piece *mark,
				  const struct piece *before)
{
	if (unit->role != ROLE_WORD)
		return ROLE_ROOT;
	return !mark->tight && is_one_of(before, other_keywords, N(other_keywords)) ? ROLE_ROOT
										    : ROLE_SCOPE;
}

static enum token_role colon_role(const struct brackets *now)
{
	const struct bracket *top = brackets_top(now);

	return top && top->mark == '{' && top->head == HEAD_UNION ? ROLE_LABEL_END : ROLE_COLON;
}

static bool closes_templates(const struct brackets *now)
{
	return now->n >= 2 && now->open[now->n - 1].mark == '<' &&
	       now->open[now->n - 2].mark == '<';
}

static enum token_role mark_role(struct format *format, const struct piece *mark)
{
	static const char single[] = "@,;=([)]<>{}:";
	static const enum token_role roles[] = {
		ROLE_AT,       ROLE_COMMA,        ROLE_SEMICOLON, ROLE_EQUALS,
		ROLE_OPEN,     ROLE_OPEN,         ROLE_CLOSE,     ROLE_CLOSE,
		ROLE_TEMPLATE, ROLE_TEMPLATE_END, ROLE_BLOCK,     ROLE_BLOCK_END,
	};
	const struct unit *unit = &format->unit;
	const char *at;

	if (piece_is(mark, "::"))
		return scope_role(unit, mark,
				  unit->n > 0 ? format->atoms[unit->n - 1].piece : mark);
	if (piece_is(mark, ">>"))
		return closes_templates(&format->now) ? ROLE_TEMPLATE_END : ROLE_BINARY;
	if (piece_is(mark, "<<"))
		return ROLE_BINARY;
	if (mark->n > 1)
		return ROLE_OTHER;
	if (strchr("+-~", *mark->text))
		return is_value(unit->role) && *mark->text != '~' ? ROLE_BINARY : ROLE_UNARY;
	if (strchr("|^&*/%", *mark->text))
		return ROLE_BINARY;
	at = strchr(single, *mark->text);
	if (!at)
		return ROLE_OTHER;
	return *at == ':' ? colon_role(&format->now) : roles[at - single];
}

static enum token_role role_of(struct format *format, const struct piece *piece)
{
	switch (piece->kind) {
	case PIECE_WORD:
		return word_role(&format->unit, piece);
	case PIECE_NUMBER:
		return ROLE_NUMBER;
	case PIECE_STRING:
		return ROLE_STRING;
	default:
		return mark_role(format, piece);
	}
}

/* A parenthesis behind the name of an operation or annotation. */
static bool is_call(const struct unit *unit)
{
	return unit->role == ROLE_WORD || unit->role == ROLE_NOTE;
}

static bool has_space(const struct unit *unit, const struct piece *piece, enum token_role role)
{
	switch (unit->role) {
	case ROLE_NONE:
		return unit->n > 0;
	case ROLE_OPEN:
	case ROLE_TEMPLATE:
	case ROLE_AT:
	case ROLE_SCOPE:
	case ROLE_ROOT:
	case ROLE_UNARY:
		return false;
	case ROLE_OTHER:
		if (role != ROLE_COMMA && role != ROLE_SEMICOLON)
			return !piece->tight;
		break;
	case ROLE_BLOCK:
		return role != ROLE_BLOCK_END;
	default:
		break;
	}
	switch (role) {
	case ROLE_COMMA:
	case ROLE_SEMICOLON:
	case ROLE_CLOSE:
	case ROLE_TEMPLATE:
	case ROLE_TEMPLATE_END:
	case ROLE_LABEL_END:
	case ROLE_SCOPE:
		return false;
	case ROLE_OPEN:
		return *piece->text == '(' && !is_call(unit);
	case ROLE_OTHER:
		return !piece->tight;
	default:
		return true;
	}
}

static enum atom_break break_before(struct format *format, enum token_role role)
{
	const struct unit *unit = &format->unit;
	const struct bracket *top = brackets_top(&format->now);
	bool in_parens = top && top->mark == '(';

	if (unit->n == 0 || (top && (top->mark == '<' || top->mark == '[' || top->is_flat)))
		return BREAK_NOT;
	if (role == ROLE_CLAUSE)
		return BREAK_EARLY;
	switch (unit->role) {
	case ROLE_OPEN:
		return in_parens && role != ROLE_CLOSE ? BREAK_LATE : BREAK_NOT;
	case ROLE_STRING:
		if (role != ROLE_STRING)
			return BREAK_NOT;
		break;
	case ROLE_COMMA:
	case ROLE_EQUALS:
	case ROLE_BINARY:
		break;
	default:
		return BREAK_NOT;
	}
	return in_parens && top->is_deep ? BREAK_LATE : BREAK_EARLY;
}

static void open_bracket(struct format *format, const struct piece *piece, bool is_flat)
{
	struct unit *unit = &format->unit;
	const struct bracket *top = brackets_top(&format->now);
	struct bracket bracket = { .mark = *piece->text,
				   .head = (unsigned char)unit->head,
				   .is_flat = is_flat,
				   .is_joined = *piece->text == '{' && unit->has_body,
				   .indent = unit->indent };

	bracket.is_deep = bracket.mark == '(' &&
			  (unit->role == ROLE_NOTE || !is_call(unit) || (top && top->mark != '{'));
	brackets_push(&format->now, bracket);
	if (bracket.mark == '{') {
		unit->head = HEAD_OTHER;
		unit->has_body |= !is_flat;
	}
}

static void close_bracket(struct format *format, const struct piece *piece)
{
	static const char open[] = "([<{", close[] = ")]>}";
	char mark = open[strchr(close, *piece->text) - close];
	struct bracket closed = pop(&format->now, mark);

	if (piece->n == 2) /* >> */
		pop(&format->now, mark);
	if (mark == '(')
		format->unit.head = closed.head;
	format->unit.ends_joined = closed.is_joined;
}

static void add(struct format *format, struct atom atom)
{
	size_t room = format->atoms_room ? format->atoms_room * 2 : 64;
	struct atom *atoms;

	if (format->unit.n == format->atoms_room) {
		atoms = realloc(format->atoms, room * sizeof(*atoms));
		if (!atoms) {
			format->failed = true;
			return;
		}
		format->atoms = atoms;
		format->atoms_room = room;
	}
	format->atoms[format->unit.n++] = atom;
}

static bool is_after(const struct format *format, enum token_role role)
{
	return format->unit.n > 0 && format->atoms[format->unit.n - 1].role == role;
}

/* Whether what is before demands that a line begins here. */
static bool must_break(const struct format *format)
{
	return is_after(format, ROLE_DIRECTIVE) ||
	       (is_after(format, ROLE_COMMENT) && format->unit.after_comment);
}

static bool closes(enum token_role role)
{
	return role == ROLE_CLOSE || role == ROLE_TEMPLATE_END || role == ROLE_BLOCK_END;
}

void token_add(struct format *format, const struct piece *piece, bool is_flat)
{
	struct unit *unit = &format->unit;
	enum token_role role = role_of(format, piece);
	struct atom atom = { .piece = piece, .role = role };

	if (is_after(format, ROLE_COMMENT))
		atom.space = role != ROLE_COMMA && role != ROLE_SEMICOLON && !closes(role);
	else
		atom.space = has_space(unit, piece, role);
	if (closes(role))
		close_bracket(format, piece);
	atom.before = must_break(format) ? BREAK_ALWAYS : break_before(format, role);
	if (role == ROLE_OPEN || role == ROLE_TEMPLATE || role == ROLE_BLOCK)
		open_bracket(format, piece, is_flat);
	else if (role == ROLE_SEMICOLON)
		end_statement(&format->now);
	add(format, atom);
	unit->role = role;
	unit->after_comment = false;
}

void comment_add(struct format *format, const struct piece *piece, bool ends_line)
{
	enum token_role role = format->unit.role;
	bool breaks = must_break(format) || (ends_line && piece->newlines > 0);
	struct atom atom = { .piece = piece, .role = ROLE_COMMENT };

	atom.space = is_after(format, ROLE_COMMENT) || (role != ROLE_OPEN && role != ROLE_TEMPLATE);
	atom.before = breaks && format->unit.n > 0 ? BREAK_ALWAYS : BREAK_NOT;
	add(format, atom);
	format->unit.after_comment = ends_line;
}

void directive_add(struct format *format, const struct piece *piece)
{
	add(format,
	    (struct atom){ .piece = piece, .role = ROLE_DIRECTIVE, .before = BREAK_ALWAYS });
}
