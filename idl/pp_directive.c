/* SPDX-License-Identifier: MIT */
/* Lines that begin with #. */
#include <errno.h>
#include <string.h>

#include "diag.h"
#include "literal.h"
#include "memory.h"
#include "parser.h"
#include "pp.h"
#include "pp_expr.h"

enum condition_word { NOT_A_CONDITION, IF, IFDEF, IFNDEF, ELIF, ELSE, ENDIF };

static bool text_only(const struct front *front)
{
	return front->options && front->options->keep_pieces;
}

static void skip_line(struct pp *pp)
{
	struct input *input = &pp->inputs[pp->n_inputs - 1];
	struct token token;

	do
		pp_raw(pp, &token);
	while (!token.line_start && token.kind != TOK_YYEOF);
	input->ahead = token;
	input->has_ahead = true;
}

/* The tokens left on the line; reports bad ones. */
static struct token *read_line(struct pp *pp, size_t *n)
{
	struct input *input = &pp->inputs[pp->n_inputs - 1];
	struct token *tokens = NULL, token;

	*n = 0;
	for (;;) {
		pp_raw(pp, &token);
		if (token.line_start || token.kind == TOK_YYEOF)
			break;
		if (token.kind == TOK_BAD) {
			diag_error(pp->front->diag, &token.loc, "%s", token.text);
			continue;
		}
		tokens = front_grow(pp->front, tokens, *n, sizeof(*tokens));
		tokens[(*n)++] = token;
	}
	input->ahead = token;
	input->has_ahead = true;
	return tokens;
}

static bool same_tokens(const struct macro *macro, const struct token *tokens, size_t n)
{
	size_t i;

	for (i = 0; i < n && macro->n_tokens == n; i++)
		if (macro->tokens[i].kind != tokens[i].kind ||
		    strcmp(macro->tokens[i].text, tokens[i].text) != 0)
			return false;
	return macro->n_tokens == n;
}

static void do_define(struct pp *pp, const struct token *word)
{
	struct macro *macro, *old;
	struct token *tokens;
	size_t n;

	tokens = read_line(pp, &n);
	if (n == 0 || tokens[0].kind != TOK_IDENT) {
		diag_error(pp->front->diag, n ? &tokens[0].loc : &word->loc,
			   "#define needs a name");
		return;
	}
	old = pp_macro(pp, tokens[0].text);
	if (old && !same_tokens(old, tokens + 1, n - 1))
		diag_warning(pp->front->diag, &tokens[0].loc, "'%s' is defined differently before",
			     tokens[0].text);
	macro = front_alloc(pp->front, sizeof(*macro));
	*macro = (struct macro){ .name = tokens[0].text,
				 .tokens = tokens + 1,
				 .n_tokens = n - 1,
				 .defined = true,
				 .with_parameters =
					 n > 1 && tokens[1].kind == '(' && tokens[1].tight };
	table_set(pp->front, &pp->macros, NULL, macro->name, macro);
}

static void do_undef(struct pp *pp, const struct token *word)
{
	struct token *tokens;
	size_t n;

	tokens = read_line(pp, &n);
	if (n != 1 || tokens[0].kind != TOK_IDENT)
		diag_error(pp->front->diag, &word->loc, "#undef needs one name");
	else if (pp_macro(pp, tokens[0].text))
		table_set(pp->front, &pp->macros, NULL, tokens[0].text, NULL);
}

/* Answers defined NAME and defined(NAME) before macros are expanded. */
static size_t answer_defined(struct pp *pp, struct token *tokens, size_t n)
{
	size_t in = 0, out = 0, name;
	bool open;

	while (in < n) {
		open = in + 1 < n && tokens[in + 1].kind == '(';
		name = in + 1 + open;
		if (tokens[in].kind != TOK_IDENT || strcmp(tokens[in].text, "defined") != 0 ||
		    name >= n || tokens[name].kind != TOK_IDENT ||
		    (open && (name + 1 >= n || tokens[name + 1].kind != ')'))) {
			tokens[out++] = tokens[in++];
			continue;
		}
		tokens[out] = tokens[in];
		tokens[out].kind = TOK_INTEGER;
		tokens[out++].text = pp_macro(pp, tokens[name].text) ? "1" : "0";
		in = name + 1 + open;
	}
	return out;
}

static bool evaluate_line(struct pp *pp, const struct token *word)
{
	size_t n, base = pp->n_expansions, n_expanded = 0;
	struct token *tokens = read_line(pp, &n), *expanded = NULL, token;

	n = answer_defined(pp, tokens, n);
	pp_push(pp, NULL, tokens, n, NULL);
	while (pp_expanded(pp, base, &token)) {
		expanded = front_grow(pp->front, expanded, n_expanded, sizeof(*expanded));
		expanded[n_expanded++] = token;
	}
	return pp_evaluate(pp->front, expanded, n_expanded, &word->loc);
}

static bool evaluate_ifdef(struct pp *pp, const struct token *word)
{
	size_t n;
	struct token *tokens = read_line(pp, &n);

	if (n != 1 || tokens[0].kind != TOK_IDENT) {
		diag_error(pp->front->diag, &word->loc, "#%s needs one name", word->text);
		return false;
	}
	return pp_macro(pp, tokens[0].text) != NULL;
}

static void do_if(struct pp *pp, enum condition_word kind, const struct token *word)
{
	struct condition *open = front_alloc(pp->front, sizeof(*open));

	if (pp->conditions.n == LIMIT_NESTING * LIMIT_INCLUDE_DEPTH) {
		diag_error(pp->front->diag, &word->loc, "more than %d #if are open",
			   LIMIT_NESTING * LIMIT_INCLUDE_DEPTH);
		pp->front->stopped = true;
		skip_line(pp);
		return;
	}
	open->loc = word->loc;
	open->outer = pp_is_live(pp);
	if (!open->outer)
		skip_line(pp);
	else if (kind == IF)
		open->live = evaluate_line(pp, word);
	else
		open->live = evaluate_ifdef(pp, word) == (kind == IFDEF);
	open->taken = open->live;
	list_add(pp->front, &pp->conditions, open);
}

static void do_branch(struct pp *pp, enum condition_word kind, const struct token *word)
{
	size_t n_open = pp->conditions.n;
	struct condition *open;

	if (n_open == pp->inputs[pp->n_inputs - 1].n_conditions) {
		diag_error(pp->front->diag, &word->loc, "#%s without #if", word->text);
		skip_line(pp);
		return;
	}
	open = pp->conditions.items[n_open - 1];
	if (open->closed && kind != ENDIF) {
		diag_error(pp->front->diag, &word->loc, "#%s after #else", word->text);
		skip_line(pp);
		return;
	}
	if (kind == ELIF && open->outer && !open->taken) {
		open->live = evaluate_line(pp, word);
		open->taken = open->live;
		return;
	}
	open->live = kind == ELSE && open->outer && !open->taken;
	open->closed = kind == ELSE;
	open->taken = true;
	skip_line(pp);
	if (kind == ENDIF)
		pp->conditions.n--;
}

static void add_include(struct front *front, struct source *from, struct source *to)
{
	struct ast_file *file = &from->file;
	size_t i;

	for (i = 0; i < file->n_includes; i++)
		if (file->includes[i] == &to->file)
			return;
	if (from == to)
		return;
	file->includes =
		front_grow(front, file->includes, file->n_includes, sizeof(struct ast_file *));
	file->includes[file->n_includes++] = &to->file;
}

/* Looks beside the including file, then in the -I folders. */
static struct source *find_include(struct front *front, const struct source *from, const char *name,
				   int *error)
{
	const struct idl_options *options = front->options;
	const char *slash = strrchr(from->file.path, '/');
	struct source *source;
	size_t i;

	if (name[0] == '/' || !slash)
		source = source_open(front, name, error);
	else
		source = source_open(front,
				     front_printf(front, "%.*s/%s", (int)(slash - from->file.path),
						  from->file.path, name),
				     error);
	for (i = 0; !source && *error == ENOENT && name[0] != '/' && options &&
		    i < options->n_include_dirs;
	     i++)
		source = source_open(
			front, front_printf(front, "%s/%s", options->include_dirs[i], name), error);
	return source;
}

/* orb.idl of an ORB declares what is part of the language here (CORBA::Object ...). */
static bool is_orb(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strcmp(slash ? slash + 1 : name, "orb.idl") == 0;
}

static void include_file(struct pp *pp, const struct ast_loc *loc, const char *name)
{
	struct front *front = pp->front;
	struct source *from = pp->inputs[pp->n_inputs - 1].source, *source;
	int error;

	if (pp->n_inputs > LIMIT_INCLUDE_DEPTH) {
		diag_error(front->diag, loc, "#include more than %d deep", LIMIT_INCLUDE_DEPTH);
		front->stopped = true;
		return;
	}
	if (++pp->n_includes > LIMIT_INCLUDES) {
		diag_error(front->diag, loc, "more than %d #include in one run", LIMIT_INCLUDES);
		front->stopped = true;
		return;
	}
	source = find_include(front, from, name, &error);
	if (!source && (text_only(front) || (error == ENOENT && is_orb(name))))
		return;
	if (!source) {
		diag_error(front->diag, loc, "cannot read '%s': %s", name, strerror(error));
		if (error == ENOENT)
			diag_suggest(front->diag, "say where it is with -I");
		return;
	}
	add_include(front, from, source);
	if (!source->once)
		pp_enter(pp, source, loc);
}

static void do_include(struct pp *pp, const struct token *word)
{
	struct input *input = &pp->inputs[pp->n_inputs - 1];
	struct ast_loc loc = word->loc;
	const char *line, *end;
	char close;

	line = lexer_rest_of_line(input->lexer, &loc.column);
	close = line[0] == '<' ? '>' : '"';
	end = line[0] ? strchr(line + 1, close) : NULL;
	skip_line(pp);
	if ((line[0] != '<' && line[0] != '"') || !end || end == line + 1) {
		diag_error(pp->front->diag, &loc, "#include needs \"file.idl\" or <file.idl>");
		return;
	}
	include_file(pp, &loc, front_copy(pp->front, line + 1, (size_t)(end - line - 1)));
}

/* The pragmas of OMG IDL say what repository ids look like; there are none here. */
static void do_pragma(struct pp *pp, const struct token *word)
{
	struct source *source = pp->inputs[pp->n_inputs - 1].source;
	struct token *tokens;
	struct ast_value prefix;
	size_t n;

	tokens = read_line(pp, &n);
	if (n == 0)
		return;
	if (strcmp(tokens[0].text, "once") == 0) {
		source->once = true;
	} else if (strcmp(tokens[0].text, "prefix") == 0) {
		if (n != 2 || tokens[1].kind != TOK_STRING)
			diag_error(pp->front->diag, &tokens[0].loc,
				   "#pragma prefix needs a string");
		else if (source->file.is_main && literal_string(pp->front, &tokens[1], &prefix))
			pp->front->unit->prefix = prefix.s;
	} else if (strcmp(tokens[0].text, "ID") != 0 && strcmp(tokens[0].text, "version") != 0) {
		diag_warning(pp->front->diag, &word->loc, "unknown #pragma '%.40s' is ignored",
			     tokens[0].text);
	}
}

static void do_message(struct pp *pp, const struct token *word, bool is_error)
{
	struct ast_loc loc = word->loc;
	const char *text = lexer_rest_of_line(pp->inputs[pp->n_inputs - 1].lexer, &loc.column);

	if (text_only(pp->front))
		; /* the text is well, whatever it is to be used with */
	else if (is_error)
		diag_error(pp->front->diag, &word->loc, "#error %s", text);
	else
		diag_warning(pp->front->diag, &word->loc, "#warning %s", text);
	skip_line(pp);
}

static enum condition_word condition_word(const char *text)
{
	static const char *const words[] = { "", "if", "ifdef", "ifndef", "elif", "else", "endif" };
	size_t i;

	for (i = 1; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0)
			return (enum condition_word)i;
	return NOT_A_CONDITION;
}

static void live_directive(struct pp *pp, const struct token *word)
{
	if (strcmp(word->text, "include") == 0)
		do_include(pp, word);
	else if (strcmp(word->text, "define") == 0)
		do_define(pp, word);
	else if (strcmp(word->text, "undef") == 0)
		do_undef(pp, word);
	else if (strcmp(word->text, "pragma") == 0)
		do_pragma(pp, word);
	else if (strcmp(word->text, "error") == 0)
		do_message(pp, word, true);
	else if (strcmp(word->text, "warning") == 0)
		do_message(pp, word, false);
	else if (word->kind == TOK_INTEGER || strcmp(word->text, "line") == 0 ||
		 strcmp(word->text, "ident") == 0)
		skip_line(pp); /* line marks of another preprocessor */
	else {
		diag_error(pp->front->diag, &word->loc, "unknown directive '#%.40s'", word->text);
		skip_line(pp);
	}
}

void pp_directive(struct pp *pp, const struct token *hash)
{
	struct input *input = &pp->inputs[pp->n_inputs - 1];
	enum condition_word condition;
	struct token word;

	(void)hash;
	pp_raw(pp, &word);
	if (word.line_start || word.kind == TOK_YYEOF) { /* a # alone is allowed */
		input->ahead = word;
		input->has_ahead = true;
		return;
	}
	condition = condition_word(word.text);
	if (condition == IF || condition == IFDEF || condition == IFNDEF)
		do_if(pp, condition, &word);
	else if (condition != NOT_A_CONDITION)
		do_branch(pp, condition, &word);
	else if (pp_is_live(pp))
		live_directive(pp, &word);
	else
		skip_line(pp);
}
