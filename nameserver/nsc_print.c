/* SPDX-License-Identifier: MIT */
/*
 * For people in Pyro's words, for programs as one line of JSON (jansson, which only this file
 * knows).
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "nsc.h"
#include "text_put.h"

/* Prints the document, which is taken; NULL: memory ran out on the way. jansson escapes what JSON
 * demands, which is not all that a terminal obeys. */
static int print_json(json_t *document)
{
	char *text = document ? json_dumps(document, 0) : NULL;

	json_decref(document);
	if (!text) {
		fputs("Error: out of memory\n", stderr);
		return NSC_REFUSED;
	}
	text_put(stdout, text);
	putchar('\n');
	free(text);
	return NSC_OK;
}

static json_t *json_tags(const char *const *tags, size_t n)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		if (json_array_append_new(array, json_string(tags[i])) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *json_entry(const struct nsc *nsc, const struct pyr_ns_entry *entry)
{
	const char *owner = pyr_ns_entry_owner(entry);

	uint64_t generation = nsc->settings->verbose ? pyr_ns_entry_generation(entry) : 0;
	int64_t age_ms = pyr_ns_entry_age_ms(entry);

	return json_pack("{s:s, s:s, s:o, s:s*, s:o*, s:o*}", "name", entry->name, "uri",
			 entry->uri, "metadata", json_tags(entry->tags, entry->n_tags), "owner",
			 owner[0] ? owner : NULL, "generation",
			 generation ? json_integer((json_int_t)generation) : NULL, "age_ms",
			 age_ms >= 0 ? json_integer((json_int_t)age_ms) : NULL);
}

static json_t *json_list(const struct nsc *nsc, const struct pyr_ns_entries *entries)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < entries->n; i++) {
		if (json_array_append_new(array, json_entry(nsc, &entries->items[i])) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return json_pack("{s:o}", "names", array);
}

static void print_tags(const char *indent, const char *const *tags, size_t n)
{
	size_t i;

	if (n == 0)
		return;
	printf("%smetadata: [", indent);
	for (i = 0; i < n; i++) {
		fputs(i ? ", '" : "'", stdout);
		text_put(stdout, tags[i]);
		putchar('\'');
	}
	puts("]");
}

/* That what was told may be old is said to anybody; which registration it is of to those who ask
 * for more. */
static void print_numbers(const struct nsc *nsc, const char *indent,
			  const struct pyr_ns_entry *entry)
{
	uint64_t generation = pyr_ns_entry_generation(entry);
	int64_t age_ms = pyr_ns_entry_age_ms(entry);

	if (nsc->settings->verbose && generation > 0)
		printf("%sgeneration: %" PRIu64 "\n", indent, generation);
	if (age_ms >= 0)
		printf("%sas of %.1f s ago: the name server does not reach its store\n", indent,
		       (double)age_ms / 1000);
}

static void print_line(const char *before, const char *text)
{
	fputs(before, stdout);
	text_put(stdout, text);
	putchar('\n');
}

int nsc_print_list(const struct nsc *nsc, const struct pyr_ns_entries *entries, const char *title)
{
	size_t i;

	if (nsc->settings->json)
		return print_json(json_list(nsc, entries));
	print_line("--------START LIST", title);
	for (i = 0; i < entries->n; i++) {
		text_put(stdout, entries->items[i].name);
		print_line(" --> ", entries->items[i].uri);
		print_tags("    ", entries->items[i].tags, entries->items[i].n_tags);
		print_numbers(nsc, "    ", &entries->items[i]);
	}
	print_line("--------END LIST", title);
	return NSC_OK;
}

int nsc_print_entry(const struct nsc *nsc, const struct pyr_ns_entry *entry)
{
	if (nsc->settings->json)
		return print_json(json_entry(nsc, entry));
	print_line("", entry->uri);
	print_tags("", entry->tags, entry->n_tags);
	print_numbers(nsc, "", entry);
	return NSC_OK;
}

int nsc_print_text(const struct nsc *nsc, const char *line, const char *key, const char *value)
{
	if (nsc->settings->json)
		return print_json(json_pack("{s:s}", key, value));
	print_line("", line);
	return NSC_OK;
}

int nsc_print_removal(const struct nsc *nsc, const struct pyr_ns_removal *removal)
{
	if (nsc->settings->json)
		return print_json(json_pack("{s:I, s:I}", "removed", (json_int_t)removal->removed,
					    "kept", (json_int_t)removal->kept));
	printf("%u item%s removed.\n", removal->removed, removal->removed == 1 ? "" : "s");
	return NSC_OK;
}

int nsc_print_tags(const struct nsc *nsc, const char *name, char **tags, int n)
{
	if (nsc->settings->json)
		return print_json(json_pack("{s:s, s:o}", "name", name, "metadata",
					    json_tags((const char *const *)tags, (size_t)n)));
	puts(n ? "Metadata updated" : "Metadata cleared");
	return NSC_OK;
}

int nsc_complain(const char *what)
{
	pyr_perror(what);
	switch (pyr_last_error()->code) {
	case PYR_INVALID_ARGUMENT:
		return NSC_USAGE;
	case PYR_UNAVAILABLE:
	case PYR_DEADLINE_EXCEEDED:
		return NSC_UNREACHABLE;
	default:
		return NSC_REFUSED;
	}
}
