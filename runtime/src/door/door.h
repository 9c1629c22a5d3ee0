/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_H
#define PYRITE_DOOR_H
/*
 * Who comes in. A door listens on TCP or on a unix socket, or serves a socket that somebody else
 * made to listen, waits for each newcomer's first bytes, and hands the connections that speak
 * HTTP/2, or frames straight away, or what else its owner knows, to that. It knows how many there
 * are, who stands at the other end, and can cut one of them. Floor 2; no gRPC in here.
 *
 * Lifetime: door_open() listens and starts the door's own thread; door_close() stops both (URIs
 * are dead from then on, connections handed over live on); door_free() forgets the connections too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct audit;
struct door;
struct tls;
struct tls_settings;

enum door_protocol {
	DOOR_UNDECIDED, /* more bytes are needed to tell */
	DOOR_HTTP2,     /* the whole client preface of RFC 9113, 3.4 */
	DOOR_FRAMES,    /* the whole preface of a socket that carries frames (wire/frame.h) */
	DOOR_HTTP1,
	DOOR_TLS,
	DOOR_PYRO, /* Pyro's own wire protocol */
	DOOR_OTHER
};

#define DOOR_IDENTITY_MAX 256
#define DOOR_ADDRESS_MAX  128 /* bytes of an address's text with its NUL; a unix path has 107 */

/* The other end of a connection. */
struct door_peer {
	uint64_t id;          /* of the connection; never used twice in a door */
	bool is_local;        /* on this host: unix, loopback, or both ends have one address */
	bool has_credentials; /* unix sockets: uid, gid and pid of who connected */
	uid_t uid;
	gid_t gid;
	pid_t pid;
	char identity[DOOR_IDENTITY_MAX]; /* who it proved to be by TLS: "cert:alice"; "" */
	char address[DOOR_ADDRESS_MAX]; /* "127.0.0.1:40123", "[::1]:4000"; unix: the door's own */
};

/* Takes fd: non-blocking, close-on-exec, TCP_NODELAY; its first bytes, which told the protocol,
 * are still unread. tls: NULL, or what they are to be read with, taken. peer is borrowed. Called in
 * the door's thread with no lock held; must not call door_close(). */
typedef void (*door_accepted_cb)(void *data, int fd, enum door_protocol protocol,
				 const struct door_peer *peer, struct tls *tls);

/* All strings are borrowed. */
struct door_options {
	const char *host;    /* name or number, brackets around IPv6 allowed; NULL = 127.0.0.1 */
	uint16_t port;       /* 0 = the system picks one */
	const char *socket;  /* path of a unix socket instead of TCP */
	bool is_given;       /* fd listens already, and the three above are not looked at */
	int fd;              /* taken, also on failure */
	bool has_key;        /* who comes in has to prove one */
	bool insecure;       /* listen beyond loopback all the same */
	struct audit *audit; /* who is refused is told there; NULL: nowhere. Outlives it */
	struct tls_settings *tls; /* who comes in must speak TLS; NULL: must not. Outlives it */
	unsigned max_links;       /* 0 = (RLIMIT_NOFILE - in use - 16) / 2, at least 8 */
	uint32_t first_byte_ms;   /* until a newcomer has shown its protocol; 0 = 10,000 */
	unsigned others; /* 1 << protocol of those that are taken beside HTTP2 and FRAMES */
	door_accepted_cb accepted;
	void *data;
};

struct door_problem {
	int code; /* enum pyr_status, positive */
	char text[512];
};

/* Returns: owned, door_free(); NULL with *problem told. */
struct door *door_open(const struct door_options *options, struct door_problem *problem);

#define DOOR_UNNAMED "./u:<connected-socket>" /* address of a unix socket without a path */

/* Sets what core expects of a descriptor that it is handed. Returns false if it is no connected
 * stream socket. */
bool door_prepare(int fd);

/* Lets a prepared connection in as if it had been accepted. Takes fd. Returns 0; or, fd closed,
 * -PYR_FAILED_PRECONDITION once the door is closed, -PYR_RESOURCE_EXHAUSTED. Any thread. */
int door_take(struct door *door, int fd);

/* Stops accepting, joins the thread, closes who has said nothing yet, removes the unix socket. Not
 * in the accepted callback. A second time it does nothing; one thread at a time. */
void door_close(struct door *door);

/* Closes, and frees. NULL: nothing. */
void door_free(struct door *door);

/* Where it listens: "127.0.0.1:40123", "[::1]:4000", "./u:/path". Borrowed, as long as the door. */
const char *door_address(const struct door *door);

/* The port it listens on; 0 for a unix socket. */
uint16_t door_port(const struct door *door);

/* Who is behind fd ("fd:N" is what core calls such a peer). Right while a call on the connection is
 * held, for core keeps the fd open then. False if the door never saw it. */
bool door_peer_of(struct door *door, int fd, struct door_peer *ret);

/* Whether that connection is. */
bool door_is_open(struct door *door, uint64_t id);

/* Connections that are open, waiting ones included. Looks at each: not for hot paths. */
unsigned door_count(struct door *door);

/* Shuts one connection down, both ways; core then closes it. False if it was gone already. */
bool door_cut(struct door *door, uint64_t id);

/* Tells the protocol from a connection's first n bytes. */
enum door_protocol door_classify(const uint8_t *data, size_t n);
const char *door_protocol_name(enum door_protocol protocol);
#endif
