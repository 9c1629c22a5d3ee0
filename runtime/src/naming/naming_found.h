/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_FOUND_H
#define PYRITE_NAMING_FOUND_H
/*
 * What a search for name servers comes to: their addresses, and for each step what was looked at
 * and what it said. Of naming_find.c and the steps that it takes.
 */
#include "base/uri.h"

enum {
	FOUND_MAX = URI_ADDRESSES_MAX, /* name servers of one step */
	FOUND_TEXT_MAX = URI_MAX       /* all of them as a text */
};

/* In the order in which they are looked at. */
enum naming_source {
	NAMING_BY_ENVIRONMENT,
	NAMING_BY_OWN_FILE,
	NAMING_BY_SYSTEM_FILE,
	NAMING_BY_DNS,
	NAMING_BY_UDP,
	NAMING_BY_DEFAULT,
	NAMING_SOURCES
};

enum naming_verdict {
	NAMING_NOT_ASKED, /* it is not set up, or another was taken before */
	NAMING_NOTHING,   /* it names no name server */
	NAMING_WRONG,     /* what it says makes no sense, or may not be believed: the search ends */
	NAMING_LATER,     /* it names some, but another was taken before */
	NAMING_TAKEN
};

struct naming_step {
	enum naming_verdict verdict;
	char place[160]; /* what was looked at */
	char text[400];  /* what it said, or why it was not asked */
};

/* Addresses, each once, in the order of preference: "a:9090,b:9091". */
struct found_servers {
	unsigned n;
	size_t length;
	char text[FOUND_TEXT_MAX];
	bool lacks; /* some are missing because memory was out */
};

/* Adds one, written as in a PYRONAME, in its normal form. Returns 0, or minus a status with
 * *problem told: it makes no sense, or there are too many. */
int found_add(struct found_servers *servers, const char *address, uint16_t default_port,
	      struct uri_problem *problem);
/* Adds each of a list: between them commas or blanks. text: changed. */
int found_add_list(struct found_servers *servers, char *text, uint16_t default_port,
		   struct uri_problem *problem);

/* Sets text, cut, and safe to show. Returns the verdict. */
enum naming_verdict found_say(struct naming_step *step, enum naming_verdict verdict,
			      const char *format, ...) PYR_PRINTF(3, 4);
#endif
