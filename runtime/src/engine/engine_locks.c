/* SPDX-License-Identifier: MIT */
/*
 * gRPC core's mutexes are abseil's. Debian builds abseil without NDEBUG, so that each of them keeps
 * a graph of the order in which locks were taken, and ends the process if it finds a cycle, also
 * one that could never deadlock. A server must not end so, and the graph takes a fifth of the
 * instructions of a call outside the kernel (docs/performance.md).
 */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "engine/engine_locks.h"

#include <dlfcn.h>
#include <string.h>

/* absl::SetMutexDeadlockDetectionMode(OnDeadlockCycle) of Debian 12. C++ alone declares it, and
 * where abseil has another version or NDEBUG there is nothing to look for. */
static const char set_mode[] =
	"_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE";
enum { ABSL_IGNORE = 0 };

void engine_locks_init(void)
{
	void *symbol = dlsym(RTLD_DEFAULT, set_mode);
	void (*set)(int mode);

	if (!symbol)
		return;
	memcpy(&set, &symbol, sizeof(set)); /* ISO C has no cast from one to the other */
	set(ABSL_IGNORE);
}
