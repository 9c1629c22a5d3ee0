/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STATUS_H
#define PYRITE_STATUS_H
/* The names of status codes, gRPC's: the one list of them. Needs nothing else of the runtime. */

/* "NOT_FOUND"; NULL if there is none. */
const char *status_name(unsigned code);
#endif
