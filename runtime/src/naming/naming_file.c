/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* secure_getenv() */
#include "naming/naming_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* Written once: the environment is not asked again, because getenv() races with setenv(). */
static struct {
	pthread_once_t once;
	char path[256];
} own = { .once = PTHREAD_ONCE_INIT };

static void find_own(void)
{
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int n = 0;

	if (config && config[0] == '/') /* the specification: others are to be ignored */
		n = snprintf(own.path, sizeof(own.path), "%s/pyrite/ns", config);
	else if (home && home[0] == '/')
		n = snprintf(own.path, sizeof(own.path), "%s/.config/pyrite/ns", home);
	if (n >= (int)sizeof(own.path))
		own.path[0] = '\0';
}

const char *naming_file_own(void)
{
	pthread_once(&own.once, find_own);
	return own.path;
}

/* The step says the place itself. */
static enum naming_verdict refuse(const char *path, struct naming_step *step,
				  const struct uri_problem *problem)
{
	size_t n = strlen(path);
	const char *text = problem->text;

	if (strncmp(text, path, n) == 0 && text[n])
		text += n + 1;
	return found_say(step, NAMING_WRONG, "%s", text);
}

static enum naming_verdict cannot_read(const char *path, int number, struct naming_step *step,
				       struct uri_problem *problem)
{
	if (number == ENOENT || number == ENOTDIR)
		return found_say(step, NAMING_NOTHING, "not there");
	problem->code = PYR_FAILED_PRECONDITION;
	if (number == FILE_IS_OTHERS)
		snprintf(problem->text, sizeof(problem->text),
			 "%s is not used: users other than its owner can write it, or its owner is "
			 "neither this user nor root (chmod go-w, chown)",
			 path);
	else
		snprintf(problem->text, sizeof(problem->text), "cannot read %s: %s", path,
			 strerror(number));
	return refuse(path, step, problem);
}

/* One line, which is changed. */
static int read_line(char *line, uint16_t default_port, struct found_servers *servers,
		     struct uri_problem *problem)
{
	line[strcspn(line, "#")] = '\0';
	return found_add_list(servers, line, default_port, problem);
}

static int read_lines(const char *path, char *text, uint16_t default_port,
		      struct found_servers *servers, struct uri_problem *problem)
{
	struct uri_problem inner;
	unsigned number = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		number++;
		if (read_line(line, default_port, servers, &inner) == 0)
			continue;
		problem->code = inner.code;
		if (snprintf(problem->text, sizeof(problem->text), "%s:%u: %s", path, number,
			     inner.text) < 0)
			problem->text[0] = '\0';
		return -problem->code;
	}
	return 0;
}

static bool is_text(const char *path, const char *text, size_t n, struct uri_problem *problem)
{
	if (n <= NAMING_FILE_MAX && !memchr(text, '\0', n))
		return true;
	problem->code = PYR_INVALID_ARGUMENT;
	snprintf(problem->text, sizeof(problem->text),
		 n > NAMING_FILE_MAX ? "%s is larger than 64 KiB" : "%s has a NUL byte", path);
	return false;
}

enum naming_verdict naming_file_read(const char *path, uint16_t default_port,
				     struct found_servers *servers, struct naming_step *step,
				     struct uri_problem *problem)
{
	char *text;
	size_t n;
	int number = file_read_trusted(path, &text, &n);
	bool is_good;

	if (number)
		return cannot_read(path, number, step, problem);
	is_good = is_text(path, text, n, problem) &&
		  read_lines(path, text, default_port, servers, problem) == 0;
	free(text);
	if (!is_good)
		return refuse(path, step, problem);
	if (servers->n == 0)
		return found_say(step, NAMING_NOTHING, "has no address");
	return found_say(step, NAMING_TAKEN, "%s", servers->text);
}
