/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd where etcd forgets, is full, asks who is there, or is another.
 */
#include "clock.h"
#include "etcd_seen.h"

enum { FILL_MS = 10000 };

static struct place place;
static struct etcd *etcd;

/* What etcdctl does, by etcd's gateway for JSON. Returns whether etcd says that it is done. */
static bool control_as(const char *token, const char *path, const char *json)
{
	char command[1024], answer[4096] = "";
	FILE *curl;
	size_t n;

	snprintf(command, sizeof(command),
		 "curl -s -m 20 -w '%%{http_code}' -H 'Authorization: %s' -d '%s' "
		 "http://127.0.0.1:%u/v3/%s",
		 token, json, place.ports[0], path);
	curl = popen(command, "r");
	REQUIRE(curl != NULL);
	n = fread(answer, 1, sizeof(answer) - 1, curl);
	pclose(curl);
	if (n >= 3 && strcmp(answer + n - 3, "200") == 0)
		return true;
	fprintf(stderr, "%s: %s\n", path, answer);
	return false;
}

static bool control(const char *path, const char *json)
{
	return control_as("", path, json);
}

static void compact(uint64_t revision)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"revision\":\"%llu\",\"physical\":true}",
		 (unsigned long long)revision);
	CHECK(control("kv/compaction", json));
}

static void begin(const char *extra)
{
	place_open_with(&place, 1, extra);
	etcd = client_of(place.endpoints);
	is_there(etcd);
}

static void end(void)
{
	etcd_close(etcd);
	place_close(&place);
}

/* ---- history ---- */

TEST(a_watch_of_what_is_compacted_is_lost_and_says_so)
{
	struct seen seen = SEEN_NEW, later = SEEN_NEW;
	uint64_t first = put_key(etcd, "t/a", "1", 0).revision, last;
	struct etcd_watch *watch;

	put_key(etcd, "t/a", "2", 0);
	last = put_key(etcd, "t/a", "3", 0).revision;
	compact(last);
	watch = etcd_watch(etcd, b("t/"), b("t0"), first, seen_news, &seen);
	CHECK(TOLD_WAIT(&seen.told, seen.is_lost));
	CHECK_INT(seen.n, 0);
	CHECK_HAS(seen.text, "no longer has the changes");
	etcd_watch_stop(watch);
	CHECK_INT(read_at(etcd, first).result, ETCD_COMPACTED);
	CHECK_INT(read_at(etcd, last).result, ETCD_DONE);
	watch = etcd_watch(etcd, b("t/"), b("t0"), last, seen_news, &later);
	CHECK(TOLD_WAIT(&later.told, later.n == 1));
	etcd_watch_stop(watch);
}

TEST(a_watch_goes_on_while_etcd_compacts)
{
	enum { N = 200 };
	struct seen seen = SEEN_NEW;
	uint64_t from = barrier(etcd).revision + 1, revision = 0;
	struct etcd_watch *watch = etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen);
	int i;

	put_key(etcd, "t/b", "1", 0);
	CHECK(TOLD_WAIT(&seen.told, seen.n == 1)); /* before it has begun, it may be lost */
	for (i = 1; i < N; i++) {
		revision = put_key(etcd, "t/b", "1", 0).revision;
		if (i % 50 == 25)
			compact(revision);
	}
	CHECK(TOLD_WAIT(&seen.told, seen.revision >= revision));
	CHECK_INT(seen.n, N);
	CHECK(!seen.is_wrong && !seen.is_lost);
	etcd_watch_stop(watch);
}

TEST(keys_of_a_lease_that_ends_are_told_as_deleted)
{
	struct seen seen = SEEN_NEW;
	uint64_t from;
	struct etcd_watch *watch;

	CHECK_INT(grant(etcd, 5, 1).result, ETCD_DONE);
	from = put_key(etcd, "t/leased", "1", 5).revision;
	watch = etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen);
	CHECK(TOLD_WAIT(&seen.told, seen.n_deletes == 1));
	CHECK_STR(seen.key, "t/leased");
	CHECK_INT(renew(etcd, 5).result, ETCD_NO_LEASE);
	CHECK_INT(put_key(etcd, "t/leased", "1", 5).result, ETCD_NO_LEASE);
	etcd_watch_stop(watch);
}

/* ---- who calls ---- */

static struct etcd *client_as(const char *user, const char *password)
{
	struct etcd_options options = { .endpoints = place.endpoints,
					.timeout_ms = 1000,
					.own_prefix = "t/own/",
					.user = user,
					.password = password };
	struct store_problem problem;

	return etcd_open(&options, &problem);
}

static char token[256];

/* As root. */
static void log_in(void)
{
	char command[256];
	FILE *curl;

	snprintf(command, sizeof(command),
		 "curl -s -m 20 -d '{\"name\":\"root\",\"password\":\"r\"}' "
		 "http://127.0.0.1:%u/v3/auth/authenticate | sed 's/.*\"token\":\"//;s/\".*//'",
		 place.ports[0]);
	curl = popen(command, "r");
	REQUIRE(curl && fgets(token, sizeof(token), curl));
	pclose(curl);
	token[strcspn(token, "\n")] = '\0';
}

TEST(a_user_is_let_in_and_others_are_told_why_not)
{
	struct etcd *ours, *nobody, *wrong;
	struct etcd_outcome outcome;
	struct seen seen = SEEN_NEW;
	struct etcd_watch *watch;
	uint64_t revision;

	CHECK(control("auth/user/add", "{\"name\":\"root\",\"password\":\"r\"}"));
	CHECK(control("auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}"));
	CHECK(control("auth/user/add", "{\"name\":\"ns\",\"password\":\"n\"}"));
	CHECK(control("auth/role/add", "{\"name\":\"names\"}"));
	/* "t/" to "t0" */
	CHECK(control("auth/role/grant",
		      "{\"name\":\"names\",\"perm\":{\"permType\":\"READWRITE\",\"key\":\"dC8=\","
		      "\"range_end\":\"dDA=\"}}"));
	CHECK(control("auth/user/grant", "{\"user\":\"ns\",\"role\":\"names\"}"));
	CHECK(control("auth/enable", "{}"));
	ours = client_as("ns", "n");
	revision = put_key(ours, "t/a", "1", 0).revision;
	CHECK(revision > 0);
	watch = etcd_watch(ours, b("t/"), b("t0"), revision, seen_news, &seen);
	CHECK(TOLD_WAIT(&seen.told, seen.n == 1));
	CHECK_INT(grant(ours, 6, 60).result, ETCD_DONE);
	CHECK_INT(renew(ours, 6).result, ETCD_DONE);
	outcome = put_key(ours, "u/a", "1", 0);
	CHECK_INT(outcome.result, ETCD_REFUSED);
	CHECK_HAS(outcome.text, "permission denied");
	nobody = client_as(NULL, NULL);
	outcome = put_key(nobody, "t/a", "1", 0);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK_HAS(outcome.text, "asks for a user and a password");
	wrong = client_as("ns", "x");
	outcome = put_key(wrong, "t/a", "1", 0);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK_HAS(outcome.text, "authentication failed");
	etcd_close(nobody);
	etcd_close(wrong);
	log_in();
	CHECK(control_as(token, "auth/disable", "{}"));
	CHECK(control("auth/enable", "{}")); /* and tokens of before are no longer valid */
	CHECK_INT(put_key(ours, "t/a", "2", 0).result, ETCD_DONE);
	CHECK(TOLD_WAIT(&seen.told, seen.n == 2));
	etcd_watch_stop(watch);
	etcd_close(ours);
	log_in();
	CHECK(control_as(token, "auth/disable", "{}"));
}

/* ---- another cluster ---- */

TEST(another_cluster_at_the_same_address_is_not_used)
{
	struct etcd *other = client_as(NULL, NULL), *fresh;
	struct etcd_outcome outcome;
	struct etcd_seen before, after;

	CHECK_INT(put_key(other, "t/a", "1", 0).result, ETCD_DONE);
	etcd_last_seen(other, &before);
	place_end(&place, 0);
	place_forget(&place, 0);
	place_start(&place, 0);
	fresh = client_of(place.endpoints);
	is_there(fresh);
	etcd_close(fresh);
	outcome = put_key(other, "t/a", "2", 0);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK_HAS(outcome.text, "another cluster");
	etcd_last_seen(other, &after);
	CHECK(after.cluster_id == before.cluster_id);
	CHECK_INT(after.at_ms, before.at_ms);
	etcd_close(other);
	end();
}

/* ---- no room ---- */

/* etcd measures its database when it commits, each 100 ms: until then more fits than it may have.
 */
static void fill(void)
{
	static char value[1000001];
	struct etcd_op op = { ETCD_PUT, b("t/big"), { value, 1000000 }, 0 };
	struct etcd_outcome outcome;
	int64_t until = clock_ms() + FILL_MS;

	memset(value, 'x', sizeof(value) - 1);
	do
		outcome = txn(etcd, NULL, 0, &op, 1);
	while (outcome.result == ETCD_DONE && clock_ms() < until);
	CHECK_INT(outcome.result, ETCD_NO_SPACE);
	CHECK_HAS(outcome.text, "database space exceeded");
	CHECK_HAS(outcome.text, "alarm disarm");
}

static void disarm(void)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "u=http://127.0.0.1:%u/v3/maintenance/alarm; m=$(curl -s -m 20 -d "
		 "'{\"action\":\"GET\"}' $u | "
		 "sed 's/.*\"alarms\":.*\"memberID\":\"//;s/\".*//'); curl -s -m 20 -f -o "
		 "/dev/null -d "
		 "'{\"action\":\"DEACTIVATE\",\"memberID\":\"'$m'\",\"alarm\":\"NOSPACE\"}' $u",
		 place.ports[0]);
	CHECK_INT(system(command), 0);
}

TEST(a_full_etcd_says_what_to_do_and_reads_go_on)
{
	struct etcd_op op = { ETCD_DELETE, b("t/big"), { 0 }, 0 };

	begin("--quota-backend-bytes=16777216");
	fill();
	CHECK_INT(grant(etcd, 7, 60).result, ETCD_NO_SPACE);
	CHECK_INT(barrier(etcd).result, ETCD_DONE);
	CHECK_INT(read_at(etcd, 0).result, ETCD_DONE);
	CHECK_INT(txn(etcd, NULL, 0, &op, 1).result, ETCD_DONE);
	compact(barrier(etcd).revision);
	CHECK(control("maintenance/defragment", "{}"));
	disarm();
	CHECK_INT(put_key(etcd, "t/a", "1", 0).result, ETCD_DONE);
	CHECK_INT(grant(etcd, 7, 60).result, ETCD_DONE);
	end();
}

TEST(a_transaction_that_is_too_large_is_refused)
{
	static char value[2000001];
	struct etcd_op op = { ETCD_PUT, b("t/big"), { value, 2000000 }, 0 };
	struct etcd_outcome outcome;

	begin(NULL);
	memset(value, 'x', sizeof(value) - 1);
	outcome = txn(etcd, NULL, 0, &op, 1);
	CHECK_INT(outcome.result, ETCD_REFUSED);
	CHECK_HAS(outcome.text, "too large");
}

TESTS(etcd_faults, T(a_transaction_that_is_too_large_is_refused),
      T(a_watch_of_what_is_compacted_is_lost_and_says_so), T(a_watch_goes_on_while_etcd_compacts),
      T(keys_of_a_lease_that_ends_are_told_as_deleted),
      T(a_user_is_let_in_and_others_are_told_why_not),
      T(another_cluster_at_the_same_address_is_not_used),
      T(a_full_etcd_says_what_to_do_and_reads_go_on))
