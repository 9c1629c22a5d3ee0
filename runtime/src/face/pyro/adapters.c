/* SPDX-License-Identifier: MIT */
/* All adapters. */
#include "face/pyro/adapter.h"

const struct pyro_adapter *adapter_find(struct span id)
{
	static const struct pyro_adapter *const all[] = { &adapter_daemon, &adapter_names };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (span_is(id, all[i]->id))
			return all[i];
	return NULL;
}
