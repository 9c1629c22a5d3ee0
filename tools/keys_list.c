/* SPDX-License-Identifier: MIT */
/* pyrite keys list: the certificate of each name, for people or as JSON. It locks nothing. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "keys.h"

enum { DAY_S = 86400, WARN_DAYS = 14 };

struct list {
	const struct keys_settings *settings;
	struct keys_dir dir;
	struct keys_ca ca;
	struct keys_index index;
	time_t now;
	int width; /* of the column of names */
};

/* Days that have begun count: a new certificate of 365 days has 365, one that has just expired -1.
 */
static long days_left(const struct list *list, time_t not_after)
{
	long seconds = (long)(not_after - list->now);

	return seconds > 0 ? (seconds + DAY_S - 1) / DAY_S : -(-seconds / DAY_S) - 1;
}

static const char *state_of(const struct list *list, time_t not_after, time_t revoked)
{
	if (revoked)
		return "revoked";
	if (not_after <= list->now)
		return "expired";
	return days_left(list, not_after) < WARN_DAYS ? "ending" : "valid";
}

/* ---- which certificate ---- */

/* The one in the name's folder, if there is a folder: the newest may not have got so far. */
static const struct keys_row *row_of(const struct list *list, const char *name)
{
	const struct keys_row *row = NULL;
	char path[KEYS_PATH], serial[KEYS_SERIAL];
	struct blob blob = { 0 };
	X509 *cert = NULL;

	snprintf(path, sizeof(path), "%s/cert.pem", name);
	if (dir_has(&list->dir, path) && dir_read(&list->dir, path, KEYS_PUBLIC, &blob) == 0)
		cert = keys_cert_parse(&list->ca, &blob);
	if (cert && keys_cert_serial(cert, serial) == 0)
		row = index_by_serial(&list->index, serial);
	X509_free(cert);
	blob_free(&blob);
	return row && strcmp(row->name, name) == 0 ? row : index_newest(&list->index, name);
}

/* Each name once: at its newest certificate. */
static bool is_listed(const struct list *list, size_t i)
{
	const struct keys_row *row = &list->index.rows[i];

	return row == index_newest(&list->index, row->name);
}

/* ---- for people ---- */

/* Characters, of UTF-8 that was checked. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_line(const struct list *list, const char *name, const char *kind,
		       time_t not_after, time_t revoked)
{
	const char *state = state_of(list, not_after, revoked);
	char until[KEYS_TIME];

	keys_time_text(not_after, until);
	until[strcspn(until, "T")] = '\0';
	printf("%s%*s  %-6s  %-10s  %6ld  %s", name, list->width - width_of(name), "", kind, until,
	       days_left(list, not_after), state);
	if (strcmp(state, "ending") == 0 || strcmp(state, "expired") == 0)
		fputs(strcmp(kind, "ca") == 0 ? ": make another CA" : ": renew it", stdout);
	putchar('\n');
}

static void print_text(struct list *list)
{
	size_t i;

	list->width = width_of("NAME");
	for (i = 0; i < list->index.n; i++)
		if (width_of(list->index.rows[i].name) > list->width)
			list->width = width_of(list->index.rows[i].name);
	printf("%-*s  %-6s  %-10s  %6s  %s\n", list->width, "NAME", "KIND", "UNTIL", "DAYS",
	       "STATE");
	print_line(list, "ca", "ca", keys_ca_not_after(&list->ca), 0);
	for (i = 0; i < list->index.n; i++)
		if (is_listed(list, i)) {
			const struct keys_row *row = row_of(list, list->index.rows[i].name);

			print_line(list, row->name, keys_kind_text(row->kind), row->not_after,
				   row->revoked);
		}
}

/* ---- for programs ---- */

/* UTF-8 without control characters. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void print_times(const struct list *list, time_t not_after, time_t revoked)
{
	char text[KEYS_TIME];

	keys_time_text(not_after, text);
	printf("\"not_after\": \"%s\", \"days_left\": %ld, \"state\": \"%s\", \"revoked\": ", text,
	       days_left(list, not_after), state_of(list, not_after, revoked));
	if (!revoked) {
		fputs("null", stdout);
		return;
	}
	keys_time_text(revoked, text);
	printf("\"%s\"", text);
}

static void print_json(const struct list *list)
{
	const char *comma = "";
	size_t i;

	fputs("{\"ca\": {", stdout);
	print_times(list, keys_ca_not_after(&list->ca), 0);
	fputs("}, \"names\": [", stdout);
	for (i = 0; i < list->index.n; i++) {
		const struct keys_row *row;

		if (!is_listed(list, i))
			continue;
		row = row_of(list, list->index.rows[i].name);
		printf("%s{\"name\": ", comma);
		print_string(row->name);
		printf(", \"kind\": \"%s\", \"serial\": \"%s\", ", keys_kind_text(row->kind),
		       row->serial);
		print_times(list, row->not_after, row->revoked);
		putchar('}');
		comma = ", ";
	}
	puts("]}");
}

/* ---- */

static int load(struct list *list)
{
	struct blob cert = { 0 };
	int err;

	if (dir_open(&list->dir, keys_folder(list->settings), false) < 0)
		return -1;
	if (!dir_has(&list->dir, "ca/ca.pem"))
		return dir_complain(&list->dir, "ca/ca.pem",
				    "no CA here: 'pyrite keys init' makes one, --dir says where");
	err = dir_read(&list->dir, "ca/ca.pem", KEYS_PUBLIC, &cert);
	if (err == 0)
		err = keys_ca_parse(&list->ca, &cert, NULL);
	blob_free(&cert);
	return err < 0 ? -1 : index_read(&list->index, &list->dir);
}

int keys_list(const struct keys_settings *settings)
{
	struct list list = { .settings = settings, .now = time(NULL) };
	int err = load(&list);

	if (err == 0 && settings->json)
		print_json(&list);
	else if (err == 0)
		print_text(&list);
	keys_ca_free(&list.ca);
	index_free(&list.index);
	dir_close(&list.dir);
	return err < 0 ? COMMAND_REFUSED : COMMAND_OK;
}
