/* SPDX-License-Identifier: MIT */
/* What stands in etcd under a name: the first line is the key, the rest the value. What is taken
 * is written again as a value that is taken, too. */
#include "etcd_record.h"
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *key = take_line(&data, &size), *value = text_of(data, size), *again;
	struct registry_problem problem = { .text = "" };
	struct record *record = etcd_read_record(key, value, size, 1, &problem), *same;
	uint8_t secret[SECRET_SIZE];

	if (!record && !problem.text[0])
		abort();
	if (record) {
		again = etcd_value(record);
		same = again ? etcd_read_record(key, again, strlen(again), 1, &problem) : NULL;
		if (!same)
			abort();
		free(same);
		free(again);
	}
	free(record);
	(void)etcd_read_secret(value, size, secret);
	free(value);
	free(key);
	return 0;
}
