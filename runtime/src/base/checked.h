/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CHECKED_H
#define PYRITE_CHECKED_H
/* Whether a sanitizer watches over memory: then what is freed is given back at once, so that it
 * sees who uses it afterwards. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEMORY_IS_CHECKED 1
#endif
#endif
#if !defined(MEMORY_IS_CHECKED)
#define MEMORY_IS_CHECKED 0
#endif
#endif
