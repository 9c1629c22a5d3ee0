/* SPDX-License-Identifier: MIT */
/* How connections between the library and the model come to be: at the daemon's door, from proxies,
 * and those of others. */
#include "fuzz_cable_own.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/link_socket.h"
#include "wire/frame.h"

enum { SMALL_BUFFER = 4608 };

/* What a connection takes at once is little, sometimes: writes are of parts then. */
static void narrow(struct cable *w, int fd)
{
	int n = SMALL_BUFFER;

	if (chance_one_in(&w->chance, 3))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

/* The model's end of TLS; NULL: the lane has none, or the library has gone meanwhile. */
static struct tls *shake(struct cable *w, struct tls *tls)
{
	int64_t until = engine_now() + WAIT_S * INT64_C(1000) * ENGINE_MS;
	enum tls_result result;

	while ((result = tls_handshake(tls)) == TLS_WANTS_IN || result == TLS_WANTS_OUT) {
		if (engine_now() > until)
			fuzz_finding("%s: TLS is not agreed on", w->fake->link.address);
		cable_pump();
	}
	if (result == TLS_DONE)
		return tls;
	if (result == TLS_BROKEN)
		fuzz_finding("%s: TLS is broken: %s", w->fake->link.address, tls_why(tls));
	tls_free(tls);
	return NULL;
}

/* ---- to a daemon ---- */

static struct cable *entering; /* the leader's */

struct link *__real_link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local);
struct link *__wrap_link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local);

struct link *__wrap_link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local)
{
	struct cable *w = entering;
	struct link *link;

	if (w && !place_is_pair(w->fd, fd))
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

void cable_enter(struct fake *fake, const struct place *place, uint64_t seed)
{
	struct cable *w = cable_new(fake, seed);

	w->fd = place_connect(place);
	w->has_names = place->lane == LANE_UNIX;
	entering = w;
	if (place->lane == LANE_TLS) {
		fcntl(w->fd, F_SETFL, O_NONBLOCK);
		w->tls = shake(w, tls_connect(place_tls_settings(), w->fd, "fuzz", "daemon",
					      TLS_ALPN_FRAMES));
		if (!w->tls)
			fuzz_finding("the daemon closes a connection within its handshake");
	}
	buf_append(&w->out, FRAME_PREFACE, PREFACE);
	cable_push(w, true);
	cable_wait(w, is_let_in, "the daemon does not let it in");
	entering = NULL;
}

void cable_knock(const struct place *place, struct chance *chance)
{
	static const char *const texts[] = { FRAME_PREFACE,
					     FRAME_PREFACE "beyond, without end",
					     "PYRITE/2 frames follow\r\n",
					     "GET / HTTP/1.1\r\n\r\n",
					     "PYRO",
					     "" };
	const char *text = texts[chance_below(chance, 6)];
	size_t n = strlen(text);
	int fd = place_connect(place);

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
	struct place place;
	int fd;
	bool listens;
} listeners[CABLE_PLACES];

/* Those whose fake is not known, or not yet: who connects may not have come back from it. */
enum { STRAYS = 32 };
static int strays[STRAYS];
static unsigned n_strays;

void cable_listen(enum fuzz_lane lane)
{
	unsigned i;

	while (n_strays > 0)
		close(strays[--n_strays]);
	for (i = 0; i < CABLE_PLACES; i++) {
		if (listeners[i].listens) /* with who waits there still */
			place_close(&listeners[i].place, listeners[i].fd);
		listeners[i].listens = lane != LANE_NONE;
		if (lane != LANE_NONE)
			listeners[i].fd = place_listen(&listeners[i].place, lane);
	}
}

void cable_uri(unsigned i, char *ret, size_t n)
{
	place_uri(&listeners[i].place, ret, n);
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

/* The last of link_auto's is told the fake; with TLS link_auto itself, which is a link of the
 * fake's.
 */
static struct link *connect_again(const struct link_target *target,
				  const struct link_events *events, void *owner)
{
	struct fake *fake = events == &cable_events ? owner : ((struct link *)owner)->owner;

	return connect_end(fake->cable, target, events, owner);
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
	is_it = ends->source.fd >= 0 && place_is_pair(ends->source.fd, fd);
	if (is_it)
		narrow(w, ends->source.fd);
	pthread_mutex_unlock(&ends->lock);
	return is_it;
}

/* Says nothing, or something that is no preface, or half of one, and goes. */
static void turn_away(struct cable *w, int fd, struct tls *tls)
{
	static const char *const texts[] = { "", "220 mail\r\n", "PYRITE/1 frames f",
					     "PYRITE/1 frames fellow\r\n" };
	const char *text = texts[chance_below(&w->chance, 4)];
	size_t n;

	if (!text[0])
		;
	else if (tls)
		(void)tls_write(tls, text, strlen(text), &n);
	else
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	tls_free(tls);
	close(fd);
}

static struct tls *take_tls(struct cable *w, int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return shake(w, tls_accept(place_tls_settings(), fd));
}

static bool greet(struct cable *w, int fd, const struct place *place, bool is_hostile)
{
	bool is_refused = w->is_refused_first && atomic_load(&w->n_attempts) == 1;
	struct tls *tls = NULL;

	if (is_hostile && chance_one_in(&w->chance, 10)) {
		turn_away(w, fd, NULL);
		return false;
	}
	if (place->lane == LANE_TLS && !(tls = take_tls(w, fd))) {
		close(fd); /* the library has given up */
		return false;
	}
	if (is_refused) {
		turn_away(w, fd, tls);
		return false;
	}
	w->fd = fd;
	w->tls = tls;
	w->has_names = place->lane == LANE_UNIX;
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

	for (i = 0; i < CABLE_PLACES; i++)
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
			if (greet(fakes[i]->cable, fd, &listeners[0].place, is_hostile))
				return fakes[i];
		}
	return NULL;
}
