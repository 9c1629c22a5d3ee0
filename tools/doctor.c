/* SPDX-License-Identifier: MIT */
/* pyrite doctor: each step of the way to an object, and what to do where it ends. */
#include <pyrite/settings.h>
#include <pyrite/value.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../nameserver/text_put.h"
#include "command.h"
#include "doctor.h"
#include "inspect.h"
#include "objects.h"
#include "words.h"

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	return words_parse(key, arg, state, state->input);
}

static const struct argp_option options[] = { WORDS_JSON("Print JSON"), { 0 } };
const struct argp doctor_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "URI",
	.doc = "Checks each step to an object, and says what to do about the first that fails: "
	       "name server, name, address, connection, daemon, object, interface, "
	       "certificate.\vURI is the same as for 'pyrite call'. The settings of the "
	       "environment apply; 'pyrite config' prints them.\n\nExit codes: 0 all is well, 1 "
	       "wrong usage, 2 not found or refused, 3 not reachable.",
};

/* ---- what is said ---- */

void doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *step, const char *format,
		...)
{
	static const char *const words[] = { "ok", "note", "wrong", "skip" };
	static const enum words_colour colours[] = { WORDS_GOOD, WORDS_NOTE, WORDS_BAD,
						     WORDS_PLAIN };
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	d->last = verdict;
	if (d->is_json) {
		printf("%s{\"step\": \"%s\", \"verdict\": \"%s\", \"text\": ",
		       d->n_said > 0 ? ", " : "", step, words[verdict]);
		words_put_string(stdout, text);
		putchar('}');
	} else {
		printf("%s%-5s%s %-12s ", words_colour(stdout, colours[verdict]), words[verdict],
		       words_colour(stdout, WORDS_PLAIN), step);
		text_put(stdout, text);
		putchar('\n');
	}
	d->n_said++;
}

/* What to do about what was said last. */
void doctor_advise(struct doctor *d, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (d->is_json) {
		printf(", {\"step\": \"advice\", \"text\": ");
		words_put_string(stdout, text);
		putchar('}');
		return;
	}
	printf("%19s-> ", "");
	text_put(stdout, text);
	putchar('\n');
}

static int code_of(int status)
{
	return status == PYR_UNAVAILABLE || status == PYR_DEADLINE_EXCEEDED ? COMMAND_UNREACHABLE
									    : COMMAND_REFUSED;
}

/* The last error ends the way. */
static int stop(struct doctor *d, const char *step)
{
	const pyr_error *last = pyr_last_error();

	doctor_say(d, DOCTOR_WRONG, step, "%s: %s", pyr_status_name(last->code), last->message);
	return code_of(last->code);
}

/* ---- the name ---- */

/* How much two names differ: letters to change, at most. */
static size_t distance(const char *a, const char *b)
{
	size_t row[65], n = strlen(b), i, before, above;

	if (n > 64 || strlen(a) > 64)
		return SIZE_MAX;
	for (i = 0; i <= n; i++)
		row[i] = i;
	for (; *a; a++) {
		before = row[0]++;
		for (i = 1; i <= n; i++) {
			above = row[i];
			row[i] = (*a | 32) == (b[i - 1] | 32)
					 ? before
					 : 1 + (before < above
							? before < row[i - 1] ? before : row[i - 1]
						: above < row[i - 1] ? above
								     : row[i - 1]);
			before = above;
		}
	}
	return row[n];
}

static void suggest(struct doctor *d, pyr_ns *ns, const char *name)
{
	struct pyr_ns_entries *entries;
	const char *best = NULL;
	size_t least = strlen(name) / 3 + 2, i, now;

	if (pyr_ns_list(ns, NULL, &entries) < 0)
		return;
	for (i = 0; i < entries->n; i++) {
		now = distance(name, entries->items[i].name);
		if (now >= least)
			continue;
		least = now;
		best = entries->items[i].name;
	}
	if (best)
		doctor_advise(d, "there is a name '%s': is that the one?", best);
	doctor_advise(d,
		      "%zu names are registered here ('pyrite list'): has the server started, and "
		      "does it register with this name server?",
		      entries->n);
	pyr_free(entries);
}

static int find_name_server(struct doctor *d, const pyr_uri *uri, pyr_ns **ret)
{
	const char *at = strchr(pyr_uri_text(uri), '@'), *place = at ? at + 1 : NULL;
	bool has_found = place || doctor_search(d);
	int code;

	*ret = pyr_ns_locate(place);
	if (*ret) {
		if (strchr(pyr_ns_address(*ret), ','))
			doctor_each(d, pyr_ns_address(*ret));
		else
			doctor_say(d, DOCTOR_OK, "name server", "answers at %s",
				   pyr_ns_address(*ret));
		return COMMAND_OK;
	}
	code = stop(d, "name server");
	if (has_found)
		doctor_advise(d, "start one with 'pyrite-ns'; if it runs elsewhere, set "
				 "PYRITE_NS_HOST and PYRITE_NS_PORT ('pyrite config' prints what "
				 "they are)");
	return code;
}

static int look_up(struct doctor *d, pyr_ns *ns, const pyr_uri *uri, char **ret)
{
	const char *name = pyr_uri_object(uri);
	struct pyr_ns_entries *entries;
	int code;

	if (pyr_uri_scheme(uri) == PYR_URI_PYROMETA) {
		if (pyr_ns_list_metadata_all(ns, &name, 1, &entries) < 0)
			return stop(d, "name");
		*ret = entries->n > 0 ? strdup(entries->items[0].uri) : NULL;
		doctor_say(d, *ret ? DOCTOR_OK : DOCTOR_WRONG, "name",
			   "%zu names have the tag '%s'%s%s", entries->n, name,
			   *ret ? "; the first leads to " : "", *ret ? *ret : "");
		pyr_free(entries);
		return *ret ? COMMAND_OK : COMMAND_REFUSED;
	}
	if (pyr_ns_lookup(ns, name, ret) == 0) {
		doctor_say(d, DOCTOR_OK, "name", "'%s' leads to %s", name, *ret);
		return COMMAND_OK;
	}
	*ret = NULL;
	code = stop(d, "name");
	if (pyr_last_error()->code == PYR_NOT_FOUND)
		suggest(d, ns, name);
	return code;
}

/* *ret: the PYRO URI, owned, free(). */
static int resolve(struct doctor *d, const pyr_uri *uri, char **ret)
{
	char *found = NULL;
	pyr_ns *ns;
	int code;

	if (pyr_uri_scheme(uri) == PYR_URI_PYRO) {
		*ret = strdup(pyr_uri_text(uri));
		return COMMAND_OK;
	}
	if ((code = find_name_server(d, uri, &ns)) == COMMAND_OK) {
		snprintf(d->name_server, sizeof(d->name_server), "%s", pyr_ns_address(ns));
		code = look_up(d, ns, uri, &found);
	}
	pyr_ns_free(ns);
	*ret = found ? strdup(found) : NULL;
	pyr_free(found);
	return code;
}

/* ---- the daemon and its object ---- */

static bool has_setting(const char *name)
{
	struct pyr_setting setting;
	size_t i;

	for (i = 0; pyr_setting_get(i, &setting); i++)
		if (strcmp(setting.name, name) == 0)
			return setting.value[0];
	return false;
}

/* What may help against an error of a connection that was made. */
static void advise_on_connection(struct doctor *d)
{
	const char *text = pyr_last_error()->message;

	if (strstr(text, "SecurityError") || strstr(text, "TLS") || strstr(text, "certificate")) {
		if (has_setting("keys"))
			doctor_advise(d, "this end uses TLS (PYRITE_KEYS): both ends need "
					 "certificates of one CA ('pyrite keys list')");
		else
			doctor_advise(d, "this end has no certificate: if the daemon requires one, "
					 "set PYRITE_KEYS ('pyrite keys --help'), or "
					 "PYRITE_SHARED_KEY_FILE if it requires a key");
	} else {
		doctor_advise(d, "a program that is not a Pyrite daemon listens there, or a daemon "
				 "that does not answer: does the process hang?");
	}
}

/* "IPv4, socket" */
static void way_of(struct pyrite_Daemon *daemon, char *ret, size_t n)
{
	static const char before[] = "connected ";
	char text[512];
	const char *from =
		strstr(pyr_proxy_text(pyrite_Daemon_as_proxy(daemon), text, sizeof(text)), before);

	if (!from)
		from = before;
	from += strlen(before);
	snprintf(ret, n, "%.*s", (int)strcspn(from, ";>"), from);
}

/* *ret: NULL: it is Python's. */
static int meet_daemon(struct doctor *d, const char *address, struct pyrite_Daemon **ret)
{
	struct pyrite_DaemonInfo *info = NULL;
	char uri[2048], way[64];
	int code;

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_DAEMON_ID, address);
	*ret = pyrite_Daemon_proxy(uri);
	if (*ret)
		pyr_proxy_set_timeout(pyrite_Daemon_as_proxy(*ret), DOCTOR_PATIENCE_MS);
	if (*ret && pyrite_Daemon_info(*ret, &info) == 0) {
		way_of(*ret, way, sizeof(way));
		doctor_say(d, DOCTOR_OK, "daemon", "Pyrite %s, %u thread%s; %s", info->version,
			   info->threads, info->threads == 1 ? "" : "s", way);
		pyr_free(info);
		return COMMAND_OK;
	}
	if (*ret && pyr_last_error()->code == PYR_NOT_FOUND) {
		way_of(*ret, way, sizeof(way));
		pyrite_Daemon_free(*ret);
		*ret = NULL;
		if (strstr(way, ", pyro")) {
			doctor_say(d, DOCTOR_OK, "daemon", "Python's Pyro; %s", way);
			return COMMAND_OK;
		}
	}
	code = stop(d, "daemon");
	advise_on_connection(d);
	return code;
}

static int find_object(struct doctor *d, struct pyrite_Daemon *daemon, const char *id)
{
	struct pyrite_ObjectMetadata *metadata;
	int code;

	if (pyrite_Daemon_describe(daemon, id, &metadata) == 0) {
		doctor_say(d, DOCTOR_OK, "object", "'%s' is there", id);
		pyr_free(metadata);
		return COMMAND_OK;
	}
	if (pyr_last_error()->code == PYR_PERMISSION_DENIED) {
		doctor_say(d, DOCTOR_NOTE, "object", "%s", pyr_last_error()->message);
		doctor_advise(d, "stubs can call it all the same; tools need the daemon's option "
				 "inspect, or a rule 'allow WHO inspect'");
		return COMMAND_OK;
	}
	code = stop(d, "object");
	if (pyr_last_error()->code == PYR_NOT_FOUND)
		doctor_advise(d,
			      "the daemon has other objects ('pyrite list %s'): was the server "
			      "started again, at the same port?",
			      d->address);
	return code;
}

static int learn_interface(struct doctor *d, const char *uri)
{
	pyr_proxy *proxy = pyr_proxy_new(uri);
	const char *name;
	char text[512];

	if (!proxy && pyr_last_error()->code == PYR_PERMISSION_DENIED)
		return COMMAND_OK; /* that was said */
	if (!proxy)
		return stop(d, "interface");
	name = pyr_proxy_text(proxy, text, sizeof(text)) + 1;
	doctor_say(d, DOCTOR_OK, "interface", "%.*s ('pyrite describe' prints it)",
		   (int)strcspn(name, " ;"), name);
	pyr_proxy_free(proxy);
	return COMMAND_OK;
}

static int visit(struct doctor *d, const char *uri)
{
	pyr_uri *parsed = pyr_uri_parse(uri);
	struct pyrite_Daemon *daemon = NULL;
	const char *at = strchr(uri, '@');
	int code;

	if (!parsed || !at)
		return stop(d, "address");
	snprintf(d->address, sizeof(d->address), "%s", at + 1);
	code = doctor_reach(d, parsed);
	if (code == COMMAND_OK)
		code = meet_daemon(d, d->address, &daemon);
	if (code == COMMAND_OK && daemon)
		code = find_object(d, daemon, pyr_uri_object(parsed));
	if (code == COMMAND_OK)
		code = learn_interface(d, uri);
	pyrite_Daemon_free(daemon);
	pyr_uri_free(parsed);
	return code;
}

static int examine(struct doctor *d, const char *word)
{
	char *text = objects_uri(word), *found = NULL;
	pyr_uri *uri = pyr_uri_parse(text);
	int code = COMMAND_USAGE;

	free(text);
	if (uri) {
		doctor_say(d, DOCTOR_OK, "URI", "%s", pyr_uri_text(uri));
		code = resolve(d, uri, &found);
	} else {
		doctor_say(d, DOCTOR_WRONG, "URI", "%s", pyr_last_error()->message);
	}
	doctor_certificate(d);
	if (code == COMMAND_OK)
		code = visit(d, found);
	free(found);
	pyr_uri_free(uri);
	return code == COMMAND_OK && d->is_wrong ? COMMAND_REFUSED : code;
}

int doctor_main(int argc, char **argv)
{
	struct words words = { .min = 1, .max = 1, .needs = "expected a URI" };
	struct doctor doctor = { 0 };
	int code;

	argp_parse(&doctor_argp, argc, argv, 0, NULL, &words);
	doctor.is_json = words.is_json;
	fputs(doctor.is_json ? "{\"steps\": [" : "", stdout);
	code = examine(&doctor, words.list[0]);
	if (doctor.is_json)
		printf("], \"ok\": %s}\n", code == COMMAND_OK ? "true" : "false");
	return code;
}
