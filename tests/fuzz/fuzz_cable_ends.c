/* SPDX-License-Identifier: MIT */
/* How connections between the library and the model come to be: at the daemon's door, from proxies,
 * and those of others. */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "fuzz_cable_own.h"

#include <netinet/in.h>

#include <errno.h>
#include <linux/tcp.h> /* TCP_NODELAY */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/link_socket.h"
#include "wire/frame.h"

enum { SMALL_BUFFER = 4608 };

/* ---- to a daemon ---- */

static struct sockaddr_in local(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return at;
}

static int new_socket(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), on = 1;

	if (fd < 0)
		fuzz_finding("there is no socket: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int come_to(uint16_t port)
{
	struct sockaddr_in at = local(port);
	int fd = new_socket(0);

	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fuzz_finding("the daemon's port cannot be reached: %s", strerror(errno));
	return fd;
}

static uint16_t own_port(int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t n = sizeof(at);

	return getsockname(fd, (struct sockaddr *)&at, &n) < 0 ? 0 : ntohs(at.sin_port);
}

static uint16_t other_port(int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t n = sizeof(at);

	return getpeername(fd, (struct sockaddr *)&at, &n) < 0 ? 0 : ntohs(at.sin_port);
}

/* What a connection takes at once is little, sometimes: writes are of parts then. */
static void narrow(struct cable *w, int fd)
{
	int n = SMALL_BUFFER;

	if (chance_one_in(&w->chance, 3))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

static struct cable *entering; /* the leader's */

struct link *__real_link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local);
struct link *__wrap_link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local);

struct link *__wrap_link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local)
{
	struct cable *w = entering;
	struct link *link;

	if (w && own_port(w->fd) != other_port(fd))
		w = NULL; /* who only knocked */
	if (w)
		narrow(w, fd);
	link = __real_link_socket_accept(fd, tls, address, is_local);
	if (!w || !link)
		return link;
	w->inner = link;
	w->ends = (struct socket_link *)link;
	w->is_accepted = true;
	cable_be_like(w->fake, link);
	return &w->fake->link;
}

static bool is_let_in(struct cable *w)
{
	return atomic_load(&w->inner) && w->fake->link.events;
}

void cable_enter(struct fake *fake, uint16_t port, uint64_t seed)
{
	struct cable *w = cable_new(fake, seed);

	w->fd = come_to(port);
	entering = w;
	buf_append(&w->out, FRAME_PREFACE, PREFACE);
	cable_push(w, true);
	cable_wait(w, is_let_in, "the daemon does not let it in");
	entering = NULL;
}

void cable_knock(uint16_t port, struct chance *chance)
{
	static const char *const texts[] = { FRAME_PREFACE,
					     FRAME_PREFACE "beyond, without end",
					     "PYRITE/2 frames follow\r\n",
					     "GET / HTTP/1.1\r\n\r\n",
					     "PYRO",
					     "" };
	const char *text = texts[chance_below(chance, 6)];
	size_t n = strlen(text);
	int fd = come_to(port);

	if (chance_one_in(chance, 2))
		n = chance_below(chance, (unsigned)n + 1);
	(void)!send(fd, text, n, MSG_NOSIGNAL);
	if (chance_one_in(chance, 2))
		cable_pump();
	if (chance_one_in(chance, 3))
		cable_reset(fd);
	else
		close(fd);
	fuzz_say("somebody knocks, says %zu bytes of %.10s and goes", n, text);
}

/* ---- from proxies ---- */

static struct {
	int fd;
	uint16_t port;
} listeners[CABLE_PORTS];

/* Those whose fake is not known, or not yet: who connects may not have come back from it. */
enum { STRAYS = 32 };
static int strays[STRAYS];
static unsigned n_strays;

void cable_listen(void)
{
	unsigned i;

	while (n_strays > 0)
		close(strays[--n_strays]);
	for (i = 0; i < CABLE_PORTS; i++) {
		struct sockaddr_in at = local(0);

		if (listeners[i].port)
			close(listeners[i].fd); /* with who waits there still */
		listeners[i].fd = new_socket(SOCK_NONBLOCK);
		if (bind(listeners[i].fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		    listen(listeners[i].fd, 100) < 0)
			fuzz_finding("there is no port: %s", strerror(errno));
		listeners[i].port = own_port(listeners[i].fd);
	}
}

uint16_t cable_port(unsigned i)
{
	return listeners[i].port;
}

static struct link *connect_end(struct cable *w, const struct link_target *target,
				const struct link_events *events, void *owner)
{
	struct link_target to = *target;
	struct link *link;

	to.uri = w->uri;
	atomic_fetch_add(&w->n_attempts, 1);
	link = link_socket_connect(&to, events, owner);
	atomic_store(&w->ends, (struct socket_link *)link);
	return link;
}

/* The cable that a thread connects: link_auto has an owner of its own. */
static _Thread_local struct cable *connecting;

static struct link *connect_first(const struct link_target *target,
				  const struct link_events *events, void *owner)
{
	return connect_end(connecting, target, events, owner);
}

/* The last of link_auto's is told the owner. */
static struct link *connect_again(const struct link_target *target,
				  const struct link_events *events, void *owner)
{
	return connect_end(((struct fake *)owner)->cable, target, events, owner);
}

struct link *__real_link_connect(const struct link_target *target, const struct link_events *events,
				 void *owner);

bool cable_connect(struct fake *fake, const struct link_target *target,
		   const struct link_events *events, void *owner, uint64_t seed)
{
	static link_open *const once[] = { connect_first, NULL };
	static link_open *const twice[] = { connect_first, connect_again, NULL };
	struct cable *w = cable_new(fake, seed);
	struct link_target to = *target;
	struct uri_problem problem;
	struct link *inner;

	w->uri = uri_parse(target->uri->text, &problem);
	if (!w->uri)
		fuzz_finding("%s is no URI: %s", target->uri->text, problem.text);
	w->is_refused_first = chance_one_in(&w->chance, 4);
	w->has_second = w->is_refused_first || chance_one_in(&w->chance, 2);
	to.kinds = w->has_second ? twice : once;
	fake->link.events = events;
	fake->link.owner = owner;
	fake->link.is_local = fake->link.wants_pings = true;
	connecting = w;
	inner = __real_link_connect(&to, &cable_events, fake);
	atomic_store(&w->inner, inner);
	return inner != NULL;
}

/* The lock of the link: it may be given its descriptor just now, or lose it. */
static bool is_of(struct cable *w, int fd)
{
	struct socket_link *ends;
	bool is_it;

	if (w->fd >= 0 || cable_is_over(w))
		return false;
	ends = atomic_load(&w->ends);
	if (!ends)
		return false;
	pthread_mutex_lock(&ends->lock);
	is_it = ends->source.fd >= 0 && own_port(ends->source.fd) == other_port(fd);
	if (is_it)
		narrow(w, ends->source.fd);
	pthread_mutex_unlock(&ends->lock);
	return is_it;
}

/* Says nothing, or something that is no preface, or half of one, and goes. */
static void turn_away(struct cable *w, int fd)
{
	static const char *const texts[] = { "", "220 mail\r\n", "PYRITE/1 frames f",
					     "PYRITE/1 frames fellow\r\n" };
	const char *text = texts[chance_below(&w->chance, 4)];

	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	close(fd);
}

static bool greet(struct cable *w, int fd, bool is_hostile)
{
	if ((w->is_refused_first && atomic_load(&w->n_attempts) == 1) ||
	    (is_hostile && chance_one_in(&w->chance, 10))) {
		turn_away(w, fd);
		return false;
	}
	w->fd = fd;
	buf_append(&w->out, FRAME_PREFACE, PREFACE);
	if (w->has_second && atomic_load(&w->n_attempts) == 1)
		cable_sync(w); /* whole: a link that is lost before goes on with the second */
	else
		cable_push(w, false);
	return true;
}

static void take_strays(void)
{
	unsigned i;
	int fd;

	for (i = 0; i < CABLE_PORTS; i++)
		while (n_strays < STRAYS && (fd = accept(listeners[i].fd, NULL, NULL)) >= 0)
			strays[n_strays++] = fd;
}

struct fake *cable_accept(struct fake *const *fakes, unsigned n, bool is_hostile)
{
	unsigned i, k;
	int fd;

	take_strays();
	for (i = 0; i < n; i++)
		for (k = 0; k < n_strays; k++) {
			if (!is_of(fakes[i]->cable, strays[k]))
				continue;
			fd = strays[k];
			strays[k] = strays[--n_strays];
			if (greet(fakes[i]->cable, fd, is_hostile))
				return fakes[i];
		}
	return NULL;
}
