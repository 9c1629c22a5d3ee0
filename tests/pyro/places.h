/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_PLACES_H
#define PYRITE_PYRO_PLACES_H
/* What is in places.c and shop.c: servants that remember something. */
#include "examples.h"

struct place_bank; /* which accounts it has */

extern const struct demo_Warehouse_methods place_warehouse;
extern const struct demo_Bank_methods place_bank;
extern struct place_bank place_rabobank, place_abn;
extern const struct demo_Service_methods place_service;
extern const struct demo_Factory_methods place_factory;         /* its data: the daemon */
extern const struct demo_CallbackServer_methods place_callback; /* likewise */
extern const struct demo_Shop_methods place_shop;               /* likewise; serial */
extern const struct demo_Probe_methods place_probe;
#endif
