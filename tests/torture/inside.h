/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_INSIDE_H
#define TORTURE_INSIDE_H
/* What the parts of libtorture.so share. Nothing here allocates with malloc(). */
#include <dlfcn.h>
#include <stdint.h>

#include "torture.h"

#define TORTURE_API __attribute__((visibility("default")))
#define CALLER      __builtin_return_address(0)

/* The function that this library stands before. */
#define NEXT(name)                                                                                 \
	({                                                                                         \
		static __typeof__(name) *next_;                                                    \
		if (!next_)                                                                        \
			next_ = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                       \
		next_;                                                                             \
	})

/* A fault: an errno, or one of the two below. */
struct fault {
	int error;
	const char *name;
};

enum {
	FAULT_SHORT = -1,  /* does less than it was asked for */
	FAULT_CLOSED = -2, /* the call is made, and reports EINTR all the same */
	FAULTS_MAX = 6
};

/* Counts a call. Returns the fault that it is to have; NULL: none. faults ends with an error of 0.
 */
const struct fault *torture_fault(enum torture_kind kind, void *caller, const char *function,
				  const struct fault *faults);
/* The same for an allocation; sets errno. */
bool torture_refuses(void *caller, const char *function);

bool torture_is_ours(const void *caller);
/* The module that an address is in and the offset there. */
const char *torture_module_of(const void *address, size_t *ret_offset);

/* Remembers a block that one of our modules allocated; forgets a block that is freed. */
void live_add(void *block, void *caller);
void live_remove(void *block);
#endif
