/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SIGNALS_H
#define PYRITE_SIGNALS_H
/*
 * SIGTERM and SIGINT for daemons: each is told through its eventfd, from its making on, so that a
 * signal that comes just before the daemon runs ends the run at once. Handlers are installed only
 * where the disposition is the default one, and restored when the last daemon is through; a second
 * signal has its default effect.
 *
 * A daemon may be made and never run. So that its program does not swallow signals, one that no run
 * takes up within a second has its default effect after all.
 */
#include <stdbool.h>

/* The daemon has been made. Returns false when there are 1,024. */
bool signals_expect(int event_fd);
/* It runs. Returns false as above; one that was expected has its place. */
bool signals_watch(int event_fd);
/* It has run, or never will. Nothing for one that is not known. */
void signals_forget(int event_fd);
#endif
