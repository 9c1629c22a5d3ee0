/* SPDX-License-Identifier: MIT */
/* "/v1/names/NAME" and what follows, as "/v1/objects/ID". */
#include "face/http/by_name.h"

#include "face/http/names.h"

/* Goes on with the object if it is here. */
static void resolve(struct http_request *request, struct http_answer *answer,
		    void (*go_on)(struct http_request *request, struct http_answer *answer))
{
	const char *id = names_object(request, request->url.segments[2]);

	if (names_has_object(request, id)) {
		request->url.segments[2] = id;
		go_on(request, answer);
	} else {
		names_look_up(request, answer);
	}
}

void names_describe(struct http_request *request, struct http_answer *answer)
{
	resolve(request, answer, objects_describe);
}

void names_post(struct http_request *request, struct http_answer *answer)
{
	resolve(request, answer, call_post);
}

void names_events(struct http_request *request, struct http_answer *answer)
{
	resolve(request, answer, call_events);
}
