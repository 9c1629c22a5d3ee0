/* SPDX-License-Identifier: MIT */
/* Lists of revoked certificates, whatever carries a call. */
#include "tls_place.h"

/* By frames on a socket and over gRPC, and by plain gRPC. */
static void check_each_way(const char *uri, const struct pyr_tls_options *tls, int code,
			   const char *why)
{
	static const struct pyr_proxy_options ways[] = { { .lane = PYR_LANE_SOCKET },
							 { .lane = PYR_LANE_GRPC },
							 { .plain = PYR_PLAIN_ONLY },
							 { .plain = PYR_PLAIN_NEVER,
							   .lane = PYR_LANE_WIRE } };
	struct pyr_proxy_options options;
	struct hops_Hop *proxy;
	unsigned i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		options = ways[i];
		options.own_link = true;
		options.tls = tls;
		proxy = hops_Hop_proxy_with(uri, &options);
		CHECK_INT(add(proxy), code);
		if (code)
			CHECK_HAS(pyr_last_error()->message, why);
		hops_Hop_free(proxy);
	}
}

/* gRPC core's own TLS knows no list of revoked certificates: then it is done without it. */
TEST(with_a_list_each_way_checks_the_same_and_says_so_in_the_same_words)
{
	char ca[256], crl[256], uri[256];
	struct pyr_tls_options server = of("server"), alice = of("alice");
	struct pyr_tls_options nobody = { .ca = keys_path(&keys, "alice", "ca.pem", ca),
					  .crl = keys_path(&keys, "alice", "crl.pem", crl) };
	struct hop hop;

	keys_revoke(&keys, "mallory", "alice");
	REQUIRE(open_with(&hop, &server, 4));
	snprintf(uri, sizeof(uri), "%s", hop.uri);
	check_each_way(hop.uri, &nobody, -PYR_UNAUTHENTICATED,
		       "it refuses the connection: tlsv13 alert certificate required");
	alice.name = "elsewhere";
	check_each_way(hop.uri, &alice, -PYR_UNAUTHENTICATED,
		       "its certificate is not accepted: hostname mismatch");
	alice.name = "localhost";
	check_each_way(hop.uri, &alice, 0, "");
	CHECK_INT(hop_close(&hop), 0);
	check_each_way(uri, &alice, -PYR_UNAVAILABLE, "Connection refused");
	REQUIRE(unlink(crl) == 0);
}

TEST(who_was_revoked_is_refused_from_then_on_by_both_ends)
{
	char at[256], list[256], away[256], why[512];
	struct pyr_tls_options server = of("server"), mallory = of("mallory");
	struct hop hop;

	REQUIRE(open_with(&hop, &server, 4));
	CHECK_INT(try(hop.uri, &mallory, PYR_LANE_WIRE, why), 0);
	keys_revoke(&keys, "mallory", "server"); /* the folder had no crl.pem */
	REQUIRE(pyr_daemon_set_tls(hop.daemon, NULL) == 0);
	/* also with what a session that had begun before would be resumed with */
	CHECK_INT(try(hop.uri, &mallory, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	CHECK_HAS(why, "revoked");
	/* a list that was there is not forgotten because somebody removes the file */
	REQUIRE(rename(keys_path(&keys, "server", "crl.pem", list),
		       keys_path(&keys, "server", "away.pem", away)) == 0);
	CHECK_INT(pyr_daemon_set_tls(hop.daemon, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_last_error()->message, "cannot read ");
	CHECK_INT(try(hop.uri, &mallory, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	REQUIRE(rename(away, list) == 0);
	CHECK_INT(pyr_daemon_set_tls(hop.daemon, NULL), 0);
	CHECK_INT(hop_close(&hop), 0);

	REQUIRE(open_with(&hop, &mallory, 4));
	check_each_way(hop.uri, &server, -PYR_UNAUTHENTICATED,
		       "its certificate is not accepted: certificate revoked");
	CHECK_INT(hop_close(&hop), 0);
	REQUIRE(open_with(&hop, &server, 4)); /* whoever is not on the list is accepted */
	check_each_way(hop.uri, &server, 0, "");
	CHECK_INT(hop_close(&hop), 0);
	REQUIRE(unlink(keys_path(&keys, "server", "crl.pem", at)) == 0);
}

/* ---- all of them ---- */

TEST(keys_are_made)
{
	keys_init(&keys);
	keys_make(&keys, "server", "server", &usual);
	keys_make(&keys, "alice", "alice", &usual);
	keys_make(&keys, "mallory", "mallory", &usual);
}

TEST(keys_are_removed)
{
	keys_fini(&keys, (const char *const[]){ "server", "alice", "mallory", NULL });
}

TESTS(tls_lists, T(keys_are_made),
      T(with_a_list_each_way_checks_the_same_and_says_so_in_the_same_words),
      T(who_was_revoked_is_refused_from_then_on_by_both_ends), T(keys_are_removed))
