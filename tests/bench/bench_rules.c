/* SPDX-License-Identifier: MIT */
/*
 * What rules cost: a decision that a session knows, which each call pays, and one that it does not,
 * with the answer in the last of so many lines.
 *
 *	bench_rules
 */
#include <pyrite/pyrite.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "rules/rules.h"

enum { KNOWN = 10000000, ASKED = 2000, OPERATIONS = 16 };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct rules *make_rules(const char *path, int lines)
{
	struct rules_problem problem;
	struct rules *rules;
	FILE *file = fopen(path, "w");

	if (!file)
		exit(1);
	while (--lines > 0)
		fprintf(file, "deny cert:web-%d,cert:cron-* call shop.Catalog.*\n", lines);
	fprintf(file, "allow cert:alice call *\n");
	fclose(file);
	rules = rules_open(path, &problem);
	if (!rules)
		exit(1);
	return rules;
}

static void measure(const char *path, int lines)
{
	struct rules_question question = { "cert:alice", "call", "shop.Cart.add", "cart", "" };
	struct rules *rules = make_rules(path, lines);
	struct rights *rights = rights_new(rules, &question, OPERATIONS);
	double began, known, asked;
	char why[256];
	unsigned line, i, n = 0;

	began = now_ns();
	for (i = 0; i < KNOWN; i++)
		n += rights_allow(rights, i % OPERATIONS, question.target, why, sizeof(why));
	known = (now_ns() - began) / KNOWN;
	began = now_ns();
	for (i = 0; i < ASKED; i++)
		n += rules_allow(rules, &question, &line);
	asked = (now_ns() - began) / ASKED;
	if (n != KNOWN + ASKED)
		exit(1);
	printf("%d lines: %.1f ns a call, %.0f ns for the first of an operation\n", lines, known,
	       asked);
	rights_free(rights);
	rules_unref(rules);
}

int main(void)
{
	char path[] = "/tmp/pyrite-bench-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	measure(path, 1);
	measure(path, 100);
	measure(path, 10000);
	return unlink(path) != 0;
}
