/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the daemon's operations under the names that servers of gRPC have for them, of the
 * daemon, and of its process under those of Prometheus's clients.
 */
#include "face/http/metrics.h"

#include <pyrite/inspect.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/array.h"
#include "face/face.h"
#include "face/http/connections.h"
#include "naming/naming_lease.h"
#include "object/object.h"
#include "tally/tally.h"
#include "value/json_write.h"

struct tally_list {
	const struct tally **items;
	size_t n, room;
	bool is_broken;
};

/* All tallies of one name, of which there may be several versions: one series. */
struct summed {
	const char *service, *method, *type;
	uint64_t n_begun, n_in[TALLY_TIMES], ns, n_failed[TALLY_CODES], n_ended;
};

static void put(struct buf *out, const char *format, ...) PYR_PRINTF(2, 3);
static void put(struct buf *out, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_put(out, text);
}

/* ---- operations ---- */

static void collect(void *data, const struct tally *tally)
{
	struct tally_list *list = data;

	if (array_reserve(&list->items, &list->room, list->n + 1, sizeof(tally)))
		list->items[list->n++] = tally;
	else
		list->is_broken = true;
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static const char *type_of(const struct pyr__operation *op)
{
	static const char *const types[] = { "unary", "client_stream", "server_stream",
					     "bidi_stream" };

	return types[(op->flags & PYR__STREAM_IN ? 1 : 0) + (op->flags & PYR__STREAM_OUT ? 2 : 0)];
}

static uint64_t get(const atomic_uint_fast64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

static void add(struct summed *sum, const struct tally_operation *op)
{
	unsigned i;

	sum->n_begun += get(&op->n_begun);
	sum->ns += get(&op->ns);
	for (i = 0; i < TALLY_TIMES; i++) {
		sum->n_in[i] += get(&op->n_in[i]);
		sum->n_ended += get(&op->n_in[i]);
	}
	for (i = 0; i < TALLY_CODES; i++)
		sum->n_failed[i] += get(&op->n_failed[i]);
}

/* What tallies from that one on have of an operation. Returns false if one before has it, too, or
 * nobody has called it. */
static bool sum_up(const struct tally_list *list, size_t at, uint32_t operation, struct summed *ret)
{
	const struct pyr__interface *interface = list->items[at]->interface, *other;
	const struct tally_operation *op;
	size_t i;
	uint32_t j;

	if (get(&list->items[at]->operations[operation].n_begun) == 0)
		return false;
	*ret = (struct summed){ .service = interface->name,
				.method = last_part(interface->operations[operation].name),
				.type = type_of(&interface->operations[operation]) };
	for (i = 0; i < list->n; i++) {
		other = list->items[i]->interface;
		if (strcmp(other->name, interface->name) != 0)
			continue;
		for (j = 0; j < other->n_operations; j++) {
			op = &list->items[i]->operations[j];
			if (get(&op->n_begun) == 0 ||
			    strcmp(last_part(other->operations[j].name), ret->method) != 0)
				continue;
			if (i < at || (i == at && j < operation))
				return false;
			add(ret, op);
		}
	}
	return true;
}

static void put_labels(struct buf *out, const char *name, const struct summed *sum)
{
	put(out, "grpc_server_%s{grpc_type=\"%s\",grpc_service=\"%.300s\",grpc_method=\"%.300s\"",
	    name, sum->type, sum->service, sum->method);
}

/* Nanoseconds as seconds, whatever the program's locale says of points. */
static void put_seconds(struct buf *out, uint64_t ns)
{
	char text[48];
	size_t n = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, ns / 1000000000,
				    ns % 1000000000);

	while (text[n - 1] == '0' && text[n - 2] != '.')
		n--;
	buf_append(out, text, n);
}

static void put_begun(struct buf *out, const struct summed *sum)
{
	put_labels(out, "started_total", sum);
	put(out, "} %" PRIu64 "\n", sum->n_begun);
}

static void put_handled(struct buf *out, const struct summed *sum)
{
	uint64_t n, n_failed = 0;
	int code;

	for (code = 1; code < TALLY_CODES; code++)
		n_failed += sum->n_failed[code];
	for (code = 0; code < TALLY_CODES; code++) {
		n = sum->n_failed[code];
		if (code == PYR_OK)
			n = sum->n_ended > n_failed ? sum->n_ended - n_failed : 0;
		if (n == 0 && code != PYR_OK)
			continue;
		put_labels(out, "handled_total", sum);
		put(out, ",grpc_code=\"%s\"} %" PRIu64 "\n", pyr_status_name(code), n);
	}
}

static void put_times(struct buf *out, const struct summed *sum)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < TALLY_TIMES; i++) {
		n += sum->n_in[i];
		put_labels(out, "handling_seconds_bucket", sum);
		json_put(out, ",le=\"");
		if (i < TALLY_TIMES - 1)
			put_seconds(out, (uint64_t)tally_bounds[i]);
		else
			json_put(out, "+Inf");
		put(out, "\"} %" PRIu64 "\n", n);
	}
	put_labels(out, "handling_seconds_sum", sum);
	json_put(out, "} ");
	put_seconds(out, sum->ns);
	json_put(out, "\n");
	put_labels(out, "handling_seconds_count", sum);
	put(out, "} %" PRIu64 "\n", n);
}

static void put_family(struct buf *out, const struct tally_list *list,
		       void (*put_one)(struct buf *out, const struct summed *sum))
{
	struct summed sum;
	uint32_t j;
	size_t i;

	for (i = 0; i < list->n; i++)
		for (j = 0; j < list->items[i]->interface->n_operations; j++)
			if (out->n < HTTP_DOCUMENT && sum_up(list, i, j, &sum))
				put_one(out, &sum);
}

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	put(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_operations(struct buf *out, struct tallies *tallies)
{
	struct tally_list list = { 0 };

	tallies_each(tallies, collect, &list);
	put_head(out, "grpc_server_started_total", "counter", "Calls whose methods have begun.");
	put_family(out, &list, put_begun);
	put_head(out, "grpc_server_handled_total", "counter",
		 "Calls that were answered, by status code.");
	put_family(out, &list, put_handled);
	put_head(out, "grpc_server_handling_seconds", "histogram",
		 "From the beginning of a method to its answer.");
	put_family(out, &list, put_times);
	out->broken |= list.is_broken;
	free(list.items);
}

/* ---- the daemon ---- */

static void put_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
	put_head(out, name, "gauge", help);
	put(out, "%s %" PRIu64 "\n", name, value);
}

static void count_name(void *data, const char *name, const char *uri)
{
	(void)name;
	(void)uri;
	++*(uint64_t *)data;
}

static void put_daemon(struct buf *out, struct http_request *request,
		       const struct pyrite_DaemonStatistics *statistics,
		       const struct pyrite_DaemonInfo *info)
{
	uint64_t n_names = 0;

	lease_each(request->host->address, count_name, &n_names);
	put_head(out, "pyrite_info", "gauge", "The daemon's version.");
	put(out, "pyrite_info{version=\"%.64s\"} 1\n", info->version);
	put_gauge(out, "pyrite_objects", "Objects that are registered.", statistics->n_objects);
	put_gauge(out, "pyrite_links", "Connections that carry frames.", statistics->n_links);
	put_gauge(out, "pyrite_http_connections", "Connections that carry HTTP.",
		  connections_count(request->connection->all));
	put_gauge(out, "pyrite_calls_pending", "Calls that wait or run.", statistics->n_busy);
	put_gauge(out, "pyrite_method_threads", "Methods that may run at a time.", info->threads);
	put_gauge(out, "pyrite_leases", "Names that the process holds for the daemon's objects.",
		  n_names);
	put_head(out, "pyrite_start_time_seconds", "gauge", "When the daemon was made.");
	put(out, "pyrite_start_time_seconds %" PRId64 ".%03d\n", info->started_ms / 1000,
	    (int)(info->started_ms % 1000));
}

/* ---- the process ---- */

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n > 3 ? n - 3 : 0; /* ".", "..", and this */
}

static void put_process(struct buf *out)
{
	struct rusage usage;
	unsigned long all = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file) {
		if (fscanf(file, "%lu %lu", &all, &resident) != 2)
			resident = 0;
		fclose(file);
	}
	put_gauge(out, "process_resident_memory_bytes", "Memory of the process.",
		  (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE));
	put_gauge(out, "process_open_fds", "Descriptors of the process.", count_fds());
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	put_head(out, "process_cpu_seconds_total", "counter", "CPU time of the process.");
	json_put(out, "process_cpu_seconds_total ");
	put_seconds(out,
		    (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
			    (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000);
	json_put(out, "\n");
}

void metrics_get(struct http_request *request, struct http_answer *answer)
{
	struct pyrite_Daemon *daemon =
		(struct pyrite_Daemon *)http_proxy(request, pyrite_DAEMON_ID);
	struct pyrite_DaemonStatistics *statistics = NULL;
	struct pyrite_DaemonInfo *info = NULL;

	if (!daemon || pyrite_Daemon_statistics(daemon, &statistics) < 0 ||
	    pyrite_Daemon_info(daemon, &info) < 0) {
		answer_error(request, answer, NULL);
	} else {
		answer->status = 200;
		answer->type = "text/plain; version=0.0.4; charset=utf-8";
		put_daemon(&answer->body, request, statistics, info);
		if (request->host->objects->tallies)
			put_operations(&answer->body, request->host->objects->tallies);
		put_process(&answer->body);
	}
	pyr_free(statistics);
	pyr_free(info);
}
