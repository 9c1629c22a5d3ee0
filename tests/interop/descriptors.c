/* SPDX-License-Identifier: MIT */
/* Writes what reflection tells of all interfaces of tests/golden as a FileDescriptorSet. */
#include <stdio.h>

#include "base/buf.h"
#include "face/grpc/descriptor.h"
#include "face/grpc/proto_put.h"
#include "golden_interfaces.h"

int main(void)
{
	struct descriptors *d = descriptors_new(interfaces, N_INTERFACES);
	struct buf out = { 0 };
	size_t i, n;

	if (!d)
		return 1;
	for (i = 0; i < descriptors_n_files(d); i++)
		proto_put_bytes(&out, 1, descriptors_file(d, i)->bytes);
	n = out.broken ? 0 : fwrite(out.data, 1, out.n, stdout);
	descriptors_free(d);
	i = out.n;
	buf_free(&out);
	return n == i && fflush(stdout) == 0 ? 0 : 1;
}
