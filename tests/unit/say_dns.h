/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_SAY_DNS_H
#define PYRITE_TEST_SAY_DNS_H
/* Answers of DNS to a question for SRV records, good ones and others, written byte by byte. */
#include <arpa/nameser.h>

#include "answerer.h"

struct said {
	int rcode, n;      /* records */
	const char *alias; /* the question is one of this */
	const char *owner; /* of the records; NULL: what was asked for */
	bool is_numbered;  /* targets are h0.test, h1.test... */
	bool is_circle;    /* the target points at itself */
	struct {
		uint16_t priority, weight, port;
		const char *target;
	} srv[8];
	size_t at; /* a byte that is changed; 0: none */
	uint8_t value;
	size_t cut; /* all that is sent; 0: everything */
};

struct writer {
	uint8_t bytes[4096];
	size_t n;
};

static void say_number(struct writer *w, uint32_t value, size_t n)
{
	while (n-- > 0)
		w->bytes[w->n++] = (uint8_t)(value >> (8 * n));
}

static void say_name(struct writer *w, const char *name)
{
	size_t n;

	for (; *name; name += n + (name[n] == '.')) {
		n = strcspn(name, ".");
		say_number(w, (uint32_t)n, 1);
		memcpy(w->bytes + w->n, name, n);
		w->n += n;
	}
	say_number(w, 0, 1);
}

static void say_head(struct writer *w, const char *owner, int type)
{
	if (owner)
		say_name(w, owner);
	else
		say_number(w, 0xc000 | NS_HFIXEDSZ, 2); /* as in the question */
	say_number(w, (uint32_t)type, 2);
	say_number(w, ns_c_in, 2);
	say_number(w, 60, 4);
	say_number(w, 0, 2); /* how long the data are: set by say_end() */
}

static void say_end(struct writer *w, size_t begin)
{
	size_t n = w->n - begin;

	w->bytes[begin - 2] = (uint8_t)(n >> 8);
	w->bytes[begin - 1] = (uint8_t)n;
}

static void say_record(struct writer *w, const struct said *said, int i)
{
	char numbered[32];
	size_t begin;

	snprintf(numbered, sizeof(numbered), "h%d.test", i);
	say_head(w, said->alias ? said->alias : said->owner, ns_t_srv);
	begin = w->n;
	say_number(w, said->is_numbered ? 0 : said->srv[i].priority, 2);
	say_number(w, said->is_numbered ? 0 : said->srv[i].weight, 2);
	say_number(w, said->is_numbered ? 9090 : said->srv[i].port, 2);
	if (said->is_circle)
		say_number(w, 0xc000 | (uint32_t)w->n, 2);
	else
		say_name(w, said->is_numbered ? numbered : said->srv[i].target);
	say_end(w, begin);
}

/* question: of n bytes, one name; what is behind it is left out. */
static void say_all(struct writer *w, const struct said *said, const uint8_t *question, size_t n)
{
	size_t begin;
	int i;

	memcpy(w->bytes, question, n);
	w->n = 2;
	say_number(w, 0x8400 | (uint32_t)said->rcode, 2);
	say_number(w, 1, 2);
	say_number(w, (uint32_t)(said->n + (said->alias != NULL)), 2);
	say_number(w, 0, 4);
	w->n = n;
	if (said->alias) {
		say_head(w, NULL, ns_t_cname);
		begin = w->n;
		say_name(w, said->alias);
		say_end(w, begin);
	}
	for (i = 0; i < said->n; i++)
		say_record(w, said, i);
}

#define SAID_ASKED "\7_pyrite\4_tcp\7example\4test"

static size_t said_question_end(void)
{
	return NS_HFIXEDSZ + sizeof(SAID_ASKED) + 4;
}

static void say_dns(struct answerer *a, const uint8_t *question, size_t n,
		    const struct sockaddr_in *from)
{
	const struct said *said = atomic_load(&a->data);
	struct writer w = { .n = 0 };

	REQUIRE(n >= said_question_end());
	CHECK(memcmp(question + NS_HFIXEDSZ, SAID_ASKED, sizeof(SAID_ASKED)) == 0);
	say_all(&w, said, question, said_question_end());
	if (said->at)
		w.bytes[said->at] = said->value;
	answerer_send(a->fd, w.bytes, said->cut ? said->cut : w.n, from);
}

/* How long an answer is. */
static inline size_t said_size(const struct said *said)
{
	uint8_t question[256] = { 0 };
	struct writer w = { .n = 0 };

	say_all(&w, said, question, said_question_end());
	return w.n;
}
#endif
