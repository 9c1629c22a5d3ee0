/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CHECKED_H
#define PYRITE_CHECKED_H
/* Which sanitizer the code is built for, of gcc or clang. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKED_ASAN 1
#elif __has_feature(thread_sanitizer)
#define CHECKED_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CHECKED_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define CHECKED_TSAN 1
#endif

/* It watches over memory: what is freed is given back at once, so that it sees who uses it
 * afterwards. */
#if defined(CHECKED_ASAN) || defined(CHECKED_TSAN)
#define MEMORY_IS_CHECKED 1
#else
#define MEMORY_IS_CHECKED 0
#endif
#endif
