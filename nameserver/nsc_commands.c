/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "nsc.h"

/* entries: freed. */
static int print_list(const struct nsc *nsc, struct pyr_ns_entries *entries, const char *title)
{
	int code = nsc_print_list(nsc, entries, title);

	pyr_free(entries);
	return code;
}

static int run_list(const struct nsc *nsc)
{
	struct pyr_ns_entries *entries;
	char title[512] = "";

	if (pyr_ns_list(nsc->ns, nsc->n ? nsc->args[0] : NULL, &entries) < 0)
		return nsc_complain("Error");
	if (nsc->n)
		snprintf(title, sizeof(title), " - prefix '%.400s'", nsc->args[0]);
	return print_list(nsc, entries, title);
}

static int run_listmatching(const struct nsc *nsc)
{
	struct pyr_ns_entries *entries;
	char title[512];

	if (pyr_ns_list_matching(nsc->ns, nsc->args[0], &entries) < 0)
		return nsc_complain("Error");
	snprintf(title, sizeof(title), " - regex '%.400s'", nsc->args[0]);
	return print_list(nsc, entries, title);
}

typedef int (*list_metadata_call)(pyr_ns *ns, const char *const *tags, size_t n_tags,
				  struct pyr_ns_entries **ret);

static int list_metadata(const struct nsc *nsc, list_metadata_call call)
{
	struct pyr_ns_entries *entries;

	if (call(nsc->ns, (const char *const *)nsc->args, (size_t)nsc->n, &entries) < 0)
		return nsc_complain("Error");
	return print_list(nsc, entries, " - searched by metadata");
}

static int run_listmeta_all(const struct nsc *nsc)
{
	return list_metadata(nsc, pyr_ns_list_metadata_all);
}

static int run_listmeta_any(const struct nsc *nsc)
{
	return list_metadata(nsc, pyr_ns_list_metadata_any);
}

static int run_lookup(const struct nsc *nsc)
{
	struct pyr_ns_entry *entry;
	int code;

	if (pyr_ns_lookup_entry(nsc->ns, nsc->args[0], &entry) < 0)
		return nsc_complain("Error");
	code = nsc_print_entry(nsc, entry);
	pyr_free(entry);
	return code;
}

static int run_register(const struct nsc *nsc)
{
	struct pyr_ns_register_options options = { .shared = nsc->settings->shared };
	char line[512];

	if (pyr_ns_register_with(nsc->ns, nsc->args[0], nsc->args[1], &options) < 0)
		return nsc_complain("Error");
	snprintf(line, sizeof(line), "Registered %s", nsc->args[0]);
	return nsc_print_text(nsc, line, "registered", nsc->args[0]);
}

static int run_remove(const struct nsc *nsc)
{
	char line[512];

	if (pyr_ns_remove(nsc->ns, nsc->args[0]) < 0)
		return nsc_complain("Nothing removed");
	snprintf(line, sizeof(line), "Removed %s", nsc->args[0]);
	return nsc_print_text(nsc, line, "removed", nsc->args[0]);
}

/* Asks the user, unless told to go ahead. */
static bool is_sure(const struct nsc *nsc)
{
	FILE *out = nsc->settings->json ? stderr : stdout;
	char answer[16];

	if (nsc->settings->force)
		return true;
	fputs("Potentially removing lots of items from the Name server. Are you sure (y/n)?", out);
	fflush(out);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0;
}

static int run_removematching(const struct nsc *nsc)
{
	struct pyr_ns_removal removal;
	int code;

	if (!is_sure(nsc)) {
		fputs("Nothing removed\n", stderr);
		return NSC_REFUSED;
	}
	if (pyr_ns_remove_matching(nsc->ns, nsc->args[0], &removal) < 0)
		return nsc_complain("Error");
	code = nsc_print_removal(nsc, &removal);
	if (code != NSC_OK || removal.kept == 0)
		return code;
	if (removal.kept == 1)
		fputs("1 item has another owner and was kept: --force removes it too\n", stderr);
	else
		fprintf(stderr,
			"%u items have other owners and were kept: --force removes them too\n",
			removal.kept);
	return NSC_REFUSED;
}

static int run_setmeta(const struct nsc *nsc)
{
	char **tags = nsc->args + 1;
	int n = nsc->n - 1;

	if (pyr_ns_set_metadata(nsc->ns, nsc->args[0], (const char *const *)tags, (size_t)n) < 0)
		return nsc_complain("Error");
	return nsc_print_tags(nsc, nsc->args[0], tags, n);
}

static int run_ping(const struct nsc *nsc)
{
	if (pyr_ns_ping(nsc->ns) < 0)
		return nsc_complain("Error");
	return nsc_print_text(nsc, "Name server ping ok.", "pinged", pyr_ns_address(nsc->ns));
}

const struct nsc_command nsc_commands[] = {
	{ "list", "requires at most one argument: prefix", 0, 1, run_list },
	{ "listmatching", "requires one argument: pattern", 1, 1, run_listmatching },
	{ "listmeta_all", "requires at least one argument: tag", 1, NSC_MAX_WORDS,
	  run_listmeta_all },
	{ "listmeta_any", "requires at least one argument: tag", 1, NSC_MAX_WORDS,
	  run_listmeta_any },
	{ "lookup", "requires one argument: name", 1, 1, run_lookup },
	{ "register", "requires two arguments: name uri", 2, 2, run_register },
	{ "remove", "requires one argument: name", 1, 1, run_remove },
	{ "removematching", "requires one argument: pattern", 1, 1, run_removematching },
	{ "setmeta", "requires at least one argument: name", 1, NSC_MAX_WORDS, run_setmeta },
	{ "export", "requires at most one argument: prefix", 0, 1, nsc_export },
	{ "import", "requires at most one argument: file", 0, 1, nsc_import },
	{ "ping", "requires no arguments", 0, 0, run_ping },
	{ 0 },
};
