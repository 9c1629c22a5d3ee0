/* SPDX-License-Identifier: MIT */
/*
 * For people in Pyro's words, for programs as one line of JSON (jansson, which only this file
 * knows).
 */
#include <jansson.h>
#include <stdio.h>

#include "nsc.h"

/* Prints the document, which is taken; NULL: memory ran out on the way. */
static int print_json(json_t *document)
{
	int code = NSC_REFUSED;

	if (document && json_dumpf(document, stdout, 0) == 0) {
		putchar('\n');
		code = NSC_OK;
	} else if (!document) {
		fputs("Error: out of memory\n", stderr);
	} /* else stdout has failed, which the end of the program tells */
	json_decref(document);
	return code;
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

static json_t *json_entry(const struct pyr_ns_entry *entry)
{
	return json_pack("{s:s, s:s, s:o}", "name", entry->name, "uri", entry->uri, "metadata",
			 json_tags(entry->tags, entry->n_tags));
}

static json_t *json_list(const struct pyr_ns_entries *entries)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < entries->n; i++) {
		if (json_array_append_new(array, json_entry(&entries->items[i])) == 0)
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
	for (i = 0; i < n; i++)
		printf("%s'%s'", i ? ", " : "", tags[i]);
	puts("]");
}

int nsc_print_list(const struct nsc *nsc, const struct pyr_ns_entries *entries, const char *title)
{
	size_t i;

	if (nsc->settings->json)
		return print_json(json_list(entries));
	printf("--------START LIST%s\n", title);
	for (i = 0; i < entries->n; i++) {
		printf("%s --> %s\n", entries->items[i].name, entries->items[i].uri);
		print_tags("    ", entries->items[i].tags, entries->items[i].n_tags);
	}
	printf("--------END LIST%s\n", title);
	return NSC_OK;
}

int nsc_print_entry(const struct nsc *nsc, const struct pyr_ns_entry *entry)
{
	if (nsc->settings->json)
		return print_json(json_entry(entry));
	puts(entry->uri);
	print_tags("", entry->tags, entry->n_tags);
	return NSC_OK;
}

int nsc_print_text(const struct nsc *nsc, const char *line, const char *key, const char *value)
{
	if (nsc->settings->json)
		return print_json(json_pack("{s:s}", key, value));
	puts(line);
	return NSC_OK;
}

int nsc_print_removal(const struct nsc *nsc, const struct pyr_ns_removal *removal)
{
	if (nsc->settings->json)
		return print_json(json_pack("{s:I, s:I}", "removed", (json_int_t)removal->removed,
					    "kept", (json_int_t)removal->kept));
	printf("%u items removed.\n", removal->removed);
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
