/* SPDX-License-Identifier: MIT */
#include "face/http/names.h"

#include <pyrite/naming.h>

#include <string.h>

#include "base/uri.h"
#include "face/face.h"
#include "naming/naming_lease.h"
#include "object/object.h"
#include "value/json_write.h"

struct wanted {
	const char *name;
	char id[URI_OBJECT_MAX + 1]; /* "": not found */
};

static void look_at(void *data, const char *name, const char *uri)
{
	struct wanted *wanted = data;
	const char *id = strchr(uri, ':'), *end = strrchr(uri, '@');

	if (strcmp(name, wanted->name) != 0 || !id || !end || end <= ++id ||
	    (size_t)(end - id) >= sizeof(wanted->id))
		return;
	memcpy(wanted->id, id, (size_t)(end - id));
	wanted->id[end - id] = '\0';
}

const char *names_object(struct http_request *request, const char *name)
{
	struct wanted wanted = { .name = name };
	const char *copy;

	lease_each(request->host->address, look_at, &wanted);
	if (!wanted.id[0])
		return name;
	copy = arena_copy(&request->arena, wanted.id, strlen(wanted.id) + 1);
	return copy ? copy : name;
}

bool names_has_object(const struct http_request *request, const char *id)
{
	struct object *object = objects_find(request->host->objects, span_of(id));

	object_unref(object);
	return object != NULL;
}

/* Where in the path the name is: "/v1/names/NAME", "/pyro/NAME". */
static unsigned place_of(const struct http_request *request)
{
	return strcmp(request->url.segments[0], "pyro") == 0 ? 1 : 2;
}

/* Where the object is, with what the request has behind the name. NULL: memory is out. */
static const char *location(struct http_request *request, const pyr_uri *uri)
{
	unsigned place = place_of(request);
	struct buf text = { 0 };
	const char *ret;
	unsigned i;

	json_put(&text, request->host->has_tls ? "https://" : "http://");
	json_put(&text, uri->address);
	json_put(&text, place == 1 ? "/pyro/" : "/v1/objects/");
	url_put_segment(&text, uri->object);
	for (i = place + 1; i < request->url.n; i++) {
		json_put(&text, "/");
		url_put_segment(&text, request->url.segments[i]);
	}
	if (request->query.n > 0)
		json_put(&text, "?");
	buf_append(&text, request->query.p, request->query.n);
	buf_append(&text, "", 1);
	ret = text.broken ? NULL : arena_copy(&request->arena, text.data, text.n);
	buf_free(&text);
	return ret;
}

static void redirect(struct http_request *request, struct http_answer *answer, const char *told)
{
	struct uri_problem problem;
	pyr_uri *uri = uri_parse(told, &problem);
	const char *where = NULL;

	if (!uri || uri->scheme != PYR_URI_PYRO || !uri->port) {
		answer_problem(request, answer, 404,
			       "'%.255s' leads to %.300s, which is not for HTTP",
			       request->url.segments[place_of(request)], told);
	} else if (!(where = location(request, uri))) {
		answer_problem(request, answer, 503, "out of memory");
	} else {
		answer->status = 307; /* POST again, with the same body */
		answer_header(answer, "Location", where);
	}
	pyr_uri_free(uri);
}

void names_look_up(struct http_request *request, struct http_answer *answer)
{
	const char *name = request->url.segments[place_of(request)];
	pyr_proxy *names;
	char *uri = NULL;

	if (!names_has_object(request, pyrite_NAME_SERVER_ID)) {
		answer_problem(request, answer, 404,
			       "no object of this daemon has the name '%.255s'", name);
		return;
	}
	names = http_proxy(request, pyrite_NAME_SERVER_ID);
	if (!names || pyrite_NameServer_lookup((struct pyrite_NameServer *)names, name, &uri) < 0)
		answer_error(request, answer, names);
	else
		redirect(request, answer, uri);
	pyr_free(uri);
}
