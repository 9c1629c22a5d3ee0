/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SIGNALS_H
#define PYRITE_SIGNALS_H
/*
 * SIGTERM and SIGINT for daemons that run: each is told through its eventfd. Handlers are installed
 * only where the disposition is the default one, and restored when the last daemon is through; a
 * second signal has its default effect.
 */
#include <stdbool.h>

/* Returns false when 64 daemons run already. */
bool signals_watch(int event_fd);
void signals_forget(int event_fd);
#endif
