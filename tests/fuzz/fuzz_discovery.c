/* SPDX-License-Identifier: MIT */
/*
 * What answers the search for a name server: an answer of DNS (first byte even), or up to eight
 * datagrams to the question by UDP, one a line, from whom was asked or, where the line begins with
 * '!', from another. The functions that would ask the network are wrapped.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <resolv.h>
#include <sys/socket.h>

#include "fuzz_text.h"
#include "naming/naming_dns.h"
#include "naming/naming_udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int __wrap_res_nquery(res_state state, const char *name, int class, int type, uint8_t *answer,
		      int max);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
ssize_t __real_sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *to,
		      socklen_t size);
ssize_t __wrap_sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *to,
		      socklen_t size);
ssize_t __real_recvfrom(int fd, void *data, size_t n, int flags, struct sockaddr *from,
			socklen_t *size);
ssize_t __wrap_recvfrom(int fd, void *data, size_t n, int flags, struct sockaddr *from,
			socklen_t *size);

enum { PORT = 9091, DATAGRAMS = 8 };

/* What the network says; is_on: in this thread alone, which asks it. */
static __thread struct {
	bool is_on;
	const uint8_t *data;
	size_t size;
	int n_given;
} net;

int __wrap_res_nquery(res_state state, const char *name, int class, int type, uint8_t *answer,
		      int max)
{
	size_t n = net.size < (size_t)max ? net.size : (size_t)max;

	(void)name;
	(void)class;
	(void)type;
	state->res_h_errno = 0;
	if (n > 0)
		memcpy(answer, net.data, n);
	return (int)net.size; /* of a long one res_nquery() tells the size */
}

ssize_t __wrap_sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *to,
		      socklen_t size)
{
	return net.is_on ? (ssize_t)n : __real_sendto(fd, data, n, flags, to, size);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (!net.is_on)
		return __real_poll(fds, n, timeout);
	return net.size > 0 && net.n_given < DATAGRAMS;
}

ssize_t __wrap_recvfrom(int fd, void *data, size_t n, int flags, struct sockaddr *from,
			socklen_t *size)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	size_t n_line;
	char *line;

	if (!net.is_on)
		return __real_recvfrom(fd, data, n, flags, from, size);
	net.n_given++;
	line = take_line(&net.data, &net.size);
	n_line = strlen(line) < n ? strlen(line) : n;
	at.sin_addr.s_addr = htonl(line[0] == '!' ? 0x0a000009 : INADDR_LOOPBACK);
	memcpy(from, &at, sizeof(at));
	*size = sizeof(at);
	memcpy(data, line, n_line);
	free(line);
	return (ssize_t)n_line;
}

static void check(enum naming_verdict verdict, const struct found_servers *servers,
		  const struct uri_problem *problem)
{
	if (verdict == NAMING_TAKEN ? servers->n == 0 || servers->n > FOUND_MAX
				    : verdict == NAMING_WRONG && !problem->text[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct naming_dns_question question = { "example.org", "127.0.0.1:53" };
	struct found_servers servers = { 0 };
	struct naming_step step = { 0 };
	struct uri_problem problem = { .text = "" };
	uint32_t ttl = 0;

	if (size == 0)
		return 0;
	net.data = data + 1;
	net.size = size - 1;
	net.n_given = 0;
	net.is_on = true;
	check(data[0] % 2 == 0 ? naming_dns_ask(&question, &servers, &ttl, &step, &problem)
			       : naming_udp_ask("127.0.0.1", &servers, &step, &problem),
	      &servers, &problem);
	net.is_on = false;
	return 0;
}
