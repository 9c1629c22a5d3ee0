/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ABI_H
#define PYRITE_ABI_H
/*
 * What holds between this library and programs that were compiled with the headers of another
 * version: structs of options grow at their end, and generated tables tell which ABI they have. Any
 * thread.
 */
#include <pyrite/gen.h>

/*
 * Copies the caller's options, `given_size` bytes as its headers have them, into the `size` bytes
 * of own; members that the caller does not know are zero, which asks for the default. given: NULL
 * is all zero. Returns 0, or minus a status with the last error set if the caller asks for
 * something that this version does not know. what: "pyr_daemon_options".
 */
int abi_options(void *own, size_t size, const void *given, size_t given_size, const char *what);

/* Whether the table was generated for this ABI. Sets the last error if not. */
bool abi_has_interface(const struct pyr__interface *interface);
#endif
