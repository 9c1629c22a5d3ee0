/* SPDX-License-Identifier: MIT */
/*
 * The system calls, and what the C library makes of them. Each has the faults that a kernel may
 * report for it while the program does nothing wrong. EAGAIN is none: after it an edge-triggered
 * descriptor would never be told that it is ready, which no kernel does. Nor is a short transfer
 * there, which means that there is no more data or room; nor EINTR where nothing blocks. A short
 * transfer moves one byte.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

#define F(error)                                                                                   \
	{                                                                                          \
		error, #error                                                                      \
	}
#define SHORT                                                                                      \
	{                                                                                          \
		FAULT_SHORT, "a short transfer"                                                    \
	}
#define CLOSED_EINTR                                                                               \
	{                                                                                          \
		FAULT_CLOSED, "EINTR"                                                              \
	}
#define NO_MORE                                                                                    \
	{                                                                                          \
		0, NULL                                                                            \
	}

#define ASK(function, ...)                                                                         \
	static const struct fault faults_[] = { __VA_ARGS__, NO_MORE };                            \
	const struct fault *fault = torture_fault(TORTURE_SYSCALL, CALLER, #function, faults_)

static int fail(const struct fault *fault)
{
	errno = fault->error;
	return -1;
}

/* Whether a kernel reports this fault for a transfer of n bytes. EINTR interrupts what may block;
 * only files have EIO and ENOSPC. */
static bool fits(const struct fault *fault, int fd, size_t n, bool blocks)
{
	struct stat about;
	bool is_socket, is_file;

	blocks = blocks && !(NEXT(fcntl)(fd, F_GETFL) & O_NONBLOCK);
	if (NEXT(fstat)(fd, &about) < 0)
		return false;
	is_socket = S_ISSOCK(about.st_mode);
	is_file = S_ISREG(about.st_mode);
	switch (fault->error) {
	case FAULT_SHORT:
		return n > 1 && (is_file || (is_socket && blocks));
	case EINTR:
		return blocks;
	case EIO:
	case ENOSPC:
		return is_file;
	default:
		return is_socket;
	}
}

/* What is left of a fault for this transfer; a short one moves a byte. */
static const struct fault *fitting(const struct fault *fault, int fd, size_t *n, bool blocks)
{
	if (!fault || !fits(fault, fd, *n, blocks))
		return NULL;
	if (fault->error != FAULT_SHORT)
		return fault;
	*n = 1;
	return NULL;
}

/* ---- transfers ---- */

#define TRANSFER(ret_type, function, parameters, arguments, blocks, ...)                           \
	TORTURE_API ret_type function parameters                                                   \
	{                                                                                          \
		ASK(function, __VA_ARGS__);                                                        \
		fault = fitting(fault, fd, &n, blocks);                                            \
		return fault ? fail(fault) : NEXT(function) arguments;                             \
	}

TRANSFER(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n), true, F(EINTR), SHORT,
	 F(EIO))
TRANSFER(ssize_t, pread, (int fd, void *data, size_t n, off_t at), (fd, data, n, at), true,
	 F(EINTR), SHORT, F(EIO))
TRANSFER(ssize_t, pread64, (int fd, void *data, size_t n, off_t at), (fd, data, n, at), true,
	 F(EINTR), SHORT, F(EIO))
TRANSFER(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), true, F(EINTR), SHORT,
	 F(ENOSPC), F(EIO))
TRANSFER(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at), true,
	 F(EINTR), SHORT, F(ENOSPC), F(EIO))
TRANSFER(ssize_t, pwrite64, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at), true,
	 F(EINTR), SHORT, F(ENOSPC), F(EIO))
TRANSFER(ssize_t, recv, (int fd, void *data, size_t n, int flags), (fd, data, n, flags),
	 !(flags & MSG_DONTWAIT), F(ECONNRESET), F(EINTR), SHORT, F(ENOMEM))
TRANSFER(ssize_t, recvfrom,
	 (int fd, void *restrict data, size_t n, int flags, struct sockaddr *restrict from,
	  socklen_t *restrict n_from),
	 (fd, data, n, flags, from, n_from), !(flags & MSG_DONTWAIT), F(ECONNREFUSED), F(EINTR))
TRANSFER(ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags),
	 !(flags & MSG_DONTWAIT), F(EPIPE), F(EINTR), SHORT, F(ENOBUFS))
TRANSFER(ssize_t, sendto,
	 (int fd, const void *data, size_t n, int flags, const struct sockaddr *to, socklen_t n_to),
	 (fd, data, n, flags, to, n_to), !(flags & MSG_DONTWAIT), F(ENETUNREACH), F(EINTR),
	 F(ENOBUFS))

TORTURE_API ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr first = *message;
	struct iovec part = { 0 };
	size_t n = message->msg_iovlen > 0 ? message->msg_iov[0].iov_len : 0, rest = n;

	ASK(sendmsg, F(EPIPE), F(EINTR), SHORT, F(ENOBUFS));
	fault = fitting(fault, fd, &rest, !(flags & MSG_DONTWAIT));
	if (fault)
		return fail(fault);
	if (rest == n)
		return NEXT(sendmsg)(fd, message, flags);
	part = (struct iovec){ message->msg_iov[0].iov_base, rest };
	first.msg_iov = &part;
	first.msg_iovlen = 1;
	return NEXT(sendmsg)(fd, &first, flags);
}

TORTURE_API ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ASK(recvmsg, F(ECONNRESET), F(ENOMEM));
	return fault ? fail(fault) : NEXT(recvmsg)(fd, message, flags);
}

/* ---- calls that do or do not ---- */

#define CALL(ret_type, function, parameters, arguments, ...)                                       \
	TORTURE_API ret_type function parameters                                                   \
	{                                                                                          \
		ASK(function, __VA_ARGS__);                                                        \
		return fault ? (ret_type)fail(fault) : NEXT(function) arguments;                   \
	}

/* Those that return a pointer, NULL on failure. */
#define POINTER(ret_type, function, parameters, arguments, ...)                                    \
	TORTURE_API ret_type function parameters                                                   \
	{                                                                                          \
		ASK(function, __VA_ARGS__);                                                        \
		if (!fault)                                                                        \
			return NEXT(function) arguments;                                           \
		fail(fault);                                                                       \
		return NULL;                                                                       \
	}

#define NO_FDS F(EMFILE), F(ENFILE), F(ENOMEM)

CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), NO_FDS,
     F(ENOBUFS))
CALL(int, socketpair, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds), NO_FDS)
CALL(int, accept4, (int fd, struct sockaddr *address, socklen_t *n, int flags),
     (fd, address, n, flags), F(ECONNABORTED), F(EMFILE), F(ENOMEM))
CALL(int, eventfd, (unsigned value, int flags), (value, flags), NO_FDS)
CALL(int, epoll_create1, (int flags), (flags), NO_FDS)
CALL(int, timerfd_create, (clockid_t clock, int flags), (clock, flags), NO_FDS)
CALL(int, pipe2, (int fds[2], int flags), (fds, flags), NO_FDS)
CALL(int, inotify_init1, (int flags), (flags), NO_FDS)
CALL(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), F(ENOSPC),
     F(ENOMEM))
CALL(int, epoll_wait, (int fd, struct epoll_event *events, int n, int timeout),
     (fd, events, n, timeout), F(EINTR))
CALL(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout), F(EINTR))
CALL(int, bind, (int fd, const struct sockaddr *address, socklen_t n), (fd, address, n),
     F(EADDRINUSE), F(EACCES))
CALL(int, listen, (int fd, int n), (fd, n), F(EADDRINUSE))
CALL(int, connect, (int fd, const struct sockaddr *address, socklen_t n), (fd, address, n),
     F(ECONNREFUSED), F(ENETUNREACH), F(EADDRNOTAVAIL))
CALL(int, setsockopt, (int fd, int level, int option, const void *value, socklen_t n),
     (fd, level, option, value, n), F(ENOMEM))
CALL(int, getsockopt, (int fd, int level, int option, void *restrict value, socklen_t *restrict n),
     (fd, level, option, value, n), F(ENOBUFS))
CALL(int, getsockname, (int fd, struct sockaddr *restrict address, socklen_t *restrict n),
     (fd, address, n), F(ENOBUFS))
CALL(int, getpeername, (int fd, struct sockaddr *restrict address, socklen_t *restrict n),
     (fd, address, n), F(ENOTCONN))
CALL(int, shutdown, (int fd, int how), (fd, how), F(ENOTCONN))
CALL(int, fstat, (int fd, struct stat *ret), (fd, ret), F(EIO))
CALL(int, stat, (const char *restrict path, struct stat *restrict ret), (path, ret), F(EACCES),
     F(ENOMEM))
CALL(int, lstat, (const char *restrict path, struct stat *restrict ret), (path, ret), F(EACCES),
     F(ENOMEM))
CALL(int, fsync, (int fd), (fd), F(EIO), F(ENOSPC), F(EINTR))
CALL(int, fdatasync, (int fd), (fd), F(EIO), F(ENOSPC))
CALL(int, ftruncate, (int fd, off_t n), (fd, n), F(EIO), F(EINTR))
CALL(int, ftruncate64, (int fd, off_t n), (fd, n), F(EIO), F(EINTR))
CALL(int, rename, (const char *from, const char *to), (from, to), F(EIO), F(ENOSPC))
CALL(int, unlink, (const char *path), (path), F(EIO), F(EACCES))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), F(ENOSPC), F(EACCES))
CALL(int, rmdir, (const char *path), (path), F(EIO))
CALL(int, mkstemp, (char *path), (path), NO_FDS, F(EACCES))
CALL(int, flock, (int fd, int how), (fd, how), F(EINTR), F(ENOLCK))
CALL(int, dup2, (int fd, int to), (fd, to), F(EINTR), F(EMFILE))
CALL(pid_t, fork, (void), (), F(EAGAIN), F(ENOMEM))
CALL(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), F(EINTR))
CALL(ssize_t, getrandom, (void *data, size_t n, unsigned flags), (data, n, flags), F(EINTR),
     F(ENOSYS))
CALL(ssize_t, readlink, (const char *restrict path, char *restrict ret, size_t n), (path, ret, n),
     F(EIO))
CALL(int, getifaddrs, (struct ifaddrs * *ret), (ret), NO_FDS)
CALL(int, timer_create, (clockid_t clock, struct sigevent *restrict event, timer_t *restrict ret),
     (clock, event, ret), F(EAGAIN))
CALL(int, fflush, (FILE * file), (file), F(EIO), F(ENOSPC))
POINTER(char *, getcwd, (char *path, size_t n), (path, n), F(ENOENT))
POINTER(FILE *, fopen, (const char *restrict path, const char *restrict mode), (path, mode), NO_FDS,
	F(EACCES))
POINTER(DIR *, opendir, (const char *path), (path), NO_FDS)

/* Changing what is watched, and watching it no more, need no memory. */
TORTURE_API int epoll_ctl(int poller, int what, int fd, struct epoll_event *event)
{
	ASK(epoll_ctl, F(ENOMEM), F(ENOSPC));
	return fault && what == EPOLL_CTL_ADD ? fail(fault)
					      : NEXT(epoll_ctl)(poller, what, fd, event);
}

TORTURE_API int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
				struct timespec *left)
{
	ASK(clock_nanosleep, F(EINTR));
	if (!fault)
		return NEXT(clock_nanosleep)(clock, flags, time, left);
	if (left)
		*left = *time;
	return EINTR;
}

TORTURE_API int getaddrinfo(const char *restrict host, const char *restrict service,
			    const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	ASK(getaddrinfo, { EAI_MEMORY, "EAI_MEMORY" }, { EAI_AGAIN, "EAI_AGAIN" });
	return fault ? fault->error : NEXT(getaddrinfo)(host, service, hints, ret);
}

TORTURE_API int close(int fd)
{
	ASK(close, CLOSED_EINTR, F(EIO));
	int ret = NEXT(close)(fd);

	if (fault) {
		errno = fault->error == FAULT_CLOSED ? EINTR : fault->error;
		return -1;
	}
	return ret;
}

TORTURE_API int fclose(FILE *file)
{
	ASK(fclose, F(EIO), F(ENOSPC));
	int ret = NEXT(fclose)(file);

	return fault ? fail(fault) : ret;
}

/* ---- those with parameters that need not be there ---- */

static mode_t mode_after(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN(function)                                                                             \
	TORTURE_API int function(const char *path, int flags, ...)                                 \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
		ASK(function, NO_FDS, F(EINTR), F(EACCES));                                        \
		va_start(args, flags);                                                             \
		mode = mode_after(flags, args);                                                    \
		va_end(args);                                                                      \
		return fault ? fail(fault) : NEXT(function)(path, flags, mode);                    \
	}

OPEN(open)
OPEN(open64)

TORTURE_API int openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	ASK(openat, NO_FDS, F(EACCES));
	va_start(args, flags);
	mode = mode_after(flags, args);
	va_end(args);
	return fault ? fail(fault) : NEXT(openat)(folder, path, flags, mode);
}

TORTURE_API int fcntl(int fd, int what, ...)
{
	va_list args;
	void *value;

	ASK(fcntl, F(EMFILE));
	va_start(args, what);
	value = va_arg(args, void *);
	va_end(args);
	return fault && (what == F_DUPFD || what == F_DUPFD_CLOEXEC) ? fail(fault)
								     : NEXT(fcntl)(fd, what, value);
}
