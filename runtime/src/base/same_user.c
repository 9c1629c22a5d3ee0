/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct ucred */
#include "base/same_user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel reports this one for all users that a user namespace does not have. */
enum { UNKNOWN_USER = 65534 };

/* One end of a connection over TCP, as sock_diag(7) has it. */
struct end {
	int family; /* an IPv4 address inside IPv6 is AF_INET; 0: it is not TCP */
	__be32 address[4];
	__be16 port;
};

enum owner { NOBODY, MINE, ANOTHER };

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 about;
};

/* Room for the attributes after the message, which are not read. */
union answer {
	struct nlmsghdr head;
	uint8_t bytes[1024];
};

static bool is_mine(uid_t uid)
{
	return uid == geteuid() && uid != UNKNOWN_USER;
}

static struct end end_of(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *four = (const struct sockaddr_in *)sa;
	struct end end = { .family = sa->ss_family };

	if (sa->ss_family == AF_INET) {
		end.port = four->sin_port;
		memcpy(end.address, &four->sin_addr, sizeof(four->sin_addr));
	} else if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		end.family = AF_INET;
		end.port = six->sin6_port;
		memcpy(end.address, six->sin6_addr.s6_addr + 12, sizeof(four->sin_addr));
	} else if (sa->ss_family == AF_INET6) {
		end.port = six->sin6_port;
		memcpy(end.address, &six->sin6_addr, sizeof(six->sin6_addr));
	} else {
		end.family = 0;
	}
	return end;
}

/* The kernel puts its answer into the socket while send() runs, so there is nothing to wait for.
 * Returns the number of bytes, less than 0 if there is no answer. */
static ssize_t ask(const struct question *question, union answer *ret)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	if (send(fd, question, sizeof(*question), MSG_DONTWAIT) == (ssize_t)sizeof(*question))
		n = recv(fd, ret, sizeof(*ret), MSG_DONTWAIT);
	close(fd);
	return n;
}

static bool is_absent(const union answer *answer, ssize_t n)
{
	const struct nlmsgerr *error = NLMSG_DATA(&answer->head);

	return n >= (ssize_t)NLMSG_LENGTH(sizeof(*error)) &&
	       answer->head.nlmsg_type == NLMSG_ERROR && error->error == -ENOENT;
}

/*
 * Whose the socket at `from` is that is connected to `to` or, for TCP_LISTEN, would take its
 * connection. One that is closed is reported as root's, without an inode; if none is connected so,
 * one that listens may be reported instead.
 */
static enum owner owner_of(const struct end *from, const struct end *to, uint8_t state)
{
	struct question question = { .head.nlmsg_len = sizeof(question),
				     .head.nlmsg_type = SOCK_DIAG_BY_FAMILY,
				     .head.nlmsg_flags = NLM_F_REQUEST };
	struct inet_diag_sockid *id = &question.about.id;
	struct inet_diag_msg socket;
	union answer answer;
	ssize_t n;

	question.about.sdiag_family = (uint8_t)from->family;
	question.about.sdiag_protocol = IPPROTO_TCP;
	question.about.idiag_states = 1u << state;
	memcpy(id->idiag_src, from->address, sizeof(id->idiag_src));
	memcpy(id->idiag_dst, to->address, sizeof(id->idiag_dst));
	id->idiag_sport = from->port;
	id->idiag_dport = to->port;
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	n = ask(&question, &answer);
	if (is_absent(&answer, n))
		return NOBODY;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(socket)) ||
	    answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return ANOTHER;
	memcpy(&socket, NLMSG_DATA(&answer.head), sizeof(socket));
	return socket.idiag_state == state && socket.idiag_inode != 0 &&
			       socket.id.idiag_sport == from->port &&
			       socket.id.idiag_dport == to->port && is_mine(socket.idiag_uid)
		       ? MINE
		       : ANOTHER;
}

static bool is_my_peer(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && n == sizeof(who) &&
	       is_mine(who.uid);
}

bool same_user_peer(int fd)
{
	struct sockaddr_storage here = { 0 }, there = { 0 };
	socklen_t n_here = sizeof(here), n_there = sizeof(there);
	struct end to, from;

	if (getsockname(fd, (struct sockaddr *)&here, &n_here) < 0 ||
	    getpeername(fd, (struct sockaddr *)&there, &n_there) < 0)
		return false;
	if (here.ss_family == AF_UNIX)
		return is_my_peer(fd);
	from = end_of(&there);
	to = end_of(&here);
	return from.family && from.family == to.family &&
	       owner_of(&from, &to, TCP_ESTABLISHED) == MINE;
}

/* host: a number. */
static enum owner listener_at(int family, const char *host, uint16_t port)
{
	struct end from = { .family = family, .port = htons(port) }, to = { .family = family };
	bool is_loopback;

	if (inet_pton(family, host, from.address) != 1)
		return NOBODY;
	is_loopback = family == AF_INET6
			      ? IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)from.address)
			      : ntohl(from.address[0]) >> 24 == IN_LOOPBACKNET;
	return is_loopback ? owner_of(&from, &to, TCP_LISTEN) : ANOTHER;
}

bool same_user_server(const pyr_uri *uri)
{
	bool is_name = strcmp(uri->host, "localhost") == 0; /* of either address */
	enum owner four, six;
	struct stat at;

	if (uri->socket[0])
		return stat(uri->socket, &at) == 0 && S_ISSOCK(at.st_mode) && is_mine(at.st_uid);
	four = listener_at(AF_INET, is_name ? "127.0.0.1" : uri->host, uri->port);
	six = listener_at(AF_INET6, is_name ? "::1" : uri->host, uri->port);
	return four != ANOTHER && six != ANOTHER && (four == MINE || six == MINE);
}
