/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "shelf.h"

static const char *const poem[] = { "The sea is calm to-night.", "The tide is full,",
				    "the moon lies fair" };

enum { LINES = sizeof(poem) / sizeof(poem[0]) };

/* Lines go there, a number comes back. */
static int put(struct shelf_Shelf *shelf)
{
	pyr_stream *stream;
	uint32_t n;
	int i, err = shelf_Shelf_put(shelf, "Dover Beach", &stream);

	if (err < 0)
		return pyr_perror("put");
	for (i = 0; i < LINES && err == 0; i++)
		err = shelf_Shelf_put_write(stream, poem[i]);
	if (shelf_Shelf_put_finish(stream, &n) < 0)
		return pyr_perror("put");
	printf("%u lines are on the shelf\n", n);
	return 0;
}

/* Lines come back, or an error. */
static int get(struct shelf_Shelf *shelf, const char *title)
{
	pyr_stream *stream;
	char *line;
	int more;

	if (shelf_Shelf_get(shelf, title, &stream) < 0)
		return pyr_perror("get");
	while ((more = shelf_Shelf_get_next(stream, &line)) > 0) {
		puts(line);
		pyr_free(line);
	}
	pyr_stream_free(stream);
	if (more < 0 && shelf_Missing_caught())
		printf("'%s' is not there\n", shelf_Missing_caught()->title);
	else if (more < 0)
		return pyr_perror("get");
	return 0;
}

/* One there, one back: a conversation. */
static int shout(struct shelf_Shelf *shelf)
{
	pyr_stream *stream;
	char *line;
	int i;

	if (shelf_Shelf_shout(shelf, &stream) < 0)
		return pyr_perror("shout");
	for (i = 0; i < LINES; i++) {
		if (shelf_Shelf_shout_write(stream, poem[i]) < 0 ||
		    shelf_Shelf_shout_next(stream, &line) <= 0)
			break;
		puts(line);
		pyr_free(line);
	}
	pyr_stream_free(stream);
	return i < LINES ? pyr_perror("shout") : 0;
}

int main(void)
{
	struct shelf_Shelf *shelf = shelf_Shelf_proxy("PYRONAME:example.shelf");
	int failed =
		put(shelf) || get(shelf, "Dover Beach") || get(shelf, "Ulysses") || shout(shelf);

	shelf_Shelf_free(shelf);
	return failed;
}
