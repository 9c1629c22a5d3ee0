/* SPDX-License-Identifier: MIT */
/* Watches a key of etcd, puts it, reads it: etcd-client HOST:PORT. Its stubs were made of a .proto.
 */
#include <stdio.h>
#include <string.h>

#include "etcd.h"

static const struct pyr_proxy_options options = { .timeout_ms = 20000 };
static char key[] = "greeting", value[] = "hello", nothing[] = "";

static struct pyr_bytes bytes_of(char *text)
{
	return (struct pyr_bytes){ strlen(text), (uint8_t *)text };
}

static void print(const char *what, const struct etcdserverpb_KeyValue *kv)
{
	printf("%s %.*s = %.*s\n", what, (int)kv->key.n, (char *)kv->key.items, (int)kv->value.n,
	       (char *)kv->value.items);
}

/* Until the watch has been made. */
static int begin_watch(pyr_stream *stream)
{
	struct etcdserverpb_WatchRequest request = { .has_create_request = true };
	struct etcdserverpb_WatchResponse *response;
	int n;

	request.create_request.key = bytes_of(key);
	n = etcdserverpb_Watch_Watch_write(stream, &request);
	if (n == 0)
		n = etcdserverpb_Watch_Watch_next(stream, &response);
	if (n <= 0)
		return -1;
	puts(response->created ? "watching" : "not watching");
	pyr_free(response);
	return 0;
}

static int read_event(pyr_stream *stream)
{
	struct etcdserverpb_WatchResponse *response;
	size_t i;

	if (etcdserverpb_Watch_Watch_next(stream, &response) <= 0)
		return -1;
	for (i = 0; i < response->events.n; i++)
		print("event", &response->events.items[i].kv);
	pyr_free(response);
	return 0;
}

static int put_and_read(struct etcdserverpb_KV *kv)
{
	struct etcdserverpb_PutRequest put = { .key = bytes_of(key), .value = bytes_of(value) };
	struct etcdserverpb_RangeRequest range = { .key = bytes_of(key) };
	struct etcdserverpb_PutResponse *done;
	struct etcdserverpb_RangeResponse *found;
	size_t i;

	if (etcdserverpb_KV_Put(kv, &put, &done) < 0)
		return -1;
	pyr_free(done);
	if (etcdserverpb_KV_Range(kv, &range, &found) < 0)
		return -1;
	for (i = 0; i < found->kvs.n; i++)
		print("read", &found->kvs.items[i]);
	pyr_free(found);
	range.key = bytes_of(nothing);
	if (etcdserverpb_KV_Range(kv, &range, &found) == 0)
		return -1;
	printf("%s: %s\n", pyr_status_name(pyr_last_error()->code), pyr_last_error()->message);
	return 0;
}

int main(int argc, char *argv[])
{
	char uri[256];
	struct etcdserverpb_KV *kv;
	struct etcdserverpb_Watch *watch;
	pyr_stream *stream = NULL;
	int err;

	snprintf(uri, sizeof(uri), "PYRO:etcd@%s", argc > 1 ? argv[1] : "127.0.0.1:2379");
	kv = etcdserverpb_KV_proxy_with(uri, &options);
	watch = etcdserverpb_Watch_proxy_with(uri, &options);
	err = !kv || !watch ? -1 : etcdserverpb_Watch_Watch(watch, &stream);
	if (err == 0)
		err = begin_watch(stream);
	if (err == 0)
		err = put_and_read(kv);
	if (err == 0)
		err = read_event(stream);
	if (err < 0)
		pyr_perror("etcd-client");
	pyr_stream_free(stream);
	etcdserverpb_KV_free(kv);
	etcdserverpb_Watch_free(watch);
	return err < 0;
}
