/* SPDX-License-Identifier: MIT */
/*
 * Where the lines of the audit log go. A file is opened again when it was moved or removed, so that
 * logrotate needs to tell nobody. A failure is told once, and what it cost is a line as soon as
 * lines can be written again.
 */
#define _GNU_SOURCE /* asprintf() */
#include "base/audit_parts.h"

#include <pyrite/pyrite.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

/* Not to wait for the reader of a pipe, nor to have a terminal. */
static int open_file(const char *path)
{
	return file_open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			 0600);
}

/* As it is now, wherever the process goes later. NULL when memory is out. */
static char *absolute(const char *path)
{
	char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *whole = NULL;

	if (!folder)
		return strdup(path);
	if (asprintf(&whole, "%s/%s", folder, path) < 0)
		whole = NULL;
	free(folder);
	return whole;
}

bool audit_sink_open(struct audit_sink *sink, const char *where, struct audit_problem *problem)
{
	struct stat info;

	*sink = (struct audit_sink){ .fd = -1 };
	if (!where[0])
		return true;
	sink->is_syslog = strcmp(where, AUDIT_SYSLOG) == 0;
	if (sink->is_syslog)
		return true;
	sink->path = absolute(where);
	sink->fd = sink->path ? open_file(where) : -1;
	if (sink->fd < 0) {
		problem->code = sink->path ? PYR_INVALID_ARGUMENT : PYR_RESOURCE_EXHAUSTED;
		snprintf(problem->text, sizeof(problem->text), "cannot open %.300s: %s", where,
			 sink->path ? strerror(errno) : "out of memory");
		return false;
	}
	if (fstat(sink->fd, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 022))
		log_line(PYR_LOG_WARNING, "the audit log %s can be written by others: chmod 600 it",
			 where);
	return true;
}

void audit_sink_close(struct audit_sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	free(sink->path);
}

/* What is at the path is another file, or none. */
static bool has_moved(const struct audit_sink *sink)
{
	struct stat there, open_one;

	if (stat(sink->path, &there) < 0)
		return errno == ENOENT;
	return fstat(sink->fd, &open_one) == 0 &&
	       (there.st_ino != open_one.st_ino || there.st_dev != open_one.st_dev);
}

static void follow(struct audit_sink *sink)
{
	int fd;

	if (!has_moved(sink))
		return;
	fd = open_file(sink->path);
	if (fd < 0)
		return; /* the old one will do */
	close(sink->fd);
	sink->fd = fd;
	sink->is_torn = false;
}

static uint64_t count_lines(const char *lines, size_t n)
{
	uint64_t count = 0;
	const char *end;

	for (; (end = memchr(lines, '\n', n)) != NULL; lines = end + 1, count++)
		n -= (size_t)(end + 1 - lines);
	return count;
}

/* Returns false, with errno, if not all of it was written; *ret: how much was. */
static bool write_all(int fd, const char *bytes, size_t n, size_t *ret)
{
	ssize_t done;

	for (*ret = 0; *ret < n; *ret += (size_t)done) {
		done = write(fd, bytes + *ret, n - *ret);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return false;
	}
	return true;
}

static bool write_file(struct audit_sink *sink, const char *lines, size_t n)
{
	size_t done = 0;

	if (sink->is_torn && !write_all(sink->fd, "\n", 1, &done))
		goto failed;
	sink->is_torn = false;
	done = 0;
	if (write_all(sink->fd, lines, n, &done)) {
		sink->is_failing = false;
		return true;
	}
	sink->is_torn = done > 0 && lines[done - 1] != '\n';
failed:
	if (!sink->is_failing)
		log_line(PYR_LOG_ERROR, "the audit log %s cannot be written: %s", sink->path,
			 strerror(errno));
	sink->is_failing = true;
	sink->lost += count_lines(lines + done, n - done);
	return false;
}

static void write_syslog(const char *lines, size_t n)
{
	const char *end;

	for (; (end = memchr(lines, '\n', n)) != NULL; lines = end + 1) {
		syslog(LOG_AUTHPRIV | LOG_NOTICE, "%.*s", (int)(end - lines), lines);
		n -= (size_t)(end + 1 - lines);
	}
}

/* What was lost meanwhile. Returns false if it still cannot be told. */
static bool tell_lost(struct audit_sink *sink)
{
	struct audit_event event = { .action = "audit",
				     .decision = "left out",
				     .why = "they could not be written",
				     .count = sink->lost };
	uint64_t before = sink->lost;
	char line[AUDIT_LINE];
	struct timespec now;

	if (sink->lost == 0)
		return true;
	clock_gettime(CLOCK_REALTIME, &now);
	if (!write_file(sink, line, audit_line(line, &event, &now))) {
		sink->lost = before;
		return false;
	}
	sink->lost -= before;
	return true;
}

void audit_sink_write(struct audit_sink *sink, const char *lines, size_t n)
{
	if (sink->is_syslog) {
		write_syslog(lines, n);
	} else if (sink->path) {
		follow(sink);
		if (tell_lost(sink))
			(void)write_file(sink, lines, n);
		else
			sink->lost += count_lines(lines, n);
	}
}
