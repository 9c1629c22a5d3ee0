/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_ETCD_ENDPOINTS_H
#define PYRITE_NS_ETCD_ENDPOINTS_H
/* The list of endpoints that an operator writes. */
#include "etcd.h"

struct endpoints {
	size_t n;
	char addresses[ETCD_MAX_ENDPOINTS][ETCD_ENDPOINT_SIZE]; /* host:port */
};

/* Reads "host:port,[::1]:2379,host". Returns false with *problem told. */
bool endpoints_read(const char *text, struct endpoints *ret, struct store_problem *problem);
#endif
