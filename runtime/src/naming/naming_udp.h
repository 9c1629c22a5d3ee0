/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_UDP_H
#define PYRITE_NAMING_UDP_H
/*
 * Name servers that answer the question of Pyro's programs, "GET_NSURI" to UDP port 9091, with
 * their URI. Nothing is proved: any host that hears the question may answer. What can be seen is
 * seen to: an answer comes from whom was asked, or from any host after a broadcast, and leads to
 * where it comes from, so that nobody can point at others.
 */
#include "naming/naming_found.h"

#define NAMING_UDP_BROADCAST "broadcast" /* as a host: 255.255.255.255 */
enum {
	NAMING_UDP_PORT = 9091,
	NAMING_UDP_TRIES = 3,
	NAMING_UDP_TRY_MS = 500,
	NAMING_UDP_ASKED = 8,       /* addresses */
	NAMING_UDP_ANSWERS = 10000, /* that are looked at; then nobody is heard any more */
	NAMING_UDP_ANSWER = 256     /* bytes of one; longer ones are not believed */
};

/* Asks at addresses, "192.168.1.255,10.0.0.7:9091", until one answers; blocking, at most
 * NAMING_UDP_TRIES times NAMING_UDP_TRY_MS. *servers: empty before. Returns NAMING_TAKEN;
 * NAMING_NOTHING; NAMING_WRONG with *problem and the step's text told: addresses make no sense. */
enum naming_verdict naming_udp_ask(const char *addresses, struct found_servers *servers,
				   struct naming_step *step, struct uri_problem *problem);
#endif
