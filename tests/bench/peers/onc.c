/* SPDX-License-Identifier: MIT */
/*
 * ONC RPC, libtirpc's: one thread serves; a client's call blocks, so there are none in flight. No
 * portmapper: both ends are given connected or listening sockets.
 */
#include <rpc/rpc.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drive.h"

enum { PROGRAM = 0x20000001, VERSION = 1, ADD = 1, ECHO = 2, BYTES_MAX = 128 << 20 };

struct pair {
	int x, y;
};
struct bytes {
	char *items;
	u_int n;
};

static bool_t xdr_pair(XDR *xdr, void *data, ...)
{
	struct pair *pair = data;

	return xdr_int(xdr, &pair->x) && xdr_int(xdr, &pair->y);
}

static bool_t xdr_data(XDR *xdr, void *data, ...)
{
	struct bytes *bytes = data;

	return xdr_bytes(xdr, &bytes->items, &bytes->n, BYTES_MAX);
}

/* ---- server ---- */

static void dispatch(struct svc_req *request, SVCXPRT *transport)
{
	struct bytes bytes = { 0 };
	struct pair pair;

	if (request->rq_proc == ADD &&
	    svc_getargs(transport, (xdrproc_t)xdr_pair, (caddr_t)&pair)) {
		pair.x += pair.y;
		svc_sendreply(transport, (xdrproc_t)xdr_int, (caddr_t)&pair.x);
	} else if (request->rq_proc == ECHO &&
		   svc_getargs(transport, (xdrproc_t)xdr_data, (caddr_t)&bytes)) {
		svc_sendreply(transport, (xdrproc_t)xdr_data, (caddr_t)&bytes);
		svc_freeargs(transport, (xdrproc_t)xdr_data, (caddr_t)&bytes);
	} else {
		svcerr_noproc(transport);
	}
}

union place {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

static int socket_for(const char *text, union place *place, socklen_t *ret_n)
{
	memset(place, 0, sizeof(*place));
	if (text[0] == '/') {
		place->un.sun_family = AF_UNIX;
		snprintf(place->un.sun_path, sizeof(place->un.sun_path), "%s", text);
		*ret_n = sizeof(place->un);
	} else {
		place->in.sin_family = AF_INET;
		place->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		place->in.sin_port = htons((uint16_t)atoi(text));
		*ret_n = sizeof(place->in);
	}
	return socket(place->any.sa_family, SOCK_STREAM, 0);
}

static void serve(const struct bench_options *options)
{
	union place place;
	socklen_t n;
	int fd = socket_for(options->socket ? options->socket : "0", &place, &n);
	SVCXPRT *transport;
	char port[16];

	if (fd < 0 || bind(fd, &place.any, n) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, &place.any, &n) < 0)
		bench_fail("listen: %s", strerror(errno));
	transport = svc_vc_create(fd, 0, 0);
	if (!transport || !svc_reg(transport, PROGRAM, VERSION, dispatch, NULL))
		bench_fail("no service");
	snprintf(port, sizeof(port), "%d", ntohs(place.in.sin_port));
	bench_print_address(options->socket ? options->socket : port);
	svc_run();
}

/* ---- client ---- */

static void *open_client(const char *address)
{
	union place place;
	socklen_t n;
	int on = 1, fd = socket_for(address, &place, &n);
	struct netbuf to = { (unsigned)n, (unsigned)n, &place };
	CLIENT *client;

	if (fd < 0 || connect(fd, &place.any, n) < 0)
		bench_fail("%s: %s", address, strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client = clnt_vc_create(fd, &to, PROGRAM, VERSION, 0, 0);
	if (!client)
		bench_fail("%s", clnt_spcreateerror(address));
	clnt_control(client, CLSET_FD_CLOSE, NULL);
	return client;
}

static void close_client(void *end)
{
	clnt_destroy((CLIENT *)end);
}

static void call(CLIENT *client, u_int procedure, xdrproc_t in, void *input, xdrproc_t out,
		 void *output)
{
	struct timeval patience = { 60, 0 };

	if (clnt_call(client, procedure, in, input, out, output, patience) != RPC_SUCCESS)
		bench_fail("%s", clnt_sperror(client, "call"));
}

static int32_t add(void *end, struct bench_sum sum)
{
	struct pair pair = { sum.x, sum.y };
	int ret;

	call(end, ADD, (xdrproc_t)xdr_pair, &pair, (xdrproc_t)xdr_int, &ret);
	return ret;
}

static void echo(void *end, const uint8_t *data, size_t n)
{
	struct bytes bytes = { (char *)data, (u_int)n }, came = { 0 };

	call(end, ECHO, (xdrproc_t)xdr_data, &bytes, (xdrproc_t)xdr_data, &came);
	bench_check_bytes(data, n, came.items, came.n);
	free(came.items);
}

int main(int argc, char **argv)
{
	static const struct bench_peer peer = {
		.open = open_client, .close = close_client, .add = add, .echo = echo
	};

	return bench_either(argc, argv, &peer, serve);
}
