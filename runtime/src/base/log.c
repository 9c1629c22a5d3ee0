/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log_form.h"
#include "base/text.h"

enum { LINE = 1024 };

static struct {
	pthread_mutex_t lock; /* callback, data, level */
	pyr_log_cb callback;
	void *data;
	enum pyr_log_level level;
	const struct log_settings *settings; /* written when the library is loaded */
	void (*ids)(struct log_ids *ret);    /* likewise; NULL: nobody knows */
	pthread_once_t once;
	enum pyr_log_level to_stderr; /* PYRITE_LOG; written once, like this: */
	enum log_form form;           /* PYRITE_LOG_FORM */
	atomic_int wanted;            /* the higher of both levels */
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

void log_set_settings(const struct log_settings *settings)
{
	log_state.settings = settings;
}

void log_set_ids(void (*ids)(struct log_ids *ret))
{
	log_state.ids = ids;
}

const char *log_level_name(enum pyr_log_level level)
{
	static const char *const names[] = { "off", "error", "warning", "info", "debug" };

	return names[level];
}

static void read_setting(void)
{
	if (log_state.settings) {
		log_state.to_stderr = log_state.settings->to_stderr();
		log_state.form = log_state.settings->form();
	}
	atomic_store(&log_state.wanted, (int)log_state.to_stderr);
}

bool log_is_on(enum pyr_log_level level)
{
	pthread_once(&log_state.once, read_setting);
	return (int)level <= atomic_load_explicit(&log_state.wanted, memory_order_relaxed);
}

/* The one case in which the library prints. */
static void print(enum pyr_log_level level, const char *text)
{
	struct log_record record = { .level = level,
				     .level_name = log_level_name(level),
				     .text = text };

	if (log_state.form != LOG_TEXT && log_state.ids)
		log_state.ids(&record.ids);
	if (log_state.form == LOG_JSON)
		log_print_json(&record, stderr);
	else if (log_state.form != LOG_JOURNAL || !log_send(&record, LOG_JOURNAL_SOCKET))
		fprintf(stderr, "pyrite: %s: %s\n", log_level_name(level), text);
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
		print(level, text);
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
	if (log_state.settings)
		log_state.settings->has_listener();
}
