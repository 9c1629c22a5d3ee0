/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "fuzz_place.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz_tls.h"
#include "fuzz_tmp.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

/* ---- names ---- */

static char folder[FUZZ_TMP_MAX + 24];
static unsigned n_names;

void place_remove(void)
{
	char path[sizeof(folder) + 24];
	unsigned i;

	if (!folder[0])
		return;
	for (i = 0; i < n_names && rmdir(folder) < 0; i++) {
		snprintf(path, sizeof(path), "%s/%u", folder, i);
		(void)unlink(path);
		strcat(path, ".lock"); /* the daemon's */
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

void place_name(struct place *place)
{
	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "%s/fuzz-link-XXXXXX", fuzz_tmp());
		if (!mkdtemp(folder))
			fuzz_finding("there is no folder: %s", strerror(errno));
		atexit(place_remove);
	}
	snprintf(place->path, sizeof(place->path), "%s/%u", folder, n_names++);
}

void place_uri(const struct place *place, char *ret, size_t n)
{
	if (place->lane == LANE_UNIX)
		snprintf(ret, n, "PYRO:a@./u:%s", place->path);
	else
		snprintf(ret, n, "PYRO:a@127.0.0.1:%u", place->port);
}

/* ---- sockets ---- */

/* Returns its size. */
static socklen_t address_of(const struct place *place, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (place->lane == LANE_UNIX) {
		ret->un.sun_family = AF_UNIX;
		strcpy(ret->un.sun_path, place->path);
		return sizeof(ret->un);
	}
	ret->in.sin_family = AF_INET;
	ret->in.sin_port = htons(place->port);
	ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(ret->in);
}

static int new_socket(const struct place *place, int flags)
{
	int family = place->lane == LANE_UNIX ? AF_UNIX : AF_INET, on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		fuzz_finding("there is no socket: %s", strerror(errno));
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int place_listen(struct place *place, enum fuzz_lane lane)
{
	union address at;
	socklen_t n;
	int fd;

	*place = (struct place){ .lane = lane };
	if (lane == LANE_UNIX)
		place_name(place);
	fd = new_socket(place, SOCK_NONBLOCK);
	n = address_of(place, &at);
	if (bind(fd, &at.any, n) < 0 || listen(fd, 100) < 0 || getsockname(fd, &at.any, &n) < 0)
		fuzz_finding("there is no place to listen: %s", strerror(errno));
	if (lane != LANE_UNIX)
		place->port = ntohs(at.in.sin_port);
	return fd;
}

void place_close(struct place *place, int fd)
{
	close(fd);
	if (place->lane == LANE_UNIX)
		unlink(place->path);
}

int place_connect(const struct place *place)
{
	union address at;
	socklen_t n = address_of(place, &at);
	int fd = new_socket(place, 0);

	if (connect(fd, &at.any, n) < 0)
		fuzz_finding("the daemon cannot be reached: %s", strerror(errno));
	return fd;
}

bool place_is_pair(int fd, int other)
{
	union address here = { .in.sin_port = 0 }, there = { .in.sin_port = 0 };
	socklen_t n = sizeof(here), n_there = sizeof(there);

	return getsockname(fd, &here.any, &n) == 0 &&
	       getpeername(other, &there.any, &n_there) == 0 && n == n_there &&
	       n > sizeof(sa_family_t) && memcmp(&here, &there, n) == 0;
}

int __real_connect(int fd, const struct sockaddr *at, socklen_t n);
int __wrap_connect(int fd, const struct sockaddr *at, socklen_t n);

/* Clients of unix sockets get a name, as those of TCP have a port. */
int __wrap_connect(int fd, const struct sockaddr *at, socklen_t n)
{
	struct sockaddr none = { .sa_family = AF_UNIX };

	if (at->sa_family == AF_UNIX)
		(void)bind(fd, &none, sizeof(none.sa_family));
	return __real_connect(fd, at, n);
}

/* ---- TLS ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct pyr_tls_options options;
static struct tls_settings *settings;

static void free_tls(void)
{
	tls_settings_unref(settings);
	free((char *)options.cert);
	free((char *)options.key);
}

static void make_tls(void)
{
	struct tls_problem problem;

	options = fuzz_tls_options(PYR_NO);
	settings = tls_settings_new(&options, &problem);
	if (!settings)
		fuzz_finding("there is no TLS: %s", problem.text);
	atexit(free_tls);
}

const struct pyr_tls_options *place_tls_options(void)
{
	pthread_once(&once, make_tls);
	return &options;
}

struct tls_settings *place_tls_settings(void)
{
	pthread_once(&once, make_tls);
	return settings;
}
