/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TESTS_VERSION_H
#define PYRITE_TESTS_VERSION_H
/* Two libraries with different versions of one interface. Each returns NULL, or what failed. */
#include <pyrite/pyrite.h>

const char *version_run_a(pyr_daemon *daemon);
const char *version_run_b(pyr_daemon *daemon);
#endif
