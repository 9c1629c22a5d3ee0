/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd, over TLS: both ends prove who they are. */
#include "keys.h"

#include "etcd_seen.h"

static struct keys keys;
static const char *const all[] = { "etcd", "other", "ns", NULL };
static struct place place;
static char folders[2][256];

static struct etcd *client_with(const char *folder, const char *endpoints)
{
	char ca[256], cert[256], key[256];
	struct etcd_options options = { .endpoints = endpoints,
					.timeout_ms = 1000,
					.own_prefix = "t/own/",
					.ca = keys_path(&keys, folder, "ca.pem", ca),
					.cert = keys_path(&keys, folder, "cert.pem", cert),
					.key = keys_path(&keys, folder, "key.pem", key) };
	struct store_problem problem = { 0 };
	struct etcd *etcd = etcd_open(&options, &problem);

	CHECK_STR(problem.text, "");
	REQUIRE(etcd != NULL);
	return etcd;
}

TEST(all_is_done_over_tls)
{
	struct etcd *etcd = client_with("ns", place.endpoints);
	struct seen seen = SEEN_NEW;
	struct etcd_outcome made;
	struct etcd_watch *watch;

	is_there(etcd);
	made = put_key(etcd, "t/a", "1", 0);
	CHECK_INT(made.result, ETCD_DONE);
	CHECK_INT(grant(etcd, 5, 60).result, ETCD_DONE);
	CHECK_INT(renew(etcd, 5).result, ETCD_DONE);
	watch = etcd_watch(etcd, b("t/"), b("t0"), made.revision, seen_news, &seen);
	CHECK(TOLD_WAIT(&seen.told, seen.n == 1));
	etcd_watch_stop(watch);
	etcd_close(etcd);
}

/* Who cannot prove who it is, or will not believe etcd, runs nothing, and says why. */
static void is_not_let_in(struct etcd *etcd, const char *why)
{
	int64_t until = place_now() + 20000;
	struct etcd_outcome outcome;

	do /* until etcd has begun */
		outcome = put_key(etcd, "t/a", "1", 0);
	while (strstr(outcome.text, "Connection refused") && place_now() < until);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK_HAS(outcome.text, why);
	etcd_close(etcd);
}

TEST(a_certificate_of_another_ca_is_not_believed)
{
	struct keys others;

	others = keys;
	keys_init(&keys);
	keys_make(&keys, "ns", "ns", &(struct keys_like){ 0 });
	is_not_let_in(client_with("ns", place.endpoints), "certificate signature failure");
	keys_fini(&keys, all + 2);
	keys = others;
	keys_make(&keys, "other", "etcd",
		  &(struct keys_like){ .host = "other.example.org", .only_that_host = true });
	place_end(&place, 0);
	place.keys = folders[1];
	place_start(&place, 0);
	is_not_let_in(client_with("ns", place.endpoints), "IP address mismatch");
}

TEST(plain_connections_to_tls_say_so)
{
	is_not_let_in(client_of(place.endpoints), place.endpoints);
}

TEST(the_place_ends)
{
	place_close(&place);
	keys_fini(&keys, all);
}

TEST(the_place_begins)
{
	keys_init(&keys);
	keys_make(&keys, "etcd", "etcd", &(struct keys_like){ 0 });
	keys_make(&keys, "ns", "ns", &(struct keys_like){ 0 });
	keys_path(&keys, "etcd", "", folders[0]);
	keys_path(&keys, "other", "", folders[1]);
	place_open_as(&place, 1, NULL, folders[0]);
}

TESTS(etcd_tls, T(the_place_begins), T(all_is_done_over_tls),
      T(a_certificate_of_another_ca_is_not_believed), T(plain_connections_to_tls_say_so),
      T(the_place_ends))
