/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "naming/naming_udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/engine.h"
#include "naming/naming_inet.h"

static const char question[] = "GET_NSURI";

struct asked {
	struct sockaddr_in at;
	bool is_broadcast; /* so any host may answer */
};

struct inquiry {
	int fd;
	unsigned n_asked, n_answers, n_refused;
	int send_error; /* of the last that could not be asked; 0: none */
	struct asked asked[NAMING_UDP_ASKED];
	struct found_servers *servers;
	char why[200]; /* the last that was refused was */
};

/* ---- whom to ask ---- */

/* The system lets only those who ask for it connect to a broadcast address. */
static bool is_broadcast(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 &&
		  errno == EACCES;

	if (fd >= 0)
		close(fd);
	return is || at->sin_addr.s_addr == htonl(INADDR_BROADCAST);
}

static bool add_asked(struct inquiry *q, const char *text)
{
	struct asked *asked = &q->asked[q->n_asked];
	size_t n = strlen(NAMING_UDP_BROADCAST);
	char all[32];

	if (q->n_asked == NAMING_UDP_ASKED)
		return false;
	if (strncmp(text, NAMING_UDP_BROADCAST, n) == 0) {
		snprintf(all, sizeof(all), "255.255.255.255%.8s", text + n);
		text = all;
	}
	if (!naming_inet_read(text, NAMING_UDP_PORT, &asked->at))
		return false;
	asked->is_broadcast = is_broadcast(&asked->at);
	q->n_asked++;
	return true;
}

/* Returns false with *problem told. */
static bool read_addresses(struct inquiry *q, const char *addresses, struct uri_problem *problem)
{
	char text[512], *rest = text, *one;

	problem->code = PYR_INVALID_ARGUMENT;
	if (snprintf(text, sizeof(text), "%s", addresses) >= (int)sizeof(text)) {
		snprintf(problem->text, sizeof(problem->text), "PYRITE_NS_BROADCAST is too long");
		return false;
	}
	while ((one = strsep(&rest, ", "))) {
		if (*one == '\0' || add_asked(q, one))
			continue;
		snprintf(problem->text, sizeof(problem->text),
			 q->n_asked == NAMING_UDP_ASKED
				 ? "PYRITE_NS_BROADCAST: '%.60s' is one address too many"
				 : "PYRITE_NS_BROADCAST: '%.60s' is neither an IPv4 address nor "
				   "'" NAMING_UDP_BROADCAST "'",
			 one);
		return false;
	}
	problem->code = 0;
	return true;
}

static bool ask_all(struct inquiry *q)
{
	unsigned i, n = 0;

	for (i = 0; i < q->n_asked; i++) {
		if (sendto(q->fd, question, sizeof(question) - 1, 0,
			   (const struct sockaddr *)&q->asked[i].at, sizeof(q->asked[i].at)) < 0)
			q->send_error = errno;
		else
			n++;
	}
	return n > 0;
}

/* ---- what they say ---- */

static bool was_asked(const struct inquiry *q, const struct sockaddr_in *from)
{
	const struct asked *asked;
	unsigned i;

	for (i = 0; i < q->n_asked; i++) {
		asked = &q->asked[i];
		if (asked->at.sin_port == from->sin_port &&
		    (asked->is_broadcast || asked->at.sin_addr.s_addr == from->sin_addr.s_addr))
			return true;
	}
	return false;
}

/* Of this host, as only such an address can be bound. */
static bool is_ours(struct in_addr address)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = address };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

/* Where the name server is, of which host says that it is there: where the answer came from, or
 * another address of this host if that was loopback's. One that listens on all addresses says
 * nothing, and a name is not looked up: both stand for the sender. Returns false if host is another
 * one. */
static bool place_of(const char *host, const struct sockaddr_in *from, struct in_addr *ret)
{
	struct in_addr said;

	*ret = from->sin_addr;
	if (strchr(host, ':'))
		return false; /* IPv6 */
	if (inet_pton(AF_INET, host, &said) != 1 || said.s_addr == htonl(INADDR_ANY) ||
	    said.s_addr == from->sin_addr.s_addr)
		return true;
	*ret = said;
	return ntohl(from->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET && is_ours(said);
}

/* Returns NULL, or why it is not believed. */
static const char *take(struct inquiry *q, const char *text, const struct sockaddr_in *from)
{
	struct uri_problem problem;
	char host[INET_ADDRSTRLEN], address[INET_ADDRSTRLEN + 8];
	pyr_uri *uri = uri_parse(text, &problem);
	const char *why = NULL;
	struct in_addr at;

	if (!uri || uri->scheme != PYR_URI_PYRO || !uri->host[0] || !uri->port)
		why = "it is not a URI with a host and a port";
	else if (strcmp(uri->object, "Pyro.NameServer") != 0 &&
		 strcmp(uri->object, "Pyrite.NameServer") != 0)
		why = "it is not the URI of a name server";
	else if (!place_of(uri->host, from, &at))
		why = "it names a host other than the sender";
	if (!why) {
		inet_ntop(AF_INET, &at, host, sizeof(host));
		snprintf(address, sizeof(address), "%s:%u", host, uri->port);
		if (found_add(q->servers, address, 0, &problem) < 0)
			why = "its address is invalid";
	}
	pyr_uri_free(uri);
	return why;
}

static void refuse(struct inquiry *q, const char *why, const char *text,
		   const struct sockaddr_in *from)
{
	char host[INET_ADDRSTRLEN], shown[64];

	q->n_refused++;
	inet_ntop(AF_INET, &from->sin_addr, host, sizeof(host));
	text_escape(shown, sizeof(shown), text, strlen(text));
	snprintf(q->why, sizeof(q->why), "'%s' of %s:%u: %s", shown, host, ntohs(from->sin_port),
		 why);
}

/* Returns whether there was an answer to read. */
static bool read_one(struct inquiry *q)
{
	char text[NAMING_UDP_ANSWER + 1];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	const char *why;
	ssize_t n;

	n = recvfrom(q->fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size);
	if (n < 0) /* also that nobody listens at one of the addresses, which is told once */
		return errno == ECONNREFUSED || errno == EINTR;
	q->n_answers++;
	text[n < (ssize_t)sizeof(text) ? n : (ssize_t)sizeof(text) - 1] = '\0';
	if (!was_asked(q, &from))
		why = "it was not asked";
	else if (n > NAMING_UDP_ANSWER || strlen(text) != (size_t)n)
		why = "it is too long, or not text";
	else
		why = take(q, text, &from);
	if (why)
		refuse(q, why, text, &from);
	return true;
}

static void listen_until(struct inquiry *q, int64_t until)
{
	struct pollfd ready = { .fd = q->fd, .events = POLLIN };
	int64_t left;

	while (q->servers->n == 0 && q->n_answers < NAMING_UDP_ANSWERS) {
		left = (until - engine_now()) / ENGINE_MS;
		if (left <= 0 || poll(&ready, 1, (int)left) == 0)
			return;
		(void)read_one(q);
	}
}

static enum naming_verdict judge(const struct inquiry *q, struct naming_step *step)
{
	if (q->servers->n > 0 && q->n_refused == 0)
		return found_say(step, NAMING_TAKEN, "%s answered", q->servers->text);
	if (q->servers->n > 0)
		return found_say(step, NAMING_TAKEN, "%s answered; %u answers were ignored, %s",
				 q->servers->text, q->n_refused, q->why);
	if (q->n_refused > 0)
		return found_say(step, NAMING_NOTHING, "%u answers were ignored, %s", q->n_refused,
				 q->why);
	if (q->send_error)
		return found_say(step, NAMING_NOTHING, "cannot be asked: %s",
				 strerror(q->send_error));
	return found_say(step, NAMING_NOTHING, "no answer");
}

static enum naming_verdict ask(struct inquiry *q, struct naming_step *step)
{
	int i, on = 1;

	q->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (q->fd < 0 || setsockopt(q->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0)
		q->send_error = errno;
	for (i = 0; i < NAMING_UDP_TRIES && q->fd >= 0 && q->servers->n == 0; i++)
		if (ask_all(q))
			listen_until(q, engine_until(NAMING_UDP_TRY_MS));
	if (q->fd >= 0)
		close(q->fd);
	return judge(q, step);
}

enum naming_verdict naming_udp_ask(const char *addresses, struct found_servers *servers,
				   struct naming_step *step, struct uri_problem *problem)
{
	struct inquiry q = { .servers = servers };

	snprintf(step->place, sizeof(step->place), "UDP to %.130s", addresses);
	if (!read_addresses(&q, addresses, problem))
		return found_say(step, NAMING_WRONG, "%s", problem->text);
	return ask(&q, step);
}
