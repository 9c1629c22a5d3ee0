/* SPDX-License-Identifier: MIT */
/* What needs no daemon: URIs, settings. */
#include <string.h>

#include <pyrite/settings.h>

#include "place.h"

static int uris(void)
{
	static const char *const texts[] = { "PYRO:x@127.0.0.1:40123", "PYRO:x@./u:/run/x.sock",
					     "PYRONAME:shop@a:9090,b", "PYROMETA:a,b@[::1]:9" };
	pyr_uri *uri = NULL;
	int status = 0;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		GET(uri, pyr_uri_parse(texts[i]));
		EXPECT(pyr_uri_text(uri)[0] == 'P');
		pyr_uri_free(uri);
		uri = NULL;
	}
out:
	pyr_uri_free(uri);
	return status;
}

static int errors(void)
{
	pyr_error *error;
	pyr_uri *uri = pyr_uri_parse("PYRO:");

	if (uri) {
		pyr_uri_free(uri);
		return note_wrong("PYRO: is a URI");
	}
	error = pyr_error_take();
	if (error && error->code == 0) {
		pyr_error_free(error);
		return note_wrong("an error without a code");
	}
	pyr_error_free(error);
	return 0;
}

static int found(void)
{
	struct pyr_ns_search *search = NULL;
	int status;

	TRY(pyr_ns_find(&search));
	EXPECT(search->n > 0);
out:
	pyr_free(search);
	return status;
}

const struct scenario text_scenarios[] = {
	{ .name = "uri", .run = uris },
	{ .name = "error", .run = errors },
	{ .name = "name-servers-found", .run = found },
	{ 0 },
};
