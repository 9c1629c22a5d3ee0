/* SPDX-License-Identifier: MIT */
/* The functions that allocate. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "inside.h"

/* dlsym() may allocate before it has found calloc(). */
static _Alignas(16) char early[8192];
static size_t n_early;

static bool is_early(const void *block)
{
	return (const char *)block >= early && (const char *)block < early + sizeof(early);
}

/* dlsym() frees the text of an error, and must not be asked for free() by that: it is found when
 * the first block is allocated. */
static void (*next_free(void))(void *)
{
	static void (*next)(void *);

	if (!next)
		next = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	return next;
}

TORTURE_API void *malloc(size_t n)
{
	void *ret;

	next_free();
	ret = torture_refuses(CALLER, "malloc") ? NULL : NEXT(malloc)(n);

	live_add(ret, CALLER);
	return ret;
}

TORTURE_API void *calloc(size_t n, size_t size)
{
	static __thread bool is_looking;
	static void *(*next)(size_t, size_t);
	void *ret;

	if (!next) {
		if (is_looking) {
			ret = early + n_early;
			n_early += (n * size + 15) & ~(size_t)15;
			return n_early <= sizeof(early) ? ret : NULL;
		}
		is_looking = true;
		next = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
		is_looking = false;
	}
	ret = torture_refuses(CALLER, "calloc") ? NULL : next(n, size);
	live_add(ret, CALLER);
	return ret;
}

TORTURE_API void *realloc(void *block, size_t n)
{
	void *ret;

	if (torture_refuses(CALLER, "realloc"))
		return NULL;
	live_remove(block);
	ret = NEXT(realloc)(block, n);
	live_add(ret, CALLER);
	return ret;
}

TORTURE_API void *reallocarray(void *block, size_t n, size_t size)
{
	void *ret;

	if (torture_refuses(CALLER, "reallocarray"))
		return NULL;
	live_remove(block);
	ret = NEXT(reallocarray)(block, n, size);
	live_add(ret, CALLER);
	return ret;
}

TORTURE_API void free(void *block)
{
	int error = errno;

	if (!block || is_early(block))
		return;
	live_remove(block);
	next_free()(block);
	errno = error;
}

TORTURE_API char *strdup(const char *s)
{
	char *ret = torture_refuses(CALLER, "strdup") ? NULL : NEXT(strdup)(s);

	live_add(ret, CALLER);
	return ret;
}

TORTURE_API char *strndup(const char *s, size_t n)
{
	char *ret = torture_refuses(CALLER, "strndup") ? NULL : NEXT(strndup)(s, n);

	live_add(ret, CALLER);
	return ret;
}

TORTURE_API int posix_memalign(void **ret, size_t alignment, size_t n)
{
	int error = torture_refuses(CALLER, "posix_memalign")
			    ? ENOMEM
			    : NEXT(posix_memalign)(ret, alignment, n);

	if (error == 0)
		live_add(*ret, CALLER);
	return error;
}

TORTURE_API void *aligned_alloc(size_t alignment, size_t n)
{
	void *ret =
		torture_refuses(CALLER, "aligned_alloc") ? NULL : NEXT(aligned_alloc)(alignment, n);

	live_add(ret, CALLER);
	return ret;
}

TORTURE_API int vasprintf(char **ret, const char *format, va_list args)
{
	int n = torture_refuses(CALLER, "vasprintf") ? -1 : NEXT(vasprintf)(ret, format, args);

	if (n >= 0)
		live_add(*ret, CALLER);
	return n;
}

TORTURE_API int asprintf(char **ret, const char *format, ...)
{
	va_list args;
	int n = -1;

	if (!torture_refuses(CALLER, "asprintf")) {
		va_start(args, format);
		n = NEXT(vasprintf)(ret, format, args);
		va_end(args);
	}
	if (n >= 0)
		live_add(*ret, CALLER);
	return n;
}

TORTURE_API FILE *open_memstream(char **ret, size_t *ret_n)
{
	return torture_refuses(CALLER, "open_memstream") ? NULL : NEXT(open_memstream)(ret, ret_n);
}

TORTURE_API ssize_t getline(char **line, size_t *n, FILE *file)
{
	return torture_refuses(CALLER, "getline") ? -1 : NEXT(getline)(line, n, file);
}

TORTURE_API char *realpath(const char *path, char *resolved)
{
	char *ret = torture_refuses(CALLER, "realpath") ? NULL : NEXT(realpath)(path, resolved);

	if (!resolved)
		live_add(ret, CALLER);
	return ret;
}

TORTURE_API void *mmap(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
	if (torture_refuses(CALLER, "mmap"))
		return MAP_FAILED;
	return NEXT(mmap)(address, n, protection, flags, fd, offset);
}

TORTURE_API int mprotect(void *address, size_t n, int protection)
{
	return torture_refuses(CALLER, "mprotect") ? -1 : NEXT(mprotect)(address, n, protection);
}

TORTURE_API int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			       void *(*run)(void *), void *data)
{
	return torture_refuses(CALLER, "pthread_create")
		       ? EAGAIN
		       : NEXT(pthread_create)(thread, attributes, run, data);
}

TORTURE_API int pthread_key_create(pthread_key_t *key, void (*end)(void *))
{
	return torture_refuses(CALLER, "pthread_key_create") ? ENOMEM
							     : NEXT(pthread_key_create)(key, end);
}
