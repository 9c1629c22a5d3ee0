/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_CABLE_H
#define PYRITE_FUZZ_CABLE_H
/*
 * The lanes with sockets for the fuzzer. Between a fake and the model there is what there is
 * between two processes: a link of the library's own, and a connection (TCP, unix, TLS) of which
 * the model has the other end. What goes over it goes in pieces, ends anywhere, and begins with a
 * preface.
 *
 * All but cable_write() to cable_has_input() are of the model's steps, in the leader.
 */
#include "fuzz_place.h"

struct cable;

/* ---- the library's side, as a link_kind has it ---- */
enum link_write cable_write(struct cable *w, const struct link_message *message);
void cable_close_inner(struct cable *w, int code, const char *text);
void cable_free_inner(struct cable *w);
void cable_start_inner(struct cable *w);
bool cable_has_input(struct cable *w);

/* ---- the model's side ---- */
/* Goes to the daemon at that place and waits until it has let the fake in. */
void cable_enter(struct fake *fake, const struct place *place, uint64_t seed);
/* Somebody who comes to the place, says something or half of it, and goes. */
void cable_knock(const struct place *place, struct chance *chance);

/* Where the library may connect to: a place for each of the model's daemons. LANE_NONE: none any
 * more. */
enum { CABLE_PLACES = 2 };
void cable_listen(enum fuzz_lane lane);
void cable_uri(unsigned i, char *ret, size_t n);
/* The fake begins to connect to the target; now and then by link_auto, which finds a stranger
 * first. Any thread. Returns false when memory is out. */
bool cable_connect(struct fake *fake, const struct link_target *target,
		   const struct link_events *events, void *owner, uint64_t seed);
/* One of the fakes, all with cables, whose connection has come: it is greeted, by a hostile one
 * perhaps with something else. NULL: there is none. */
struct fake *cable_accept(struct fake *const *fakes, unsigned n, bool is_hostile);

struct buf cable_take(struct cable *w);
void cable_deliver(struct cable *w, const struct buf *message);
/* Bytes that are no message, or not the one that they seem to begin. */
void cable_spoil(struct cable *w);
/* That was done: what comes behind it may be taken as a part of something. */
bool cable_is_spoilt(const struct cable *w);
void cable_tend(struct cable *w);
void cable_sync(struct cable *w);
void cable_close(struct cable *w, bool is_orderly);
void cable_free(struct cable *w);
#endif
