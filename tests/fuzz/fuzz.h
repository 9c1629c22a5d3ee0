/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_H
#define PYRITE_FUZZ_H
/*
 * What the parts of the link fuzzer share: chance, the log of what was done, findings, and links
 * that lead nowhere but to a model of the other end (fuzz_link.c).
 *
 * An episode is a fresh world: one end of some links is the library, the other the model. Its
 * steps run in the leader, one at a time, so the model needs no locks. Each step draws its chance
 * from the seed and its own number: what one step does is no matter of how many draws others made.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/engine.h"
#include "link/link.h"

/* ---- chance ---- */

struct chance {
	uint64_t state;
};

struct chance chance_of(uint64_t seed, uint64_t step);
uint64_t chance_next(struct chance *c);
unsigned chance_below(struct chance *c, unsigned n);
bool chance_one_in(struct chance *c, unsigned n);
uint64_t fuzz_mix(uint64_t a, uint64_t b);

/* ---- the log ---- */

/* A line of what was done; kept for the episode, printed with a finding. Any thread. */
void fuzz_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Something is wrong: prints it, the log, and how to do it again; ends the process with 1. */
_Noreturn void fuzz_finding(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fakes alone, or links of the library's own behind them, over sockets. */
enum fuzz_lane { LANE_NONE, LANE_TCP, LANE_UNIX, LANE_TLS, N_LANES };

struct fuzz_episode {
	uint64_t seed;
	unsigned n_steps;
	bool has_threads; /* more than one method thread, or callers that are threads */
	enum fuzz_lane lane;
	const bool *skip; /* n_steps: steps that do nothing; NULL: all are done */
};

/* The library takes calls; the library makes them. Each returns the steps it did. */
unsigned fuzz_run_daemon(const struct fuzz_episode *episode);
unsigned fuzz_run_proxies(const struct fuzz_episode *episode);

/* ---- links ---- */

struct fake {
	struct link link;
	bool writes_at_once; /* constant */
	struct cable *cable; /* what is behind it: fuzz_cable.h; NULL: nothing */
	pthread_mutex_t lock;
	/* lock: */
	struct buf written;      /* frames that the library sent and the model did not take */
	bool owes_written;       /* it waits for written() */
	bool is_closing, is_cut; /* closed here; its end is known to the model alone */
	int close_code;
	/* the model's steps alone: */
	bool is_closed;
	atomic_bool is_free;
};

struct fake *fake_new(const char *address, bool writes_at_once);
void fake_free(struct fake *fake); /* once is_free */
/* What the library wrote since; owned. */
struct buf fake_take(struct fake *fake);
bool fake_is_closing(struct fake *fake);
/* In a step, as a link does: */
void fake_deliver(struct fake *fake, const struct buf *message);
void fake_written(struct fake *fake);
/* Has the library take all that was delivered, which over a socket takes its time. */
void fake_sync(struct fake *fake);
void fake_close(struct fake *fake, bool is_orderly);

/* Who makes the library's connections; NULL: nobody. */
extern struct link *(*fuzz_connect)(const struct link_target *target,
				    const struct link_events *events, void *owner);

/* A step of an episode. */
struct fuzz_turn {
	void (*run)(struct fuzz_turn *turn);
};
/* Runs it in the leader, with nothing of the engine's on the stack but its poll. Any thread; one at
 * a time. */
void fuzz_post(struct fuzz_turn *turn);
#endif
