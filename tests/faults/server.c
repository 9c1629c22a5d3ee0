/* SPDX-License-Identifier: MIT */
/*
 * faults-server [option=value...]: a daemon with the object "target" for tests of failure and load.
 * Prints its address, ends on a signal with exit code 0, or with its standard input, so that none
 * is left behind. Options: threads, port, socket, drain_ms, max_message, max_calls, counter (a
 * file), name (at the name server).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"
#include "faults.h"

static struct target {
	pyr_daemon *daemon;
	const char *counter, *name;
	pthread_mutex_t lock;     /* of the counter */
	pthread_mutex_t starting; /* a sleeper's timer goes off only when all of it stands */
	atomic_llong seen;
	atomic_uint asleep;
} target = { .lock = PTHREAD_MUTEX_INITIALIZER, .starting = PTHREAD_MUTEX_INITIALIZER };

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = (int32_t)((uint32_t)x + (uint32_t)y);
	return 0;
}

static int text(pyr_call *call, const char *s, uint32_t *ret)
{
	(void)call;
	*ret = (uint32_t)strlen(s);
	return 0;
}

static int bytes(pyr_call *call, const struct pyr_bytes *data, uint32_t *ret)
{
	(void)call;
	*ret = (uint32_t)data->n;
	return 0;
}

static int nothings(pyr_call *call, const struct faults_Nothings *items, uint32_t *ret)
{
	(void)call;
	*ret = (uint32_t)items->n;
	return 0;
}

static int tree(pyr_call *call, const struct faults_Tree *root, uint32_t *ret)
{
	(void)call;
	for (*ret = 1; root->below.n > 0; root = root->below.items)
		++*ret;
	return 0;
}

static int make(pyr_call *call, uint32_t n, const struct pyr_bytes **ret)
{
	struct pyr_bytes *made = pyr_call_alloc(call, sizeof(*made));

	if (made)
		made->items = pyr_call_alloc(call, n);
	if (!made || !made->items)
		return -PYR_RESOURCE_EXHAUSTED;
	made->n = n;
	*ret = made;
	return 0;
}

static int block(pyr_call *call, uint32_t ms)
{
	static const struct timespec moment = { 0, 1000000 };
	int64_t until = now_us() + (int64_t)ms * 1000;

	while (now_us() < until && !pyr_call_is_cancelled(call))
		nanosleep(&moment, NULL); /* the method is slow: that is what is tested */
	if (pyr_call_is_cancelled(call))
		atomic_store(&target.seen, now_us());
	return 0;
}

static int seen(pyr_call *call, int64_t *ret)
{
	(void)call;
	*ret = atomic_load(&target.seen);
	return 0;
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void turn(uint64_t rounds)
{
	for (; rounds > 0; rounds--)
		__asm__ volatile("" : "+r"(rounds));
}

static uint64_t rounds_per_ms; /* so that threads that spin share nothing, no clock either */

static void calibrate(void)
{
	enum { ROUNDS = 50000000 };
	int64_t begin = cpu_us();

	turn(ROUNDS);
	rounds_per_ms = ROUNDS * UINT64_C(1000) / (uint64_t)(cpu_us() - begin + 1);
}

static int spin(pyr_call *call, uint32_t us)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)call;
	pthread_once(&once, calibrate);
	turn(rounds_per_ms * us / 1000);
	return 0;
}

/* ---- answers that come later ---- */

struct sleeper {
	pyr_deferred *deferred;
	pyr_timer *timer;
	int (*reply)(pyr_deferred *deferred);
};

static void on_time(pyr_timer *timer, void *data)
{
	struct sleeper *s = data;

	pthread_mutex_lock(&target.starting);
	pthread_mutex_unlock(&target.starting);
	atomic_fetch_sub(&target.asleep, 1);
	pyr_deferred_set_on_cancel(s->deferred, NULL,
				   NULL); /* after which nothing sets the timer */
	s->reply(s->deferred);
	pyr_timer_free(timer);
}

static void on_cancel(pyr_deferred *deferred, void *data)
{
	struct sleeper *s = data;

	(void)deferred;
	pyr_timer_set(s->timer, 0);
}

static int answer_after(pyr_call *call, uint32_t ms, int (*reply)(pyr_deferred *deferred))
{
	struct sleeper *s = pyr_call_alloc(call, sizeof(*s));

	if (s)
		s->reply = reply;
	if (!s || !(s->timer = pyr_timer_new(target.daemon, on_time, s)))
		return -PYR_RESOURCE_EXHAUSTED;
	if (pyr_call_defer(call, &s->deferred) < 0)
		return -pyr_last_error()->code;
	pthread_mutex_lock(&target.starting);
	atomic_fetch_add(&target.asleep, 1);
	pyr_timer_set(s->timer, ms);
	pyr_deferred_set_on_cancel(s->deferred, on_cancel, s);
	pthread_mutex_unlock(&target.starting);
	return 0;
}

static int fall_asleep(pyr_call *call, uint32_t ms)
{
	return answer_after(call, ms, faults_Target_sleep_reply);
}

static int keep(pyr_call *call, const struct faults_Trees *trees, uint32_t ms)
{
	(void)trees;
	return answer_after(call, ms, faults_Target_keep_reply);
}

/* Gives its thread to others while it sleeps. */
static int hoard(pyr_call *call, uint32_t ms, pyr_stream *stream)
{
	const struct faults_Trees *trees;
	int got = faults_Target_hoard_read(stream, &trees);

	if (got < 0)
		return pyr_pass(call);
	atomic_fetch_add(&target.asleep, (unsigned)got);
	for (; ms >= 20 && !pyr_call_is_cancelled(call); ms -= 20)
		(void)pyr_sleep(20);
	atomic_fetch_sub(&target.asleep, (unsigned)got);
	return 0;
}

static int asleep(pyr_call *call, uint32_t *ret)
{
	(void)call;
	*ret = atomic_load(&target.asleep);
	return 0;
}

/* ---- the counter ---- */

static uint32_t count(int fd)
{
	char text[32] = "";
	unsigned n;

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return 0;
	n = (unsigned)strtoul(text, NULL, 10) + 1;
	snprintf(text, sizeof(text), "%u", n);
	return pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text) ? n : 0;
}

static int increment(pyr_call *call, uint32_t *ret)
{
	int fd;

	if (!target.counter)
		return pyr_fail(call, PYR_FAILED_PRECONDITION, "there is no file to count in");
	pthread_mutex_lock(&target.lock);
	fd = open(target.counter, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	*ret = fd >= 0 ? count(fd) : 0;
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&target.lock);
	return *ret ? 0 : pyr_fail(call, PYR_INTERNAL, "cannot count: %s", strerror(errno));
}

static int notify(pyr_call *call, struct faults_Listener *listener, uint32_t n, uint32_t *ret)
{
	(void)call;
	for (*ret = 0; *ret < n && faults_Listener_on(listener, *ret) == 0;)
		++*ret;
	return 0;
}

/* ---- the program ---- */

static const struct faults_Target_methods methods = {
	.add = add,
	.text = text,
	.bytes = bytes,
	.nothings = nothings,
	.tree = tree,
	.make = make,
	.block = block,
	.seen = seen,
	.spin = spin,
	.sleep = fall_asleep,
	.keep = keep,
	.hoard = hoard,
	.asleep = asleep,
	.increment = increment,
	.notify = notify,
};

static bool set(struct pyr_daemon_options *options, const char *name, const char *value)
{
	unsigned number = (unsigned)strtoul(value, NULL, 10);

	if (strcmp(name, "threads") == 0)
		options->threads = number;
	else if (strcmp(name, "port") == 0)
		options->port = (uint16_t)number;
	else if (strcmp(name, "socket") == 0)
		options->socket = value;
	else if (strcmp(name, "drain_ms") == 0)
		options->drain_ms = number;
	else if (strcmp(name, "max_message") == 0)
		options->max_message = number;
	else if (strcmp(name, "max_calls") == 0)
		options->max_calls = number;
	else if (strcmp(name, "counter") == 0)
		target.counter = value;
	else if (strcmp(name, "name") == 0)
		target.name = value;
	else
		return false;
	return true;
}

static void *watch_input(void *data)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	_exit(3);
	return data;
}

static int serve(const struct pyr_daemon_options *options)
{
	const char *uri;
	pthread_t watcher;

	target.daemon = pyr_daemon_new(options);
	uri = faults_Target_register(target.daemon, "target", &methods, NULL);
	if (!uri)
		return pyr_perror("faults-server");
	if (target.name && pyr_ns_register(pyr_ns_locate(NULL), target.name, uri) < 0)
		return pyr_perror(target.name);
	printf("%s\n", pyr_daemon_address(target.daemon));
	fflush(stdout);
	if (engine_thread(&watcher, watch_input, NULL) != 0) /* which takes no signals */
		return 1;
	pthread_detach(watcher);
	return pyr_daemon_run(target.daemon) < 0 ? pyr_perror("faults-server") : 0;
}

int main(int argc, char **argv)
{
	struct pyr_daemon_options options = { 0 };
	char *value;
	int i;

	for (i = 1; i < argc; i++) {
		value = strchr(argv[i], '=');
		if (!value)
			return 2;
		*value++ = '\0';
		if (!set(&options, argv[i], value))
			return 2;
	}
	return serve(&options);
}
