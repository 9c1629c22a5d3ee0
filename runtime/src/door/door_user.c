/* SPDX-License-Identifier: MIT */
#include "door/door_user.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "door/door_listen.h"

/* The kernel reports this one for all users that a user namespace does not have. */
enum { UNKNOWN_USER = 65534 };

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

static void put_address(const struct sockaddr_storage *sa, __be32 address[4], __be16 *port)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *four = (const struct sockaddr_in *)sa;

	*port = htons(door_port_of((const struct sockaddr *)sa));
	if (sa->ss_family == AF_INET)
		memcpy(address, &four->sin_addr, sizeof(four->sin_addr));
	else
		memcpy(address, &six->sin6_addr, sizeof(six->sin6_addr));
}

/* Asks about the peer's socket: its own end is the peer's. Returns false if fd is not TCP. */
static bool make_question(int fd, struct question *ret)
{
	struct sockaddr_storage here = { 0 }, there = { 0 }, from, to;
	socklen_t n_here = sizeof(here), n_there = sizeof(there);

	if (getsockname(fd, (struct sockaddr *)&here, &n_here) < 0 ||
	    getpeername(fd, (struct sockaddr *)&there, &n_there) < 0 ||
	    !door_plain_address((struct sockaddr *)&here, &to) ||
	    !door_plain_address((struct sockaddr *)&there, &from) || from.ss_family != to.ss_family)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->head.nlmsg_len = sizeof(*ret);
	ret->head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	ret->head.nlmsg_flags = NLM_F_REQUEST;
	ret->about.sdiag_family = (uint8_t)from.ss_family;
	ret->about.sdiag_protocol = IPPROTO_TCP;
	ret->about.idiag_states = 1u << TCP_ESTABLISHED;
	put_address(&from, ret->about.id.idiag_src, &ret->about.id.idiag_sport);
	put_address(&to, ret->about.id.idiag_dst, &ret->about.id.idiag_dport);
	ret->about.id.idiag_cookie[0] = ret->about.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return true;
}

/* The kernel puts its answer into the socket while send() runs, so there is nothing to wait for. */
static bool ask(const struct question *question, union answer *ret)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (send(fd, question, sizeof(*question), MSG_DONTWAIT) == (ssize_t)sizeof(*question))
		n = recv(fd, ret, sizeof(*ret), MSG_DONTWAIT);
	close(fd);
	return n >= (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) &&
	       ret->head.nlmsg_type == SOCK_DIAG_BY_FAMILY;
}

/* A socket that is closed is reported as root's, without an inode. If none has these addresses, one
 * that listens on the port may be reported instead. */
static bool is_peers(const struct inet_diag_msg *socket, const struct question *question)
{
	return socket->idiag_state == TCP_ESTABLISHED && socket->idiag_inode != 0 &&
	       socket->id.idiag_sport == question->about.id.idiag_sport &&
	       socket->id.idiag_dport == question->about.id.idiag_dport;
}

bool door_is_same_user(int fd, const struct door_peer *peer)
{
	struct inet_diag_msg socket;
	struct question question;
	union answer answer;

	if (!peer->is_local)
		return false;
	if (peer->has_credentials)
		return is_mine(peer->uid);
	if (!make_question(fd, &question) || !ask(&question, &answer))
		return false;
	memcpy(&socket, NLMSG_DATA(&answer.head), sizeof(socket));
	return is_peers(&socket, &question) && is_mine(socket.idiag_uid);
}
