/* SPDX-License-Identifier: MIT */
/* TCP listeners of a door, and the texts of addresses. */
#include "door/door_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pyrite/pyrite.h>

/* With port 0 the first address picks the port; another may have it in use by somebody. */
#define PORT_ATTEMPTS 16

int door_fail(struct door_problem *problem, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	problem->code = code;
	return -code;
}

int door_errno_status(int number)
{
	switch (number) {
	case EADDRINUSE:
		return PYR_ALREADY_EXISTS;
	case EACCES:
	case EPERM:
		return PYR_PERMISSION_DENIED;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		return PYR_RESOURCE_EXHAUSTED;
	case ENOENT:
	case ENOTDIR:
		return PYR_NOT_FOUND;
	default:
		return PYR_UNAVAILABLE;
	}
}

bool door_plain_address(const struct sockaddr *sa, struct sockaddr_storage *ret)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)sa;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;

	if (sa->sa_family == AF_INET) {
		memcpy(ret, sa, sizeof(*four));
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(ret, six, sizeof(*six));
	if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		in_port_t port = six->sin6_port;
		uint32_t number;

		memcpy(&number, six->sin6_addr.s6_addr + 12, sizeof(number));
		memset(four, 0, sizeof(*four));
		four->sin_family = AF_INET;
		four->sin_port = port;
		four->sin_addr.s_addr = number;
	}
	return true;
}

void door_format_address(const struct sockaddr *sa, socklen_t n, char *ret, size_t size)
{
	struct sockaddr_storage plain = { 0 };
	char host[NI_MAXHOST], port[NI_MAXSERV];
	bool six;

	if (!door_plain_address(sa, &plain)) {
		snprintf(ret, size, "?");
		return;
	}
	six = plain.ss_family == AF_INET6;
	if (getnameinfo((struct sockaddr *)&plain, six ? n : (socklen_t)sizeof(struct sockaddr_in),
			host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(ret, size, "?");
	else
		snprintf(ret, size, six ? "[%.100s]:%.8s" : "%.100s:%.8s", host, port);
}

bool door_is_loopback(const struct sockaddr *sa)
{
	struct sockaddr_storage plain;

	if (!door_plain_address(sa, &plain))
		return sa->sa_family == AF_UNIX;
	if (plain.ss_family == AF_INET)
		return ntohl(((struct sockaddr_in *)&plain)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&plain)->sin6_addr);
}

bool door_is_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	struct sockaddr_storage x, y;

	if (!door_plain_address(a, &x) || !door_plain_address(b, &y) || x.ss_family != y.ss_family)
		return false;
	if (x.ss_family == AF_INET)
		return ((struct sockaddr_in *)&x)->sin_addr.s_addr ==
		       ((struct sockaddr_in *)&y)->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&((struct sockaddr_in6 *)&x)->sin6_addr,
				  &((struct sockaddr_in6 *)&y)->sin6_addr);
}

static void set_port(struct sockaddr *sa, uint16_t port)
{
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)sa)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons(port);
}

uint16_t door_port_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage sa = { .ss_family = AF_INET };
	socklen_t n = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
		return 0;
	return door_port_of((struct sockaddr *)&sa);
}

/* No SO_REUSEPORT: with it two daemons share one port and each gets some of the connections. */
static int listen_one(const struct addrinfo *info)
{
	int fd, on = 1, saved;

	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	saved = errno;
	close(fd);
	return -saved;
}

static void close_all(struct door_listeners *listeners)
{
	while (listeners->n)
		close(listeners->fds[--listeners->n]);
}

/* What a name stands for may be listed twice, or be of a family this host does not have. */
static bool is_skipped(const struct addrinfo *list, const struct addrinfo *info)
{
	const struct addrinfo *earlier;

	if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
		return true;
	for (earlier = list; earlier != info; earlier = earlier->ai_next)
		if (door_is_same_host(earlier->ai_addr, info->ai_addr))
			return true;
	return false;
}

/* Listens on all of list, on port. Returns 0 or minus the errno of *culprit. */
static int listen_all(struct door_listeners *listeners, struct addrinfo *list, uint16_t port,
		      const struct addrinfo **culprit)
{
	struct addrinfo *info;
	int last = -EADDRNOTAVAIL;

	*culprit = list;
	for (info = list; info && listeners->n < DOOR_LISTENERS_MAX; info = info->ai_next) {
		if (is_skipped(list, info))
			continue;
		set_port(info->ai_addr, port);
		last = listen_one(info);
		if (last >= 0) {
			listeners->fds[listeners->n++] = last;
			port = bound_port(last);
		} else if (last != -EADDRNOTAVAIL && last != -EAFNOSUPPORT) {
			*culprit = info;
			close_all(listeners);
			return last;
		}
	}
	return listeners->n ? 0 : last;
}

int door_check_reach(const struct sockaddr *sa, socklen_t n, const struct door_options *options,
		     struct door_problem *problem)
{
	char address[DOOR_ADDRESS_MAX];

	if (options->insecure || options->tls || options->has_key || door_is_loopback(sa))
		return 0;
	door_format_address(sa, n, address, sizeof(address));
	return door_fail(
		problem, PYR_FAILED_PRECONDITION,
		"refusing to listen on %s: it can be reached from other hosts, and there "
		"is no TLS and no shared key: make keys with `pyrite keys init` and "
		"`pyrite keys add`, and set PYRITE_KEYS; or one with `pyrite keys shared`, "
		"and set PYRITE_SHARED_KEY_FILE; or listen on 127.0.0.1 or a unix socket, "
		"or ask for it with insecure",
		address);
}

static int check_all(const struct addrinfo *list, const struct door_options *options,
		     struct door_problem *problem)
{
	int code = 0;

	for (; list && code == 0; list = list->ai_next)
		code = door_check_reach(list->ai_addr, list->ai_addrlen, options, problem);
	return code;
}

static int resolve(const struct door_options *options, struct addrinfo **ret,
		   struct door_problem *problem)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	const char *host = options->host ? options->host : "127.0.0.1";
	char name[256], port[8];
	size_t n = strlen(host);
	int code;

	if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(name))
		return door_fail(problem, PYR_INVALID_ARGUMENT, "host is %s",
				 n ? "too long" : "empty");
	memcpy(name, host, n);
	name[n] = '\0';
	snprintf(port, sizeof(port), "%u", (unsigned)options->port);
	code = getaddrinfo(name, port, &hints, ret);
	if (code)
		return door_fail(problem,
				 code == EAI_MEMORY  ? PYR_RESOURCE_EXHAUSTED
				 : code == EAI_AGAIN ? PYR_UNAVAILABLE
						     : PYR_NOT_FOUND,
				 "cannot listen on host '%.100s': %s", name, gai_strerror(code));
	return 0;
}

int door_listen_tcp(struct door_listeners *listeners, const struct door_options *options,
		    struct door_problem *problem)
{
	const struct addrinfo *culprit;
	struct sockaddr_storage sa = { 0 };
	struct addrinfo *list;
	socklen_t n = sizeof(sa);
	int code, attempt;

	code = resolve(options, &list, problem);
	if (code < 0)
		return code;
	code = check_all(list, options, problem);
	if (code < 0)
		goto out;
	for (attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
		code = listen_all(listeners, list, options->port, &culprit);
		if (code != -EADDRINUSE || options->port)
			break;
	}
	if (code < 0) {
		door_format_address(culprit->ai_addr, culprit->ai_addrlen, listeners->address,
				    sizeof(listeners->address));
		code = door_fail(problem, door_errno_status(-code), "cannot listen on %s: %s",
				 listeners->address, strerror(-code));
		goto out;
	}
	listeners->port = bound_port(listeners->fds[0]);
	if (getsockname(listeners->fds[0], (struct sockaddr *)&sa, &n) < 0) {
		code = door_fail(problem, PYR_RESOURCE_EXHAUSTED,
				 "cannot find out where it listens: %s", strerror(errno));
		goto out;
	}
	door_format_address((struct sockaddr *)&sa, n, listeners->address,
			    sizeof(listeners->address));
out:
	freeaddrinfo(list);
	return code;
}

int door_listeners_open(struct door_listeners *listeners, const struct door_options *options,
			struct door_problem *problem)
{
	memset(listeners, 0, sizeof(*listeners));
	listeners->lock = -1;
	if (options->is_given)
		return door_listen_given(listeners, options, problem);
	if (options->socket)
		return door_listen_unix(listeners, options, problem);
	return door_listen_tcp(listeners, options, problem);
}

void door_listeners_close(struct door_listeners *listeners)
{
	/* The socket's file goes first: a connection is refused or answered, never left hanging. */
	if (listeners->path[0])
		door_unlisten_unix(listeners);
	close_all(listeners);
}

bool door_is_transient(int number)
{
	switch (number) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}
