/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "test.h"

#include <errno.h>

static char last[2048];
static int lines, last_level;

static void note(enum pyr_log_level level, const char *text, void *data)
{
	(*(int *)data)++;
	last_level = (int)level;
	snprintf(last, sizeof(last), "%s", text);
	errno = ENOENT;
}

TEST(nobody_listens_at_first)
{
	unsetenv("PYRITE_LOG"); /* read at the log's first use, below */
	CHECK(!log_is_on(PYR_LOG_ERROR));
	log_line(PYR_LOG_ERROR, "said to nobody");
	CHECK_INT(lines, 0);
}

TEST(a_callback_hears_its_level_and_graver_ones)
{
	pyr_set_log(note, PYR_LOG_WARNING, &lines);
	CHECK(log_is_on(PYR_LOG_ERROR) && log_is_on(PYR_LOG_WARNING) && !log_is_on(PYR_LOG_INFO));
	log_line(PYR_LOG_WARNING, "link to %s lost", "h:1");
	CHECK_INT(lines, 1);
	CHECK_INT(last_level, PYR_LOG_WARNING);
	CHECK_STR(last, "link to h:1 lost");
	log_line(PYR_LOG_INFO, "not heard");
	CHECK_INT(lines, 1);
	pyr_set_log(NULL, PYR_LOG_DEBUG, NULL);
	CHECK(!log_is_on(PYR_LOG_ERROR));
	log_line(PYR_LOG_ERROR, "not heard");
	CHECK_INT(lines, 1);
}

TEST(a_line_is_one_line_and_bounded)
{
	char big[3000];

	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	pyr_set_log(note, PYR_LOG_DEBUG, &lines);
	log_line(PYR_LOG_DEBUG, "a\nb");
	CHECK_STR(last, "a\\nb");
	log_line(PYR_LOG_DEBUG, "%s", big);
	CHECK_INT(strlen(last), 1023);
	pyr_set_log(NULL, PYR_LOG_DEBUG, NULL);
}

TEST(errno_survives_a_line)
{
	pyr_set_log(note, PYR_LOG_DEBUG, &lines);
	errno = EAGAIN;
	log_line(PYR_LOG_DEBUG, "x");
	CHECK_INT(errno, EAGAIN);
	pyr_set_log(NULL, PYR_LOG_DEBUG, NULL);
}

TESTS(log, T(nobody_listens_at_first), T(a_callback_hears_its_level_and_graver_ones),
      T(a_line_is_one_line_and_bounded), T(errno_survives_a_line))
