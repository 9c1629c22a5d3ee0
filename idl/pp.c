/* SPDX-License-Identifier: MIT */
/* The stacks of the preprocessor: open files, open conditions, macros being expanded. */
#include "pp.h"

#include <string.h>

#include "diag.h"
#include "memory.h"
#include "parser.h"

void pp_raw(struct pp *pp, struct token *token)
{
	struct input *input = &pp->inputs[pp->n_inputs - 1];

	if (input->has_ahead) {
		*token = input->ahead;
		input->has_ahead = false;
	} else {
		lexer_next(input->lexer, token);
	}
}

bool pp_is_live(const struct pp *pp)
{
	const struct list *open = &pp->conditions;

	return open->n == 0 || ((struct condition *)open->items[open->n - 1])->live;
}

struct macro *pp_macro(struct pp *pp, const char *name)
{
	struct macro *macro = table_get(&pp->macros, NULL, name);

	return macro && macro->defined ? macro : NULL;
}

static bool check_text(struct pp *pp, const struct source *source, const struct ast_loc *loc)
{
	struct diag *diag = pp->front->diag;
	const char *nul = memchr(source->text, '\0', source->size);
	struct ast_loc at = { .file = &source->file, .line = 1, .column = 1 };
	const char *p;

	if (source->size > LIMIT_FILE) {
		diag_error(diag, loc, "%s is larger than 1 MiB", source->file.path);
		return false;
	}
	pp->n_bytes += source->size;
	if (pp->n_bytes > LIMIT_TOTAL) {
		diag_error(diag, loc, "more than 16 MiB of text with all that is included");
		return false;
	}
	if (!nul)
		return true;
	for (p = source->text; p < nul; p++) {
		at.column = *p == '\n' ? 1 : at.column + 1;
		at.line += *p == '\n';
	}
	diag_error(diag, &at, "a NUL byte: this is not a text file");
	return false;
}

bool pp_enter(struct pp *pp, struct source *source, const struct ast_loc *loc)
{
	struct input *input = &pp->inputs[pp->n_inputs];

	if (!check_text(pp, source, loc))
		return false;
	*input = (struct input){ .source = source, .n_conditions = pp->conditions.n };
	input->lexer = lexer_new(pp->front, source);
	pp->n_inputs++;
	return true;
}

static void leave(struct pp *pp)
{
	struct input *input = &pp->inputs[--pp->n_inputs];

	for (; pp->conditions.n > input->n_conditions; pp->conditions.n--) {
		struct condition *open = pp->conditions.items[pp->conditions.n - 1];

		diag_error(pp->front->diag, &open->loc, "#if without #endif");
	}
}

void pp_push(struct pp *pp, struct macro *macro, const struct token *tokens, size_t n,
	     const struct token *use)
{
	struct token *copy = NULL;

	if (use) {
		copy = front_alloc(pp->front, sizeof(*copy));
		*copy = *use;
	}
	if (macro)
		macro->active = true;
	pp->expansions[pp->n_expansions++] =
		(struct expansion){ .macro = macro, .tokens = tokens, .n_tokens = n, .use = copy };
}

/* Returns true if the token was a macro's name, whose tokens come next then. */
static bool begin_expansion(struct pp *pp, const struct token *token)
{
	struct diag *diag = pp->front->diag;
	struct macro *macro = token->kind == TOK_IDENT ? pp_macro(pp, token->text) : NULL;

	if (!macro || macro->active)
		return false;
	if (macro->with_parameters) {
		diag_error(diag, &token->loc, "'%s' is a macro with parameters: not supported",
			   token->text);
		return false;
	}
	if (pp->n_expansions == LIMIT_NESTING) {
		diag_error(diag, &token->loc, "macros used inside macros more than %d deep",
			   LIMIT_NESTING);
		return false;
	}
	pp->n_expanded += macro->n_tokens + 1;
	if (pp->n_expanded > LIMIT_EXPANSION) {
		if (!pp->front->stopped)
			diag_error(diag, &token->loc, "macros make more than %d tokens",
				   LIMIT_EXPANSION);
		pp->front->stopped = true;
		return false;
	}
	pp_push(pp, macro, macro->tokens, macro->n_tokens, token);
	return true;
}

bool pp_expanded(struct pp *pp, size_t base, struct token *token)
{
	while (pp->n_expansions > base) {
		struct expansion *top = &pp->expansions[pp->n_expansions - 1];

		if (top->at == top->n_tokens) {
			if (top->macro)
				top->macro->active = false;
			pp->n_expansions--;
			continue;
		}
		*token = top->tokens[top->at++];
		if (top->use) {
			token->loc = top->use->loc;
			token->doc = top->at == 1 ? top->use->doc : NULL;
			token->tight = top->at == 1 && top->use->tight;
		}
		if (!begin_expansion(pp, token))
			return true;
	}
	return false;
}

/* Returns true if the parser shall see something in the bad token's place. */
static bool report_bad(struct pp *pp, struct token *token)
{
	diag_error(pp->front->diag, &token->loc, "%s", token->text);
	token->kind = token->stand_in;
	token->text = token->kind == TOK_STRING  ? "\"\""
		      : token->kind == TOK_CHAR  ? "' '"
		      : token->kind == TOK_IDENT ? "?"
						 : "1";
	token->n_text = strlen(token->text);
	if (token->kind < 0) /* the rest of the file was swallowed */
		pp->front->stopped = true;
	return token->kind > 0;
}

/* The next token that is no directive, before macros are expanded. */
static bool next_live(struct pp *pp, struct token *token)
{
	while (pp->n_inputs > 0) {
		pp_raw(pp, token);
		if (token->kind == TOK_YYEOF && pp->n_inputs == 1) {
			leave(pp);
			return false;
		}
		if (token->kind == TOK_YYEOF)
			leave(pp);
		else if (token->kind == '#' && token->line_start)
			pp_directive(pp, token);
		else if (!pp_is_live(pp))
			continue;
		else if (token->kind != TOK_BAD || report_bad(pp, token))
			return true;
	}
	return false;
}

void pp_next(struct pp *pp, struct token *token)
{
	struct token last = { .kind = TOK_YYEOF };

	while (!pp->front->stopped) {
		if (pp_expanded(pp, 0, token))
			return;
		if (!next_live(pp, token)) {
			if (token->kind == TOK_YYEOF)
				last = *token;
			break;
		}
		if (!begin_expansion(pp, token))
			return;
	}
	*token = last;
}

/* -D NAME or NAME=tokens as lines of a text of its own. */
static bool read_defines(struct pp *pp)
{
	const struct idl_options *options = pp->front->options;
	const char *text = "", *equals;
	size_t i;

	for (i = 0; options && i < options->n_defines; i++) {
		const char *define = options->defines[i];

		equals = strchr(define, '=');
		text = front_printf(pp->front, "%s#define %.*s %s\n", text,
				    (int)(equals ? equals - define : (long)strlen(define)), define,
				    equals ? equals + 1 : "1");
	}
	if (*text == '\0')
		return true;
	return pp_enter(pp, source_from_text(pp->front, "<command line>", text),
			&(struct ast_loc){ 0 });
}

bool pp_open(struct front *front, const char *path)
{
	struct pp *pp = front_alloc(front, sizeof(*pp));
	struct source *source;
	struct ast_loc loc = { 0 };
	int error;

	front->pp = pp;
	pp->front = front;
	if (front->options && front->options->text)
		source = source_from_memory(front, path, front->options->text,
					    front->options->n_text);
	else
		source = source_open(front, path, &error);
	if (!source) {
		struct source *nothing = source_from_text(front, path, "");

		front->unit->main = &nothing->file;
		nothing->file.is_main = true;
		loc.file = &nothing->file;
		diag_error(front->diag, &loc, "cannot read the file: %s", strerror(error));
		return false;
	}
	source->file.is_main = true;
	front->unit->main = &source->file;
	loc.file = &source->file;
	return pp_enter(pp, source, &loc) && read_defines(pp);
}
