/* SPDX-License-Identifier: MIT */
/* The unix socket of a door, and the lock file that keeps two doors off one path. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <pyrite/pyrite.h>

#include "base/file.h"
#include "base/log.h"
#include "door/door_listen.h"

#define LOCK_SUFFIX   ".lock"
#define LOCK_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(LOCK_SUFFIX))
/* A former owner may remove the file between our open() and flock(): then there is a new one. */
#define LOCK_ATTEMPTS 100

static void lock_path(const char *path, char ret[LOCK_PATH_MAX])
{
	snprintf(ret, LOCK_PATH_MAX, "%s" LOCK_SUFFIX, path);
}

/* The pid that the owner wrote into his lock file, 0 if it cannot be told. */
static long owner_of(int fd)
{
	char text[24] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static int refuse_locked(int fd, const char *path, struct door_problem *problem)
{
	long pid = owner_of(fd);
	char by[48] = "another process";

	if (pid > 0)
		snprintf(by, sizeof(by), "process %ld", pid);
	close(fd);
	return door_fail(problem, PYR_ALREADY_EXISTS, "cannot listen on ./u:%s: %s listens there",
			 path, by);
}

/* errno says why. */
static int cannot_lock(int fd, const char *path, const char *name, struct door_problem *problem)
{
	int number = errno;

	if (fd >= 0)
		close(fd);
	return door_fail(problem, door_errno_status(number),
			 "cannot listen on ./u:%s: lock file %s: %s", path, name, strerror(number));
}

/* Returns the locked file, or minus a status; *again if the file was not the path's any more. */
static int try_lock(const char *path, bool *again, struct door_problem *problem)
{
	char name[LOCK_PATH_MAX];
	struct stat ours, theirs;
	int fd;

	*again = false;
	lock_path(path, name);
	fd = file_open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(fd, &ours) < 0)
		return cannot_lock(fd, path, name, problem);
	if (!S_ISREG(ours.st_mode) || ours.st_uid != geteuid()) {
		close(fd);
		return door_fail(problem, PYR_PERMISSION_DENIED,
				 "cannot listen on ./u:%s: lock file %s is not a file of this user",
				 path, name);
	}
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return refuse_locked(fd, path, problem);
		if (errno != EINTR)
			return cannot_lock(fd, path, name, problem);
	}
	if (lstat(name, &theirs) == 0 && theirs.st_ino == ours.st_ino &&
	    theirs.st_dev == ours.st_dev)
		return fd;
	close(fd);
	*again = true;
	return door_fail(problem, PYR_UNAVAILABLE,
			 "cannot listen on ./u:%s: lock file %s keeps being removed", path, name);
}

static int take_lock(const char *path, struct door_problem *problem)
{
	bool again = true;
	int fd = -1, attempt;
	char pid[24];

	for (attempt = 0; again && attempt < LOCK_ATTEMPTS; attempt++)
		fd = try_lock(path, &again, problem);
	if (fd < 0)
		return fd;
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	/* Only for the message of who meets the lock: without it he is told less. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		log_line(PYR_LOG_WARNING, "lock file of ./u:%s: %s", path, strerror(errno));
	return fd;
}

static void drop_lock(int fd, const char *path)
{
	char name[LOCK_PATH_MAX];

	lock_path(path, name);
	unlink(name);
	close(fd);
}

/* Under the lock: a socket in the way belongs to nobody, or to a program that knows no lock file.
 */
static int clear_stale(const struct sockaddr_un *sa, struct door_problem *problem)
{
	const char *path = sa->sun_path;
	struct stat st;
	int fd, answer;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : door_fail(problem, door_errno_status(errno),
					   "cannot listen on ./u:%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return door_fail(problem, PYR_ALREADY_EXISTS,
				 "cannot listen on ./u:%s: there is a file that is not a socket",
				 path);
	if (st.st_uid != geteuid())
		return door_fail(problem, PYR_PERMISSION_DENIED,
				 "cannot listen on ./u:%s: there is a socket of another user",
				 path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return door_fail(problem, door_errno_status(errno), "cannot listen on ./u:%s: %s",
				 path, strerror(errno));
	answer = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? errno : 0;
	close(fd);
	if (answer == 0 || answer == EAGAIN)
		return door_fail(problem, PYR_ALREADY_EXISTS,
				 "cannot listen on ./u:%s: another program listens there", path);
	if (answer != ECONNREFUSED && answer != ENOENT)
		return door_fail(problem, door_errno_status(answer),
				 "cannot listen on ./u:%s: there is a socket, and connecting to it "
				 "fails: %s",
				 path, strerror(answer));
	if (unlink(path) < 0 && errno != ENOENT)
		return door_fail(problem, door_errno_status(errno),
				 "cannot replace the dead socket ./u:%s: %s", path,
				 strerror(errno));
	return 0;
}

static int bind_unix(struct door_listeners *listeners, const struct sockaddr_un *sa,
		     struct door_problem *problem)
{
	struct stat st;
	int saved, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0) {
		if (listen(fd, SOMAXCONN) == 0 && stat(sa->sun_path, &st) == 0) {
			listeners->dev = st.st_dev;
			listeners->ino = st.st_ino;
			listeners->fds[listeners->n++] = fd;
			return 0;
		}
		saved = errno;
		unlink(sa->sun_path);
		errno = saved;
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	return door_fail(problem, door_errno_status(saved), "cannot listen on ./u:%s: %s",
			 sa->sun_path, strerror(saved));
}

/* The path as any directory has it, as it goes into URIs. A socket's own length is the most. */
static int make_absolute(const char *path, char *ret, size_t n, struct door_problem *problem)
{
	const char *slash = "";
	int length = 0;

	if (path[0] == '\0')
		return door_fail(problem, PYR_INVALID_ARGUMENT, "path of the unix socket is empty");
	if (path[0] != '/') {
		if (!getcwd(ret, n))
			return door_fail(
				problem, PYR_INVALID_ARGUMENT,
				"cannot find the absolute path of the unix socket %.200s: %s", path,
				strerror(errno));
		length = (int)strlen(ret);
		slash = "/";
	}
	snprintf(ret + length, n - (size_t)length, "%s%s", slash, path);
	if (strchr(ret, ':'))
		return door_fail(
			problem, PYR_INVALID_ARGUMENT,
			"path of the unix socket has a ':', which a URI cannot contain: %.200s",
			ret);
	return 0;
}

int door_listen_unix(struct door_listeners *listeners, const struct door_options *options,
		     struct door_problem *problem)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	size_t n;
	int code = make_absolute(options->socket, path, sizeof(path), problem);

	if (code < 0)
		return code;
	n = strlen(path);
	if (n >= sizeof(sa.sun_path))
		return door_fail(
			problem, PYR_INVALID_ARGUMENT,
			"path of the unix socket has %zu bytes, %zu are possible: %.40s...", n,
			sizeof(sa.sun_path) - 1, path);
	memcpy(sa.sun_path, path, n);
	code = options->insecure ? 0 : door_check_folder(path, problem);
	if (code < 0)
		return code;
	listeners->lock = take_lock(path, problem);
	if (listeners->lock < 0)
		return listeners->lock;
	code = clear_stale(&sa, problem);
	if (code == 0)
		code = bind_unix(listeners, &sa, problem);
	if (code < 0) {
		drop_lock(listeners->lock, path);
		listeners->lock = -1;
		return code;
	}
	listeners->is_unix = true;
	memcpy(listeners->path, path, n + 1);
	snprintf(listeners->address, sizeof(listeners->address), "./u:%s", path);
	return 0;
}

/* Somebody who knows no lock may have put his own socket there: it stays. */
void door_unlisten_unix(struct door_listeners *listeners)
{
	struct stat st;

	if (lstat(listeners->path, &st) == 0 && st.st_dev == listeners->dev &&
	    st.st_ino == listeners->ino)
		unlink(listeners->path);
	drop_lock(listeners->lock, listeners->path);
	listeners->lock = -1;
	listeners->path[0] = '\0';
}
