/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static bool is_candidate(const struct ifaddrs *a)
{
	return a->ifa_addr && a->ifa_addr->sa_family == AF_INET && (a->ifa_flags & IFF_UP) &&
	       !(a->ifa_flags & IFF_LOOPBACK);
}

static bool find_host(char host[INET_ADDRSTRLEN])
{
	struct ifaddrs *all, *a;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (a = all; a && !found; a = a->ifa_next)
		found = is_candidate(a) &&
			inet_ntop(AF_INET,
				  &((const struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr,
				  host, INET_ADDRSTRLEN);
	freeifaddrs(all);
	return found;
}

void address_advertise(const char *bound, char *ret, size_t n)
{
	const char *port = strrchr(bound, ':');
	char host[INET_ADDRSTRLEN] = "127.0.0.1";

	if (!port || (strncmp(bound, "0.0.0.0:", 8) != 0 && strncmp(bound, "[::]:", 5) != 0)) {
		snprintf(ret, n, "%s", bound);
		return;
	}
	if (!find_host(host))
		log_line(PYR_LOG_WARNING, "no address other than loopback to advertise for %s",
			 bound);
	snprintf(ret, n, "%s%s", host, port);
}
