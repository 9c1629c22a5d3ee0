/* SPDX-License-Identifier: MIT */
/* One of several workers, which share a name: sample-cluster-worker NUMBER. */
#include "cluster.h"
#include <stdlib.h>

static int square(pyr_call *call, uint32_t n, uint64_t *ret, uint32_t *worker)
{
	*worker = *(const uint32_t *)pyr_call_data(call);
	*ret = (uint64_t)n * n;
	return 0;
}

static const struct cluster_Worker_methods methods = { .square = square };

int main(int argc, char **argv)
{
	uint32_t number = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

	return pyr_serve(&(struct pyr_serve_options){ .shared = true, .ns_wait_ms = 10000 },
			 (struct pyr_export[]){
				 cluster_Worker_export("cluster.workers", &methods, &number),
				 { 0 } }) < 0 &&
	       pyr_perror("worker");
}
