/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "pool/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

extern char **environ;

enum { SOCKET_FD = 3 /* SD_LISTEN_FDS_START */ };
static const char pid_is[] = "LISTEN_PID=";

/* ---- what is run ---- */

static int not_runnable(const char *name, int err)
{
	int code = err == ENOENT || err == ENOTDIR ? PYR_NOT_FOUND
		   : err == EACCES                 ? PYR_PERMISSION_DENIED
						   : PYR_UNAVAILABLE;

	return error_set(code, "%s: %s", name, strerror(err));
}

static bool is_runnable(const char *path)
{
	return access(path, X_OK) == 0;
}

/* Beside the program that runs. */
static bool find_beside(const char *name, char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);
	char *slash;

	if (n < 0)
		return false;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (!slash || (size_t)(slash + 1 - ret) + strlen(name) >= size)
		return false;
	strcpy(slash + 1, name);
	return is_runnable(ret);
}

static bool find_in_path(const char *name, char *ret, size_t size)
{
	const char *at = getenv("PATH"), *end;

	for (; at && *at; at = *end ? end + 1 : end) {
		end = at + strcspn(at, ":");
		if ((size_t)snprintf(ret, size, "%.*s/%s", (int)(end - at), at, name) < size &&
		    is_runnable(ret))
			return true;
	}
	return false;
}

static int find_program(const char *name, char *ret, size_t size)
{
	if (strchr(name, '/')) {
		snprintf(ret, size, "%s", name);
		return is_runnable(name) ? 0 : not_runnable(name, errno);
	}
	return find_beside(name, ret, size) || find_in_path(name, ret, size)
		       ? 0
		       : not_runnable(name, ENOENT);
}

static bool is_about_sockets(const char *variable)
{
	return strncmp(variable, "LISTEN_FDS=", 11) == 0 ||
	       strncmp(variable, pid_is, sizeof(pid_is) - 1) == 0 ||
	       strncmp(variable, "LISTEN_FDNAMES=", 15) == 0;
}

static size_t count(const char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

static void free_strings(char **strings)
{
	char **at;

	for (at = strings; at && *at; at++)
		free(*at);
	free(strings);
}

static bool put(char **strings, size_t *n, const char *text)
{
	strings[*n] = strdup(text);
	return strings[*n] && ++*n;
}

/* Copies of first, which may be NULL, of the strings that are wanted, and of more. Returns: owned,
 * free_strings(); NULL without memory. */
static char **join(const char *first, const char *const *strings, bool (*drops)(const char *),
		   const char *const *more)
{
	char **copy = calloc(count(strings) + count(more) + 2, sizeof(*copy));
	size_t n = 0, i;
	bool ok = copy && (!first || put(copy, &n, first));

	for (i = 0; ok && strings && strings[i]; i++)
		ok = (drops && drops(strings[i])) || put(copy, &n, strings[i]);
	for (i = 0; ok && more && more[i]; i++)
		ok = put(copy, &n, more[i]);
	if (ok)
		return copy;
	free_strings(copy);
	return NULL;
}

int worker_program_init(struct worker_program *program, const char *name,
			const char *const *arguments)
{
	static const char *const sockets[] = { "LISTEN_FDS=1", "LISTEN_FDNAMES=pyrite",
					       "LISTEN_PID=01234567890123", NULL };
	char **at;
	int err = find_program(name, program->path, sizeof(program->path));

	if (err < 0)
		return err;
	program->arguments = join(name, arguments, NULL, NULL);
	program->environment = join(NULL, (const char *const *)environ, is_about_sockets, sockets);
	if (!program->arguments || !program->environment)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (at = program->environment; *at; at++)
		if (strncmp(*at, pid_is, sizeof(pid_is) - 1) == 0)
			program->pid_text = *at + sizeof(pid_is) - 1;
	return 0;
}

void worker_program_clear(struct worker_program *program)
{
	free_strings(program->arguments);
	free_strings(program->environment);
}

/* ---- in the child: nothing but system calls ---- */

static void write_pid(char *text)
{
	char digits[16];
	int n = 0;
	pid_t pid = getpid();

	do
		digits[n++] = (char)('0' + pid % 10);
	while (pid /= 10);
	while (n > 0)
		*text++ = digits[--n];
	*text = '\0';
}

/* Signals as a new program expects them. */
static void reset_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* told: where it says why it could not. */
static void become(const struct worker_program *program, int fd, int told, pid_t parent)
{
	int null = file_open("/dev/null", O_RDONLY | O_CLOEXEC, 0);
	int err;

	reset_signals();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	(void)dup2(null, STDIN_FILENO);
	/* above what is about to be overwritten */
	told = fcntl(told, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	write_pid(program->pid_text);
	if (told < 0 || fd < 0 || dup2(fd, SOCKET_FD) < 0)
		_exit(1);
#ifdef SYS_close_range
	(void)syscall(SYS_close_range, SOCKET_FD + 1, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
#endif
	execve(program->path, program->arguments, program->environment);
	err = errno;
	(void)!write(told, &err, sizeof(err));
	_exit(1);
}

int worker_start(const struct worker_program *program, int fd, pid_t *ret)
{
	pid_t parent = getpid(), pid;
	int told[2], err = 0;
	ssize_t n;

	if (pipe2(told, O_CLOEXEC) < 0)
		return error_set(PYR_RESOURCE_EXHAUSTED, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		become(program, fd, told[1], parent);
	close(told[1]);
	if (pid < 0)
		err = errno;
	while (pid > 0 && (n = read(told[0], &err, sizeof(err))) < 0 && errno == EINTR)
		;
	close(told[0]);
	if (err == 0) {
		*ret = pid;
		return 0;
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return not_runnable(program->path, err);
}
