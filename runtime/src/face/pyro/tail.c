/* SPDX-License-Identifier: MIT */
#include "face/pyro/tail.h"

static struct tail_source *own(struct source *source)
{
	return (struct tail_source *)source;
}

static bool tail_open(struct source *source)
{
	bool is_outermost = own(source)->of.depth == 0;

	if (!own(source)->kind->open(source))
		return false;
	return !is_outermost || (own(source)->kind->more(source, SOURCE_ARRAY, 0) &&
				 own(source)->kind->skip(source));
}

static bool tail_more(struct source *source, enum source_next in, size_t n)
{
	return own(source)->kind->more(source, in, n + (own(source)->of.depth == 1));
}

void tail_source(struct tail_source *tail, const struct ser_data *data, uint32_t at)
{
	ser_source(&tail->of, data, at);
	tail->kind = tail->of.source.kind;
	tail->own = *tail->kind;
	tail->own.open = tail_open;
	tail->own.more = tail_more;
	tail->of.source.kind = &tail->own;
}
