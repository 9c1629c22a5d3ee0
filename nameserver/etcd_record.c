/* SPDX-License-Identifier: MIT */
#include "etcd_record.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH = 32 };

size_t etcd_key(char ret[ETCD_KEY_SIZE], const char *prefix, char kind, const char *key)
{
	return (size_t)snprintf(ret, ETCD_KEY_SIZE, "%s/%c/%s", prefix, kind, key);
}

/* ---- owners ---- */

/* Returns false when memory is out. */
static bool hash(const void *a, size_t n_a, const void *b, size_t n_b, uint8_t ret[HASH])
{
	uint8_t all[64];

	memcpy(all, a, n_a);
	memcpy(all + n_a, b, n_b);
	return EVP_Digest(all, n_a + n_b, ret, NULL, EVP_sha256(), NULL) == 1;
}

static void put_hex(char *ret, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

void etcd_owner(char ret[OWNER_TEXT], const uint8_t secret[SECRET_SIZE])
{
	static const char kind[] = "owner";
	uint8_t digest[HASH] = { 0 };

	(void)hash(kind, sizeof(kind), secret, SECRET_SIZE, digest);
	put_hex(ret, digest, OWNER_TEXT / 2);
}

int64_t etcd_lease_id(const uint8_t secret[SECRET_SIZE], uint32_t ttl_ms)
{
	uint8_t digest[HASH] = { 0 }, ttl[4];
	uint64_t id = 0;
	int i;

	for (i = 0; i < 4; i++)
		ttl[i] = (uint8_t)(ttl_ms >> 8 * (3 - i)); /* for all kinds of machines */
	(void)hash(secret, SECRET_SIZE, ttl, sizeof(ttl), digest);
	for (i = 0; i < 8; i++)
		id = id << 8 | digest[i];
	return (int64_t)(id & INT64_MAX) | 1;
}

/* ---- values ---- */

static json_t *hex_of(const uint8_t secret[SECRET_SIZE])
{
	char text[2 * SECRET_SIZE + 1];

	put_hex(text, secret, SECRET_SIZE);
	return json_string(text);
}

static bool read_hex(const json_t *json, uint8_t ret[SECRET_SIZE])
{
	const char *text = json_string_value(json);
	unsigned byte;
	int i;

	if (!text || strlen(text) != (size_t)2 * SECRET_SIZE ||
	    strspn(text, "0123456789abcdef") != (size_t)2 * SECRET_SIZE)
		return false;
	for (i = 0; i < SECRET_SIZE; i++) {
		sscanf(text + (size_t)2 * i, "%2x", &byte);
		ret[i] = (uint8_t)byte;
	}
	return true;
}

/* json: taken; NULL: memory is out. */
static char *dump(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

char *etcd_value(const struct record *record)
{
	json_t *json, *tags;
	size_t i;

	if (record->owner)
		return dump(json_pack("{s:s}", "owner", record->owner));
	tags = json_array();
	for (i = 0; i < record->n_tags; i++)
		(void)json_array_append_new(tags, json_string(record->tags[i]));
	json = json_pack("{s:s, s:o, s:o}", "uri", record->uri, "tags", tags, "secret",
			 hex_of(record->secret));
	if (json && record->ttl_ms > 0)
		(void)json_object_set_new(json, "ttl_ms", json_integer(record->ttl_ms));
	return dump(json);
}

char *etcd_secret_value(const uint8_t secret[SECRET_SIZE])
{
	return dump(json_pack("{s:o}", "secret", hex_of(secret)));
}

bool etcd_read_secret(const char *value, size_t n, uint8_t ret[SECRET_SIZE])
{
	json_t *json =
		n > ETCD_VALUE_MAX ? NULL : json_loadb(value, n, JSON_REJECT_DUPLICATES, NULL);
	bool is_good = read_hex(json_object_get(json, "secret"), ret);

	json_decref(json);
	return is_good;
}

static bool read_tags(const json_t *json, const char *tags[REGISTRY_TAGS], struct record *record)
{
	size_t i, n = json_array_size(json);

	if (!json_is_array(json) || n > REGISTRY_TAGS)
		return false;
	for (i = 0; i < n; i++)
		if (!(tags[i] = json_string_value(json_array_get(json, i))))
			return false;
	record->tags = tags;
	record->n_tags = n;
	return true;
}

static bool read_registration(const json_t *json, const char *tags[REGISTRY_TAGS],
			      struct record *record)
{
	const json_t *ttl = json_object_get(json, "ttl_ms");
	json_int_t ttl_ms = json_integer_value(ttl);

	if (ttl && (!json_is_integer(ttl) || ttl_ms < 1 || ttl_ms > REGISTRY_TTL_MAX_MS))
		return false;
	record->ttl_ms = (uint32_t)ttl_ms;
	record->uri = json_string_value(json_object_get(json, "uri"));
	return record->uri && read_tags(json_object_get(json, "tags"), tags, record) &&
	       read_hex(json_object_get(json, "secret"), record->secret);
}

/* key: as of a store; name: room for it. */
static struct record *read_json(const json_t *json, const char *key, char *name,
				struct record *record, struct registry_problem *problem)
{
	const char *tags[REGISTRY_TAGS], *space = strchr(key, ' ');
	bool is_deed = space == key, is_good;
	struct record *copy;

	snprintf(name, REGISTRY_KEY_SIZE, "%s", is_deed ? key + 1 : key);
	if (space && !is_deed)
		name[space - key] = '\0';
	record->name = name;
	record->is_shared = space && !is_deed;
	record->uri = "";
	record->owner = is_deed ? json_string_value(json_object_get(json, "owner")) : NULL;
	is_good = is_deed ? record->owner != NULL : read_registration(json, tags, record);
	if (!is_good || (record->is_shared && strcmp(space + 1, record->uri) != 0)) {
		(void)registry_refuse(problem, PYR_DATA_LOSS, "its value is not that of a name");
		return NULL;
	}
	if (!registry_check_record(record, problem))
		return NULL;
	copy = record_copy(record);
	if (!copy)
		(void)registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return copy;
}

struct record *etcd_read_record(const char *key, const char *value, size_t n, uint64_t revision,
				struct registry_problem *problem)
{
	struct record record = { .generation = revision, .expires = INT64_MAX }, *copy;
	char name[REGISTRY_KEY_SIZE];
	json_error_t error;
	json_t *json;

	if (strlen(key) >= REGISTRY_KEY_SIZE) {
		(void)registry_refuse(problem, PYR_DATA_LOSS, "its key is too long");
		return NULL;
	}
	if (n > ETCD_VALUE_MAX) {
		(void)registry_refuse(problem, PYR_DATA_LOSS, "its value is too large");
		return NULL;
	}
	json = json_loadb(value, n, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		/* not error.text, which has some of it: the log is not to tell secrets */
		(void)registry_refuse(problem, PYR_DATA_LOSS,
				      "its value is not JSON, from byte %d on", error.position);
		return NULL;
	}
	copy = read_json(json, key, name, &record, problem);
	json_decref(json);
	return copy;
}
