/* SPDX-License-Identifier: MIT */
/* Keys and values as etcd sends them, lent to the program. */
#include <string.h>

#include "own.h"

struct etcd_bytes bytes_lent(const struct pyr_bytes *bytes)
{
	return (struct etcd_bytes){ (const char *)bytes->items, bytes->n };
}

int bytes_compare(struct etcd_bytes a, struct etcd_bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

struct etcd_kv kv_lent(const struct etcdserverpb_KeyValue *kv)
{
	return (struct etcd_kv){ bytes_lent(&kv->key), bytes_lent(&kv->value),
				 (uint64_t)kv->mod_revision, kv->lease };
}
