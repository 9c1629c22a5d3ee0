/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/config.h"
#include "base/text.h"

enum { LINE = 1024 };

static struct {
	pthread_mutex_t lock; /* callback, data, level */
	pyr_log_cb callback;
	void *data;
	enum pyr_log_level level;
	pthread_once_t once;
	enum pyr_log_level to_stderr; /* PYRITE_LOG; written once */
	atomic_int wanted;            /* the higher of both levels */
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

static void read_setting(void)
{
	log_state.to_stderr = (enum pyr_log_level)config_peek(CONFIG_LOG);
	atomic_store(&log_state.wanted, (int)log_state.to_stderr);
}

bool log_is_on(enum pyr_log_level level)
{
	pthread_once(&log_state.once, read_setting);
	return (int)level <= atomic_load_explicit(&log_state.wanted, memory_order_relaxed);
}

static void print_line(enum pyr_log_level level, const char *text)
{
	static const char *const names[] = { "", "error", "warning", "info", "debug" };

	fprintf(stderr, "pyrite: %s: %s\n", names[level], text);
}

static void write_line(enum pyr_log_level level, const char *format, va_list args)
{
	char raw[LINE], text[LINE + 64];
	pyr_log_cb callback;
	void *data;

	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		return;
	text_escape(text, sizeof(text), raw, sizeof(raw));
	pthread_mutex_lock(&log_state.lock);
	callback = level <= log_state.level ? log_state.callback : NULL;
	data = log_state.data;
	pthread_mutex_unlock(&log_state.lock);
	if (callback)
		callback(level, text, data);
	if (level <= log_state.to_stderr)
		print_line(level, text);
}

void log_line(enum pyr_log_level level, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (!log_is_on(level))
		return;
	va_start(args, format);
	write_line(level, format, args);
	va_end(args);
	errno = saved;
}

void pyr_set_log(pyr_log_cb callback, enum pyr_log_level level, void *data)
{
	int wanted;

	pthread_once(&log_state.once, read_setting);
	if (level > PYR_LOG_DEBUG)
		level = PYR_LOG_DEBUG;
	pthread_mutex_lock(&log_state.lock);
	log_state.callback = callback;
	log_state.level = level;
	log_state.data = data;
	wanted = callback && level > log_state.to_stderr ? (int)level : (int)log_state.to_stderr;
	atomic_store(&log_state.wanted, wanted);
	pthread_mutex_unlock(&log_state.lock);
	config_report();
}
