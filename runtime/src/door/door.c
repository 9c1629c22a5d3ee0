/* SPDX-License-Identifier: MIT */
/*
 * The door of a daemon: who comes in. Core's own listener goes deaf for ever after one EMFILE, has
 * no cap and cannot cut a connection, so plaintext TCP and unix sockets are accepted here.
 *
 * One thread per door waits with epoll for listeners, for the newcomers that have not shown their
 * protocol yet, and for the end. It looks at their first bytes without taking them, then lets them
 * go to core (the accepted callback) and never hears of them again; how many of those are still
 * open is found out by looking (door_links.h). Newcomers are watched edge-triggered, for what is
 * only peeked at stays readable.
 *
 * Out of descriptors: a spare one is given up, the connection accepted and closed at once, so the
 * queue never stands; where even that fails the listeners are not looked at for up to 200 ms.
 * Neither spins.
 *
 * Connections that the program had already come by door_take(), from any thread, into a list that
 * the door's thread empties.
 *
 * The lock guards links, that list and spare; it is held for moments and calls nothing out. All
 * else belongs to the door's thread, or is fixed once it runs.
 */
#define _GNU_SOURCE /* accept4(), struct ucred */
#include "door/door.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <pyrite/pyrite.h>

#include "base/audit.h"
#include "base/log.h"
#include "door/door_own.h"
#include "door/door_tls.h"
#include "tls/tls.h"

#define FIRST_BYTE_MS   10000
#define BACK_OFF_MIN_MS 20
#define BACK_OFF_MAX_MS 200
#define SWEEP_MS        20 /* a full door looks no more often whether somebody left */
#define COMPLAIN_MS     1000
#define GRACE_MS        500 /* for a newcomer's first bytes when its place is needed */
#define ACCEPT_BATCH    64
#define EVENTS          64
#define PEEK            24
#define WAKE_TAG        DOOR_LISTENERS_MAX /* below: listeners; above: ids of connections */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* For what may come a thousand times a second: told once in one. */
static bool may_complain(struct door *door)
{
	int64_t now = now_ms();

	if (now - door->complained_ms < COMPLAIN_MS)
		return false;
	door->complained_ms = now;
	return true;
}

static int watch(struct door *door, int op, int fd, uint64_t tag, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = tag };

	return epoll_ctl(door->epoll, op, fd, &event);
}

static void arm(struct door *door, bool on)
{
	int i;

	for (i = 0; i < door->listeners.n; i++)
		watch(door, EPOLL_CTL_MOD, door->listeners.fds[i], (uint64_t)i, on ? EPOLLIN : 0);
}

static void disarm_for_a_while(struct door *door)
{
	door->back_off_ms *= 2;
	if (door->back_off_ms < BACK_OFF_MIN_MS)
		door->back_off_ms = BACK_OFF_MIN_MS;
	if (door->back_off_ms > BACK_OFF_MAX_MS)
		door->back_off_ms = BACK_OFF_MAX_MS;
	door->rearm_ms = now_ms() + door->back_off_ms;
	arm(door, false);
}

static void rearm(struct door *door)
{
	door->rearm_ms = 0;
	arm(door, true);
}

/* Closes a connection that is still the door's own. */
static void drop(struct door *door, struct door_link *link)
{
	int fd = door_link_fd(link);

	tls_free(link->tls);
	pthread_mutex_lock(&door->lock);
	door_links_remove(&door->links, link);
	pthread_mutex_unlock(&door->lock);
	close(fd);
	if (door->rearm_ms)
		rearm(door);
}

/* A full door gives the place of whom it has waited for long enough, or lets wait itself, to who
 * comes: else those who say nothing would keep everybody out. */
static bool make_place(struct door *door)
{
	struct door_link *oldest = door->links.first;

	if (!oldest || (!oldest->is_held &&
			oldest->until_ms - door->options.first_byte_ms + GRACE_MS > now_ms()))
		return false;
	log_line(PYR_LOG_DEBUG, "%s: closing the connection from %s: its place is needed",
		 door->listeners.address, oldest->peer.address);
	drop(door, oldest);
	return true;
}

static bool is_full(struct door *door)
{
	bool full;

	pthread_mutex_lock(&door->lock);
	full = door->links.count >= door->options.max_links;
	if (full && now_ms() - door->swept_ms >= SWEEP_MS) {
		door_links_sweep(&door->links);
		door->swept_ms = now_ms();
		full = door->links.count >= door->options.max_links;
	}
	pthread_mutex_unlock(&door->lock);
	return full;
}

/* Who connects to a unix socket seldom has a name: the door's does for both. */
static void describe(struct door *door, int fd, struct door_peer *peer)
{
	door_describe(fd, peer); /* if gone already, its first read will tell */
	if (door->listeners.is_unix && strncmp(peer->address, "./u:", 4) == 0)
		memcpy(peer->address, door->listeners.address, sizeof(peer->address));
}

static void welcome(struct door *door, int fd)
{
	struct door_link *link;
	uint64_t id = 0;
	int on = 1;

	if (is_full(door) && !make_place(door)) {
		close(fd);
		if (may_complain(door))
			log_line(PYR_LOG_WARNING,
				 "%s: turning connections away: %u are open, the maximum",
				 door->listeners.address, door->options.max_links);
		return;
	}
	if (!door->listeners.is_unix)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	pthread_mutex_lock(&door->lock);
	link = door_links_add(&door->links, fd);
	if (link) {
		id = link->peer.id;
		link->until_ms = now_ms() + door->options.first_byte_ms;
		describe(door, fd, &link->peer);
		link->source = door_source_of(link->peer.address);
	}
	pthread_mutex_unlock(&door->lock);
	if (!link) {
		close(fd);
		return;
	}
	if (watch(door, EPOLL_CTL_ADD, fd, id, EPOLLIN | EPOLLRDHUP | EPOLLET) < 0)
		drop(door, link);
}

/* Accepts with the spare descriptor, and closes: a peer that is refused at once knows where it
 * stands. False when there is no more to do for now. (Without descriptors accept4() says EMFILE
 * also of an empty queue.) */
static bool turn_away(struct door *door, int listener)
{
	int fd, number;

	pthread_mutex_lock(&door->lock);
	if (door->spare >= 0)
		close(door->spare);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	number = errno;
	if (fd >= 0)
		close(fd);
	door->spare = door_spare_open();
	pthread_mutex_unlock(&door->lock);
	if (fd < 0 && number != EAGAIN && !door_is_transient(number))
		disarm_for_a_while(door);
	if ((fd >= 0 || number != EAGAIN) && may_complain(door))
		log_line(PYR_LOG_WARNING, "%s: turning connections away: out of file descriptors",
			 door->listeners.address);
	return fd >= 0;
}

/* Takes one from the queue. False when there is no more to do for now. */
static bool accept_one(struct door *door, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (fd < 0 && door_is_transient(errno))
		return true;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return turn_away(door, listener);
	if (fd < 0) {
		if (may_complain(door))
			log_line(PYR_LOG_WARNING, "%s: cannot accept a connection: %s",
				 door->listeners.address, strerror(errno));
		disarm_for_a_while(door);
		return false;
	}
	door->back_off_ms = 0;
	welcome(door, fd);
	return true;
}

static void let_in(struct door *door, struct door_link *link, enum door_protocol protocol)
{
	int fd = door_link_fd(link);
	struct door_peer peer = link->peer;
	struct tls *tls = link->tls;

	link->tls = NULL;
	if (tls)
		door_sources_done(&door->sources, &link->source);
	watch(door, EPOLL_CTL_DEL, fd, 0, 0);
	pthread_mutex_lock(&door->lock);
	door_links_settle(&door->links, link);
	pthread_mutex_unlock(&door->lock);
	door->options.accepted(door->options.data, fd, protocol, &peer, tls);
}

static enum door_protocol begin_tls(struct door *door, struct door_link *link, const char **why)
{
	link->is_held = !door_sources_begin(&door->sources, &link->source, now_ms());
	if (link->is_held) {
		if (!door->held_ms)
			door->held_ms = now_ms() + DOOR_SOURCE_MS;
		return DOOR_UNDECIDED;
	}
	if (door_tls_begin(link, &door->options) &&
	    watch(door, EPOLL_CTL_MOD, door_link_fd(link), link->peer.id,
		  EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == 0)
		return door_tls_look(link, why);
	*why = "out of memory";
	return DOOR_OTHER;
}

/* What it has shown so far. UNDECIDED: more may come. */
static enum door_protocol look(struct door *door, struct door_link *link, uint32_t events,
			       const char **why)
{
	uint8_t data[PEEK];
	enum door_protocol protocol;
	ssize_t n = recv(door_link_fd(link), data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) &&
	    !(events & (EPOLLERR | EPOLLHUP)))
		return DOOR_UNDECIDED;
	protocol = n <= 0 ? DOOR_OTHER : door_classify(data, (size_t)n);
	if (protocol == DOOR_TLS && door->options.tls && !link->is_held)
		return begin_tls(door, link, why);
	if ((protocol == DOOR_UNDECIDED || link->is_held) &&
	    (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		return DOOR_OTHER;
	if (link->is_held)
		return DOOR_UNDECIDED;
	if (n > 0 && protocol != DOOR_UNDECIDED && door->options.tls) {
		door_tls_refuse(link);
		*why = "it does not speak TLS";
		return DOOR_OTHER;
	}
	return protocol;
}

static void tell_refusal(struct door *door, const struct door_link *link, const char *why)
{
	struct audit_event event = { .who = link->peer.identity,
				     .from = link->peer.address,
				     .action = "connect",
				     .decision = "refused",
				     .why = why };

	audit_say(door->options.audit, &event);
	if (may_complain(door))
		log_line(PYR_LOG_WARNING, "%s: closing the connection from %s: %s",
			 door->listeners.address, link->peer.address, why);
}

/* Only this thread removes those that wait, so link stays valid without the lock. */
static void decide(struct door *door, struct door_link *link, enum door_protocol protocol,
		   const char *why)
{
	if (protocol == DOOR_UNDECIDED)
		return;
	if ((1u << DOOR_HTTP2 | 1u << DOOR_FRAMES | door->options.others) & 1u << protocol) {
		let_in(door, link, protocol);
		return;
	}
	if (!why)
		log_line(PYR_LOG_DEBUG, "%s: closing the connection from %s: it speaks %s",
			 door->listeners.address, link->peer.address, door_protocol_name(protocol));
	else
		tell_refusal(door, link, why);
	drop(door, link);
}

static void look_at(struct door *door, struct door_link *link, uint32_t events)
{
	const char *why = NULL; /* of what concerns TLS */
	enum door_protocol protocol =
		link->tls ? door_tls_look(link, &why) : look(door, link, events, &why);

	decide(door, link, protocol, why);
}

/* Those whose source had begun too much. */
static void look_at_held(struct door *door)
{
	struct door_link *link, *next;
	const char *why = NULL;

	door->held_ms = 0;
	for (link = door->links.first; link; link = next) {
		next = link->next;
		if (link->is_held)
			decide(door, link, begin_tls(door, link, &why), why);
	}
}

static void drop_silent(struct door *door)
{
	struct door_link *link = door->links.first;
	int64_t now = link ? now_ms() : 0;

	for (; link && link->until_ms <= now; link = door->links.first) {
		log_line(PYR_LOG_DEBUG, "%s: closing the connection from %s: it sent nothing",
			 door->listeners.address, link->peer.address);
		drop(door, link);
	}
}

static int wait_ms(struct door *door)
{
	int64_t until = door->links.first ? door->links.first->until_ms : INT64_MAX;

	if (door->rearm_ms && door->rearm_ms < until)
		until = door->rearm_ms;
	if (door->held_ms && door->held_ms < until)
		until = door->held_ms;
	if (until == INT64_MAX)
		return -1;
	until -= now_ms();
	if (until < 0)
		return 0;
	return until > 60000 ? 60000 : (int)until;
}

static void handle(struct door *door, const struct epoll_event *event)
{
	uint64_t tag = event->data.u64;
	struct door_link *link;
	bool is_waiting;
	int i;

	if (tag < WAKE_TAG) {
		for (i = 0; i < ACCEPT_BATCH && !door->rearm_ms; i++)
			if (!accept_one(door, door->listeners.fds[tag]))
				return;
		return;
	}
	pthread_mutex_lock(&door->lock);
	link = door_links_find(&door->links, tag); /* dropped by an earlier event of this round? */
	is_waiting = link && link->waiting;
	pthread_mutex_unlock(&door->lock);
	if (is_waiting)
		look_at(door, link, event->events);
}

/* Those that the program had connected. Returns false when the door is to close. */
static bool take_given(struct door *door)
{
	uint64_t count;
	bool is_closing;
	int fd;

	(void)!read(door->wake, &count, sizeof(count));
	for (;;) {
		pthread_mutex_lock(&door->lock);
		is_closing = door->is_closing;
		fd = door->n_given > 0 && !is_closing ? door->given[--door->n_given] : -1;
		pthread_mutex_unlock(&door->lock);
		if (fd < 0)
			return !is_closing;
		welcome(door, fd);
	}
}

static void *run(void *arg)
{
	struct door *door = arg;
	struct epoll_event events[EVENTS];
	int i, n;

	for (;;) {
		n = epoll_wait(door->epoll, events, EVENTS, wait_ms(door));
		for (i = 0; i < n; i++) {
			if (events[i].data.u64 != WAKE_TAG)
				handle(door, &events[i]);
			else if (!take_given(door))
				return NULL;
		}
		drop_silent(door);
		if (door->held_ms && door->held_ms <= now_ms())
			look_at_held(door);
		if (door->rearm_ms && door->rearm_ms <= now_ms())
			rearm(door);
	}
}

/* Its thread blocks all signals: they are the program's. */
static int start_thread(struct door *door)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&door->thread, NULL, run, door);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code == 0)
		pthread_setname_np(door->thread, "pyrite-door");
	door->is_running = code == 0;
	return -code;
}

static int start(struct door *door)
{
	int i;

	door->epoll = epoll_create1(EPOLL_CLOEXEC);
	door->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	door->spare = door_spare_open();
	if (door->epoll < 0 || door->wake < 0 || door->spare < 0)
		return -errno;
	if (watch(door, EPOLL_CTL_ADD, door->wake, WAKE_TAG, EPOLLIN) < 0)
		return -errno;
	for (i = 0; i < door->listeners.n; i++)
		if (watch(door, EPOLL_CTL_ADD, door->listeners.fds[i], (uint64_t)i, EPOLLIN) < 0)
			return -errno;
	return start_thread(door);
}

struct door *door_open(const struct door_options *options, struct door_problem *problem)
{
	struct door *door = calloc(1, sizeof(*door));
	int code;

	if (!door) {
		if (options->is_given && options->fd >= 0)
			close(options->fd);
		door_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	door->options = *options;
	if (!door->options.max_links)
		door->options.max_links = door_links_default_max();
	if (!door->options.first_byte_ms)
		door->options.first_byte_ms = FIRST_BYTE_MS;
	door->epoll = door->wake = door->spare = -1;
	door->complained_ms = -COMPLAIN_MS;
	door->swept_ms = -SWEEP_MS;
	pthread_mutex_init(&door->lock, NULL);
	if (door_listeners_open(&door->listeners, options, problem) == 0) {
		door->options.host = door->options.socket = NULL;
		code = start(door);
		if (code == 0)
			return door;
		door_fail(problem, PYR_RESOURCE_EXHAUSTED, "cannot serve %s: %s",
			  door->listeners.address, strerror(-code));
	}
	door_free(door);
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void wake(struct door *door)
{
	static const uint64_t one = 1;

	while (write(door->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

int door_take(struct door *door, int fd)
{
	int *grown = NULL, status = 0;

	pthread_mutex_lock(&door->lock);
	if (door->is_closing)
		status = -PYR_FAILED_PRECONDITION;
	else if (!(grown = realloc(door->given, (door->n_given + 1) * sizeof(*grown))))
		status = -PYR_RESOURCE_EXHAUSTED;
	if (grown) {
		door->given = grown;
		door->given[door->n_given++] = fd;
		wake(door);
	}
	pthread_mutex_unlock(&door->lock);
	if (status < 0)
		close(fd);
	return status;
}

void door_close(struct door *door)
{
	pthread_mutex_lock(&door->lock);
	door->is_closing = true;
	while (door->n_given > 0)
		close(door->given[--door->n_given]);
	pthread_mutex_unlock(&door->lock);
	if (door->is_running) {
		wake(door);
		pthread_join(door->thread, NULL);
		door->is_running = false;
	}
	door_listeners_close(&door->listeners);
	while (door->links.first)
		drop(door, door->links.first);
	close_fd(&door->epoll);
	close_fd(&door->wake);
	pthread_mutex_lock(&door->lock);
	close_fd(&door->spare);
	pthread_mutex_unlock(&door->lock);
}

void door_free(struct door *door)
{
	if (!door)
		return;
	door_close(door);
	door_links_clear(&door->links);
	free(door->given);
	pthread_mutex_destroy(&door->lock);
	free(door);
}
