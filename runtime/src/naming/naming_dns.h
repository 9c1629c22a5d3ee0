/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_DNS_H
#define PYRITE_NAMING_DNS_H
/*
 * Name servers by DNS: the SRV records of _pyrite._tcp in a domain, by priority and weight (RFC
 * 2782). What comes is any host's who can answer for the resolver, so it is taken apart as such.
 * Queries go by UDP alone, with EDNS: who sends more than 1,200 bytes is heard as far as that.
 */
#include <stdint.h>

#include "naming/naming_found.h"

#define NAMING_DNS_SERVICE "_pyrite._tcp"
#define NAMING_DNS_SEARCH  "search" /* as a domain: those of resolv.conf, in turn */
enum { NAMING_DNS_MS = 3000, NAMING_DNS_RECORDS = 64 };

struct naming_dns_question {
	const char *domain;
	const char *server; /* "127.0.0.1:8600", or without a port; "": those of resolv.conf */
};

/* Asks, blocking: about NAMING_DNS_MS at most. *servers: empty before. *ttl: seconds, of what was
 * taken. Returns NAMING_TAKEN, NAMING_NOTHING if the domain has none, NAMING_WRONG with *problem
 * and the step's text told: UNAVAILABLE if DNS does not answer. */
enum naming_verdict naming_dns_ask(const struct naming_dns_question *question,
				   struct found_servers *servers, uint32_t *ttl,
				   struct naming_step *step, struct uri_problem *problem);

/* Of the order in which records of one priority come. The same records have the same order at each
 * search of a process, however the answer has them: what this process registers, it knows by its
 * list of name servers. Random at first; tests set another. */
void naming_dns_set_seed(uint64_t seed);
#endif
