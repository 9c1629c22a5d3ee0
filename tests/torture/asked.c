/* SPDX-License-Identifier: MIT */
/* What clients of plain gRPC ask a daemon: its health, its interfaces, calls with annotations, and
 * calls of a server that is not there. */
#define _GNU_SOURCE /* pipe2() */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health.h"
#include "place.h"

static const struct pyr_annotation annotation = { "KEYS", "abc", 3 };

static struct pyr_proxy_options plain_options(void)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_GRPC);

	options.plain = PYR_PLAIN_ONLY;
	return options;
}

static int with_plain(part_fn part)
{
	struct pyr_daemon_options daemon = { .threads = 2,
					     .annotations = &annotation,
					     .n_annotations = 1 };
	struct pyr_proxy_options options = plain_options();

	return with_both(&daemon, &options, part);
}

/* The object of this name at the daemon's address. */
static void uri_of(const struct place *place, const char *name, char *ret, size_t n)
{
	snprintf(ret, n, "PYRO:%s%s", name, strchr(place->uri, '@'));
}

/* ---- health ---- */

static int watched(struct grpc_health_v1_Health *health)
{
	struct grpc_health_v1_HealthCheckRequest request = { .service = "things.Thing" };
	struct grpc_health_v1_HealthCheckResponse *response;
	pyr_stream *stream = NULL;
	int status;

	TRY(grpc_health_v1_Health_Watch(health, &request, &stream));
	TRY(grpc_health_v1_Health_Watch_next(stream, &response));
	EXPECT(status == 1);
	status = response->status == grpc_health_v1_HealthCheckResponse_SERVING
			 ? 0
			 : note_wrong("what was watched is not served");
	pyr_free(response);
out:
	pyr_stream_free(stream);
	return status;
}

static int health(struct place *place, struct things_Thing *thing)
{
	struct grpc_health_v1_HealthCheckRequest request = { .service = "things.Thing" };
	struct grpc_health_v1_HealthListRequest all = { 0 };
	struct grpc_health_v1_HealthCheckResponse *response = NULL;
	struct grpc_health_v1_HealthListResponse *list = NULL;
	struct pyr_proxy_options options = plain_options();
	struct grpc_health_v1_Health *health = NULL;
	char uri[160];
	int status;

	(void)thing;
	uri_of(place, "grpc.health.v1.Health", uri, sizeof(uri));
	GET(health, grpc_health_v1_Health_proxy_with(uri, &options));
	TRY(grpc_health_v1_Health_Check(health, &request, &response));
	EXPECT(response->status == grpc_health_v1_HealthCheckResponse_SERVING);
	TRY(grpc_health_v1_Health_List(health, &all, &list));
	EXPECT(list->statuses.n == 2);
	status = watched(health);
out:
	pyr_free(response);
	pyr_free(list);
	grpc_health_v1_Health_free(health);
	return status;
}

static int healthy(void)
{
	return with_plain(health);
}

/* ---- reflection ---- */

static int to_client = -1;
static FILE *from_client;
static pid_t client_pid;

/* Pyrite's own proxies do not call reflection: the client is Python's. */
static bool start_client(void)
{
	const char *source = getenv("PYRITE_SOURCE");
	char script[600], line[16];
	int in[2], out[2];

	snprintf(script, sizeof(script), "%s/tests/torture/reflects.py", source ? source : ".");
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || (client_pid = fork()) < 0)
		return false;
	if (client_pid == 0) {
		unsetenv("LD_PRELOAD");
		unsetenv("TORTURE_SITES");
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(script, script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to_client = in[1];
	from_client = fdopen(out[0], "r");
	return from_client && fgets(line, sizeof(line), from_client);
}

static void stop_client(void)
{
	close(to_client); /* which ends it */
	fclose(from_client);
	stop_program(client_pid);
}

static int reflected(void)
{
	struct pyr_daemon_options daemon = { .threads = 2 };
	struct place place;
	char line[160];
	int status, code = 0;

	TRY(place_open(&place, &daemon));
	snprintf(line, sizeof(line), "%s\n", strchr(place.uri, '@') + 1);
	if (write(to_client, line, strlen(line)) != (ssize_t)strlen(line) ||
	    !fgets(line, sizeof(line), from_client) || sscanf(line, "%d", &code) != 1)
		status = note_wrong("the client of reflection has ended");
	else if (code)
		status = note("reflection", -code);
out:
	return place_close(&place, status);
}

/* ---- annotations, and arguments of many frames ---- */

static int annotate(struct place *place, struct things_Thing *thing)
{
	enum { LARGE = 300000 };
	static char name[LARGE + 1];
	struct things_Item item = { .number = 1, .name = name }, *back = NULL;
	struct pyr_proxy_options options = plain_options();
	struct things_Thing *other = NULL;
	int status;

	(void)thing;
	memset(name, 'x', LARGE);
	options.annotations = &annotation;
	options.n_annotations = 1;
	GET(other, things_Thing_proxy_with(place->uri, &options));
	TRY(part_add(place, other));
	TRY(things_Thing_echo(other, &item, &back));
	EXPECT(strlen(back->name) == LARGE);
	status = things_Thing_refuse(other, "no");
	if (status == -PYR_ABORTED || things_Refused_caught())
		status = 0; /* its exception, or its status without the members */
	else if (status == 0)
		status = note_wrong("refuse() succeeded");
	else
		note("things_Thing_refuse()", status);
out:
	pyr_free(back);
	things_Thing_free(other);
	return status;
}

static int annotated(void)
{
	return with_plain(annotate);
}

/* ---- nothing there ---- */

/* A port at which nothing listens. */
static int closed_port(char *uri, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, size) < 0 ||
			getsockname(fd, (struct sockaddr *)&at, &size) < 0)) {
		close(fd);
		return -1;
	}
	snprintf(uri, n, "PYRO:thing@127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

static int unserved(void)
{
	struct pyr_proxy_options options = plain_options();
	struct things_Thing *thing = NULL;
	char uri[64];
	int32_t sum;
	int status, fd = closed_port(uri, sizeof(uri));

	if (fd < 0)
		return note("a port", -PYR_UNAVAILABLE);
	GET(thing, things_Thing_proxy_with(uri, &options));
	status = things_Thing_add(thing, 1, 2, &sum);
	if (status == -PYR_UNAVAILABLE)
		status = 0;
	else if (status == 0)
		status = note_wrong("nothing answered");
	else
		note("things_Thing_add()", status);
out:
	things_Thing_free(thing);
	close(fd);
	return status;
}

/* A peer whose address cannot be told is not served as one of this host. */
#define OF_STRANGERS ALSO(PYR_PERMISSION_DENIED)

const struct scenario asked_scenarios[] = {
	{ .name = "grpc-health", .run = healthy, .also = OF_STRANGERS },
	{ .name = "grpc-reflection",
	  .run = reflected,
	  .open = start_client,
	  .close = stop_client,
	  .also = OF_STRANGERS },
	{ .name = "plain-annotated", .run = annotated },
	{ .name = "plain-unserved", .run = unserved },
	{ 0 },
};
