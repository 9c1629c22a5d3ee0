/* SPDX-License-Identifier: MIT */
/* The door on TCP: where it listens, whom it lets in, whom it counts, whom it cuts. */
#include <fcntl.h>

#include "door_visit.h"

#include <pyrite/pyrite.h>

#include "door/door_sources.h"

static int fds_before;

/* Each test ends with the descriptors it began with. */
static struct door *begin(struct guests *guests, struct door_options options)
{
	fds_before = test_open_fds();
	return open_door(guests, options);
}

static void end(struct door *door, struct guests *guests)
{
	door_free(door);
	guests_leave(guests);
	CHECK_INT(test_open_fds(), fds_before);
}

static int visit(struct door *door)
{
	int fd = knock_tcp(door_port(door));

	say(fd, PREFACE);
	return fd;
}

TEST(g1_the_default_is_a_port_of_loopback_that_the_system_picks)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	char address[64];
	int fd;

	CHECK(door_port(door) > 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)door_port(door));
	CHECK_STR(door_address(door), address);
	fd = visit(door);
	CHECK(guests_wait(&guests, 1));
	close(fd);
	end(door, &guests);
}

TEST(a5_an_ipv6_address_comes_with_or_without_brackets)
{
	static const char *const hosts[] = { "::1", "[::1]" };
	struct guests guests = GUESTS;
	char address[64];
	size_t i;

	for (i = 0; i < 2; i++) {
		struct door *door = begin(&guests, (struct door_options){ .host = hosts[i] });
		int fd = knock_tcp6(door_port(door));

		snprintf(address, sizeof(address), "[::1]:%u", (unsigned)door_port(door));
		CHECK_STR(door_address(door), address);
		say(fd, PREFACE);
		REQUIRE(guests_wait(&guests, 1));
		CHECK(strncmp(guests.peers[0].address, "[::1]:", 6) == 0);
		CHECK(guests.peers[0].is_local);
		close(fd);
		end(door, &guests);
	}
}

TEST(a_host_name_is_listened_on_at_each_of_its_addresses)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ .host = "localhost" });
	int four = visit(door);

	CHECK(guests_wait(&guests, 1));
	CHECK_HAS(door_address(door), ":");
	CHECK(strstr(door_address(door), "127.0.0.1") || strstr(door_address(door), "[::1]"));
	if (strstr(door_address(door), "[::1]")) {
		int six = knock_tcp6(door_port(door));

		say(six, PREFACE);
		CHECK(guests_wait(&guests, 2));
		close(six);
	}
	close(four);
	end(door, &guests);
}

TEST(a_host_that_nobody_knows_is_named)
{
	struct door_problem problem =
		refused_door((struct door_options){ .host = "no-such-host.invalid" });

	CHECK_INT(problem.code, PYR_NOT_FOUND);
	CHECK_HAS(problem.text, "'no-such-host.invalid'");
	problem = refused_door((struct door_options){ .host = "" });
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "host is empty");
}

TEST(a_port_in_use_is_refused_by_its_address)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	struct door_problem problem =
		refused_door((struct door_options){ .port = door_port(door) });

	CHECK_INT(problem.code, PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text, door_address(door));
	CHECK_HAS(problem.text, "in use");
	end(door, &guests);
}

TEST(h6_a_port_is_free_again_at_once_after_its_door_was_closed)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	struct door_options again = { .port = door_port(door) };
	int fd = visit(door);

	CHECK(guests_wait(&guests, 1));
	guests_leave(&guests); /* first to close: its end stays in TIME_WAIT */
	CHECK(is_closed(fd));
	close(fd);
	end(door, &guests);
	door = begin(&guests, again);
	CHECK_INT(door_port(door), again.port);
	end(door, &guests);
}

TEST(an_address_beyond_loopback_is_refused_unless_insecure)
{
	static const char *const hosts[] = { "0.0.0.0", "::", "192.0.2.1" };
	struct guests guests = GUESTS;
	struct door_problem problem;
	struct door *door;
	size_t i;
	int fd;

	for (i = 0; i < 3; i++) {
		problem = refused_door((struct door_options){ .host = hosts[i] });
		CHECK_INT(problem.code, PYR_FAILED_PRECONDITION);
		CHECK_HAS(problem.text, hosts[i]);
		CHECK_HAS(problem.text, "there is no TLS");
		CHECK_HAS(problem.text, "insecure");
	}
	door = begin(&guests, (struct door_options){ .host = "0.0.0.0", .insecure = true });
	CHECK(strncmp(door_address(door), "0.0.0.0:", 8) == 0);
	fd = visit(door);
	REQUIRE(guests_wait(&guests, 1));
	CHECK(strncmp(guests.peers[0].address, "127.0.0.1:", 10) == 0);
	close(fd);
	end(door, &guests);
}

TEST(an_ipv4_peer_of_an_ipv6_door_is_shown_as_ipv4)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ .host = "::", .insecure = true });
	int fd = visit(door);

	REQUIRE(guests_wait(&guests, 1));
	CHECK(strncmp(guests.peers[0].address, "127.0.0.1:", 10) == 0);
	CHECK(guests.peers[0].is_local);
	close(fd);
	end(door, &guests);
}

TEST(a_guest_comes_with_his_address_and_a_socket_ready_for_core)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	struct sockaddr_in sa;
	socklen_t n = sizeof(sa);
	struct door_peer peer;
	char expected[64], data[PREFACE_BYTES + 1] = "";
	int on = 0, fd = visit(door);

	REQUIRE(guests_wait(&guests, 1));
	REQUIRE(getsockname(fd, (struct sockaddr *)&sa, &n) == 0);
	snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)ntohs(sa.sin_port));
	CHECK_STR(guests.peers[0].address, expected);
	CHECK(guests.peers[0].is_local);
	CHECK(!guests.peers[0].has_credentials);
	CHECK(fcntl(guests.fds[0], F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(guests.fds[0], F_GETFD) & FD_CLOEXEC);
	n = sizeof(on);
	CHECK(getsockopt(guests.fds[0], IPPROTO_TCP, TCP_NODELAY, &on, &n) == 0 && on);
	CHECK_INT(recv(guests.fds[0], data, PREFACE_BYTES, MSG_DONTWAIT), PREFACE_BYTES);
	CHECK_STR(data, PREFACE);
	CHECK(door_peer_of(door, guests.fds[0], &peer) && peer.id == guests.peers[0].id);
	CHECK(!door_peer_of(door, fd, &peer));
	CHECK(!door_peer_of(door, -1, &peer) && !door_peer_of(door, 1 << 20, &peer));
	close(fd);
	end(door, &guests);
}

TEST(each_protocol_is_known_by_its_first_bytes)
{
	static const struct {
		const char *bytes;
		enum door_protocol protocol;
	} cases[] = {
		{ PREFACE, DOOR_HTTP2 },
		{ "PYR", DOOR_UNDECIDED },
		{ "PYRITE/1 frames follow\r", DOOR_UNDECIDED },
		{ "PYRITE/1 frames follow\r\n", DOOR_FRAMES },
		{ "PYRITE/1 frames follow\r\n\x02", DOOR_FRAMES },
		{ "PYRITE/2", DOOR_OTHER },
		{ PREFACE "\0\0\0\4\0", DOOR_HTTP2 },
		{ "PRI * HTTP/2", DOOR_UNDECIDED },
		{ "PRI * HTTP/1.1\r\n", DOOR_OTHER },
		{ "P", DOOR_UNDECIDED },
		{ "PU", DOOR_UNDECIDED },
		{ "PUT /x HTTP/1.1", DOOR_HTTP1 },
		{ "GET / HTTP/1.0\r\n", DOOR_HTTP1 },
		{ "OPTIONS *", DOOR_HTTP1 },
		{ "GETTER", DOOR_OTHER },
		{ "PYRO\x01\xf6", DOOR_PYRO },
		{ "\x16\x03\x01\x02", DOOR_TLS },
		{ "\x16", DOOR_UNDECIDED },
		{ "\x16\x04", DOOR_OTHER },
		{ "hello", DOOR_OTHER },
		{ "", DOOR_UNDECIDED },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_INT(door_classify((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)),
			  cases[i].protocol);
	for (i = 0; i < PREFACE_BYTES; i++)
		CHECK_INT(door_classify((const uint8_t *)PREFACE, i), DOOR_UNDECIDED);
	CHECK_STR(door_protocol_name(DOOR_TLS), "TLS");
	CHECK_STR(door_protocol_name((enum door_protocol)99), "?");
}

TEST(a_preface_that_arrives_byte_by_byte_is_let_in)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	int fd = knock_tcp(door_port(door)), on = 1, i;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (i = 0; i < PREFACE_BYTES; i++)
		REQUIRE(send(fd, &PREFACE[i], 1, MSG_NOSIGNAL) == 1);
	CHECK(guests_wait(&guests, 1));
	close(fd);
	end(door, &guests);
}

TEST(h7_whoever_speaks_another_protocol_is_closed)
{
	static const char *const words[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "PYRO\x01",
					     "hello" };
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int fd = knock_tcp(door_port(door));

		say(fd, words[i]);
		CHECK(is_closed(fd));
		close(fd);
	}
	CHECK_INT(guests.n, 0);
	CHECK_INT(door_count(door), 0);
	end(door, &guests);
}

TEST(h5_a_silent_and_a_trickling_peer_are_closed_in_time)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ .first_byte_ms = 100 });
	int64_t start = test_now_ms();
	int silent = knock_tcp(door_port(door)), trickling = knock_tcp(door_port(door));

	say(trickling, "PRI * HTTP/2.0");
	CHECK(is_closed(silent));
	CHECK(test_now_ms() - start >= 95);
	CHECK(is_closed(trickling));
	CHECK(test_now_ms() - start <= 1100);
	CHECK_INT(guests.n, 0);
	close(silent);
	close(trickling);
	end(door, &guests);
}

TEST(a_peer_that_leaves_without_a_word_is_forgotten_at_once)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	int64_t until = test_now_ms() + PATIENCE_MS;
	int fd = knock_tcp(door_port(door)), half = knock_tcp(door_port(door)), witness;

	close(fd);
	say(half, "PRI");
	shutdown(half, SHUT_WR);
	CHECK(is_closed(half));
	close(half);
	witness = visit(door);
	CHECK(guests_wait(&guests, 1));
	while (door_count(door) > 1 && test_now_ms() < until)
		sched_yield();
	CHECK_INT(door_count(door), 1);
	close(witness);
	end(door, &guests);
}

/* Knocks until the n-th guest is in: a full door looks every 20 ms whether another has left. */
static bool is_let_in_at_last(struct door *door, struct guests *guests, int n)
{
	int64_t until = test_now_ms() + PATIENCE_MS;
	struct pollfd wait = { .events = POLLIN };
	bool is_in = false;

	while (!is_in && test_now_ms() < until) {
		wait.fd = knock_tcp(door_port(door));
		(void)!send(wait.fd, PREFACE, PREFACE_BYTES, MSG_NOSIGNAL);
		while (!(is_in = guests_count(guests) == n) && poll(&wait, 1, 1) == 0 &&
		       test_now_ms() < until)
			;
		close(wait.fd);
		poll(NULL, 0, is_in ? 0 : 5);
	}
	return is_in;
}

TEST(a_full_door_turns_away_until_somebody_has_left)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ .max_links = 2 });
	int a = visit(door), b = visit(door), c;

	REQUIRE(guests_wait(&guests, 2));
	c = knock_tcp(door_port(door));
	CHECK(is_closed(c));
	close(c);
	CHECK_INT(door_count(door), 2);
	close_unseen(guests.fds[--guests.n]); /* its owner closes it, and tells nobody */
	CHECK(is_let_in_at_last(door, &guests, 2));
	close(a);
	close(b);
	end(door, &guests);
}

/* They would be closed after a minute. */
TEST(those_who_say_nothing_make_place_in_a_full_door)
{
	struct guests guests = GUESTS;
	struct door *door =
		begin(&guests, (struct door_options){ .max_links = 4, .first_byte_ms = 60000 });
	int64_t until = test_now_ms() + PATIENCE_MS;
	struct pollfd wait = { .events = POLLIN };
	int silent[4], i, fd;

	for (i = 0; i < 4; i++)
		silent[i] = knock_tcp(door_port(door));
	do {
		fd = knock_tcp(door_port(door));
		(void)!send(fd, PREFACE, PREFACE_BYTES, MSG_NOSIGNAL);
		wait.fd = fd; /* until it is let in, or turned away */
		while (guests_count(&guests) == 0 && poll(&wait, 1, 5) == 0 &&
		       test_now_ms() < until)
			;
		close(fd);
	} while (guests_count(&guests) == 0 && test_now_ms() < until);
	CHECK_INT(guests_count(&guests), 1);
	CHECK(is_closed(silent[0]));
	for (i = 0; i < 4; i++)
		close(silent[i]);
	end(door, &guests);
}

static unsigned begun(struct door_sources *sources, const char *address, int64_t now)
{
	struct door_source source = door_source_of(address);
	unsigned n = 0;

	while (n < 1000 && door_sources_begin(sources, &source, now))
		n++;
	return n;
}

TEST(each_source_begins_so_many_handshakes_that_do_not_end_well)
{
	struct door_sources *sources = calloc(1, sizeof(*sources));
	struct door_source source = door_source_of("192.0.2.1:5");
	char address[64];
	unsigned i;

	CHECK_INT(begun(sources, "192.0.2.1:5", 1000000), DOOR_SOURCE_BURST);
	CHECK_INT(begun(sources, "192.0.2.1:6", 1000000), 0);
	CHECK_INT(begun(sources, "192.0.2.2:5", 1000000), DOOR_SOURCE_BURST);
	CHECK_INT(begun(sources, "192.0.2.1:5", 1000000 + DOOR_SOURCE_MS), 1);
	CHECK_INT(begun(sources, "192.0.2.1:5", 1000000 + 4 * DOOR_SOURCE_MS), 3);
	door_sources_done(sources, &source);
	CHECK_INT(begun(sources, "192.0.2.1:5", 1000000 + 4 * DOOR_SOURCE_MS), 1);
	CHECK_INT(begun(sources, "192.0.2.1:5", 2000000), DOOR_SOURCE_BURST);

	CHECK_INT(begun(sources, "[2001:db8::1]:5", 2000000), DOOR_SOURCE_BURST);
	CHECK_INT(begun(sources, "[2001:db8::2]:5", 2000000), 0); /* perhaps the same host's */
	CHECK_INT(begun(sources, "[2001:db8:0:1::2]:5", 2000000), DOOR_SOURCE_BURST);
	CHECK_INT(begun(sources, "./u:/somewhere", 2000000), 1000);
	/* more than can be told apart share what is left */
	for (i = 0; i < 4 * DOOR_SOURCES; i++) {
		snprintf(address, sizeof(address), "198.51.%u.%u:1", i / 256, i % 256);
		CHECK(begun(sources, address, 3000000) <= DOOR_SOURCE_BURST);
	}
	CHECK_INT(begun(sources, "203.0.113.1:1", 3000000), 0);
	CHECK_INT(begun(sources, "203.0.113.1:1", 9000000), DOOR_SOURCE_BURST);
	free(sources);
}

TEST(a_connection_counts_until_its_descriptor_is_closed)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	int a = visit(door), b = visit(door), taken;
	struct door_peer peer;

	REQUIRE(guests_wait(&guests, 2));
	CHECK_INT(door_count(door), 2);
	close(a); /* the peer's end says nothing about ours */
	CHECK_INT(door_count(door), 2);
	taken = guests.fds[0];
	close_unseen(taken);
	CHECK(dup2(STDERR_FILENO, taken) == taken); /* the number goes to somebody else */
	CHECK_INT(door_count(door), 1);
	CHECK(!door_peer_of(door, taken, &peer));
	CHECK(!door_cut(door, guests.peers[0].id));
	CHECK(door_cut(door, guests.peers[1].id));
	close(b);
	end(door, &guests);
}

TEST(one_connection_is_cut_and_the_others_are_not)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	int a = visit(door), b;
	struct pollfd quiet = { .events = POLLIN };

	REQUIRE(guests_wait(&guests, 1));
	b = visit(door);
	REQUIRE(guests_wait(&guests, 2));
	CHECK(guests.peers[0].id != guests.peers[1].id);
	CHECK(door_cut(door, guests.peers[0].id));
	CHECK(is_closed(a));
	quiet.fd = b;
	CHECK_INT(poll(&quiet, 1, 0), 0);
	CHECK(!door_cut(door, guests.peers[0].id + 1000000));
	CHECK(!door_cut(door, 0));
	close(a);
	close(b);
	end(door, &guests);
}

TEST(closing_ends_who_waits_and_spares_who_is_in)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	int waiting = knock_tcp(door_port(door)), in = visit(door), late;
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(door_port(door)) };
	struct door_peer peer;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(guests_wait(&guests, 1));
	door_close(door);
	door_close(door);
	CHECK(is_closed(waiting));
	late = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(late, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno == ECONNREFUSED);
	CHECK(send(guests.fds[0], "x", 1, MSG_NOSIGNAL) == 1);
	CHECK(recv(in, &peer, 1, 0) == 1);
	CHECK(door_peer_of(door, guests.fds[0], &peer));
	CHECK(door_cut(door, guests.peers[0].id));
	CHECK(is_closed(in));
	close(waiting);
	close(in);
	close(late);
	end(door, &guests);
}

/* SigBlk of the thread with this name, 0 if there is none. */
static unsigned long long blocked_signals(const char *name)
{
	unsigned long long blocked = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/task");
	char path[300], line[256];
	bool is_it;
	FILE *file;

	REQUIRE(dir != NULL);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = fopen(path, "r");
		is_it = false;
		while (file && fgets(line, sizeof(line), file)) {
			if (strncmp(line, "Name:", 5) == 0)
				is_it = strstr(line, name);
			if (is_it && strncmp(line, "SigBlk:", 7) == 0)
				blocked = strtoull(line + 7, NULL, 16);
		}
		if (file)
			fclose(file);
	}
	closedir(dir);
	return blocked;
}

TEST(the_thread_blocks_every_signal)
{
	struct guests guests = GUESTS;
	struct door *door = begin(&guests, (struct door_options){ 0 });
	unsigned long long blocked = blocked_signals("pyrite-door");
	int i;

	for (i = 1; i <= 31; i++)
		CHECK(i == SIGKILL || i == SIGSTOP || (blocked & (1ULL << (i - 1))));
	end(door, &guests);
}

TESTS(door, T(g1_the_default_is_a_port_of_loopback_that_the_system_picks),
      T(a5_an_ipv6_address_comes_with_or_without_brackets),
      T(a_host_name_is_listened_on_at_each_of_its_addresses), T(a_host_that_nobody_knows_is_named),
      T(a_port_in_use_is_refused_by_its_address),
      T(h6_a_port_is_free_again_at_once_after_its_door_was_closed),
      T(an_address_beyond_loopback_is_refused_unless_insecure),
      T(an_ipv4_peer_of_an_ipv6_door_is_shown_as_ipv4),
      T(a_guest_comes_with_his_address_and_a_socket_ready_for_core),
      T(each_protocol_is_known_by_its_first_bytes),
      T(a_preface_that_arrives_byte_by_byte_is_let_in),
      T(h7_whoever_speaks_another_protocol_is_closed),
      T(h5_a_silent_and_a_trickling_peer_are_closed_in_time),
      T(a_peer_that_leaves_without_a_word_is_forgotten_at_once),
      T(a_full_door_turns_away_until_somebody_has_left),
      T(those_who_say_nothing_make_place_in_a_full_door),
      T(each_source_begins_so_many_handshakes_that_do_not_end_well),
      T(a_connection_counts_until_its_descriptor_is_closed),
      T(one_connection_is_cut_and_the_others_are_not),
      T(closing_ends_who_waits_and_spares_who_is_in), T(the_thread_blocks_every_signal))
