/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PYRO_FORM_H
#define PYRITE_LINK_PYRO_FORM_H
/*
 * What a Call frame carries, as Pyro's INVOKE, and what came of that, as the frames that answer it.
 * Requests are written with serpent. No state; any thread, on the thread's own stack.
 */
#include "base/arena.h"
#include "face/pyro/messages.h"
#include "face/pyro/ser.h"
#include "wire/codec.h"

/* What a daemon says of an object: its methods and attributes. */
struct form_meta {
	struct arena arena;
	struct ser_data data;
	uint32_t methods, attrs; /* places of lists; SER_NONE: none */
};
/* Of the answer to a question for it; the data is copied. Returns false with the text of why there
 * is none; form_meta_free() in any case. */
bool form_meta_take(struct form_meta *meta, const struct pyro_header *header, struct span data,
		    char *text, size_t n);
void form_meta_free(struct form_meta *meta);

/* Where a request goes. */
struct form_request {
	uint16_t version, seq;
	bool is_oneway;
	const char *object;
};

/* Connects: to the daemon's own object. All append a message; return false when memory is out. */
bool form_connect(uint16_t version, struct buf *out);
bool form_ask_meta(const struct form_request *request, struct buf *out);
/* The operation, with arguments as the frame has them. Returns 0, or a status with the text of why
 * it cannot be sent. */
int form_call(const struct form_request *request, const struct form_meta *meta,
	      const struct codec_operation *operation, struct span arguments, uint32_t max_message,
	      struct buf *out, char *text, size_t n);

/* Asks for the next item of a stream; closes it, which has no answer. */
bool form_ask_item(const struct form_request *request, const char *stream, bool closes,
		   struct buf *out);

/* Parses a payload of at most max bytes, inflated if it has to be, into the arena. Returns false
 * with the text of what is wrong. */
bool form_parse(const struct pyro_header *header, struct span data, uint32_t max,
		struct arena *arena, struct ser_data *ret, char *text, size_t n);
/* As much of it as there is room for, without controls. */
void form_copy_text(char *buf, size_t size, struct span text);

/* What a refusal of a connection says. Returns text. */
const char *form_reason(const struct pyro_header *header, struct span data, char *text, size_t n);

/* Whom an answer is for, and who it is from. */
struct form_answer {
	uint32_t number;
	const struct codec_operation *operation;
	const char *object, *address; /* for messages */
	uint32_t max_message;
};
/* Appends the Reply or the Error. */
void form_put_answer(const struct form_answer *answer, const struct pyro_header *header,
		     struct span data, struct buf *frames);
/* An item of a stream, packed. Returns 1; 0 at the end, or minus one, with the Reply or the Error
 * appended. */
int form_take_item(const struct form_answer *answer, const struct pyro_header *header,
		   struct span data, struct buf *item, struct buf *frames);
/* The same as form_put_answer() of one that is wrong: an Error with that text. */
void form_put_wrong(const struct form_answer *answer, int code, const char *why,
		    struct buf *frames);
/* Appends an Error that no server said. */
void form_put_error(uint32_t number, int code, const char *text, struct buf *frames);
#endif
