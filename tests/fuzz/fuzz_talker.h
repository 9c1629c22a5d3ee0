/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_TALKER_H
#define PYRITE_FUZZ_TALKER_H
/* An object of talk.idl for targets that speak to a whole daemon. */
#include <talk.h>

/* What its methods take and give is bounded, and depends on the arguments alone. */
extern const struct talk_Server_methods talker_methods;
#endif
