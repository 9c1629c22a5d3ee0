/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_SAID_H
#define PYRITE_TEST_SAID_H
/* What the library's log says, kept so that a test can look. A file of its own has it once:
 * pyr_set_log(on_log, level, NULL). */
#include <pyrite/pyrite.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { SAID_PATIENCE_S = 20 };

static struct {
	pthread_mutex_t lock;
	char text[16384];
	size_t n;
} said = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline void on_log(enum pyr_log_level level, const char *line, void *data)
{
	(void)level;
	(void)data;
	pthread_mutex_lock(&said.lock);
	said.n += (size_t)snprintf(said.text + said.n, sizeof(said.text) - said.n, "%s\n", line);
	if (said.n > sizeof(said.text) - 1024)
		said.n = 0;
	pthread_mutex_unlock(&said.lock);
}

static inline bool is_said(const char *part)
{
	bool is;

	pthread_mutex_lock(&said.lock);
	is = strstr(said.text, part);
	pthread_mutex_unlock(&said.lock);
	return is;
}

/* How often. */
static inline unsigned count_said(const char *part)
{
	const char *at;
	unsigned n = 0;

	pthread_mutex_lock(&said.lock);
	for (at = said.text; (at = strstr(at, part)); at += strlen(part))
		n++;
	pthread_mutex_unlock(&said.lock);
	return n;
}

/* Waits for it. */
static inline bool was_said(const char *part)
{
	struct timespec now;
	time_t until;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until = now.tv_sec + SAID_PATIENCE_S;
	while (!is_said(part) && now.tv_sec < until) {
		poll(NULL, 0, 1);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	return is_said(part);
}

static inline void say_nothing(void)
{
	pthread_mutex_lock(&said.lock);
	said.text[said.n = 0] = '\0';
	pthread_mutex_unlock(&said.lock);
}
#endif
