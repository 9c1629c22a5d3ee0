/* SPDX-License-Identifier: MIT */
/* What a plain gRPC call says in its path, and how an error fits into metadata. */
#include <pyrite/pyrite.h>

#include "test.h"
#include "wire/plain_text.h"

static bool parse(const char *path, char *interface, char *operation)
{
	struct span i, o;

	if (!plain_parse_path(span_of(path), &i, &o))
		return false;
	sprintf(interface, "%.*s", (int)i.n, (const char *)i.p);
	sprintf(operation, "%.*s", (int)o.n, (const char *)o.p);
	return true;
}

TEST(a_path_is_an_interface_and_an_operation)
{
	char interface[64], operation[64], name[PLAIN_NAME_MAX];
	struct span whole;

	CHECK(parse("/example.Server/add", interface, operation));
	CHECK_STR(interface, "example.Server");
	CHECK_STR(operation, "add");
	CHECK(parse("/S/f", interface, operation));
	CHECK(parse("/a.b.c.Server_2/get_x", interface, operation));
	CHECK_STR(interface, "a.b.c.Server_2");
	whole = plain_operation_name(span_of("example.Server"), span_of("add"), name);
	CHECK(span_is(whole, "example.Server.add"));
}

TEST(a_path_of_another_form_is_refused)
{
	static const char *const paths[] = { "",
					     "/",
					     "//",
					     "/a",
					     "/a/",
					     "//add",
					     "example.Server/add",
					     "/example.Server/add/",
					     "/example.Server/add/more",
					     "/example.Server/a.dd",
					     "/example Server/add",
					     "/example.Server/add?x",
					     "/example.Server/\xc3\xa4" };
	char interface[600], operation[600], path[600];
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		CHECK(!parse(paths[i], interface, operation));
	memset(path, 'x', sizeof(path));
	path[0] = path[8] = '/';
	path[PLAIN_NAME_MAX] = '\0';
	CHECK(parse(path, interface, operation));
	path[PLAIN_NAME_MAX] = 'x';
	path[PLAIN_NAME_MAX + 1] = '\0';
	CHECK(!parse(path, interface, operation));
}

TEST(a_short_text_stays_as_it_is)
{
	char text[PLAIN_TEXT_MAX + 1];

	CHECK_INT(plain_status_text(text, "no account 7", PLAIN_TEXT_MAX), 12);
	CHECK_STR(text, "no account 7");
	CHECK_INT(plain_status_text(text, "", PLAIN_TEXT_MAX), 0);
	CHECK_STR(text, "");
	CHECK_INT(plain_status_text(text, "100%\n\xc3\xa4", PLAIN_TEXT_MAX), 3 + 3 + 3 + 6);
	CHECK_STR(text, "100%\n\xc3\xa4");
}

TEST(a_long_text_is_cut_at_a_character_and_marked)
{
	char text[PLAIN_TEXT_MAX + 1];

	CHECK_INT(plain_status_text(text, "0123456789", 10), 10);
	CHECK_STR(text, "0123456789");
	CHECK_INT(plain_status_text(text, "0123456789a", 10), 10);
	CHECK_STR(text, "0123456...");
	/* Each takes six as it travels, so the second would end at 12. */
	CHECK_INT(plain_status_text(text, "\xc3\xa4\xc3\xb6\xc3\xbc", 14), 9);
	CHECK_STR(text, "\xc3\xa4...");
	CHECK_INT(plain_status_text(text, "\xc3\xa4\xc3\xb6\xc3\xbc", 18), 18);
	CHECK_STR(text, "\xc3\xa4\xc3\xb6\xc3\xbc");
}

TEST(bytes_that_are_no_utf8_become_question_marks)
{
	char text[PLAIN_TEXT_MAX + 1];

	plain_status_text(text,
			  "a\xff\xc3"
			  "b\xed\xa0\x80"
			  "c\xe2\x82",
			  PLAIN_TEXT_MAX);
	CHECK_STR(text, "a??b???c??");
}

TEST(whatever_the_text_it_never_travels_as_more_than_its_limit)
{
	static const char *const parts[] = {
		"x", "%", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "\n"
	};
	char from[6000], text[PLAIN_TEXT_MAX + 1];
	size_t part, max, n;

	for (part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
		from[0] = '\0';
		for (n = 0; n < 1000; n++)
			strcat(from, parts[part]);
		for (max = 3; max < PLAIN_TEXT_MAX; max += 17) {
			size_t used = plain_status_text(text, from, max);

			CHECK(used <= max);
			CHECK(strlen(text) <= max);
			CHECK(used >= 3);
		}
	}
}

static struct error_info no_funds(const uint8_t *detail, size_t n)
{
	return (struct error_info){ .code = PYR_ABORTED,
				    .message = "no funds",
				    .exception = "bank.NoFunds",
				    .detail = detail,
				    .n_detail = n };
}

TEST(an_error_without_exception_has_a_text_alone)
{
	struct error_info error = { .code = PYR_NOT_FOUND, .message = "no account 7" };
	char text[PLAIN_TEXT_MAX + 1];
	struct buf details = { 0 };

	plain_status(&error, text, &details);
	CHECK_STR(text, "no account 7");
	CHECK_INT(details.n, 0);
	error.message = NULL;
	plain_status(&error, text, &details);
	CHECK_STR(text, "NOT_FOUND");
	buf_free(&details);
}

TEST(a_typed_exception_travels_as_google_rpc_status)
{
	/* What protobuf's own encoder makes of it. */
	static const char expected[] = "\x08\x0a\x12\x08no funds\x1a\x26\x0a\x20"
				       "type.googleapis.com/bank.NoFunds\x12\x02\x08\x05";
	struct error_info error = no_funds((const uint8_t *)"\x08\x05", 2);
	char text[PLAIN_TEXT_MAX + 1];
	struct buf details = { 0 };

	plain_status(&error, text, &details);
	CHECK_STR(text, "no funds");
	CHECK_INT(details.n, sizeof(expected) - 1);
	CHECK(details.n == sizeof(expected) - 1 && memcmp(details.data, expected, details.n) == 0);
	error.n_detail = 0;
	plain_status(&error, text, &details);
	CHECK_INT(details.n, sizeof(expected) - 3);
	buf_free(&details);
}

TEST(text_and_details_together_stay_within_their_limit)
{
	static uint8_t detail[8000];
	char text[PLAIN_TEXT_MAX + 1], message[4000];
	struct buf details = { 0 };
	size_t n, n_with = 0, n_without = 0;

	memset(message, 'm', sizeof(message));
	message[sizeof(message) - 1] = '\0';
	for (n = 0; n < sizeof(detail); n += 37) {
		struct error_info error = no_funds(detail, n);

		error.message = message;
		plain_status(&error, text, &details);
		CHECK(strlen(text) + (details.n + 2) / 3 * 4 <= PLAIN_METADATA_MAX);
		CHECK_HAS(text, "mmm...");
		n_with += details.n > 0;
		n_without += details.n == 0;
		if (details.n == 0)
			CHECK_HAS(text, "too large for a plain gRPC error");
	}
	CHECK(n_with > 20);
	CHECK(n_without > 20);
	buf_free(&details);
}

TESTS(plain, T(a_path_is_an_interface_and_an_operation), T(a_path_of_another_form_is_refused),
      T(a_short_text_stays_as_it_is), T(a_long_text_is_cut_at_a_character_and_marked),
      T(bytes_that_are_no_utf8_become_question_marks),
      T(whatever_the_text_it_never_travels_as_more_than_its_limit),
      T(an_error_without_exception_has_a_text_alone),
      T(a_typed_exception_travels_as_google_rpc_status),
      T(text_and_details_together_stay_within_their_limit))
