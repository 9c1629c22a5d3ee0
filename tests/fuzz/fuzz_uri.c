/* SPDX-License-Identifier: MIT */
/* URIs and addresses: what is taken is the same when it is written and read again. */
#include "base/uri.h"
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const pyr_uri *uri, const char *text)
{
	struct uri_problem problem;
	pyr_uri *same = uri_parse(text, &problem);

	if (!same || !uri_equal(uri, same))
		abort();
	pyr_uri_free(same);
}

static void use(pyr_uri *uri)
{
	char target[URI_TARGET_MAX + 1], address[URI_TARGET_MAX + 1];

	if (!uri)
		return;
	(void)uri_target(uri, 9090, target, sizeof(target));
	if (uri_address(uri, 9090, address, sizeof(address)) == 0)
		(void)uri_is_local(address);
	pyr_uri_free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);
	struct uri_problem problem = { .text = "" };
	pyr_uri *uri = uri_parse(text, &problem);

	if (!uri && (!problem.code || !problem.text[0]))
		abort();
	if (uri)
		again(uri, uri->text);
	use(uri);
	use(uri_parse_address(text, &problem));
	use(uri_parse_addresses(text, &problem));
	free(text);
	return 0;
}
