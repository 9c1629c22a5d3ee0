/* SPDX-License-Identifier: MIT */
/*
 * bench-lost: 1,000 owners with 99 names each die at once, while one with 900 names renews them;
 * prints how long its renewals take before and after. Exit code 1 if a renewal took longer than a
 * lease, or one of its names was lost. The name server is at PYRITE_NS_HOST and PYRITE_NS_PORT, on
 * TCP, and may have 2,100 descriptors, as may this program.
 */
#include <pyrite/naming.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

enum { OWNERS = 1000, EACH = 99, OWN = 900, BATCH = 100, TTL_MS = 10000, ROUNDS = 200 };

static struct owner {
	int fd; /* a copy of the proxy's socket, to end its connection by */
	struct pyrite_NameServer *proxy;
	pyr_future *attending;
} owners[OWNERS + 1];

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct pyr_bytes secret_of(int owner)
{
	static uint8_t bytes[16];

	memset(bytes, 1, sizeof(bytes));
	memcpy(bytes, &owner, sizeof(owner));
	return (struct pyr_bytes){ sizeof(bytes), bytes };
}

static int connect_to(const char *address)
{
	const char *colon = strrchr(address, ':');
	struct sockaddr_in at = { .sin_family = AF_INET };
	char host[64] = "";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncat(host, address, (size_t)(colon - address) < 63 ? (size_t)(colon - address) : 63);
	at.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &at.sin_addr) == 1 && fd >= 0 &&
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int register_names(int owner, int n)
{
	struct pyrite_NameTerms terms = { .ttl_ms = TTL_MS };
	struct pyrite_NameClaim claim = { .secret = secret_of(owner) };
	struct pyrite_NameGrant *grant;
	pyr_future *futures[OWN];
	char name[32];
	int i, failed = 0;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "lost.%d.%d", owner, i);
		futures[i] = pyrite_NameServer_register_name_start(owners[owner].proxy, name,
								   "PYRO:o@h:1", &terms, &claim);
	}
	for (i = 0; i < n; i++) {
		if (pyrite_NameServer_register_name_get(futures[i], &grant) == 0)
			pyr_free(grant);
		else
			failed = pyr_perror("register");
	}
	return failed;
}

static int open_owner(int owner, const char *address, int n)
{
	struct pyr_bytes secret = secret_of(owner);
	struct owner *o = &owners[owner];
	int fd = connect_to(address);

	if (fd < 0)
		return perror("connect"), 1;
	o->fd = dup(fd);
	o->proxy = pyrite_NameServer_proxy_from_fd(fd, pyrite_NAME_SERVER_ID, NULL);
	o->attending = pyrite_NameServer_attend_start(o->proxy, &secret);
	return register_names(owner, n);
}

/* Renews all names of the last owner. Returns how many are lost, -1 for an error. */
static int renew_own(void)
{
	static char texts[OWN][32];
	const char *names[BATCH];
	struct pyr_string_seq batch = { BATCH, names };
	struct pyrite_NameRenewal *renewal;
	struct pyr_bytes secret = secret_of(OWNERS);
	int i, lost = 0;

	for (i = 0; i < OWN; i++) {
		snprintf(texts[i], sizeof(texts[i]), "lost.%d.%d", OWNERS, i);
		names[i % BATCH] = texts[i];
		if (i % BATCH < BATCH - 1)
			continue;
		if (pyrite_NameServer_renew(owners[OWNERS].proxy, &secret, &batch, &renewal) < 0)
			return -1;
		lost += (int)(renewal->lost.n + renewal->revoked.n);
		pyr_free(renewal);
	}
	return lost;
}

/* Returns the longest renewal, or -1 if names were lost. */
static double measure(const char *when)
{
	double began, took, longest = 0, sum = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		began = now_ms();
		if (renew_own() != 0)
			return -1;
		took = now_ms() - began;
		sum += took;
		longest = took > longest ? took : longest;
	}
	printf("%s: renewals of %d names take %.1f ms, at most %.1f\n", when, OWN, sum / ROUNDS,
	       longest);
	return longest;
}

int main(void)
{
	pyr_ns *ns = pyr_ns_locate(NULL);
	double longest;
	int i;

	if (!ns)
		return pyr_perror("bench-lost");
	for (i = 0; i <= OWNERS; i++) {
		if (open_owner(i, pyr_ns_address(ns), i < OWNERS ? EACH : OWN) != 0)
			return 1;
	}
	if (measure("before") < 0)
		return pyr_perror("before");
	for (i = 0; i < OWNERS; i++)
		shutdown(owners[i].fd, SHUT_RDWR);
	longest = measure("1,000 owners with 99,000 names are gone");
	for (i = 0; i <= OWNERS; i++) {
		pyr_future_free(owners[i].attending);
		pyrite_NameServer_free(owners[i].proxy);
		close(owners[i].fd);
	}
	pyr_ns_free(ns);
	if (longest >= 0 && longest < TTL_MS)
		return 0;
	fputs("bench-lost: names were lost, or renewals too slow\n", stderr);
	return 1;
}
