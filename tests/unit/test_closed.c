/* SPDX-License-Identifier: MIT */
/* What daemons give away and write down: the address that others get, and the audit log. */
#include "hop.h"
#include "keys.h"
#include "test.h"

#include <ctype.h>
#include <stdatomic.h>

/* ---- where others reach it ---- */

static void check_address(const char *advertise, const char *host, bool has_port)
{
	struct pyr_daemon_options options = { .advertise = advertise };
	pyr_daemon *daemon = pyr_daemon_new(&options);
	const char *address, *port;
	size_t n = strlen(host);

	REQUIRE(daemon != NULL);
	address = pyr_daemon_address(daemon);
	CHECK(strncmp(address, host, n) == 0);
	port = address + n;
	if (has_port)
		CHECK_STR(port, "");
	else
		CHECK(port[0] == ':' && isdigit(port[1]) && atoi(port + 1) > 0);
	pyr_daemon_free(daemon);
}

TEST(uris_have_the_address_by_which_others_reach_a_daemon)
{
	check_address(NULL, "127.0.0.1", false);
	check_address("", "127.0.0.1", false);
	check_address("NS.example.org", "ns.example.org", false);
	check_address("ns.example.org:9090", "ns.example.org:9090", true);
	check_address("192.0.2.7", "192.0.2.7", false);
	check_address("[2001:DB8::7]", "[2001:db8::7]", false);
	check_address("[2001:db8::7]:80", "[2001:db8::7]:80", true);
}

static void check_refused(const struct pyr_daemon_options *options, const char *why)
{
	CHECK(pyr_daemon_new(options) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), why);
}

TEST(an_address_that_leads_nobody_there_is_refused)
{
	struct pyr_daemon_options options = { .advertise = "0.0.0.0" };
	char folder[] = "/tmp/pyrite-closed-XXXXXX", path[64];

	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/socket", folder);
	check_refused(&options, "advertise '0.0.0.0': no address that others can use");
	options.advertise = "[::]:80";
	check_refused(&options, "advertise '[::]:80': no address that others can use");
	options.advertise = "./u:/run/socket";
	check_refused(&options, "the daemon listens on TCP");
	options.advertise = "a b";
	check_refused(&options, "advertise");
	options.advertise = "host:0";
	check_refused(&options, "advertise");
	options.socket = path;
	options.advertise = "host";
	check_refused(&options, "the daemon listens on a unix socket");
	CHECK(access(path, F_OK) < 0);
	CHECK_INT(rmdir(folder), 0);
}

static atomic_int n_warned;

static void hear_log(enum pyr_log_level level, const char *text, void *data)
{
	(void)level;
	(void)data;
	if (strstr(text, "does not name elsewhere.example.org: clients will refuse it"))
		atomic_fetch_add(&n_warned, 1);
}

static bool becomes(struct hops_Hop *proxy, int code)
{
	int32_t sum = 0;
	int got = hops_Hop_add(proxy, 1, 2, &sum);

	if (got != code)
		printf("%s\n", pyr_errmsg());
	return got == code && (code || sum == 3);
}

/* By TLS the certificate has to name what the URI says, not where the daemon listens. */
TEST(a_certificate_names_the_address_that_uris_have)
{
	static const struct keys_like usual = { .only_that_host = true };
	struct pyr_daemon_options options = { .advertise = "localhost" };
	struct pyr_proxy_options own = { .own_link = true, .lane = PYR_LANE_WIRE };
	char at[256], a[256];
	struct pyr_tls_options server, alice;
	struct hops_Hop *proxy;
	pyr_daemon *daemon;
	struct keys keys;
	struct hop hop;

	keys_init(&keys);
	keys_make(&keys, "server", "server", &usual);
	keys_make(&keys, "alice", "alice", &usual);
	server = keys_of(&keys, "server", at);
	alice = keys_of(&keys, "alice", a);
	options.tls = &server;
	own.tls = &alice;
	REQUIRE(hop_open(&hop, &options));
	CHECK_HAS(hop.uri, "@localhost:");
	proxy = hops_Hop_proxy_with(hop.uri, &own);
	CHECK(becomes(proxy, 0));
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
	pyr_set_log(hear_log, PYR_LOG_WARNING, NULL);
	options.advertise = "elsewhere.example.org";
	daemon = pyr_daemon_new(&options);
	CHECK(daemon != NULL);
	pyr_daemon_free(daemon);
	pyr_set_log(NULL, 0, NULL);
	CHECK_INT(n_warned, 1);
	keys_fini(&keys, (const char *const[]){ "server", "alice", NULL });
}

/* ---- what is written down ---- */

static char lines[65536];

/* One thread calls it, and is gone when the daemon is. */
static void hear(const char *line, void *data)
{
	(void)data;
	if (strlen(lines) + strlen(line) + 2 < sizeof(lines))
		strcat(strcat(lines, line), "\n");
}

static unsigned count(const char *part)
{
	const char *at = lines;
	unsigned n = 0;

	for (; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

static void call_by(const char *uri, enum pyr_lane lane, enum pyr_plain plain)
{
	struct pyr_proxy_options options = { .own_link = true, .lane = lane, .plain = plain };
	struct hops_Hop *proxy = hops_Hop_proxy_with(uri, &options);
	char *text = NULL;

	CHECK(becomes(proxy, -PYR_PERMISSION_DENIED));
	CHECK(becomes(proxy, -PYR_PERMISSION_DENIED));
	CHECK_INT(hops_Hop_whose(proxy, &text), 0); /* what is allowed is not written down */
	pyr_free(text);
	hops_Hop_free(proxy);
}

TEST(whom_the_rules_refuse_is_written_down_with_the_line)
{
	char folder[] = "/tmp/pyrite-closed-XXXXXX", rules[64], socket[64], wanted[512];
	struct pyr_daemon_options options = { .on_audit = hear, .rules = rules, .socket = socket };
	struct hop hop;
	FILE *file;

	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(rules, sizeof(rules), "%s/rules", folder);
	snprintf(socket, sizeof(socket), "%s/socket", folder);
	file = fopen(rules, "w");
	REQUIRE(file != NULL);
	fputs("\ndeny * call hops.Hop.add at hop\nallow * call hops.*\n", file);
	fclose(file);
	REQUIRE(hop_open(&hop, &options));
	call_by(hop.uri, PYR_LANE_SOCKET, PYR_PLAIN_NEVER);
	call_by(hop.uri, PYR_LANE_GRPC, PYR_PLAIN_NEVER);
	call_by(hop.uri, PYR_LANE_GRPC, PYR_PLAIN_ONLY);
	CHECK_INT(hop_close(&hop), 0);
	snprintf(wanted, sizeof(wanted), "\"who\":\"uid:%u\",\"from\":\"./u:", (unsigned)getuid());
	CHECK_INT(count(wanted), 6);
	snprintf(wanted, sizeof(wanted),
		 "\"action\":\"call\",\"target\":\"hops.Hop.add\",\"object\":\"hop\",\"decision\":"
		 "\"refused\",\"rule\":\"%s:2\"}\n",
		 rules);
	CHECK_INT(count(wanted), 6);
	CHECK_INT(count("\n"), 6);
	CHECK_INT(unlink(rules), 0);
	CHECK_INT(rmdir(folder), 0);
}

TEST(a_daemon_whose_audit_log_cannot_be_opened_does_not_start)
{
	struct pyr_daemon_options options = { .audit = "/no/such/folder/audit" };

	check_refused(&options, "SecurityError: audit log: cannot open /no/such/folder/audit: No");
}

TESTS(closed, T(uris_have_the_address_by_which_others_reach_a_daemon),
      T(an_address_that_leads_nobody_there_is_refused),
      T(a_certificate_names_the_address_that_uris_have),
      T(whom_the_rules_refuse_is_written_down_with_the_line),
      T(a_daemon_whose_audit_log_cannot_be_opened_does_not_start))
