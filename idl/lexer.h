/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LEXER_H
#define PYRITE_LEXER_H
/* lexer.l: the tokens of one text, no preprocessing. Lexers live as long as the unit. */
#include "source.h"
#include "token.h"

struct lexer;
struct lexer *lexer_new(struct front *front, struct source *source);
void lexer_next(struct lexer *lexer, struct token *token);
/* Where the token that was just read lies in the text. */
void lexer_span(const struct lexer *lexer, const struct token *token, size_t *start, size_t *end);
/* What stands behind the last token on its line, white space trimmed; *column is where. */
const char *lexer_rest_of_line(struct lexer *lexer, int *column);

#endif
