/* SPDX-License-Identifier: MIT */
/*
 * The rules of names, over a store in memory or (fuzz_etcd) over etcd, of which a fake one takes
 * part: each line of the input is a request of one of three owners, over one registry
 * in memory whose clock the input moves on. A line is a letter, a digit (the owner, and how), and
 * words between blanks. What is checked: a name is found if and only if it was registered and its
 * lease has not ended, whoever asks; what is listed is found; the count is that of the list. Over
 * etcd others put and delete keys with any value, leases end, answers are held back, fail or are
 * lost, and the history is compacted: nothing of that may break more than a request.
 */
#include <stdio.h>

#include "fuzz_text.h"
#include "pattern.h"
#include "registry.h"
#include "unit/fake_etcd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 6, LINES = 200 };

static int64_t now;

static bool is_over_etcd(void)
{
	return strcmp(FUZZ_NAME, "etcd") == 0;
}

static int64_t clock_now(void *data)
{
	(void)data;
	return now;
}

struct line {
	char letter;
	unsigned digit;
	const char *word[WORDS];
	size_t n;
	uint8_t secret[SECRET_SIZE];
	struct registry_claim claim;
};

/* Takes a line apart in place. */
static void split(char *text, struct line *ret)
{
	char *word, *at = NULL;

	*ret = (struct line){ .letter = text[0] };
	ret->digit = text[0] ? (unsigned)(uint8_t)text[1] : 0;
	for (word = text[0] && text[1] ? strtok_r(text + 2, " ", &at) : NULL;
	     word && ret->n < WORDS; word = strtok_r(NULL, " ", &at))
		ret->word[ret->n++] = word;
	memset(ret->secret, (int)(1 + ret->digit % 3), SECRET_SIZE);
	ret->claim.secret = ret->digit & 4 ? NULL : ret->secret;
	ret->claim.force = ret->digit & 8;
	ret->claim.who = ret->digit & 16 ? ret->word[0] : NULL;
}

static void do_register(struct registry *r, const struct line *line)
{
	struct registry_request request = { .name = line->word[0],
					    .uri = line->word[1],
					    .claim = line->claim,
					    .tags = line->word + 2,
					    .n_tags = line->n - 2 };
	struct registry_problem problem = { .text = "" };
	const struct record *record;

	request.ttl_ms = line->digit & 32 ? 1000 : 0;
	request.replace = line->digit & 64;
	request.is_shared = line->letter == 's';
	record = registry_register(r, &request, &problem);
	if (!record && !problem.code)
		abort();
	if (record && !is_over_etcd() && !registry_lookup(r, line->word[0], &problem))
		abort();
}

static void do_list(struct registry *r, const struct line *line)
{
	const char *prefix = line->n > 0 ? line->word[0] : "";
	const struct record *record = registry_next_kept(r, prefix, "");
	char key[REGISTRY_KEY_SIZE];
	size_t n = 0;

	for (; record; record = registry_next_kept(r, prefix, key)) {
		if (strncmp(record->name, prefix, strlen(prefix)) != 0)
			abort();
		if (registry_is_alive(r, record) && !registry_find_key(r, record->key))
			abort();
		snprintf(key, sizeof(key), "%s", record->key);
		n++;
	}
	if (!prefix[0] && n < registry_count(r))
		abort();
}

static void do_match(struct registry *r, const struct line *line)
{
	char why[256] = "";
	struct pattern *pattern = pattern_new(line->word[0], why, sizeof(why));
	const struct record *record = registry_next_kept(r, "", "");
	int left = 8;

	if (!pattern && !why[0])
		abort();
	for (; pattern && record && left > 0; left--) {
		(void)pattern_match(pattern, record->name);
		record = registry_next_kept(r, "", record->key);
	}
	pattern_free(pattern);
}

static void do_tagged(struct registry *r, const struct line *line)
{
	const struct record *record =
		registry_next_tagged(r, line->word, line->n, line->digit & 1, "", "");

	if (record && !registry_is_alive(r, record) && registry_find_key(r, record->key))
		abort();
}

/* What etcd does, and others in it. Returns false if the line is about nothing of that. */
static bool do_etcd(const struct line *line)
{
	if (line->letter == 'P' && line->n > 1)
		fake_etcd_put(line->word[0], line->word[1]);
	else if (line->letter == 'D' && line->n > 0)
		fake_etcd_delete_silently(line->word[0]);
	else if (line->letter == 'H')
		(void)fake_etcd_hold();
	else if (line->letter == 'G')
		(void)fake_etcd_go();
	else if (line->letter == 'N')
		fake_etcd_hold_news();
	else if (line->letter == 'M')
		fake_etcd_go_news();
	else if (line->letter == 'F')
		fake_etcd_fail_next((enum etcd_result)(line->digit % (ETCD_REFUSED + 1)),
				    line->digit & 8);
	else if (line->letter == 'A')
		fake_etcd_fail((enum etcd_result)(line->digit % (ETCD_REFUSED + 1)));
	else if (line->letter == 'C')
		fake_etcd_compact();
	else if (line->letter == 'E')
		(void)fake_etcd_expire_all();
	else
		return false;
	return true;
}

static void obey(struct registry *r, const struct line *line)
{
	struct registry_problem problem = { .text = "" };

	if (is_over_etcd() && do_etcd(line))
		(void)registry_settle(r);
	else if ((line->letter == 'r' || line->letter == 's') && line->n >= 2)
		do_register(r, line);
	else if (line->letter == 'l')
		do_list(r, line);
	else if (line->letter == 't')
		now += 100 * (int64_t)line->digit;
	else if (line->letter == 'w')
		registry_sweep(r);
	else if (line->letter == 'o')
		registry_orphan(r, line->secret);
	else if (line->n == 0)
		return;
	else if (line->letter == 'f')
		(void)registry_lookup(r, line->word[0], &problem);
	else if (line->letter == 'n')
		(void)registry_renew(r, line->word[0], &line->claim);
	else if (line->letter == 'd')
		(void)registry_remove(r, line->word[0], &line->claim, &problem);
	else if (line->letter == 'k')
		(void)registry_remove_key(r, line->word[0], &line->claim, &problem);
	else if (line->letter == 'g')
		(void)registry_set_tags(r, line->word[0], line->word + 1, line->n - 1, &line->claim,
					&problem);
	else if (line->letter == 'a' && line->n > 1)
		(void)registry_assign(r, line->word[0], line->word[1], &line->claim, &problem);
	else if (line->letter == 'm')
		do_match(r, line);
	else if (line->letter == 'q')
		do_tagged(r, line);
}

static void ignore_record(const char *name, const char *why, void *data)
{
	(void)name;
	(void)why;
	(void)data;
}

static struct registry *make_registry(void)
{
	struct registry_options options = { .max_names = 16, .clock = clock_now };
	struct store_etcd_options etcd = { .endpoints = "x:1", .start_ms = 1000 };
	struct store_problem problem;
	struct store *store;
	struct registry *registry;

	fake_etcd_reset();
	store = is_over_etcd() ? store_etcd_new(&etcd, ignore_record, NULL, &problem)
			       : store_memory_new();
	registry = store ? registry_new(store, &options) : NULL;
	if (!registry || !registry_adopt(registry, ignore_record, NULL))
		abort();
	return registry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry *registry;
	struct line line;
	char *text;
	int n;

	now = 0;
	registry = make_registry();
	for (n = 0; n < LINES && size > 0; n++) {
		text = take_line(&data, &size);
		split(text, &line);
		obey(registry, &line);
		free(text);
	}
	fake_etcd_fail(ETCD_DONE);
	(void)fake_etcd_go();
	fake_etcd_go_news();
	registry_free(registry);
	return 0;
}
