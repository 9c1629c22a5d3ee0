/* SPDX-License-Identifier: MIT */
/* Lines of the log as programs read them: JSON on stderr, fields of a journal. */
#include "base/log.h"
#include "context/context.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "test.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct log_record record(const char *text)
{
	return (struct log_record){ .level = PYR_LOG_WARNING,
				    .level_name = "warning",
				    .text = text };
}

/* What is printed; valid until the next. */
static const char *printed(const struct log_record *r)
{
	static char text[8192];
	FILE *stream = fmemopen(text, sizeof(text), "w");

	REQUIRE(stream != NULL);
	log_print_json(r, stream);
	fclose(stream);
	return text;
}

TEST(a_line_is_json)
{
	struct log_record r = record("link to \"h\\\" lost");
	const char *line = printed(&r);
	char pid[64];

	snprintf(pid, sizeof(pid), "\", \"level\": \"warning\", \"pid\": %ld, ", (long)getpid());
	CHECK(strncmp(line, "{\"time\": \"20", 12) == 0);
	CHECK_HAS(line, pid);
	CHECK_HAS(line, "\"message\": \"link to \\\"h\\\\\\\" lost\"}\n");
	CHECK(strstr(line, "correlation_id") == NULL);
	snprintf(r.ids.correlation_id, sizeof(r.ids.correlation_id), "a\"b");
	snprintf(r.ids.traceparent, sizeof(r.ids.traceparent), TRACE);
	CHECK_HAS(printed(&r),
		  "lost\", \"correlation_id\": \"a\\\"b\", \"traceparent\": \"" TRACE "\"}\n");
}

TEST(a_long_line_is_whole)
{
	char text[1088];
	struct log_record r = record(text);
	const char *line;

	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(r.ids.correlation_id, '\\', sizeof(r.ids.correlation_id) - 1);
	line = printed(&r);
	CHECK_STR(line + strlen(line) - 4, "\\\"}\n");
	CHECK(strlen(line) > 2 * sizeof(text));
}

TEST(a_journal_gets_fields)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct log_record r = record("it is so");
	char folder[] = "/tmp/pyrite-journal-XXXXXX", got[8192];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t n;

	REQUIRE(fd >= 0 && mkdtemp(folder) != NULL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	CHECK(!log_send(&r, address.sun_path));
	REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	snprintf(r.ids.correlation_id, sizeof(r.ids.correlation_id), "order-7");
	snprintf(r.ids.traceparent, sizeof(r.ids.traceparent), TRACE);
	CHECK(log_send(&r, address.sun_path));
	n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	REQUIRE(n > 0);
	got[n] = '\0';
	CHECK_STR(got, "PRIORITY=4\nSYSLOG_IDENTIFIER=test_log_form\nMESSAGE=it is so\n"
		       "PYRITE_CORRELATION_ID=order-7\n"
		       "PYRITE_TRACE_ID=0af7651916cd43dd8448eb211c80319c\n"
		       "PYRITE_TRACEPARENT=" TRACE "\n");
	r.ids = (struct log_ids){ "", "" };
	r.level = PYR_LOG_ERROR;
	CHECK(log_send(&r, address.sun_path));
	n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	REQUIRE(n > 0);
	got[n] = '\0';
	CHECK_STR(got, "PRIORITY=3\nSYSLOG_IDENTIFIER=test_log_form\nMESSAGE=it is so\n");
	close(fd);
	unlink(address.sun_path);
	rmdir(folder);
}

/* In a child, as the log reads its settings once. */
TEST(lines_have_the_ids_of_the_thread_s_request)
{
	char text[4096] = "";
	int fds[2], status;
	pid_t child;
	ssize_t n;

	REQUIRE(pipe(fds) == 0);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		setenv("PYRITE_LOG", "info", 1);
		setenv("PYRITE_LOG_FORM", "json", 1);
		_exit(pyr_set_correlation_id("order-7") < 0 || pyr_set_traceparent(TRACE) < 0 ||
		      (log_line(PYR_LOG_INFO, "it is %s", "so"), 0));
	}
	close(fds[1]);
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	CHECK(n > 0);
	CHECK_HAS(text, "\"message\": \"it is so\", \"correlation_id\": \"order-7\", "
			"\"traceparent\": \"" TRACE "\"}\n");
}

TESTS(log_form, T(a_line_is_json), T(a_long_line_is_whole), T(a_journal_gets_fields),
      T(lines_have_the_ids_of_the_thread_s_request))
