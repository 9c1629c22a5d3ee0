/* SPDX-License-Identifier: MIT */
#include "format_mix.h"

#include "../idl/pieces.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const spaces[] = { " ",    "  ",     "\t",     "\n",    "\n",
				      "\r\n", "\n\n\n", "\n    ", " \\\n " };

static const char *const comments[] = {
	" /* in the line */ ",
	"// up to its end\n",
	"\n// on its own\n",
	" // behind\n",
	"\n\n        // and further\n        // lines\n",
	"\t/* of several\n\t   lines,\n * some with stars */\n",
	"\n/** documents */\n",
	"\n/**\n * documents\n * more\n */\n",
	"/// documents\n",
	"\n/* before */ ",
	" // \xc3\xa4 \\\n",
};

static const char *const directives[] = {
	"\n#define NOT_USED 1 /* here\n too */\n",
	"\n  #  pragma once\n",
	"\n#if 0\n  this isn't \"IDL\n\n   # it is not\n#endif // 0\n",
	"\n\n#ifdef NEVER\n} ) > ; struct Odd { long x; }; {\n#else\n\n#endif\n",
	"\n#ident \"x\" \\\n  2\n\n",
};

static size_t some(uint64_t *state, size_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(*state >> 33) % n;
}

static bool has_line_alone(const struct piece *piece)
{
	return piece->kind == PIECE_DIRECTIVE || piece->kind == PIECE_VERBATIM;
}

void format_mix(struct buf *out, const struct idl_unit *unit, uint64_t *state)
{
	size_t calm = some(state, 3) == 0 ? 1000 : 12; /* some texts are dense */
	const struct piece *piece = unit->pieces, *end = piece + unit->n_pieces;

	for (; piece < end; piece++) {
		if (piece->kind == PIECE_LINE_COMMENT || has_line_alone(piece) ||
		    has_line_alone(piece + 1))
			buf_add(out, piece->text, piece->n), buf_str(out, "\n");
		else
			buf_add(out, piece->text, piece->n);
		if (has_line_alone(piece) || has_line_alone(piece + 1) || piece_is_comment(piece))
			continue;
		if (!piece[1].tight || some(state, calm) == 0)
			buf_str(out, spaces[some(state, N(spaces))]);
		if (some(state, calm) == 0)
			buf_str(out, comments[some(state, N(comments))]);
		if (some(state, calm * 3) == 0)
			buf_str(out, directives[some(state, N(directives))]);
	}
}
