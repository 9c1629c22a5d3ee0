/* SPDX-License-Identifier: MIT */
#ifndef TEST_REFERENCES_HERE_H
#define TEST_REFERENCES_HERE_H
/*
 * A server with a refs.Node, and a client's own. Both ends are in this process, where an object
 * that comes back would be found at once: so that a link is between them, the look at this
 * process's objects is left out but where it is what is tested. Linked with
 * --wrap=reference_find_home.
 */
#include "node.h"

#include "test.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "object/object.h"

static struct node_place place;
static struct node mine; /* a client's */
static struct refs_Node *server, *object;
static bool finds_home;

struct object *__real_reference_find_home(const uint8_t *id);
struct object *__wrap_reference_find_home(const uint8_t *id);

struct object *__wrap_reference_find_home(const uint8_t *id)
{
	return finds_home ? __real_reference_find_home(id) : NULL;
}

static void open_all(unsigned threads)
{
	finds_home = false;
	REQUIRE(node_open(&place, &(struct pyr_daemon_options){ .threads = threads }));
	server = refs_Node_proxy(place.uri);
	node_init(&mine, "mine");
	object = refs_Node_object(NULL, &node_methods, &mine, node_released);
	mine.self = object;
	REQUIRE(server && object);
}

/* Whatever was passed is given back by now: what the object was made with is released, once. */
static void close_all(void)
{
	refs_Node_free(object);
	CHECK(node_reaches(&mine.n_released, 1));
	refs_Node_free(server);
	node_close(&place);
	CHECK_INT(mine.n_released, 1);
	CHECK(node_reaches(&nodes_alive, 0));
	node_fini(&mine);
}

/* A proxy over a socket that can be cut: *cut. */
static inline struct refs_Node *over_socket(int *cut)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(strrchr(place.uri, ':') + 1));
	REQUIRE(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	*cut = dup(fd);
	return refs_Node_proxy_from_fd(fd, "node", NULL);
}

/* A pool, and a serial daemon. */
#define BOTH(name)                                                                                 \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		open_all(4);                                                                       \
		name##_body();                                                                     \
		close_all();                                                                       \
		open_all(1);                                                                       \
		name##_body();                                                                     \
		close_all();                                                                       \
	}                                                                                          \
	static void name##_body(void)
#endif
