/* SPDX-License-Identifier: MIT */
/*
 * Pools of worker processes. One thread a pool starts them, waits for their ends and starts them
 * again; it lives as long as the pool, since they die with the thread that started them. A worker's
 * socket stays open here: who connects while it is being started again waits for it.
 */
#define _GNU_SOURCE
#include <pyrite/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/error.h"
#include "base/root.h"
#include "engine/engine.h"
#include "pool/worker.h"
#include "proxy/group.h"

enum {
	FIRST_PAUSE_MS = 100,
	LAST_PAUSE_MS = 5000,
	LONG_LIFE_MS = 10000,
	SHORT_LIFE_MS = 1000,
	SHORT_LIVES = 3, /* that are no accident */
	SETTLE_MS = 500, /* a map begins when all have started */
	TERM_MS = 2000
};

struct worker {
	int fd;       /* its socket, which listens */
	int pidfd;    /* the supervisor's; -1: it does not run */
	pid_t pid;    /* lock; 0: it does not run */
	int64_t from; /* when it was started, */
	int64_t next; /* or is to be */
	int64_t pause;
	unsigned n_short; /* lock: lives in a row that were short */
	int status;       /* lock: of the last end, as waitpid() has it */
};

struct pyr_pool {
	atomic_int refs;       /* its user's, and those of proxies */
	struct pyr_pool *next; /* pools_lock */
	struct worker_program program;
	char directory[64], uri[256], object[128];
	unsigned n; /* constant */
	struct worker workers[GROUP_MAX];
	int wake; /* an eventfd */
	pthread_t thread;
	struct root root;
	pthread_mutex_t lock;
	pthread_cond_t started;
	bool is_started;  /* lock: all have been, or one cannot be */
	pyr_error *error; /* lock: why; owned */
	bool is_over;     /* lock: its user has freed it */
};

static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pyr_pool *pools; /* that are not over */

static void unref(struct pyr_pool *pool)
{
	if (atomic_fetch_sub(&pool->refs, 1) != 1)
		return;
	worker_program_clear(&pool->program);
	pyr_error_free(pool->error);
	pthread_cond_destroy(&pool->started);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* ---- the supervisor ---- */

/* Returns whether it runs. */
static bool start(struct pyr_pool *pool, struct worker *w)
{
	pid_t pid = 0;
	int err = worker_start(&pool->program, w->fd, &pid);

	w->from = engine_now();
	if (err == 0)
		w->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (err == 0 && w->pidfd < 0) {
		err = error_set(PYR_UNIMPLEMENTED, "pidfd_open: %s", strerror(errno));
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	pthread_mutex_lock(&pool->lock);
	w->pid = err == 0 ? pid : 0;
	pthread_mutex_unlock(&pool->lock);
	return err == 0;
}

static void start_later(struct worker *w)
{
	int64_t most = (int64_t)LAST_PAUSE_MS * ENGINE_MS, now = engine_now();

	if (w->pause == 0 || now - w->from >= (int64_t)LONG_LIFE_MS * ENGINE_MS)
		w->pause = (int64_t)FIRST_PAUSE_MS * ENGINE_MS;
	w->next = now + w->pause;
	w->pause = w->pause < most / 2 ? 2 * w->pause : most;
}

static void has_ended(struct pyr_pool *pool, struct worker *w)
{
	int status = 0;

	if (waitpid(w->pid, &status, WNOHANG) == 0)
		return;
	close(w->pidfd);
	w->pidfd = -1;
	pthread_mutex_lock(&pool->lock);
	w->pid = 0;
	w->status = status;
	w->n_short =
		engine_now() - w->from < (int64_t)SHORT_LIFE_MS * ENGINE_MS ? w->n_short + 1 : 0;
	pthread_mutex_unlock(&pool->lock);
	start_later(w);
}

/* Until the wake, the end of one, or `until`. */
static void wait_for_ends(struct pyr_pool *pool, int64_t until)
{
	struct pollfd fds[GROUP_MAX + 1] = { { .fd = pool->wake, .events = POLLIN } };
	int64_t left = until == ENGINE_FOREVER ? -1 : (until - engine_now()) / ENGINE_MS + 1;
	unsigned i;

	for (i = 0; i < pool->n; i++)
		fds[i + 1] = (struct pollfd){ .fd = pool->workers[i].pidfd, .events = POLLIN };
	if (poll(fds, pool->n + 1, left < 0 && until != ENGINE_FOREVER ? 0 : (int)left) <= 0)
		return;
	for (i = 0; i < pool->n; i++)
		if (fds[i + 1].revents)
			has_ended(pool, &pool->workers[i]);
}

static bool is_over(struct pyr_pool *pool)
{
	bool is;

	pthread_mutex_lock(&pool->lock);
	is = pool->is_over;
	pthread_mutex_unlock(&pool->lock);
	return is;
}

/* Those that are due. Returns when the next is. */
static int64_t start_due(struct pyr_pool *pool)
{
	int64_t next = ENGINE_FOREVER;
	struct worker *w;

	for (w = pool->workers; w < pool->workers + pool->n; w++) {
		if (w->pidfd < 0 && engine_now() >= w->next && !start(pool, w))
			start_later(w);
		if (w->pidfd < 0 && w->next < next)
			next = w->next;
	}
	return next;
}

static unsigned n_running(const struct pyr_pool *pool)
{
	unsigned i, n = 0;

	for (i = 0; i < pool->n; i++)
		n += pool->workers[i].pidfd >= 0;
	return n;
}

static void end_all(struct pyr_pool *pool)
{
	int64_t until = engine_now() + (int64_t)TERM_MS * ENGINE_MS;
	uint64_t ignored;
	unsigned i;
	int sig;

	(void)!read(pool->wake, &ignored, sizeof(ignored));
	for (sig = SIGTERM; n_running(pool) > 0; sig = SIGKILL) {
		for (i = 0; i < pool->n; i++)
			if (pool->workers[i].pidfd >= 0)
				(void)kill(pool->workers[i].pid, sig);
		do
			wait_for_ends(pool, sig == SIGKILL ? ENGINE_FOREVER : until);
		while (n_running(pool) > 0 && (sig == SIGKILL || engine_now() < until));
	}
}

/* The first time: that a program cannot be run is told at once. */
static bool start_all(struct pyr_pool *pool)
{
	bool ok = true;
	unsigned i;

	for (i = 0; i < pool->n && ok; i++)
		ok = start(pool, &pool->workers[i]);
	pthread_mutex_lock(&pool->lock);
	pool->is_started = true;
	pool->error = ok ? NULL : error_copy();
	pool->is_over |= !ok;
	pthread_cond_signal(&pool->started);
	pthread_mutex_unlock(&pool->lock);
	return ok;
}

static void *supervise(void *data)
{
	struct pyr_pool *pool = data;

	(void)start_all(pool);
	while (!is_over(pool))
		wait_for_ends(pool, start_due(pool));
	end_all(pool);
	return NULL;
}

/* ---- its proxies ---- */

static void append_status(char *text, size_t size, int status)
{
	size_t n = strlen(text);

	if (WIFSIGNALED(status))
		snprintf(text + n, size - n, "by signal %d", WTERMSIG(status));
	else
		snprintf(text + n, size - n, "with status %d", WEXITSTATUS(status));
}

/* With a proxy's lock. */
static int trouble(void *data)
{
	struct pyr_pool *pool = data;
	unsigned i, n_bad = 0;
	char text[256] = "";
	bool over;

	pthread_mutex_lock(&pool->lock);
	over = pool->is_over;
	for (i = 0; i < pool->n; i++)
		n_bad += !pool->workers[i].pid && pool->workers[i].n_short >= SHORT_LIVES;
	append_status(text, sizeof(text), pool->workers[0].status);
	pthread_mutex_unlock(&pool->lock);
	if (over)
		return error_set(PYR_UNAVAILABLE, "%s: the pool was freed", pool->program.path);
	if (n_bad < pool->n)
		return 0;
	return error_set(PYR_UNAVAILABLE, "%s: workers end as soon as they are started, %s",
			 pool->program.path, text);
}

static void drop(void *data)
{
	unref(data);
}

static const struct group_kind kind = { trouble, drop, SETTLE_MS };

/* The pool whose URI that is: a reference in *data, and its workers' URIs. */
static const struct group_kind *find(const pyr_uri *uri, struct group_uris *ret, void **data)
{
	struct pyr_pool *pool;
	char text[256];

	pthread_mutex_lock(&pools_lock);
	for (pool = pools; pool && strcmp(pool->uri, uri->text) != 0; pool = pool->next)
		;
	if (pool)
		atomic_fetch_add(&pool->refs, 1);
	pthread_mutex_unlock(&pools_lock);
	if (!pool)
		return NULL;
	for (ret->n = 0; ret->n < pool->n; ret->n++) {
		snprintf(text, sizeof(text), "PYRO:%s@./u:%s/%zu", pool->object, pool->directory,
			 ret->n);
		ret->items[ret->n] = strdup(text);
	}
	*data = pool;
	return &kind;
}

/* ---- made and freed ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Returns 0, or minus a status with the last error set. */
static int make_sockets(struct pyr_pool *pool)
{
	char path[100];
	unsigned i;

	strcpy(pool->directory, "/tmp/pyrite-pool-XXXXXX");
	if (!mkdtemp(pool->directory)) {
		pool->directory[0] = '\0';
		return error_set(PYR_UNAVAILABLE, "cannot make a directory in /tmp: %s",
				 strerror(errno));
	}
	for (i = 0; i < pool->n; i++) {
		snprintf(path, sizeof(path), "%s/%u", pool->directory, i);
		pool->workers[i].fd = listen_at(path);
		if (pool->workers[i].fd < 0)
			return error_set(PYR_UNAVAILABLE, "%s: %s", path, strerror(errno));
	}
	snprintf(pool->uri, sizeof(pool->uri), "PYRO:%s@./u:%s/all", pool->object, pool->directory);
	return 0;
}

static void remove_sockets(struct pyr_pool *pool)
{
	char path[100];
	unsigned i;

	for (i = 0; i < pool->n; i++) {
		if (pool->workers[i].fd < 0)
			continue;
		close(pool->workers[i].fd);
		snprintf(path, sizeof(path), "%s/%u", pool->directory, i);
		(void)unlink(path);
	}
	if (pool->directory[0])
		(void)rmdir(pool->directory);
}

/* Returns 0, or minus a status with the last error set. */
static int run(struct pyr_pool *pool)
{
	pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->wake < 0 || engine_thread(&pool->thread, supervise, pool) != 0)
		return error_set(PYR_RESOURCE_EXHAUSTED, "no thread for a pool");
	pthread_mutex_lock(&pool->lock);
	while (!pool->is_started)
		pthread_cond_wait(&pool->started, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	if (!pool->error)
		return 0;
	pthread_join(pool->thread, NULL);
	error_restore(pool->error);
	pool->error = NULL;
	return -pyr_last_error()->code;
}

static struct pyr_pool *pool_alloc(const struct pyr_pool_options *options)
{
	long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct pyr_pool *pool = calloc(1, sizeof(*pool));
	unsigned i;

	if (!pool)
		return NULL;
	atomic_init(&pool->refs, 1);
	pool->n = options->n ? options->n : n_cores > 0 ? (unsigned)n_cores : 1;
	if (pool->n > GROUP_MAX)
		pool->n = GROUP_MAX;
	pool->wake = -1;
	for (i = 0; i < pool->n; i++)
		pool->workers[i].fd = pool->workers[i].pidfd = -1;
	snprintf(pool->object, sizeof(pool->object), "%s",
		 options->object ? options->object : "worker");
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->started, NULL);
	return pool;
}

static int check(const struct pyr_pool_options *options)
{
	if (!options->program)
		return error_missing("program");
	if (options->n > GROUP_MAX)
		return error_set(PYR_INVALID_ARGUMENT, "a pool has at most %d workers", GROUP_MAX);
	if (options->object &&
	    (strlen(options->object) > 100 || strpbrk(options->object, " \t\n@")))
		return error_set(PYR_INVALID_ARGUMENT, "'%.100s' is not a valid object id",
				 options->object);
	return 0;
}

pyr_pool *pyr__pool_new(const struct pyr_pool_options *options, size_t size)
{
	struct pyr_pool_options own;
	struct pyr_pool *pool;

	if (abi_options(&own, sizeof(own), options, size, "pyr_pool_options") < 0 ||
	    check(&own) < 0 || proxy_is_forked())
		return error_from_constructor();
	pool = pool_alloc(&own);
	if (!pool)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (worker_program_init(&pool->program, own.program, own.arguments) < 0 ||
	    make_sockets(pool) < 0 || run(pool) < 0) {
		remove_sockets(pool);
		if (pool->wake >= 0)
			close(pool->wake);
		unref(pool);
		return error_from_constructor();
	}
	root_add(&pool->root);
	pthread_mutex_lock(&pools_lock);
	group_set_finder(find);
	pool->next = pools;
	pools = pool;
	pthread_mutex_unlock(&pools_lock);
	return pool;
}

void pyr_pool_free(pyr_pool *pool)
{
	struct pyr_pool **at = &pools;

	if (!pool || engine_is_forked())
		return;
	pthread_mutex_lock(&pools_lock);
	while (*at && *at != pool)
		at = &(*at)->next;
	if (*at)
		*at = pool->next;
	pthread_mutex_unlock(&pools_lock);
	root_remove(&pool->root);
	pthread_mutex_lock(&pool->lock);
	pool->is_over = true;
	pthread_mutex_unlock(&pool->lock);
	(void)!write(pool->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
	pthread_join(pool->thread, NULL);
	remove_sockets(pool);
	close(pool->wake);
	unref(pool);
}

const char *pyr_pool_uri(const pyr_pool *pool)
{
	if (pool)
		return pool->uri;
	error_null("pool");
	return error_from_constructor();
}

int pyr_pool_pid(pyr_pool *pool, unsigned i)
{
	int pid;

	if (!pool || i >= pool->n)
		return 0;
	pthread_mutex_lock(&pool->lock);
	pid = (int)pool->workers[i].pid;
	pthread_mutex_unlock(&pool->lock);
	return pid;
}
