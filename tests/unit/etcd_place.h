/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_ETCD_PLACE_H
#define PYRITE_TEST_ETCD_PLACE_H
/*
 * etcd for tests: one member or three, with ports of the test's own and a folder that is removed.
 * And what callbacks of the client are told, for a test that waits for it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "etcd/etcd.h"
#include "port.h"

enum { PLACE_MAX = 3 };

struct place {
	size_t n;
	pid_t members[PLACE_MAX];
	uint16_t ports[PLACE_MAX], peers[PLACE_MAX];
	char folder[64];
	char endpoints[128];
	bool is_another;   /* another cluster than before */
	const char *keys;  /* folder of ca.pem, cert.pem, key.pem, for TLS; NULL: none */
	const char *extra; /* an argument more; NULL: none */
};

static inline int64_t place_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Starts a member, also one that was killed. */
static inline void place_start(struct place *place, size_t i)
{
	char texts[11][256], log[128];
	const char *scheme = place->keys ? "https" : "http";
	char *arguments[20] = { "etcd",
				texts[0],
				texts[1],
				texts[2],
				texts[3],
				texts[4],
				texts[5],
				texts[6],
				texts[7],
				"--heartbeat-interval=50",
				"--election-timeout=500",
				(char *)(uintptr_t)place->extra,
				NULL };
	size_t k, n, at = 0;
	int fd;

	snprintf(texts[0], 256, "--name=m%zu", i);
	snprintf(texts[7], 256, "--initial-cluster-token=%s",
		 place->is_another ? "another" : "first");
	snprintf(texts[1], 256, "--data-dir=%s/m%zu", place->folder, i);
	snprintf(texts[2], 256, "--listen-client-urls=%s://127.0.0.1:%u", scheme, place->ports[i]);
	snprintf(texts[3], 256, "--advertise-client-urls=%s://127.0.0.1:%u", scheme,
		 place->ports[i]);
	snprintf(texts[4], 256, "--listen-peer-urls=http://127.0.0.1:%u", place->peers[i]);
	snprintf(texts[6], 256, "--initial-advertise-peer-urls=http://127.0.0.1:%u",
		 place->peers[i]);
	n = (size_t)snprintf(texts[5], 256, "--initial-cluster=");
	for (k = 0; k < place->n; k++)
		n += (size_t)snprintf(texts[5] + n, 256 - n, "%sm%zu=http://127.0.0.1:%u",
				      k > 0 ? "," : "", k, place->peers[k]);
	while (arguments[at])
		at++;
	if (place->keys) {
		snprintf(texts[8], 256, "--cert-file=%s/cert.pem", place->keys);
		snprintf(texts[9], 256, "--key-file=%s/key.pem", place->keys);
		snprintf(texts[10], 256, "--trusted-ca-file=%s/ca.pem", place->keys);
		arguments[at] = texts[8];
		arguments[at + 1] = texts[9];
		arguments[at + 2] = texts[10];
		arguments[at + 3] = (char *)(uintptr_t) "--client-cert-auth";
	}
	snprintf(log, sizeof(log), "%s/m%zu.log", place->folder, i);
	place->members[i] = fork();
	REQUIRE(place->members[i] >= 0);
	if (place->members[i] > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	execvp("etcd", arguments);
	_exit(127);
}

static inline void place_end(struct place *place, size_t i)
{
	if (place->members[i] <= 0)
		return;
	kill(place->members[i], SIGKILL);
	waitpid(place->members[i], NULL, 0);
	place->members[i] = 0;
}

static inline void place_remove(const char *path)
{
	pid_t remover = fork();

	if (remover == 0) {
		execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
		_exit(127);
	}
	waitpid(remover, NULL, 0);
}

/* A member that has ended begins as that of a new cluster. */
static inline void place_forget(struct place *place, size_t i)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/m%zu", place->folder, i);
	place_remove(path);
	place->is_another = true;
}

static inline void place_open_as(struct place *place, size_t n, const char *extra, const char *keys)
{
	const char *base = getenv("TMPDIR");
	size_t i, at = 0;

	memset(place, 0, sizeof(*place));
	place->n = n;
	place->extra = extra;
	place->keys = keys;
	snprintf(place->folder, sizeof(place->folder), "%s/pyrite-etcd-XXXXXX",
		 base && strlen(base) < 40 ? base : "/tmp");
	REQUIRE(mkdtemp(place->folder) != NULL);
	for (i = 0; i < n; i++) {
		place->ports[i] = port_of_ours();
		place->peers[i] = port_of_ours();
		at += (size_t)snprintf(place->endpoints + at, sizeof(place->endpoints) - at,
				       "%s127.0.0.1:%u", i > 0 ? "," : "", place->ports[i]);
	}
	for (i = 0; i < n; i++)
		place_start(place, i);
}

static inline void place_open_with(struct place *place, size_t n, const char *extra)
{
	place_open_as(place, n, extra, NULL);
}

static inline void place_open(struct place *place, size_t n)
{
	place_open_with(place, n, NULL);
}

static inline void place_close(struct place *place)
{
	size_t i;

	for (i = 0; i < place->n; i++)
		place_end(place, i);
	place_remove(place->folder);
}

/* ---- what is told ---- */

struct told {
	pthread_mutex_t lock;
	pthread_cond_t more;
	size_t n;                      /* calls that have ended */
	size_t n_of[ETCD_REFUSED + 1]; /* by their results */
	struct etcd_outcome last;
};

#define TOLD_NEW                                                                                   \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER                \
	}

static inline void told_done(const struct etcd_outcome *outcome, void *data)
{
	struct told *told = data;

	pthread_mutex_lock(&told->lock);
	told->n++;
	told->n_of[outcome->result]++;
	told->last = *outcome;
	pthread_cond_broadcast(&told->more);
	pthread_mutex_unlock(&told->lock);
}

/* Waits for a condition of what the lock protects; 20 s. Returns whether it came. */
#define TOLD_WAIT(told, condition)                                                                 \
	__extension__({                                                                            \
		struct timespec until_;                                                            \
		bool came_;                                                                        \
		clock_gettime(CLOCK_REALTIME, &until_);                                            \
		until_.tv_sec += 20;                                                               \
		pthread_mutex_lock(&(told)->lock);                                                 \
		while (!(condition) &&                                                             \
		       pthread_cond_timedwait(&(told)->more, &(told)->lock, &until_) == 0)         \
			;                                                                          \
		came_ = (condition);                                                               \
		pthread_mutex_unlock(&(told)->lock);                                               \
		came_;                                                                             \
	})

static inline struct etcd_outcome told_wait(struct told *told, size_t n)
{
	CHECK(TOLD_WAIT(told, told->n >= n));
	return told->last;
}

/* ---- calls, made and waited for ---- */

static inline struct etcd_bytes b(const char *text)
{
	return (struct etcd_bytes){ text, strlen(text) };
}

static inline struct etcd *client_of(const char *endpoints)
{
	struct etcd_options options = { .endpoints = endpoints,
					.timeout_ms = 1500,
					.own_prefix = "t/own/" };
	struct store_problem problem = { 0 };
	struct etcd *etcd = etcd_open(&options, &problem);

	CHECK_STR(problem.text, "");
	REQUIRE(etcd != NULL);
	return etcd;
}

static inline struct etcd_outcome barrier(struct etcd *etcd)
{
	struct told told = TOLD_NEW;

	etcd_barrier(etcd, told_done, &told);
	return told_wait(&told, 1);
}

/* Until etcd has begun. */
static inline void is_there(struct etcd *etcd)
{
	int i;

	for (i = 0; i < 5; i++)
		if (barrier(etcd).result == ETCD_DONE)
			return;
	REQUIRE(!"etcd does not begin: is it installed?");
}

static inline struct etcd_outcome txn(struct etcd *etcd, const struct etcd_compare *compares,
				      size_t n_compares, const struct etcd_op *ops, size_t n_ops)
{
	struct told told = TOLD_NEW;

	etcd_txn(etcd, compares, n_compares, ops, n_ops, told_done, &told);
	return told_wait(&told, 1);
}

static inline struct etcd_outcome put_key(struct etcd *etcd, const char *key, const char *value,
					  int64_t lease)
{
	struct etcd_op op = { ETCD_PUT, b(key), b(value), lease };

	return txn(etcd, NULL, 0, &op, 1);
}

static inline void told_page(const struct etcd_outcome *outcome, const struct etcd_kv *kvs,
			     size_t n, bool more, void *data)
{
	(void)kvs;
	(void)n;
	(void)more;
	told_done(outcome, data);
}

/* A page of what was then; 0: is now. */
static inline struct etcd_outcome read_at(struct etcd *etcd, uint64_t revision)
{
	struct etcd_range range = { b("t/"), b("t0"), 10, revision, false };
	struct told told = TOLD_NEW;

	etcd_read(etcd, &range, told_page, &told);
	return told_wait(&told, 1);
}

static inline struct etcd_outcome grant(struct etcd *etcd, int64_t id, int64_t ttl_s)
{
	struct told told = TOLD_NEW;

	etcd_grant(etcd, id, ttl_s, told_done, &told);
	return told_wait(&told, 1);
}

static inline struct etcd_outcome renew(struct etcd *etcd, int64_t id)
{
	struct told told = TOLD_NEW;

	etcd_renew(etcd, id, told_done, &told);
	return told_wait(&told, 1);
}
#endif
