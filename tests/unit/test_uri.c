/* SPDX-License-Identifier: MIT */
#include "base/uri.h"
#include "test.h"

/* The normal form of text, or the error it gives. */
static const char *normal(const char *text)
{
	static char result[URI_MAX + 1];
	pyr_uri *uri = pyr_uri_parse(text);

	snprintf(result, sizeof(result), "%s", uri ? pyr_uri_text(uri) : pyr_errmsg());
	pyr_uri_free(uri);
	return result;
}

TEST(a1_a_pyro_uri_is_taken_apart)
{
	pyr_uri *uri = pyr_uri_parse("PYRO:obj_1@127.0.0.1:9090");

	REQUIRE(uri != NULL);
	CHECK_INT(pyr_uri_scheme(uri), PYR_URI_PYRO);
	CHECK_STR(pyr_uri_object(uri), "obj_1");
	CHECK_STR(pyr_uri_host(uri), "127.0.0.1");
	CHECK_INT(pyr_uri_port(uri), 9090);
	CHECK_STR(pyr_uri_socket(uri), "");
	CHECK_STR(pyr_uri_text(uri), "PYRO:obj_1@127.0.0.1:9090");
	CHECK_STR(uri->address, "127.0.0.1:9090");
	pyr_uri_free(uri);
}

TEST(a4_a_uri_may_lead_to_a_unix_socket)
{
	pyr_uri *uri = pyr_uri_parse("pyro:o@./u:/run/my sock@et");

	REQUIRE(uri != NULL);
	CHECK_STR(pyr_uri_socket(uri), "/run/my sock@et");
	CHECK_STR(pyr_uri_host(uri), "");
	CHECK_INT(pyr_uri_port(uri), 0);
	CHECK_STR(pyr_uri_text(uri), "PYRO:o@./u:/run/my sock@et");
	CHECK_STR(uri->address, "./u:/run/my sock@et");
	pyr_uri_free(uri);
}

TEST(a_name_needs_no_address)
{
	pyr_uri *uri = pyr_uri_parse("PYRONAME:example.server");

	REQUIRE(uri != NULL);
	CHECK_INT(pyr_uri_scheme(uri), PYR_URI_PYRONAME);
	CHECK_STR(pyr_uri_object(uri), "example.server");
	CHECK_STR(pyr_uri_host(uri), "");
	CHECK_INT(pyr_uri_port(uri), 0);
	CHECK_STR(uri->address, "");
	pyr_uri_free(uri);
}

TEST(equal_addresses_have_equal_texts)
{
	CHECK_STR(normal("Pyro:X@LOCALHOST:80"), "PYRO:X@localhost:80");
	CHECK_STR(normal("PyRoNaMe:Some.Name@Host.Example"), "PYRONAME:Some.Name@host.example");
	CHECK_STR(normal("PYRONAME:x@h:9091"), "PYRONAME:x@h:9091");
	CHECK_STR(normal("PYRO:x@[0:0:0:0:0:0:0:1]:80"), "PYRO:x@[::1]:80");
	CHECK_STR(normal("PYRO:x@[FE80::00Aa%eth0]:80"), "PYRO:x@[fe80::aa%eth0]:80");
	CHECK_STR(normal("PYRO:x@h:00080"), "PYRO:x@h:80");
	CHECK_STR(normal("PYROMETA:b,a,b,c,a"), "PYROMETA:a,b,c");
	CHECK_STR(normal("pyrometa:b,a@H:1"), "PYROMETA:a,b@h:1");
	CHECK_STR(normal("PYRO:\xc3\xa9,:/%@h:1"), "PYRO:\xc3\xa9,:/%@h:1");
}

TEST(a_name_may_be_known_to_several_name_servers)
{
	pyr_uri *uri = pyr_uri_parse("PYRONAME:x@A:09091,b,[::0:1]:9,./u:/run/ns,[::1]");
	char text[URI_TARGET_MAX];

	REQUIRE(uri != NULL);
	CHECK_STR(pyr_uri_text(uri), "PYRONAME:x@a:9091,b,[::1]:9,./u:/run/ns,[::1]");
	CHECK_STR(uri->address, "a:9091,b,[::1]:9,./u:/run/ns,[::1]");
	CHECK(uri->is_list);
	CHECK_STR(pyr_uri_host(uri), "a");
	CHECK_INT(pyr_uri_port(uri), 9091);
	CHECK_INT(uri_address(uri, 0, text, sizeof(text)), -PYR_INVALID_ARGUMENT);
	CHECK_INT(uri_target(uri, 1, text, sizeof(text)), -PYR_INVALID_ARGUMENT);
	pyr_uri_free(uri);
	CHECK_STR(normal("PYROMETA:b,a@H,./u:/s"), "PYROMETA:a,b@h,./u:/s");
	CHECK_STR(normal("PYRO:x@./u:/a,b"), "PYRO:x@./u:/a,b");
}

TEST(a7_uris_are_compared_by_their_normal_form)
{
	pyr_uri *a = pyr_uri_parse("pyro:x@HOST:80");
	pyr_uri *b = pyr_uri_parse("PYRO:x@host:080");
	pyr_uri *c = pyr_uri_parse("PYRO:X@host:80");

	REQUIRE(a && b && c);
	CHECK(uri_equal(a, b));
	CHECK(!uri_equal(a, c));
	pyr_uri_free(a);
	pyr_uri_free(b);
	pyr_uri_free(c);
}

TEST(what_is_wrong_is_told_with_its_place)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "uri '': it does not begin with PYRO:, PYRONAME: or PYROMETA: (byte 1)" },
		{ "PYRO", "does not begin with PYRO:" },
		{ "PYROX:x@h:1", "does not begin with PYRO:" },
		{ "http://h:1", "does not begin with PYRO:" },
		{ " PYRO:x@h:1", "does not begin with PYRO:" },
		{ "PYRO:", "uri 'PYRO:': no object id (byte 6)" },
		{ "PYRO:@h:1", "no object id (byte 6)" },
		{ "PYRO:x", "no '@' and address after the object id (byte 7)" },
		{ "PYRO:x@", "no host (byte 8)" },
		{ "PYRO:x@:1", "no host (byte 8)" },
		{ "PYRO:x@h", "no port (byte 9)" },
		{ "PYRO:x@h:", "the port is not a number from 1 to 65535 (byte 10)" },
		{ "PYRO:x@h:abc", "the port is not a number" },
		{ "PYRO:x@h:0", "the port is not a number" },
		{ "PYRO:x@h:65536", "the port is not a number" },
		{ "PYRO:x@h:4294967376", "the port is not a number" },
		{ "PYRO:x@h:80:81", "the port is not a number" },
		{ "PYRO:x@h:-1", "the port is not a number" },
		{ "PYRO:x@h: 1", "the port is not a number" },
		{ "PYRO:x y@h:1", "white space or a control character (byte 7)" },
		{ "PYRO:x\xe2\x80\xaey@h:1", "white space or a control character (byte 7)" },
		{ "PYRO:x\ty@h:1", "'PYRO:x\\ty@h:1': white space" },
		{ "PYRO:x\xc2\xa0y@h:1", "white space" },
		{ "PYRO:x\xffy@h:1", "invalid UTF-8 (byte 7)" },
		{ "PYRO:x\xed\xa0\x80@h:1", "invalid UTF-8" },
		{ "PYRO:x\xc0\x80@h:1", "invalid UTF-8" },
		{ "PYRO:x\xe2\x82", "invalid UTF-8" },
		{ "PYRO:x@a@b:1", "not a character of a host name (byte 9)" },
		{ "PYRO:x@h h:1", "not a character of a host name (byte 9)" },
		{ "PYRO:x@h/p:1", "not a character of a host name" },
		{ "PYRO:x@.h:1", "the parts of a host name" },
		{ "PYRO:x@a..b:1", "the parts of a host name" },
		{ "PYRO:x@1.2.3:1", "not an IPv4 address (byte 8)" },
		{ "PYRO:x@256.1.1.1:1", "not an IPv4 address" },
		{ "PYRO:x@::1:80", "an IPv6 address needs brackets, [::1]:9090 (byte 8)" },
		{ "PYRO:x@[::1", "no ']' after the IPv6 address" },
		{ "PYRO:x@[::1]", "no port (byte 13)" },
		{ "PYRO:x@[::1]80", "only ':' and a port may follow the host" },
		{ "PYRO:x@[h]:80", "no IPv6 address between the brackets (byte 9)" },
		{ "PYRO:x@[[::1]]:80", "no IPv6 address" },
		{ "PYRO:x@[fe80::1%]:80", "no IPv6 address" },
		{ "PYRO:x@[fe80::1%a/b]:80", "no IPv6 address" },
		{ "PYRO:x@[fe80::1%abcdefghijklmnopqr]:80", "no IPv6 address" },
		{ "PYRO:x@./u:", "no path of a unix socket (byte 12)" },
		{ "PYRO:x@./u:/a:80", "a unix socket has no port (byte 14)" },
		{ "PYRO:x@./u:/a\n", "a control character" },
		{ "PYRONAME:", "no name (byte 10)" },
		{ "PYRONAME:x@", "no host (byte 12)" },
		{ "PYRONAME:x@h:x", "the port is not a number" },
		{ "PYROMETA:", "an empty tag (byte 10)" },
		{ "PYROMETA:a,,b", "an empty tag (byte 12)" },
		{ "PYROMETA:a,", "an empty tag (byte 12)" },
		{ "PYROMETA:a b", "white space" },
		{ "PYRO:x@a:1,b:2", "an object has one address; lists of name servers follow "
				    "PYRONAME and PYROMETA (byte 11)" },
		{ "PYRONAME:x@a,", "an empty address (byte 14)" },
		{ "PYRONAME:x@,a", "an empty address (byte 12)" },
		{ "PYROMETA:x@a,,b", "an empty address (byte 14)" },
		{ "PYRONAME:x@a,b:x", "the port is not a number from 1 to 65535 (byte 16)" },
		{ "PYRONAME:x@a,b c", "not a character of a host name (byte 15)" },
		{ "PYRONAME:x@./u:/a,./u:", "no path of a unix socket (byte 23)" },
		{ "PYRONAME:x@a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,b",
		  "at most 16 addresses (byte 44)" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK(pyr_uri_parse(cases[i].text) == NULL);
		CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
		CHECK_HAS(pyr_errmsg(), cases[i].error);
		CHECK_HAS(pyr_errmsg(), "(byte ");
	}
}

/* head + n times c + tail */
static const char *longer(const char *head, size_t n, char c, const char *tail)
{
	static char text[8192];
	size_t at = (size_t)sprintf(text, "%s", head);

	memset(text + at, c, n);
	strcpy(text + at + n, tail);
	return text;
}

TEST(every_part_has_its_limit)
{
	pyr_uri *uri = pyr_uri_parse(longer("PYRO:", 255, 'x', "@h:1"));

	CHECK(uri != NULL);
	pyr_uri_free(uri);
	CHECK_HAS(normal(longer("PYRO:", 256, 'x', "@h:1")), "at most 255 bytes (byte 261)");
	CHECK_HAS(normal(longer("PYROMETA:a,", 256, 'x', "")), "at most 255 bytes");
	CHECK_HAS(normal(longer("PYRO:", 3000, 'x', "@h:1")), "longer than 2048 bytes (byte 2049)");
	CHECK_HAS(normal(longer("PYRO:x@", 64, 'h', ":1")), "1 to 63 bytes");
	CHECK_HAS(normal(longer("PYRO:x@", 300, 'h', ":1")), "at most 253 bytes");
	uri = pyr_uri_parse(longer("PYRO:x@./u:", 107, 's', ""));
	CHECK(uri != NULL);
	pyr_uri_free(uri);
	CHECK_HAS(normal(longer("PYRO:x@./u:", 108, 's', "")), "at most 107 bytes");
}

TEST(as_many_tags_as_fit_are_sorted)
{
	char text[URI_MAX + 8] = "PYROMETA:";
	size_t n = strlen(text);
	pyr_uri *uri;

	for (; n + 2 <= URI_MAX; n += 2)
		sprintf(text + n, "%c,", 'z' - (char)(n % 26));
	text[n - 1] = '\0';
	uri = pyr_uri_parse(text);
	REQUIRE(uri != NULL);
	CHECK_STR(pyr_uri_object(uri), "a,c,e,g,i,k,m,o,q,s,u,w,y");
	pyr_uri_free(uri);
}

TEST(an_error_quotes_no_more_than_the_beginning)
{
	CHECK(strlen(normal(longer("", 2000, '\x01', ""))) < 256);
}

TEST(null_is_answered)
{
	pyr_error_free(
		pyr_error_take()); /* else the NULL may come from the constructor that failed */
	CHECK(pyr_uri_parse(NULL) == NULL);
	CHECK_STR(pyr_errmsg(), "uri is NULL");
	CHECK_INT(pyr_uri_scheme(NULL), 0);
	CHECK_STR(pyr_uri_text(NULL), "");
	CHECK_STR(pyr_uri_host(NULL), "");
	CHECK_STR(pyr_uri_object(NULL), "");
	CHECK_STR(pyr_uri_socket(NULL), "");
	CHECK_INT(pyr_uri_port(NULL), 0);
	pyr_uri_free(NULL);
}

static const char *target(const char *address)
{
	static char text[URI_TARGET_MAX];
	struct uri_problem problem;
	pyr_uri *uri = uri_parse_address(address, &problem);

	if (!uri)
		return "?";
	if (uri_target(uri, 9090, text, sizeof(text)) < 0)
		strcpy(text, "none");
	pyr_uri_free(uri);
	return text;
}

TEST(grpc_finds_every_address)
{
	CHECK_STR(target("127.0.0.1:80"), "ipv4:127.0.0.1:80");
	CHECK_STR(target("127.0.0.1"), "ipv4:127.0.0.1:9090");
	CHECK_STR(target("[::1]:80"), "ipv6:%5B::1%5D:80");
	CHECK_STR(target("[fe80::1%eth0]:80"), "ipv6:%5Bfe80::1%25eth0%5D:80");
	CHECK_STR(target("localhost"), "dns:///localhost:9090");
	CHECK_STR(target("unix:80"), "dns:///unix:80");
	CHECK_STR(target("./u:/run/a b%.sock"), "unix:/run/a%20b%25.sock");
	CHECK_STR(target("./u:rel.sock"), "unix:rel.sock");
}

TEST(a_target_that_does_not_fit_is_refused)
{
	struct uri_problem problem;
	pyr_uri *uri = uri_parse_address(longer("./u:", 107, ' ', ""), &problem);
	pyr_uri *name = pyr_uri_parse("PYRONAME:x");
	char text[URI_TARGET_MAX];

	REQUIRE(uri && name);
	CHECK_INT(uri_target(uri, 0, text, sizeof(text)), 0);
	CHECK_INT(strlen(text), 5 + 3 * 107);
	CHECK_INT(uri_target(uri, 0, text, 100), -PYR_INVALID_ARGUMENT);
	CHECK_INT(uri_target(name, 9090, text, sizeof(text)), -PYR_INVALID_ARGUMENT);
	CHECK_INT(uri_address(name, 9090, text, sizeof(text)), -PYR_INVALID_ARGUMENT);
	pyr_uri_free(uri);
	pyr_uri_free(name);
}

TEST(an_address_without_a_port_gets_the_default)
{
	struct uri_problem problem;
	pyr_uri *uri = uri_parse_address("[::1]", &problem);
	char text[64];

	REQUIRE(uri != NULL);
	CHECK_INT(uri_address(uri, 9090, text, sizeof(text)), 0);
	CHECK_STR(text, "[::1]:9090");
	pyr_uri_free(uri);
	CHECK(uri_parse_address("h:x", &problem) == NULL);
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "address 'h:x': the port is not a number from 1 to 65535 (byte 3)");
}

/* Whatever is parsed gives a text that is parsed to the same text. */
static void check_stable(const char *text)
{
	pyr_uri *uri = pyr_uri_parse(text), *again;

	if (!uri)
		return;
	again = pyr_uri_parse(pyr_uri_text(uri));
	CHECK(again && uri_equal(uri, again) && again->scheme == uri->scheme);
	CHECK(again && strcmp(again->address, uri->address) == 0);
	pyr_uri_free(again);
	pyr_uri_free(uri);
}

TEST(only_this_host_is_local)
{
	static const char *const local[] = { "./u:/a",  "127.0.0.1:1", "127.255.0.9:1",
					     "[::1]:1", "localhost:1", "localhost" };
	static const char *const others[] = { "",
					      "h:1",
					      "127.example:1",
					      "128.0.0.1:1",
					      "[::2]:1",
					      "127.0.0.1.example:1",
					      "0.0.0.0:1",
					      "a.localhost:1",
					      "localhost.example:1",
					      "localhosts:1" };
	size_t i;

	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		CHECK(uri_is_local(local[i]));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK(!uri_is_local(others[i]));
}

TEST(a_normal_form_is_its_own_normal_form)
{
	static const char *const seeds[] = { "PYRO:obj@[fe80::1%eth0]:9090", "pyro:o@Host.x:80",
					     "PYROMETA:b,a,c@1.2.3.4:9", "PYRONAME:n@./u:/a b",
					     "PYRONAME:n@h,[::1]:9,./u:/a" };
	size_t i, j, length;
	char text[64];
	int c;

	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		length = strlen(seeds[i]);
		for (j = 0; j <= length; j++) {
			for (c = 0; c < 256; c++) {
				strcpy(text, seeds[i]);
				text[j] = (char)c;
				text[length + 1] = '\0';
				check_stable(text);
			}
		}
	}
}

TESTS(uri, T(a1_a_pyro_uri_is_taken_apart), T(a4_a_uri_may_lead_to_a_unix_socket),
      T(a_name_needs_no_address), T(equal_addresses_have_equal_texts),
      T(a_name_may_be_known_to_several_name_servers), T(a7_uris_are_compared_by_their_normal_form),
      T(what_is_wrong_is_told_with_its_place), T(every_part_has_its_limit),
      T(as_many_tags_as_fit_are_sorted), T(an_error_quotes_no_more_than_the_beginning),
      T(null_is_answered), T(grpc_finds_every_address), T(a_target_that_does_not_fit_is_refused),
      T(an_address_without_a_port_gets_the_default), T(only_this_host_is_local),
      T(a_normal_form_is_its_own_normal_form))
