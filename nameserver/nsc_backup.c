/* SPDX-License-Identifier: MIT */
/*
 * Export and import: a line of JSON for each registration. The list is read page by page while the
 * name server serves others; names that change meanwhile are in it as they were before or are
 * after. Lines are registered many at a time.
 */
#include "naming.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsc.h"
#include "text_put.h"

enum { LINE_MOST = 65536, FLIGHTS = 128 };

/* The name server by its own interface; NULL with the last error. */
static struct pyrite_NameServer *connect(const struct nsc *nsc)
{
	char uri[400];

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, pyr_ns_address(nsc->ns));
	return pyrite_NameServer_proxy(uri);
}

/* ---- export ---- */

static bool put_line(const struct pyrite_NameEntry *entry, const char *uri,
		     const struct pyr_string_seq *tags, uint32_t ttl_ms)
{
	json_t *line, *list = json_array();
	char *text;
	size_t i;

	for (i = 0; i < tags->n; i++)
		(void)json_array_append_new(list, json_string(tags->items[i]));
	line = json_pack("{s:s, s:s, s:o}", "name", entry->name, "uri", uri, "metadata", list);
	if (line && entry->shared)
		(void)json_object_set_new(line, "shared", json_true());
	if (line && ttl_ms > 0)
		(void)json_object_set_new(line, "ttl_ms", json_integer(ttl_ms));
	if (line && entry->has_owner)
		(void)json_object_set_new(line, "owner", json_string(entry->owner));
	text = line ? json_dumps(line, JSON_PRESERVE_ORDER) : NULL;
	json_decref(line);
	if (!text)
		return false;
	text_put(stdout, text);
	putchar('\n');
	free(text);
	return true;
}

/* Returns false when memory is out. */
static bool put_entry(const struct pyrite_NameEntry *entry, uint64_t *n)
{
	size_t i;

	if (strcmp(entry->name, pyrite_NAME_SERVER_ID) == 0)
		return true;
	if (!put_line(entry, entry->uri, &entry->tags, entry->ttl_ms))
		return false;
	++*n;
	for (i = 0; entry->has_others && i < entry->others.n; i++, ++*n)
		if (!put_line(entry, entry->others.items[i].uri, &entry->others.items[i].tags,
			      entry->others.items[i].ttl_ms))
			return false;
	return true;
}

static int export_page(const struct pyrite_NamePage *page, const char *after, uint64_t *n)
{
	size_t i;

	for (i = 0; i < page->entries.n; i++)
		if (!put_entry(&page->entries.items[i], n)) {
			fputs("Error: out of memory, or not text\n", stderr);
			return NSC_REFUSED;
		}
	if (page->next[0] && strcmp(page->next, after) <= 0) {
		fputs("Error: the name server sent a list out of order\n", stderr);
		return NSC_REFUSED;
	}
	return NSC_OK;
}

int nsc_export(const struct nsc *nsc)
{
	const char *prefix = nsc->n > 0 ? nsc->args[0] : "", *after = "";
	struct pyrite_NameServer *server = connect(nsc);
	struct pyrite_NamePage *page, *before = NULL;
	uint64_t n = 0;
	int code = server ? NSC_OK : nsc_complain("Error");

	while (code == NSC_OK) {
		if (pyrite_NameServer_list(server, prefix, after, &page) < 0) {
			code = nsc_complain("Error");
			break;
		}
		code = export_page(page, after, &n);
		pyr_free(before);
		before = page;
		after = page->next;
		if (!after[0])
			break;
	}
	pyr_free(before);
	pyrite_NameServer_free(server);
	if (code == NSC_OK && nsc->settings->verbose)
		fprintf(stderr, "%" PRIu64 " registrations exported\n", n);
	return code;
}

/* ---- import ---- */

/* A line on its way. */
struct flight {
	pyr_future *future; /* NULL: none */
	json_t *line;       /* owned: what the others lie in */
	uint64_t number;
	const char *name, *uri, *owner; /* owner: "" */
	const char *tags[64];
	size_t n_tags;
	bool shared;
	uint32_t ttl_ms;
};

struct import {
	const struct nsc *nsc;
	struct pyrite_NameServer *server;
	struct flight flights[FLIGHTS];
	uint64_t n_lines, n_done, n_same, n_leased, n_refused, n_owners_lost;
};

static bool complain_of_line(const struct import *import, const char *what)
{
	fprintf(stderr, "Error: line %" PRIu64 ": ", import->n_lines);
	text_put(stderr, what);
	putc('\n', stderr);
	return false;
}

static bool read_tags(struct import *import, struct flight *flight, json_t *tags)
{
	size_t i;

	flight->n_tags = json_array_size(tags);
	if (flight->n_tags > sizeof(flight->tags) / sizeof(flight->tags[0]))
		return complain_of_line(import, "more than 64 tags");
	for (i = 0; i < flight->n_tags; i++) {
		flight->tags[i] = json_string_value(json_array_get(tags, i));
		if (!flight->tags[i])
			return complain_of_line(import, "metadata: expected a list of strings");
	}
	return true;
}

/* Returns false, and says why, if the line is none. */
static bool read_line(struct import *import, struct flight *flight, const char *text)
{
	json_error_t error;
	json_int_t ttl_ms = 0;
	json_t *tags = NULL;
	int shared = 0;

	*flight = (struct flight){ .number = import->n_lines, .owner = "" };
	flight->line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!flight->line)
		return complain_of_line(import, error.text);
	if (json_unpack_ex(flight->line, &error, JSON_STRICT, "{s:s, s:s, s?o, s?b, s?I, s?s}",
			   "name", &flight->name, "uri", &flight->uri, "metadata", &tags, "shared",
			   &shared, "ttl_ms", &ttl_ms, "owner", &flight->owner) != 0)
		return complain_of_line(import, error.text);
	if (tags && !json_is_array(tags))
		return complain_of_line(import, "metadata: expected a list of strings");
	if (ttl_ms < 0 || ttl_ms > UINT32_MAX)
		return complain_of_line(import, "ttl_ms: expected a number of milliseconds");
	flight->shared = shared;
	flight->ttl_ms = (uint32_t)ttl_ms;
	return read_tags(import, flight, tags);
}

static struct pyrite_NameClaim claim_of(const struct import *import)
{
	return (struct pyrite_NameClaim){ .force = import->nsc->settings->force };
}

static bool has_tags(const struct flight *flight, const struct pyr_string_seq *tags)
{
	size_t i, k;

	for (i = 0; i < flight->n_tags; i++) {
		for (k = 0; k < tags->n && strcmp(flight->tags[i], tags->items[k]) != 0; k++)
			;
		if (k == tags->n)
			return false;
	}
	for (k = 0; k < tags->n; k++) {
		for (i = 0; i < flight->n_tags && strcmp(flight->tags[i], tags->items[k]) != 0; i++)
			;
		if (i == flight->n_tags)
			return false;
	}
	return true;
}

/* Whether what the line says is there already. */
static bool is_there(struct import *import, const struct flight *flight)
{
	struct pyrite_NameEntry *entry;
	bool is_same;
	size_t i;

	if (pyrite_NameServer_lookup_entry(import->server, flight->name, &entry) < 0)
		return false;
	is_same = strcmp(entry->uri, flight->uri) == 0 && has_tags(flight, &entry->tags);
	for (i = 0; entry->has_others && i < entry->others.n && !is_same; i++)
		is_same = strcmp(entry->others.items[i].uri, flight->uri) == 0 &&
			  has_tags(flight, &entry->others.items[i].tags);
	is_same = is_same && entry->shared == flight->shared &&
		  (!flight->owner[0] ||
		   strcmp(entry->has_owner ? entry->owner : "", flight->owner) == 0);
	pyr_free(entry);
	return is_same;
}

static void refuse(struct import *import, const struct flight *flight)
{
	import->n_refused++;
	fprintf(stderr, "Error: line %" PRIu64 ": ", flight->number);
	text_put(stderr, pyr_errmsg());
	putc('\n', stderr);
}

/* Whoever may not say whose a name is leaves it nobody's. */
static void restore_owner(struct import *import, const struct flight *flight)
{
	struct pyrite_NameClaim claim = claim_of(import);

	if (!flight->owner[0] || is_there(import, flight) ||
	    pyrite_NameServer_assign(import->server, flight->name, flight->owner, &claim) == 0)
		return;
	import->n_owners_lost++;
	if (import->nsc->settings->verbose)
		pyr_perror(flight->name);
}

static void land(struct import *import, struct flight *flight)
{
	struct pyrite_NameGrant *grant;
	int status;

	if (flight->future) {
		status = pyrite_NameServer_register_name_get(flight->future, &grant);
		flight->future = NULL;
		if (status == 0) {
			pyr_free(grant);
			import->n_done++;
			restore_owner(import, flight);
		} else if ((status == -PYR_ALREADY_EXISTS || status == -PYR_PERMISSION_DENIED) &&
			   is_there(import, flight)) {
			import->n_same++;
		} else {
			refuse(import,
			       flight); /* the last error is the look-up's, if that failed */
		}
	}
	json_decref(flight->line);
	flight->line = NULL;
}

/* Its owner registers it again by himself; that it is his, nobody else would know. */
static void start(struct import *import, struct flight *flight)
{
	struct pyrite_NameTerms terms = {
		.replace = import->nsc->settings->force,
		.tags = { flight->n_tags, flight->tags },
		.shared = flight->shared,
	};
	struct pyrite_NameClaim claim = claim_of(import);

	if (flight->ttl_ms > 0) {
		import->n_leased++;
		restore_owner(import, flight);
		return;
	}
	flight->future = pyrite_NameServer_register_name_start(import->server, flight->name,
							       flight->uri, &terms, &claim);
	if (!flight->future)
		refuse(import, flight);
}

/* Returns false if a line is none, or the file cannot be read. */
static bool import_all(struct import *import, FILE *file)
{
	static char text[LINE_MOST];
	struct flight *flight;
	bool ok = true;
	size_t i;

	while (ok && fgets(text, sizeof(text), file)) {
		import->n_lines++;
		if (strlen(text) + 1 == sizeof(text)) {
			ok = complain_of_line(import, "longer than 65534 bytes");
			break;
		}
		if (text[strspn(text, " \t\r\n")] == '\0')
			continue;
		flight = &import->flights[import->n_lines % FLIGHTS];
		land(import, flight);
		ok = read_line(import, flight, text);
		if (ok)
			start(import, flight);
	}
	for (i = 0; i < FLIGHTS; i++)
		land(import, &import->flights[(import->n_lines + 1 + i) % FLIGHTS]);
	if (ferror(file))
		fprintf(stderr, "Error: cannot read: %s\n", strerror(errno));
	return ok && !ferror(file);
}

static int tell(const struct import *import)
{
	char line[400];

	if (import->nsc->settings->json) {
		printf("{\"imported\": %" PRIu64 ", \"unchanged\": %" PRIu64
		       ", \"leased\": %" PRIu64 ", \"refused\": %" PRIu64
		       ", \"owners_lost\": %" PRIu64 "}\n",
		       import->n_done, import->n_same, import->n_leased, import->n_refused,
		       import->n_owners_lost);
	} else {
		snprintf(line, sizeof(line),
			 "%" PRIu64 " registrations imported, %" PRIu64
			 " were there already; %" PRIu64 " leased ones are left to their programs",
			 import->n_done, import->n_same, import->n_leased);
		puts(line);
	}
	if (import->n_refused > 0)
		fprintf(stderr, "%" PRIu64 " were refused%s\n", import->n_refused,
			import->nsc->settings->force ? "" : ": --force replaces what is there");
	if (import->n_owners_lost > 0)
		fprintf(stderr,
			"%" PRIu64 " names have not got their owners back: the name server's rules "
			"have to allow this program to override\n",
			import->n_owners_lost);
	return import->n_refused > 0 || import->n_owners_lost > 0 ? NSC_REFUSED : NSC_OK;
}

int nsc_import(const struct nsc *nsc)
{
	static struct import import;
	const char *path = nsc->n > 0 && strcmp(nsc->args[0], "-") != 0 ? nsc->args[0] : NULL;
	FILE *file = path ? fopen(path, "re") : stdin;
	int code = NSC_REFUSED;
	bool ok;

	if (!file) {
		fprintf(stderr, "Error: cannot open %s: %s\n", path, strerror(errno));
		return NSC_REFUSED;
	}
	import.nsc = nsc;
	import.server = connect(nsc);
	if (import.server) {
		ok = import_all(&import, file);
		code = tell(&import);
		code = ok ? code : NSC_REFUSED;
	} else {
		code = nsc_complain("Error");
	}
	pyrite_NameServer_free(import.server);
	if (path)
		fclose(file);
	return code;
}
