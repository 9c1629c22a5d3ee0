/* SPDX-License-Identifier: MIT */
/* Where name servers are when nobody says so: files, datagrams, what is kept, and who waits. */
#define _GNU_SOURCE /* mkdtemp() */
#include "naming/naming_find.h"

#include <errno.h>
#include <pyrite/settings.h>
#include <sys/stat.h>

#include "answerer.h"
#include "engine/engine.h"
#include "naming/naming_file.h"
#include "naming/naming_udp.h"
#include "say_dns.h"

static struct found_servers servers;
static struct naming_step step;
static struct uri_problem problem;

static void begin(void)
{
	memset(&servers, 0, sizeof(servers));
	memset(&step, 0, sizeof(step));
	problem = (struct uri_problem){ 0 };
}

/* ---- lists ---- */

TEST(a_list_has_each_server_once_in_its_order)
{
	char text[] = " b:1,a , B:1\t[::1] ./u:/run/x.sock,, a:9090";

	begin();
	CHECK_INT(found_add_list(&servers, text, 9090, &problem), 0);
	CHECK_STR(servers.text, "b:1,a:9090,[::1]:9090,./u:/run/x.sock");
	CHECK_INT(servers.n, 4);
}

TEST(a_list_has_an_end)
{
	char one[300], text[32];
	int i;

	begin();
	for (i = 0; i < FOUND_MAX; i++) {
		snprintf(text, sizeof(text), "h%d", i);
		CHECK_INT(found_add(&servers, text, 1, &problem), 0);
	}
	CHECK_INT(found_add(&servers, "one.more", 1, &problem), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(problem.text, "more than 16 name servers");
	CHECK_INT(found_add(&servers, "h3", 1, &problem), 0);
	begin();
	for (i = 0; i < FOUND_MAX; i++) {
		snprintf(one, sizeof(one), "%d%s", i,
			 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		if (found_add(&servers, one, 1, &problem) < 0)
			break;
	}
	CHECK(i > 4 && i < FOUND_MAX);
	CHECK(servers.length < FOUND_TEXT_MAX && strlen(servers.text) == servers.length);
}

/* ---- files ---- */

static char folder[] = "/tmp/pyrite-find-XXXXXX";
static char path[64];

static enum naming_verdict read_bytes(const void *bytes, size_t n)
{
	FILE *file = fopen(path, "we");

	REQUIRE(file != NULL);
	REQUIRE(fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
	begin();
	return naming_file_read(path, 9090, &servers, &step, &problem);
}

static enum naming_verdict read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void check_refused(enum naming_verdict verdict, int code, const char *what)
{
	CHECK_INT(verdict, NAMING_WRONG);
	CHECK_INT(problem.code, code);
	CHECK_HAS(problem.text, path);
	CHECK_HAS(problem.text, what);
	CHECK_HAS(problem.text, step.text);
}

TEST(a_file_has_addresses_and_comments)
{
	CHECK_INT(read_text("# ours\n\n a.example  # the near one\r\nb:1, c:2\n"), NAMING_TAKEN);
	CHECK_STR(servers.text, "a.example:9090,b:1,c:2");
	CHECK_INT(read_text("last"), NAMING_TAKEN);
	CHECK_STR(servers.text, "last:9090");
}

TEST(a_file_that_names_none_or_is_not_there_is_no_error)
{
	CHECK_INT(read_text("# nobody\n"), NAMING_NOTHING);
	CHECK_STR(step.text, "has no address");
	CHECK_INT(read_text(""), NAMING_NOTHING);
	begin();
	CHECK_INT(naming_file_read("/nowhere/ns", 1, &servers, &step, &problem), NAMING_NOTHING);
	CHECK_STR(step.text, "not there");
}

TEST(bad_lines_are_told_with_their_number)
{
	char many[400] = "", where[128];
	int i;

	snprintf(where, sizeof(where), "%s:3: address 'x:99999'", path);
	check_refused(read_text("a\n\nb, x:99999\nc\n"), PYR_INVALID_ARGUMENT, where);
	check_refused(read_text("\x1b[2J\n"), PYR_INVALID_ARGUMENT, ":1: ");
	CHECK(!strchr(problem.text, '\x1b'));
	for (i = 0; i < 17; i++)
		sprintf(many + strlen(many), "h%d\n", i);
	check_refused(read_text(many), PYR_RESOURCE_EXHAUSTED, ":17: more than 16 name servers");
}

TEST(what_is_no_text_is_refused)
{
	static char large[NAMING_FILE_MAX + 1];

	check_refused(read_bytes("a\0b\n", 4), PYR_INVALID_ARGUMENT, "NUL");
	memset(large, '#', sizeof(large));
	CHECK_INT(read_bytes(large, sizeof(large) - 1), NAMING_NOTHING);
	check_refused(read_bytes(large, sizeof(large)), PYR_INVALID_ARGUMENT, "64 KiB");
	begin();
	CHECK_INT(naming_file_read(folder, 1, &servers, &step, &problem), NAMING_WRONG);
	CHECK_HAS(problem.text, "Is a directory");
	REQUIRE(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	begin(); /* one that would be waited for */
	CHECK_INT(naming_file_read(path, 1, &servers, &step, &problem), NAMING_WRONG);
	REQUIRE(unlink(path) == 0);
}

TEST(what_others_may_write_is_not_believed)
{
	static const mode_t modes[] = { 0666, 0664, 0602, 0777 };
	size_t i;

	CHECK_INT(read_text("a\n"), NAMING_TAKEN);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		REQUIRE(chmod(path, modes[i]) == 0);
		check_refused(read_text("a\n"), PYR_FAILED_PRECONDITION,
			      "is not used: users other than its owner can write it");
	}
	REQUIRE(chmod(path, 0644) == 0);
	CHECK_INT(read_text("a\n"), NAMING_TAKEN);
	if (geteuid() != 0)
		return; /* who is not root cannot give a file away */
	REQUIRE(chown(path, 12345, (gid_t)-1) == 0);
	check_refused(read_text("a\n"), PYR_FAILED_PRECONDITION, "neither this user nor root");
	REQUIRE(unlink(path) == 0);
}

/* ---- datagrams ---- */

static enum naming_verdict ask(const struct answerer *a)
{
	char address[32];

	begin();
	return naming_udp_ask(answerer_address(a, address), &servers, &step, &problem);
}

static void say_text(struct answerer *a, const uint8_t *question, size_t n,
		     const struct sockaddr_in *from)
{
	const char *text = atomic_load(&a->data);

	CHECK(n == 9 && memcmp(question, "GET_NSURI", 9) == 0);
	answerer_send(a->fd, text, strlen(text), from);
}

TEST(who_answers_is_taken)
{
	static const char *const said[] = { "PYRO:Pyro.NameServer@127.0.0.1:4444",
					    "PYRO:Pyrite.NameServer@127.0.0.1:4444",
					    "PYRO:Pyro.NameServer@0.0.0.0:4444",
					    "PYRO:Pyro.NameServer@some.name:4444" };
	struct answerer a = { .answer = say_text };
	size_t i;

	answerer_start(&a);
	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		atomic_store(&a.data, said[i]);
		CHECK_INT(ask(&a), NAMING_TAKEN);
		CHECK_STR(servers.text, "127.0.0.1:4444");
	}
	answerer_stop(&a);
}

static void say_wrong_first(struct answerer *a, const uint8_t *question, size_t n,
			    const struct sockaddr_in *from)
{
	say_text(a, question, n, from);
	answerer_send(a->fd, "PYRO:Pyro.NameServer@127.0.0.1:1", 32, from);
}

TEST(answers_that_cannot_be_right_are_not_believed)
{
	static const struct {
		const char *said, *why;
	} cases[] = {
		{ "PYRO:Pyro.NameServer@10.9.8.7:4444", "it names a host other than the sender" },
		{ "PYRO:Pyro.NameServer@[::1]:4444", "it names a host other than the sender" },
		{ "PYRO:other@127.0.0.1:4444", "it is not the URI of a name server" },
		{ "PYRONAME:Pyro.NameServer@127.0.0.1:4444", "not a URI with a host and a port" },
		{ "PYRO:Pyro.NameServer@./u:/tmp/x", "not a URI with a host and a port" },
		{ "\x1b[2Jhello", "not a URI with a host and a port" },
		{ "GET_NSURI", "not a URI with a host and a port" },
	};
	struct answerer a = { .answer = say_wrong_first };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a = (struct answerer){ .answer = say_wrong_first, .data = cases[i].said };
		answerer_start(&a);
		CHECK_INT(ask(&a), NAMING_TAKEN);
		CHECK_STR(servers.text, "127.0.0.1:1");
		CHECK_HAS(step.text, "1 answers were ignored");
		CHECK_HAS(step.text, cases[i].why);
		CHECK(!strchr(step.text, '\x1b'));
		answerer_stop(&a);
	}
}

/* From another port, as somebody else of this host would. */
static void say_from_elsewhere(struct answerer *a, const uint8_t *question, size_t n,
			       const struct sockaddr_in *from)
{
	struct sockaddr_in own;
	int fd = answerer_socket(&own);

	answerer_send(fd, "PYRO:Pyro.NameServer@127.0.0.1:6", 32, from);
	close(fd);
	say_text(a, question, n, from);
}

TEST(who_was_not_asked_is_not_believed)
{
	struct answerer a = { .answer = say_from_elsewhere,
			      .data = "PYRO:Pyro.NameServer@127.0.0.1:4444" };

	answerer_start(&a);
	CHECK_INT(ask(&a), NAMING_TAKEN);
	CHECK_STR(servers.text, "127.0.0.1:4444");
	CHECK_HAS(step.text, "it was not asked");
	answerer_stop(&a);
}

static void flood(struct answerer *a, const uint8_t *question, size_t n,
		  const struct sockaddr_in *from)
{
	char text[NAMING_UDP_ANSWER + 100];
	int i;

	(void)question;
	(void)n;
	memset(text, 'A', sizeof(text));
	for (i = 0; i < 20000; i++)
		(void)sendto(a->fd, text, sizeof(text), 0, (const struct sockaddr *)from,
			     sizeof(*from));
}

TEST(a_flood_ends_within_the_time)
{
	struct answerer a = { .answer = flood };
	int64_t before = engine_now();

	answerer_start(&a);
	CHECK_INT(ask(&a), NAMING_NOTHING);
	CHECK((engine_now() - before) / ENGINE_MS < 2 * NAMING_UDP_TRIES * NAMING_UDP_TRY_MS);
	CHECK_HAS(step.text, "it is too long, or not text");
	answerer_stop(&a);
}

TEST(nobody_is_waited_for_as_long_as_is_said)
{
	int64_t before = engine_now();

	begin();
	CHECK_INT(naming_udp_ask("127.0.0.1:1", &servers, &step, &problem), NAMING_NOTHING);
	CHECK_STR(step.text, "no answer");
	CHECK((engine_now() - before) / ENGINE_MS >= NAMING_UDP_TRIES * NAMING_UDP_TRY_MS - 50);
}

static void refuse_addresses(const char *addresses, const char *what)
{
	begin();
	CHECK_INT(naming_udp_ask(addresses, &servers, &step, &problem), NAMING_WRONG);
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(problem.text, what);
}

TEST(whom_to_ask_is_checked)
{
	refuse_addresses("lan", "PYRITE_NS_BROADCAST: 'lan' is neither an IPv4 address");
	refuse_addresses("127.0.0.1:99999", "'127.0.0.1:99999' is neither");
	refuse_addresses("127.0.0.1,::1", "'::1' is neither");
	refuse_addresses("127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.7,"
			 "127.0.0.8,127.0.0.9",
			 "'127.0.0.9' is one address too many");
}

/* ---- what is kept, and who waits: by DNS, which the first test has set ---- */

static const struct said said = { .n = 2,
				  .srv = { { 1, 0, 1111, "a.test" }, { 2, 0, 2222, "b.test" } } };
static const struct said fails = { .rcode = ns_r_servfail };
static atomic_bool is_held;

static void say_unless_held(struct answerer *a, const uint8_t *question, size_t n,
			    const struct sockaddr_in *from)
{
	while (atomic_load(&is_held))
		usleep(1000);
	say_dns(a, question, n, from);
}

static struct answerer dns = { .answer = say_unless_held, .data = &said };

static void forget(void)
{
	char text[FOUND_TEXT_MAX];
	int before = atomic_load(&dns.n_asked);

	while (atomic_load(&dns.n_asked) == before) {
		naming_find_again();
		usleep(10000);
		(void)naming_find(ENGINE_FOREVER, text, sizeof(text), &problem);
	}
}

TEST(what_was_found_is_kept_until_it_does_not_help)
{
	char text[FOUND_TEXT_MAX];
	int before, i;

	CHECK_INT(naming_find(ENGINE_FOREVER, text, sizeof(text), &problem), 0);
	CHECK_STR(text, "a.test:1111,b.test:2222");
	before = atomic_load(&dns.n_asked);
	for (i = 0; i < 100; i++)
		CHECK_INT(naming_find(0, text, sizeof(text), &problem), 0);
	CHECK_INT(atomic_load(&dns.n_asked), before);
	forget();
	CHECK_INT(atomic_load(&dns.n_asked), before + 1);
	CHECK_INT(naming_find(0, text, 5, &problem), -PYR_RESOURCE_EXHAUSTED);
}

TEST(a_search_anew_tells_each_step)
{
	static const enum pyr_ns_verdict expected[] = { PYR_NS_NOTHING,   PYR_NS_NOTHING,
							PYR_NS_NOTHING,   PYR_NS_TAKEN,
							PYR_NS_NOT_ASKED, PYR_NS_PASSED_OVER };
	struct pyr_ns_search *all;
	size_t i;

	REQUIRE(pyr_ns_find(&all) == 0);
	CHECK_STR(all->servers, "a.test:1111,b.test:2222");
	CHECK(!all->problem);
	REQUIRE(all->n == 6);
	for (i = 0; i < all->n; i++)
		CHECK_INT(all->steps[i]->verdict, expected[i]);
	CHECK_STR(all->steps[1]->place, path);
	CHECK_STR(all->steps[3]->place, "_pyrite._tcp.example.test");
	CHECK_STR(all->steps[5]->text, "127.0.0.1:9090");
	pyr_free(all);
	CHECK_INT(pyr_ns_find(NULL), -PYR_INVALID_ARGUMENT);
}

/* DNS is asked, and does not answer until it is let. */
static void hold(void)
{
	char text[FOUND_TEXT_MAX];
	int before;

	forget();
	before = atomic_load(&dns.n_asked);
	atomic_store(&is_held, true);
	while (naming_find(engine_until(1), text, sizeof(text), &problem) == 0) {
		naming_find_again();
		usleep(10000);
	}
	CHECK_INT(problem.code, PYR_DEADLINE_EXCEEDED);
	CHECK_HAS(problem.text, "no answer from DNS or UDP yet");
	while (atomic_load(&dns.n_asked) == before) /* which is under way */
		usleep(1000);
}

static void *find_in_thread(void *data)
{
	char text[FOUND_TEXT_MAX];
	struct uri_problem own;

	(void)data;
	CHECK_INT(naming_find(ENGINE_FOREVER, text, sizeof(text), &own), 0);
	CHECK_STR(text, "a.test:1111,b.test:2222");
	return NULL;
}

TEST(all_who_want_to_know_wait_for_one_search)
{
	pthread_t threads[8];
	int i, before;

	hold();
	before = atomic_load(&dns.n_asked);
	for (i = 0; i < 8; i++)
		REQUIRE(pthread_create(&threads[i], NULL, find_in_thread, NULL) == 0);
	usleep(20000); /* so that most of them wait; none has to */
	atomic_store(&is_held, false);
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(atomic_load(&dns.n_asked), before);
}

static int wait_for_it(void *data)
{
	char *text = malloc(FOUND_TEXT_MAX);
	struct uri_problem own;

	*(int *)data = naming_find(ENGINE_FOREVER, text, FOUND_TEXT_MAX, &own);
	free(text);
	return 0;
}

static int go_on_meanwhile(void *data)
{
	int first = 1, second = 1, i;
	pyr_task *waits = pyr_task_start(wait_for_it, &first);
	pyr_task *gives_up = pyr_task_start(wait_for_it, &second);

	(void)data;
	for (i = 0; i < 20; i++)
		CHECK_INT(pyr_sleep(1), 0);
	CHECK_INT(first, 1); /* it waits, and this task has run */
	pyr_task_cancel(gives_up);
	CHECK_INT(pyr_task_join(gives_up), 0);
	CHECK_INT(second, -PYR_CANCELLED);
	atomic_store(&is_held, false);
	CHECK_INT(pyr_task_join(waits), 0);
	CHECK_INT(first, 0);
	return 0;
}

TEST(a_task_that_waits_holds_up_no_other)
{
	struct pyr_tasks_options small = { .stack_size = 16 << 10 };

	hold();
	CHECK_INT(pyr_tasks_run_with(go_on_meanwhile, NULL, &small), 0);
}

TEST(dns_that_fails_is_an_error_which_is_not_kept)
{
	char text[FOUND_TEXT_MAX];

	atomic_store(&dns.data, &fails);
	forget();
	CHECK_INT(naming_find(ENGINE_FOREVER, text, sizeof(text), &problem), -PYR_UNAVAILABLE);
	CHECK(pyr_ns_locate(NULL) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
	CHECK_STR(pyr_errmsg(), "name server: _pyrite._tcp.example.test: DNS does not answer");
	atomic_store(&dns.data, &said);
	CHECK_INT(naming_find(ENGINE_FOREVER, text, sizeof(text), &problem), 0);
}

TEST(a_file_comes_before_dns)
{
	char text[FOUND_TEXT_MAX];

	CHECK_INT(read_text("from.file\n"), NAMING_TAKEN);
	naming_find_again();
	while (naming_find(ENGINE_FOREVER, text, sizeof(text), &problem) == 0 &&
	       strcmp(text, "from.file:9090") != 0) {
		naming_find_again();
		usleep(10000);
	}
	CHECK_STR(text, "from.file:9090");
	REQUIRE(unlink(path) == 0);
}

/* Settings are read once, at the first question. */
TEST(a_place_is_made_for_the_test)
{
	char address[32], pyrite[64];

	unsetenv("PYRITE_NS_HOST");
	unsetenv("PYRITE_NS_PORT");
	unsetenv("PYRITE_NS_BROADCAST");
	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(pyrite, sizeof(pyrite), "%s/pyrite", folder);
	snprintf(path, sizeof(path), "%s/pyrite/ns", folder);
	REQUIRE(mkdir(pyrite, 0700) == 0);
	setenv("XDG_CONFIG_HOME", folder, 1);
	setenv("PYRITE_NS_DOMAIN", "example.test", 1);
	answerer_start(&dns);
	setenv("PYRITE_NS_DNS", answerer_address(&dns, address), 1);
}

TEST(what_was_made_for_the_test_is_removed)
{
	path[strlen(path) - strlen("/ns")] = '\0';
	CHECK_INT(rmdir(path), 0);
	CHECK_INT(rmdir(folder), 0);
	answerer_stop(&dns);
}

TESTS(naming_find, T(a_place_is_made_for_the_test), T(a_list_has_each_server_once_in_its_order),
      T(a_list_has_an_end), T(a_file_has_addresses_and_comments),
      T(a_file_that_names_none_or_is_not_there_is_no_error),
      T(bad_lines_are_told_with_their_number), T(what_is_no_text_is_refused),
      T(what_others_may_write_is_not_believed), T(who_answers_is_taken),
      T(answers_that_cannot_be_right_are_not_believed), T(who_was_not_asked_is_not_believed),
      T(a_flood_ends_within_the_time), T(nobody_is_waited_for_as_long_as_is_said),
      T(whom_to_ask_is_checked), T(what_was_found_is_kept_until_it_does_not_help),
      T(a_search_anew_tells_each_step), T(all_who_want_to_know_wait_for_one_search),
      T(a_task_that_waits_holds_up_no_other), T(dns_that_fails_is_an_error_which_is_not_kept),
      T(a_file_comes_before_dns), T(what_was_made_for_the_test_is_removed))
