/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_VALUES_H
#define PYRITE_FUZZ_VALUES_H
#include <pyrite/gen.h>

/* All end the program when they find something. */
void fuzz_through_json(const struct pyr__type *type, const void *value);
void fuzz_text(const uint8_t *data, size_t n);
void fuzz_description(const uint8_t *data, size_t n);
#endif
