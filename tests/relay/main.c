/* SPDX-License-Identifier: MIT */
/*
 * fault-relay TARGET [CONTROL [LISTEN]]: the relay of relay.h as a program. TARGET and LISTEN are
 * host:port or
 * ./u:path; it prints the address where it listens. Orders come as lines on the unix socket
 * CONTROL, one connection at a time, and are answered with "ok", figures, or "error" and why. It
 * ends with SIGTERM, with "quit", or when the end of its standard input is closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"
#include "sockets.h"

enum { WORDS = 4 };

static struct relay relay;
static char control_address[160];

/* ---- orders about bytes: name, numbers, and directions ---- */

static void change(struct relay_fault *fault, const char *what, uint64_t a, uint64_t b)
{
	if (strcmp(what, "delay") == 0) {
		fault->delay_ms = (uint32_t)a;
	} else if (strcmp(what, "trickle") == 0) {
		fault->piece = (uint32_t)a;
		fault->interval_us = (uint32_t)b;
	} else if (strcmp(what, "rate") == 0) { /* in pieces of 10 ms */
		fault->piece = (uint32_t)(a / 100 ? a / 100 : 1);
		fault->interval_us = a / 100 ? 10000 : (uint32_t)(1000000 / (a ? a : 1));
	} else if (strcmp(what, "late") == 0) {
		fault->late_permil = (uint32_t)a;
		fault->late_ms = (uint32_t)b;
	} else if (strcmp(what, "flip") == 0) {
		fault->flip_at = a;
		fault->flip_mask = (uint8_t)b;
	} else if (strcmp(what, "cut") == 0) {
		fault->cut_at = a;
	} else if (strcmp(what, "hole") == 0) {
		fault->is_hole = true;
	} else if (strcmp(what, "stop") == 0) {
		fault->is_stopped = true;
	} else if (strcmp(what, "go") == 0) {
		fault->is_stopped = false;
	}
}

static const struct {
	const char *name;
	size_t n_numbers;
} changes[] = { { "delay", 1 }, { "trickle", 2 }, { "rate", 1 }, { "late", 2 }, { "flip", 2 },
		{ "cut", 1 },   { "hole", 0 },    { "stop", 0 }, { "go", 0 } };

static int directions(const char *word)
{
	if (!word || strcmp(word, "both") == 0)
		return RELAY_BOTH;
	if (strcmp(word, "there") == 0)
		return RELAY_THERE;
	return strcmp(word, "back") == 0 ? RELAY_BACK : 0;
}

/* Returns NULL, or why not. */
static const char *change_bytes(char **words, size_t n, size_t n_numbers)
{
	uint64_t numbers[2] = { 0 };
	struct relay_fault there, back;
	int which;
	size_t i;

	if (n < 1 + n_numbers)
		return "numbers are missing";
	for (i = 0; i < n_numbers; i++)
		numbers[i] = strtoull(words[1 + i], NULL, 0);
	which = directions(n > 1 + n_numbers ? words[1 + n_numbers] : NULL);
	if (!which)
		return "the direction is there, back or both";
	relay_get(&relay, &there, &back);
	if (which & RELAY_THERE)
		change(&there, words[0], numbers[0], numbers[1]);
	if (which & RELAY_BACK)
		change(&back, words[0], numbers[0], numbers[1]);
	relay_set(&relay, &there, &back);
	return NULL;
}

/* ---- orders about connections ---- */

static const struct {
	const char *name;
	enum relay_what what;
} deeds[] = { { "heal", RELAY_HEAL },
	      { "reset", RELAY_RESET },
	      { "reset-near", RELAY_RESET_NEAR },
	      { "reset-far", RELAY_RESET_FAR },
	      { "end-near", RELAY_END_NEAR },
	      { "end-far", RELAY_END_FAR },
	      { "half-open", RELAY_HALF_OPEN } };

static const char *do_to_all(char **words, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(words[0], deeds[i].name) == 0) {
			relay_tell(&relay, &(struct relay_order){ .what = deeds[i].what });
			return NULL;
		}
	if (strcmp(words[0], "mute") == 0)
		atomic_store(&relay.is_mute, true);
	else if (strcmp(words[0], "refuse") == 0)
		atomic_store(&relay.is_refusing, true);
	else if (strcmp(words[0], "to") == 0 && n > 1)
		relay_redirect(&relay, words[1]);
	else
		return "no such order";
	return NULL;
}

static const char *obey(char **words, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (strcmp(words[0], changes[i].name) == 0)
			return change_bytes(words, n, changes[i].n_numbers);
	return do_to_all(words, n);
}

/* Returns false if the program is to end. */
static bool answer(FILE *out, char *line)
{
	struct relay_order order = { .what = RELAY_COUNT };
	char *words[WORDS], *rest = NULL, *word;
	const char *error = "no order";
	size_t n = 0;

	for (word = strtok_r(line, " \n", &rest); word && n < WORDS;
	     word = strtok_r(NULL, " \n", &rest))
		words[n++] = word;
	if (n > 0 && strcmp(words[0], "quit") == 0)
		return false;
	if (n > 0 && strcmp(words[0], "count") == 0) {
		relay_tell(&relay, &order);
		fprintf(out, "%d %zu %llu %llu\n", atomic_load(&relay.n_taken), order.n_open,
			(unsigned long long)order.n_there, (unsigned long long)order.n_back);
		return fflush(out) == 0;
	}
	if (n > 0)
		error = obey(words, n);
	fprintf(out, "%s%s\n", error ? "error " : "ok", error ? error : "");
	(void)fflush(out);
	return true;
}

/* ---- the program ---- */

static bool input_ended(void)
{
	char bytes[64];

	return read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0;
}

/* One controller until it leaves. Returns false if the program is to end. */
static bool serve(int fd)
{
	struct pollfd polls[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				   { .fd = fd, .events = POLLIN } };
	FILE *in = fdopen(dup(fd), "r"), *out = fdopen(fd, "w");
	bool goes_on = in && out && setvbuf(in, NULL, _IONBF, 0) == 0; /* poll() sees each line */
	char line[256];

	while (goes_on && poll(polls, 2, -1) >= 0) {
		if (polls[0].revents && input_ended())
			goes_on = false;
		else if (polls[1].revents && !fgets(line, sizeof(line), in))
			break;
		else if (polls[1].revents)
			goes_on = answer(out, line);
	}
	if (in)
		fclose(in);
	if (out)
		fclose(out);
	return goes_on;
}

static void serve_all(int control)
{
	struct pollfd polls[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				   { .fd = control, .events = POLLIN } };
	bool goes_on = true;
	int fd;

	while (goes_on && (poll(polls, 2, -1) >= 0 || errno == EINTR)) {
		if (polls[0].revents && input_ended())
			return;
		if (!polls[1].revents)
			continue;
		fd = accept4(control, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			goes_on = serve(fd);
	}
}

static int fail(const char *what)
{
	fprintf(stderr, "fault-relay: %s: %s\n", what, strerror(errno));
	return 1;
}

/* Opens the control socket. */
static int open_control(const char *path)
{
	snprintf(control_address, sizeof(control_address), "./u:%s", path);
	return relay_listen(control_address, control_address, sizeof(control_address));
}

static void on_term(int number)
{
	(void)number;
}

static int run(const char *target, const char *control, const char *own, uint32_t delay_ms)
{
	struct relay_fault fault = { .delay_ms = delay_ms };
	int fd = -1;

	if (!relay_open_at(&relay, target, own))
		return fail(target);
	if (control && (fd = open_control(control)) < 0)
		return fail(control);
	relay_set(&relay, &fault, &fault);
	printf("%s\n", relay.address);
	fflush(stdout);
	if (control)
		serve_all(fd);
	else
		pause();
	if (control)
		unlink(control);
	relay_close(&relay);
	return 0;
}

int main(int argc, char **argv)
{
	const char *control = NULL, *own = NULL;
	struct sigaction action = { .sa_handler = on_term };
	uint32_t delay_ms = 0;
	int option;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((option = getopt(argc, argv, "c:d:l:")) != -1) {
		if (option == 'c')
			control = optarg;
		else if (option == 'd')
			delay_ms = (uint32_t)atoi(optarg);
		else if (option == 'l')
			own = optarg;
		else
			return 2;
	}
	if (optind + 1 != argc)
		return 2;
	if (!control)
		sigaction(SIGTERM, &action, NULL);
	return run(argv[optind], control, own, delay_ms);
}
