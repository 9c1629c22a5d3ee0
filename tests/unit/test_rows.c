/* SPDX-License-Identifier: MIT */
/* Rows of docs/pyro.md that no other test is for: proxies that are handed on, collections, names of
 * operations, oneways, delayed calls, silent connections, objects of several daemons. */
#include "heard.h"
#include "hop.h"
#include "rows.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

static void check_fails(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

/* ---- B12, T13: a proxy handed on is its URI ---- */

EVERYWHERE(b12_t13_a_proxy_is_handed_on_as_its_uri_without_settings_or_secrets)
{
	struct pyr_annotation token = { "token", "secret", 6 };
	struct pyr_proxy_options options = { .timeout_ms = 30000, .max_retries = 3 };
	struct e2e_Work *sent, *received;
	char *text, shown[300];
	int64_t left = 0;

	options.annotations = &token;
	options.n_annotations = 1;
	sent = e2e_Work_proxy_with(place.uri, &options);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(sent)), 0);
	REQUIRE(e2e_Work_echo(work, pyr_proxy_uri(e2e_Work_as_proxy(sent)), &text) == 0);
	CHECK_STR(text, place.uri); /* and nothing else */
	received = e2e_Work_proxy(text);
	REQUIRE(received != NULL);
	CHECK_HAS(pyr_proxy_text(e2e_Work_as_proxy(received), shown, sizeof(shown)),
		  "; not connected; ");
	CHECK(pyr_proxy_equal(e2e_Work_as_proxy(sent), e2e_Work_as_proxy(received)));
	CHECK_INT(e2e_Work_time_left(received, &left), 0);
	CHECK(left == INT64_MAX); /* the receiver's settings count */
	CHECK_INT(e2e_Work_time_left(sent, &left), 0);
	CHECK(left <= 30000);
	pyr_free(text);
	e2e_Work_free(sent);
	e2e_Work_free(received);
}

/* ---- B14: collections ---- */

enum { SHELF_PLACES = 8 };

struct shelf {
	pthread_mutex_t lock;
	uint32_t n;
	char names[SHELF_PLACES][32];
	struct rows_Shelf *handed_out; /* by other() */
};

static struct shelf *lock_shelf(const pyr_call *call)
{
	struct shelf *shelf = pyr_call_data(call);

	pthread_mutex_lock(&shelf->lock);
	return shelf;
}

static int no_place(pyr_call *call, uint32_t at)
{
	return rows_Shelf_raise_NoPlace(call, &(struct rows_NoPlace){ .place = at });
}

static int set_names(pyr_call *call, const struct pyr_string_seq *names)
{
	struct shelf *shelf = lock_shelf(call);
	int err = names->n > SHELF_PLACES ? no_place(call, SHELF_PLACES) : 0;

	for (shelf->n = 0; err == 0 && shelf->n < names->n; shelf->n++)
		snprintf(shelf->names[shelf->n], 32, "%s", names->items[shelf->n]);
	pthread_mutex_unlock(&shelf->lock);
	return err;
}

static int get_names(pyr_call *call, const struct pyr_string_seq **ret)
{
	struct pyr_string_seq *names = pyr_call_alloc(call, sizeof(*names));
	struct shelf *shelf = lock_shelf(call);

	names->items = pyr_call_alloc(call, SHELF_PLACES * sizeof(*names->items));
	for (names->n = 0; names->n < shelf->n; names->n++)
		names->items[names->n] = pyr_call_strdup(call, shelf->names[names->n]);
	pthread_mutex_unlock(&shelf->lock);
	*ret = names;
	return 0;
}

static int get_places(pyr_call *call, const struct pyr_string_uint32_map **ret)
{
	struct pyr_string_uint32_map *places = pyr_call_alloc(call, sizeof(*places));
	struct shelf *shelf = lock_shelf(call);

	places->items = pyr_call_alloc(call, SHELF_PLACES * sizeof(*places->items));
	for (places->n = 0; places->n < shelf->n; places->n++) {
		places->items[places->n].key = pyr_call_strdup(call, shelf->names[places->n]);
		places->items[places->n].value = (uint32_t)places->n;
	}
	pthread_mutex_unlock(&shelf->lock);
	*ret = places;
	return 0;
}

static int get_length(pyr_call *call, uint32_t *ret)
{
	struct shelf *shelf = lock_shelf(call);

	*ret = shelf->n;
	pthread_mutex_unlock(&shelf->lock);
	return 0;
}

static int at(pyr_call *call, uint32_t place_no, const char **ret)
{
	struct shelf *shelf = lock_shelf(call);
	int err = place_no < shelf->n ? 0 : no_place(call, place_no);

	if (err == 0)
		*ret = pyr_call_strdup(call, shelf->names[place_no]);
	pthread_mutex_unlock(&shelf->lock);
	return err;
}

static int put(pyr_call *call, uint32_t place_no, const char *name)
{
	struct shelf *shelf = lock_shelf(call);
	int err = place_no < shelf->n ? 0 : no_place(call, place_no);

	if (err == 0)
		snprintf(shelf->names[place_no], 32, "%s", name);
	pthread_mutex_unlock(&shelf->lock);
	return err;
}

static int remove_place(pyr_call *call, uint32_t place_no)
{
	struct shelf *shelf = lock_shelf(call);
	int err = place_no < shelf->n ? 0 : no_place(call, place_no);

	if (err == 0)
		memmove(shelf->names[place_no], shelf->names[place_no + 1],
			(--shelf->n - place_no) * 32);
	pthread_mutex_unlock(&shelf->lock);
	return err;
}

static int other(pyr_call *call, struct rows_Shelf *other_shelf, struct rows_Shelf **ret)
{
	struct shelf *shelf = lock_shelf(call);

	(void)other_shelf;
	*ret = shelf->handed_out;
	pthread_mutex_unlock(&shelf->lock);
	return 0;
}

static const struct rows_Shelf_methods shelf_methods = {
	.set_names = set_names,
	.get_names = get_names,
	.get_places = get_places,
	.get_length = get_length,
	.at = at,
	.put = put,
	.remove = remove_place,
	.other = other,
};

static struct shelf shelf_data = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct rows_Shelf *open_shelf(void)
{
	const char *uri;

	shelf_data.n = 0;
	uri = rows_Shelf_register(place.daemon, "shelf", &shelf_methods, &shelf_data);
	REQUIRE(uri != NULL);
	return rows_Shelf_proxy(uri);
}

EVERYWHERE(b14_a_collection_is_a_typed_value_or_has_operations)
{
	const char *all[] = { "tea", "cocoa", "milk" };
	struct rows_Shelf *shelf = open_shelf();
	struct pyr_string_uint32_map *places;
	struct pyr_string_seq *names;
	uint32_t n = 0;
	char *name;

	CHECK_INT(rows_Shelf_set_names(shelf, &(struct pyr_string_seq){ 3, all }), 0);
	CHECK_INT(rows_Shelf_get_length(shelf, &n), 0);
	CHECK_INT(n, 3);
	REQUIRE(rows_Shelf_at(shelf, 1, &name) == 0);
	CHECK_STR(name, "cocoa");
	pyr_free(name);
	CHECK_INT(rows_Shelf_put(shelf, 2, "cream"), 0);
	CHECK_INT(rows_Shelf_remove(shelf, 0), 0);
	REQUIRE(rows_Shelf_get_names(shelf, &names) == 0); /* what is iterated here is a copy */
	REQUIRE(names->n == 2);
	CHECK_STR(names->items[0], "cocoa");
	CHECK_STR(names->items[1], "cream");
	pyr_free(names);
	REQUIRE(rows_Shelf_get_places(shelf, &places) == 0);
	REQUIRE(places->n == 2);
	CHECK_STR(places->items[1].key, "cream");
	CHECK_INT(places->items[1].value, 1);
	pyr_free(places);
	CHECK(rows_Shelf_at(shelf, 2, &name) < 0); /* Pyro's IndexError */
	REQUIRE(rows_NoPlace_caught() != NULL);
	CHECK_INT(rows_NoPlace_caught()->place, 2);
	rows_Shelf_free(shelf);
}

static void hand_out(struct rows_Shelf *shelf)
{
	pthread_mutex_lock(&shelf_data.lock);
	shelf_data.handed_out = shelf;
	pthread_mutex_unlock(&shelf_data.lock);
}

/* B12: what carries the type as well. */
EVERYWHERE(b12_a_typed_reference_is_handed_on)
{
	struct rows_Shelf *shelf = open_shelf(), *got = NULL;

	hand_out(shelf);
	CHECK_INT(rows_Shelf_other(shelf, shelf, &got), 0);
	REQUIRE(got != NULL);
	CHECK(pyr_proxy_same(rows_Shelf_as_proxy(got), rows_Shelf_as_proxy(shelf)));
	CHECK_INT(rows_Shelf_get_length(got, NULL), 0);
	rows_Shelf_free(got);
	hand_out(NULL);
	CHECK_INT(rows_Shelf_other(shelf, NULL, &got), 0); /* no object is one, too */
	CHECK(got == NULL);
	CHECK_INT(rows_Shelf_get_length(shelf, NULL), 0);
	rows_Shelf_free(shelf);
}

/* ---- B21, B22: operations by name ---- */

EVERYWHERE(b21_b22_c1_c2_operations_are_found_by_name_and_dotted_names_are_none)
{
	pyr_proxy *proxy = e2e_Work_as_proxy(work);

	CHECK_INT(pyr_proxy_has(proxy, "add"), 0);
	CHECK_INT(pyr_proxy_has(proxy, "e2e.Work.add"), 0);
	check_fails(pyr_proxy_has(proxy, "log.add"), PYR_UNIMPLEMENTED, "'log.add'");
	check_fails(pyr_proxy_has(proxy, "e2e.Work.log.add"), PYR_UNIMPLEMENTED,
		    "'e2e.Work.log.add'");
	check_fails(pyr_proxy_has(proxy, "data.lock"), PYR_UNIMPLEMENTED, "'data.lock'");
}

/* ---- D1: oneways ---- */

EVERYWHERE(c3_d1_a_oneway_returns_while_its_method_runs)
{
	CHECK_INT(e2e_Work_post(work, 1), 0);
	CHECK(work_logged(&place.work, "<1 "));
	pthread_mutex_lock(&place.work.lock);
	CHECK_STR(place.work.log, "<1 "); /* it waits at the gate */
	pthread_mutex_unlock(&place.work.lock);
	work_open(&place.work, 1);
	CHECK(work_logged(&place.work, "1> "));
}

EVERYWHERE(d1_a_oneway_that_is_not_there_is_told_to_the_caller)
{
	struct e2e_Work_methods less = work_methods;
	struct pyr_proxy_options options = { 0 };
	struct e2e_Work *lacks;
	const char *uri;
	int i;

	less.post = NULL;
	uri = e2e_Work_register(place.daemon, "less", &less, &place.work);
	for (i = 0; i < 2; i++) {
		options.plain = i ? PYR_PLAIN_ONLY : PYR_PLAIN_NEVER;
		lacks = e2e_Work_proxy_with(uri, &options);
		check_fails(e2e_Work_post(lacks, 1), PYR_UNIMPLEMENTED, "e2e.Work.post");
		e2e_Work_free(lacks);
	}
}

/* ---- D7: calls that start later ---- */

static void start_delayed(pyr_timer *timer, void *data)
{
	(void)timer;
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 20, 3), on_add, data), 0);
}

EVERYWHERE(d7_a_call_may_start_later_and_be_withdrawn_before)
{
	struct heard heard, never, busy;
	pyr_timer *soon = pyr_timer_new(NULL, start_delayed, &heard);
	pyr_timer *late = pyr_timer_new(NULL, start_delayed, &never);

	heard_init(&heard);
	heard_init(&never);
	heard_init(&busy);
	busy.is_held = true; /* the callback thread, where timers call back too */
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 1), on_add, &busy), 0);
	CHECK(hears(&busy, 1));
	CHECK_INT(pyr_timer_set(late, 0), 0);
	CHECK_INT(pyr_timer_set(soon, 10), 0);
	pyr_timer_free(late); /* what has not begun never will */
	pthread_mutex_lock(&busy.lock);
	busy.is_held = false;
	pthread_cond_broadcast(&busy.changed);
	pthread_mutex_unlock(&busy.lock);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.value, 23);
	CHECK_INT(never.n + never.n_errors, 0);
	pyr_timer_free(soon);
}

/* ---- F7: who calls ---- */

static void check_caller(const struct hop_way *at_way)
{
	char expected[64], *text;
	struct hops_Hop *proxy;
	const char *uri;
	struct hop hop;

	REQUIRE(hop_open_all(&hop, 1, at_way, NULL, &uri));
	proxy = hops_Hop_proxy(uri);
	REQUIRE(hops_Hop_whose(proxy, &text) == 0);
	if (at_way->is_unix)
		snprintf(expected, sizeof(expected), "%d %u %u [", (int)getpid(), getuid(),
			 getgid());
	else
		snprintf(expected, sizeof(expected), "-1 0 0 ["); /* the method's: it got none */
	CHECK_INT(strncmp(text, expected, strlen(expected)), 0);
	if (at_way->is_unix)
		snprintf(expected, sizeof(expected), "[uid:%u]", getuid());
	else
		snprintf(expected, sizeof(expected), "[]"); /* nothing was proved */
	CHECK_STR(strrchr(text, '['), expected);
	pyr_free(text);
	hops_Hop_free(proxy);
	CHECK(hop_close_all(&hop, 1));
}

TEST(f7_unix_sockets_tell_who_calls_and_nobody_has_an_identity_without_proof)
{
	hop_each_way(check_caller);
}

/* ---- T4: who connects and says nothing ---- */

static int connect_silently(const char *address)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	bool is_unix = strncmp(address, "./u:", 4) == 0;
	int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (is_unix) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 4);
		err = connect(fd, (struct sockaddr *)&un, sizeof(un));
	} else {
		in.sin_port = htons((uint16_t)atoi(strchr(address, ':') + 1));
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		err = connect(fd, (struct sockaddr *)&in, sizeof(in));
	}
	CHECK_INT(err, 0);
	return fd;
}

EVERYWHERE(t4_silent_connections_hold_up_nobody)
{
	enum { N = 64 }; /* many more than there are method threads */
	struct pyr_proxy_options options = { .timeout_ms = 8000, .own_link = true };
	struct e2e_Work *late;
	int fds[N], i;
	int32_t sum;

	for (i = 0; i < N; i++) {
		fds[i] = connect_silently(pyr_daemon_address(place.daemon));
		if (i % 2)
			CHECK_INT(send(fds[i], "PRI * HT", 8, MSG_NOSIGNAL), 8); /* half a word */
	}
	late = e2e_Work_proxy_with(place.uri, &options);
	CHECK_INT(e2e_Work_add(late, 1, 2, &sum), 0); /* it comes after them all */
	CHECK_INT(sum, 3);
	CHECK_INT(e2e_Work_add(work, 3, 4, &sum), 0);
	CHECK_INT(sum, 7);
	e2e_Work_free(late);
	for (i = 0; i < N; i++)
		close(fds[i]);
}

/* ---- T11: one object, several daemons ---- */

EVERYWHERE(t11_g14_an_object_may_be_in_several_daemons_and_outlive_one)
{
	struct place second;
	const char *uri, *again;
	struct e2e_Work *proxy;
	char *log;

	work_open(&place.work, 1);
	CHECK_INT(e2e_Work_pass(work, 1), 0);
	REQUIRE(place_open(&second, NULL));
	uri = e2e_Work_register(second.daemon, "same", &work_methods, &place.work);
	proxy = e2e_Work_proxy(uri);
	REQUIRE(e2e_Work_log(proxy, &log) == 0);
	CHECK_STR(log, "<1 1> "); /* the same object, whichever daemon is asked */
	pyr_free(log);
	e2e_Work_free(proxy);
	CHECK_INT(place_close(&second), 0);
	CHECK_INT(e2e_Work_pass(work, 1), 0);
	REQUIRE(place_open(&second, NULL));
	again = e2e_Work_register(second.daemon, "same", &work_methods, &place.work);
	CHECK(again != NULL);
	CHECK_INT(place_close(&second), 0);
}

TESTS(rows, T(b12_t13_a_proxy_is_handed_on_as_its_uri_without_settings_or_secrets),
      T(b12_a_typed_reference_is_handed_on), T(b14_a_collection_is_a_typed_value_or_has_operations),
      T(b21_b22_c1_c2_operations_are_found_by_name_and_dotted_names_are_none),
      T(c3_d1_a_oneway_returns_while_its_method_runs),
      T(d1_a_oneway_that_is_not_there_is_told_to_the_caller),
      T(d7_a_call_may_start_later_and_be_withdrawn_before),
      T(f7_unix_sockets_tell_who_calls_and_nobody_has_an_identity_without_proof),
      T(t4_silent_connections_hold_up_nobody),
      T(t11_g14_an_object_may_be_in_several_daemons_and_outlive_one))
