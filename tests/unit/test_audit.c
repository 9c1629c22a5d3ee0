/* SPDX-License-Identifier: MIT */
/* The audit log: what a line is, how much a source may say, where lines go, and that nobody waits
 * for that. */
#include "base/audit.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static const struct timespec at = { 1764471013, 42999999 };
static char folder[] = "/tmp/pyrite.audit.XXXXXX", path[64];
static struct audit_problem problem;

static const char *line_of(const struct audit_event *event)
{
	static char line[AUDIT_LINE];
	size_t n = audit_line(line, event, &at);

	CHECK_INT(strlen(line), n);
	CHECK(n < AUDIT_LINE);
	CHECK(strchr(line, '\n') == line + n - 1);
	return line;
}

TEST(a_line_says_when_who_from_where_what_and_by_which_rule)
{
	struct audit_event event = { .who = "cert:web",
				     .from = "192.0.2.7:4000",
				     .action = "call",
				     .target = "shop.Cart.add",
				     .object = "cart",
				     .decision = "refused",
				     .file = "/etc/rules",
				     .line = 7,
				     .why = "no",
				     .count = 3 };
	struct audit_event bare = { .action = "reload", .decision = "done" };

	CHECK_STR(line_of(&event),
		  "{\"time\":\"2025-11-30T02:50:13.042Z\",\"who\":\"cert:web\",\"from\":"
		  "\"192.0.2.7:4000\",\"action\":\"call\",\"target\":\"shop.Cart.add\","
		  "\"object\":\"cart\",\"decision\":\"refused\",\"rule\":\"/etc/rules:7\","
		  "\"why\":\"no\",\"count\":3}\n");
	CHECK_STR(line_of(&bare), "{\"time\":\"2025-11-30T02:50:13.042Z\",\"who\":\"\",\"from\":"
				  "\"\",\"action\":\"reload\",\"decision\":\"done\"}\n");
	event.line = 0;
	CHECK_HAS(line_of(&event), "\"rule\":\"/etc/rules\",");
}

TEST(what_others_say_stays_inside_its_quotes)
{
	struct audit_event event = { .action = "x", .decision = "refused" };

	event.who = "a\"b\\c\n{\"who\":\"root\"}\r\x1b[2J\x7f";
	CHECK_HAS(line_of(&event), "\"who\":\"a\\\"b\\\\c\\u000a{\\\"who\\\":\\\"root\\\"}"
				   "\\u000d\\u001b[2J\\u007f\"");
	event.who = "\xff\xc3(\xe2\x80\xa8\xe2\x80\xae\xc2\x85\xc3\xa9\xf0\x9f\x98\x80\xe2\x80";
	CHECK_HAS(line_of(&event), "\"who\":\"\\ufffd\\ufffd(\\u2028\\u202e\\u0085\xc3\xa9"
				   "\xf0\x9f\x98\x80\\ufffd\\ufffd\"");
}

TEST(a_line_is_never_too_long)
{
	static char bad[100000], good[100000];
	struct audit_event event = { bad, bad, bad, bad, bad, bad, good, 4000000000u, bad, ~0ull };

	memset(bad, 1, sizeof(bad) - 1);
	memset(good, 'x', sizeof(good) - 1);
	CHECK_HAS(line_of(&event), "\\u0001...\",\"from\"");
	CHECK_HAS(line_of(&event), "\"count\":18446744073709551615}\n");
}

/* ---- how much ---- */

static int refused(struct audit_rate *rate, const char *from, const char *who, int n, int64_t now)
{
	struct audit_event event = { .who = who, .from = from, .decision = "refused" };
	int i, taken = 0;

	for (i = 0; i < n; i++)
		taken += audit_rate_take(rate, &event, now);
	return taken;
}

TEST(a_source_that_says_too_much_is_cut_off_and_counted)
{
	static struct audit_rate rate;
	struct audit_event done = { .from = "10.0.0.3:1", .decision = "done" };
	char name[AUDIT_SOURCE];
	uint64_t n;
	int i, taken = 0;

	CHECK_INT(refused(&rate, "10.0.0.1:1", "", 100, 1000), 20);
	CHECK_INT(refused(&rate, "10.0.0.1:2", "", 100, 1000), 0); /* the port does not matter */
	CHECK_INT(refused(&rate, "10.0.0.2:1", "", 100, 1000), 20);
	CHECK_INT(refused(&rate, "10.0.0.1:1", "", 100, 2000), 10);
	CHECK(audit_rate_next(&rate, name, &n));
	CHECK_STR(name, "10.0.0.1");
	CHECK_INT(n, 80 + 100 + 90);
	CHECK(audit_rate_next(&rate, name, &n));
	CHECK_STR(name, "10.0.0.2");
	CHECK_INT(n, 80);
	CHECK(!audit_rate_next(&rate, name, &n));
	for (i = 0; i < 2000; i++)
		taken += audit_rate_take(&rate, &done, 2000);
	CHECK_INT(taken, 1000);
}

TEST(sources_are_hosts_networks_of_ipv6_and_users)
{
	static struct audit_rate rate;

	CHECK_INT(refused(&rate, "[2001:db8:1:2::1]:1", "", 15, 1000), 15);
	CHECK_INT(refused(&rate, "[2001:db8:1:2:9::7]:1", "", 15, 1000), 5);
	CHECK_INT(refused(&rate, "[2001:db8:1:3::1]:1", "", 15, 1000), 15);
	CHECK_INT(refused(&rate, "./u:/run/x", "uid:7", 15, 1000), 15);
	CHECK_INT(refused(&rate, "./u:/run/x", "uid:8", 15, 1000), 15);
	CHECK_INT(refused(&rate, "./u:/run/y", "uid:7", 15, 1000), 5);
	CHECK_INT(refused(&rate, "", "", 1000, 1000), 1000); /* its own doing */
}

TEST(very_many_sources_take_no_more_room_and_say_no_more_together)
{
	static struct audit_rate rate;
	char from[32], name[AUDIT_SOURCE];
	uint64_t n, left_out = 0;
	int i, taken = 0;

	for (i = 0; i < 10000; i++) {
		sprintf(from, "10.0.%d.%d:1", i / 256, i % 256);
		taken += refused(&rate, from, "", 1, 1000);
	}
	CHECK_INT(taken, 160);
	while (audit_rate_next(&rate, name, &n))
		left_out += n;
	CHECK_INT(left_out, 10000 - 160);
}

/* ---- where to ---- */

static void say(struct audit *audit, const char *what)
{
	struct audit_event event = { .action = what, .decision = "done" };

	audit_say(audit, &event);
}

static struct audit *open_at(const char *where)
{
	struct audit_options options = { .where = where };

	return audit_open(&options, &problem);
}

static void end(struct audit *audit)
{
	audit_close(audit);
	audit_unref(audit);
}

static const char *text_of(const char *name)
{
	static char text[65536];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

/* Waits until the file has the text. */
static bool gets(const char *name, const char *text)
{
	int i;

	for (i = 0; i < 1000 && !strstr(text_of(name), text); i++)
		poll(NULL, 0, 10);
	return i < 1000;
}

static void begin(void)
{
	if (!path[0]) {
		REQUIRE(mkdtemp(folder) != NULL);
		snprintf(path, sizeof(path), "%s/audit", folder);
	}
	(void)unlink(path);
}

TEST(lines_are_appended_to_a_file_of_its_owners)
{
	struct audit *audit;
	struct stat st;

	begin();
	audit = open_at(path);
	REQUIRE(audit != NULL);
	say(audit, "first");
	end(audit); /* with what was said */
	CHECK_HAS(text_of(path), "\"action\":\"first\"");
	REQUIRE(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	audit = open_at(path);
	REQUIRE(audit != NULL);
	say(audit, "second");
	end(audit);
	CHECK_HAS(text_of(path), "\"action\":\"first\"");
	CHECK_HAS(text_of(path), "\"action\":\"second\"");
}

TEST(a_file_that_was_moved_is_opened_again)
{
	struct audit *audit;
	char moved[80];

	begin();
	snprintf(moved, sizeof(moved), "%s.1", path);
	audit = open_at(path);
	REQUIRE(audit != NULL);
	say(audit, "before");
	CHECK(gets(path, "before"));
	REQUIRE(rename(path, moved) == 0);
	say(audit, "after");
	CHECK(gets(path, "after"));
	CHECK(!strstr(text_of(moved), "after"));
	REQUIRE(unlink(moved) == 0 && unlink(path) == 0);
	say(audit, "again");
	CHECK(gets(path, "again"));
	end(audit);
}

TEST(a_relative_path_is_that_of_the_folder_at_the_start)
{
	char *before = getcwd(NULL, 0);
	struct audit *audit;

	begin();
	REQUIRE(before != NULL && chdir(folder) == 0);
	audit = open_at("audit");
	REQUIRE(audit != NULL && chdir(before) == 0);
	REQUIRE(unlink(path) == 0);
	say(audit, "elsewhere");
	end(audit);
	CHECK_HAS(text_of(path), "elsewhere");
	free(before);
}

TEST(a_log_that_cannot_be_opened_is_refused)
{
	begin();
	CHECK(open_at("/nowhere/audit") == NULL);
	CHECK_HAS(problem.text, "cannot open /nowhere/audit: No such file");
	CHECK(open_at(folder) == NULL);
	CHECK_HAS(problem.text, "Is a directory");
	REQUIRE(mkfifo(path, 0600) == 0);
	CHECK(open_at(path) == NULL); /* nobody reads it, and nobody waits for that */
}

static atomic_int n_errors;

static void count_errors(enum pyr_log_level level, const char *text, void *data)
{
	(void)data;
	if (level == PYR_LOG_ERROR && strstr(text, "cannot be written"))
		atomic_fetch_add(&n_errors, 1);
}

/* A pipe that is full stands for a disk that is. */
TEST(what_cannot_be_written_is_told_once_and_counted)
{
	static char text[262144];
	struct audit *audit;
	int fd, i;

	begin();
	REQUIRE(mkfifo(path, 0600) == 0);
	fd = open(path, O_RDWR | O_NONBLOCK);
	audit = open_at(path);
	REQUIRE(fd >= 0 && audit != NULL);
	while (write(fd, text, 1) > 0)
		continue;
	pyr_set_log(count_errors, PYR_LOG_ERROR, NULL);
	say(audit, "lost");
	for (i = 0; i < 1000 && n_errors == 0; i++)
		poll(NULL, 0, 10);
	while (read(fd, text, sizeof(text)) > 0)
		continue;
	say(audit, "last");
	end(audit);
	i = (int)read(fd, text, sizeof(text) - 1);
	REQUIRE(i > 0);
	text[i] = '\0';
	pyr_set_log(NULL, 0, NULL);
	CHECK_HAS(text, "\"decision\":\"left out\",\"why\":\"they could not be written\",");
	CHECK_HAS(text, "\"action\":\"last\"");
	CHECK_INT(n_errors, 1);
	close(fd);
}

/* ---- callbacks ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int n;
	bool waits;
	char last[AUDIT_LINE];
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static void hear(const char *line, void *data)
{
	pthread_mutex_lock(&heard.lock);
	heard.n++;
	snprintf(heard.last, sizeof(heard.last), "%s", line);
	pthread_cond_broadcast(&heard.cond);
	while (heard.waits)
		pthread_cond_wait(&heard.cond, &heard.lock);
	pthread_mutex_unlock(&heard.lock);
	CHECK(data == &heard);
}

static void set_waits(bool waits)
{
	pthread_mutex_lock(&heard.lock);
	heard.waits = waits;
	pthread_cond_broadcast(&heard.cond);
	pthread_mutex_unlock(&heard.lock);
}

TEST(a_callback_that_does_not_return_holds_up_nobody)
{
	struct audit_options options = { .where = "", .heard = hear, .data = &heard };
	struct audit *audit = audit_open(&options, &problem);
	int i;

	REQUIRE(audit != NULL);
	set_waits(true);
	heard.n = 0;
	for (i = 0; i < 5000; i++) /* 128 KiB have room for a quarter of that */
		say(audit, "much");
	set_waits(false);
	end(audit);
	CHECK(heard.n > 500 && heard.n < 5000);
	CHECK_HAS(heard.last, "\"why\":\"they came faster than they could be written\",\"count\":");
	CHECK(heard.last[strlen(heard.last) - 1] == '}');
	say(audit_ref(NULL), "nothing");
	audit_close(NULL);
	audit_unref(NULL);
}

static char logged[AUDIT_LINE];
static int logged_as;

void __wrap_syslog(int priority, const char *format, ...);
void __wrap_syslog(int priority, const char *format, ...)
{
	va_list args;

	logged_as = priority;
	va_start(args, format);
	vsnprintf(logged, sizeof(logged), format, args);
	va_end(args);
}

TEST(lines_go_to_syslog)
{
	struct audit *audit = open_at(AUDIT_SYSLOG);

	REQUIRE(audit != NULL);
	say(audit, "%s%n");
	end(audit);
	CHECK_HAS(logged, "\"action\":\"%s%n\"");
	CHECK(strchr(logged, '\n') == NULL);
	CHECK_INT(logged_as, LOG_AUTHPRIV | LOG_NOTICE);
	(void)unlink(path);
	CHECK_INT(rmdir(folder), 0);
}

TESTS(audit, T(a_line_says_when_who_from_where_what_and_by_which_rule),
      T(what_others_say_stays_inside_its_quotes), T(a_line_is_never_too_long),
      T(a_source_that_says_too_much_is_cut_off_and_counted),
      T(sources_are_hosts_networks_of_ipv6_and_users),
      T(very_many_sources_take_no_more_room_and_say_no_more_together),
      T(lines_are_appended_to_a_file_of_its_owners), T(a_file_that_was_moved_is_opened_again),
      T(a_relative_path_is_that_of_the_folder_at_the_start),
      T(a_log_that_cannot_be_opened_is_refused), T(what_cannot_be_written_is_told_once_and_counted),
      T(a_callback_that_does_not_return_holds_up_nobody), T(lines_go_to_syslog))
