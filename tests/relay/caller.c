/* SPDX-License-Identifier: MIT */
/*
 * relay-caller URI[,URI...] [plain | names]: makes a call for each line of its input, "WHAT N", and
 * prints "STATUS MAY_HAVE_RUN VALUE MICROSECONDS"; all with the same proxy. plain: by plain gRPC
 * alone. names: URI is the address of a name server, "add" looks up the name "target", "increment"
 * registers a name that is new. Deadlines, keys and lanes are those of the environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

enum { N_MAX = 4 << 20 };

static struct faults_Target *target;
static pyr_ns *ns;
static char letters[N_MAX + 1];

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int look_up(long long *ret)
{
	char *uri = NULL;
	int err = pyr_ns_lookup(ns, "target", &uri);

	*ret = uri && strcmp(uri, "PYRO:target@127.0.0.1:1") == 0 ? 3 : -1;
	free(uri);
	return err;
}

static int register_new(long long *ret)
{
	static int n;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "new-%d-%d", (int)getpid(), n++);
	err = pyr_ns_register(ns, name, "PYRO:target@127.0.0.1:1");
	*ret = err ? 0 : n;
	return err;
}

static int call(const char *what, uint32_t n, long long *ret)
{
	uint32_t value = 0;
	int32_t sum = 0;
	int err = 0;

	if (strcmp(what, "add") == 0) {
		err = ns ? look_up(ret) : faults_Target_add(target, 1, 2, &sum);
		*ret = ns ? *ret : sum;
		return err;
	}
	if (strcmp(what, "increment") == 0 && ns)
		return register_new(ret);
	if (strcmp(what, "increment") == 0)
		err = faults_Target_increment(target, &value);
	else if (strcmp(what, "text") == 0) {
		letters[n] = '\0';
		err = faults_Target_text(target, letters, &value);
		letters[n] = 'x';
	} else
		err = faults_Target_sleep(target, n);
	*ret = value;
	return err;
}

static void answer(const char *what, uint32_t n)
{
	long long value = 0, begin = now_us();
	int err = call(what, n <= N_MAX ? n : N_MAX, &value);
	long long took = now_us() - begin;

	printf("%d %d %lld %lld\n", -err, err && pyr_last_error()->may_have_run, value, took);
	fflush(stdout);
	if (err)
		fprintf(stderr, "relay-caller: %s\n", pyr_errmsg());
}

/* Of URIs with commas between them, as one proxy. */
static struct faults_Target *proxy_of(char *uris, struct pyr_proxy_options *options)
{
	static const char *others[64];
	char *rest = NULL, *first = strtok_r(uris, ",", &rest), *uri;
	size_t n = 0;

	while (n < 63 && (uri = strtok_r(NULL, ",", &rest)))
		others[n++] = uri;
	if (n > 0) {
		options->others = others;
		options->n_others = n;
	}
	return faults_Target_proxy_with(first, options);
}

int main(int argc, char **argv)
{
	struct pyr_proxy_options options = { 0 };
	char what[32];
	unsigned n;

	if (argc < 2)
		return 2;
	memset(letters, 'x', N_MAX);
	if (argc > 2 && strcmp(argv[2], "plain") == 0)
		options.plain = PYR_PLAIN_ONLY;
	if (argc > 2 && strcmp(argv[2], "names") == 0)
		ns = pyr_ns_locate(argv[1]);
	else
		target = proxy_of(argv[1], &options);
	if (!ns && !target)
		return pyr_perror(argv[1]);
	while (scanf("%31s %u", what, &n) == 2)
		answer(what, n);
	faults_Target_free(target);
	return 0;
}
