/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ANY_H
#define PYRITE_ANY_H
/* Values whose type the IDL leaves open: `any`. <pyrite/pyrite.h> includes this file. */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * An any holds one value with the name and the fingerprint of its type. It is made of a value by
 * the generated X_to_any() of each struct, union, enum, exception and named collection X, and read
 * by X_from_any(). Programs that do not know the type can pass it on unchanged. An any is
 * immutable; NULL is an any that holds nothing, at both ends.
 *
 *	pyr_any *any = example_Point_to_any(NULL, &point);
 *	struct example_Point *again;
 *
 *	if (example_Point_from_any(any, &again) < 0)
 *		return pyr_perror("no point");
 *	pyr_free(again);
 *	pyr_free(any);
 *
 * Ownership is that of a struct. X_to_any(call, x) makes memory of the call, or with NULL a block
 * that pyr_free() frees. A parameter is borrowed, a result is owned, one inside a block is borrowed
 * from the block. To keep one: pyr_any_dup().
 *
 * X_from_any() fails with INVALID_ARGUMENT if the any holds a value of another type, or of another
 * version of that type, or malformed bytes; the message names the type and the member. X_to_any()
 * fails if the value cannot be sent: INVALID_ARGUMENT names the member, RESOURCE_EXHAUSTED means
 * that it is larger than PYRITE_MAX_MESSAGE allows. Its NULL is NULL.
 *
 * References in the value belong to the any, which keeps them until it is freed. Those in the
 * result of X_from_any() belong to that block.
 */

/* The name of the type of the value: "example.Point", of the functions below
 * "google.protobuf.Int32Value" and so on; "" for NULL. Returns: borrowed from the any. */
const char *pyr_any_type(const pyr_any *any);

/* A copy. Returns: owned, pyr_free(); memory of the call if that is not NULL. NULL for NULL, and
 * with RESOURCE_EXHAUSTED if out of memory. */
pyr_any *pyr_any_dup(pyr_call *call, const pyr_any *any) PYR_MUST_CHECK;

/* Numbers, strings and bytes: the types that protobuf has wrapper messages for. Smaller integers
 * and char go as int32 and uint32. Returns: as X_to_any(). */
pyr_any *pyr_bool_to_any(pyr_call *call, bool value) PYR_MUST_CHECK;
pyr_any *pyr_int32_to_any(pyr_call *call, int32_t value) PYR_MUST_CHECK;
pyr_any *pyr_uint32_to_any(pyr_call *call, uint32_t value) PYR_MUST_CHECK;
pyr_any *pyr_int64_to_any(pyr_call *call, int64_t value) PYR_MUST_CHECK;
pyr_any *pyr_uint64_to_any(pyr_call *call, uint64_t value) PYR_MUST_CHECK;
pyr_any *pyr_float_to_any(pyr_call *call, float value) PYR_MUST_CHECK;
pyr_any *pyr_double_to_any(pyr_call *call, double value) PYR_MUST_CHECK;
pyr_any *pyr_string_to_any(pyr_call *call, const char *value) PYR_MUST_CHECK;
pyr_any *pyr_bytes_to_any(pyr_call *call, const struct pyr_bytes *value) PYR_MUST_CHECK;

/* As X_from_any(). *ret of the last two is owned: pyr_free(). */
int pyr_bool_from_any(const pyr_any *any, bool *ret) PYR_MUST_CHECK;
int pyr_int32_from_any(const pyr_any *any, int32_t *ret) PYR_MUST_CHECK;
int pyr_uint32_from_any(const pyr_any *any, uint32_t *ret) PYR_MUST_CHECK;
int pyr_int64_from_any(const pyr_any *any, int64_t *ret) PYR_MUST_CHECK;
int pyr_uint64_from_any(const pyr_any *any, uint64_t *ret) PYR_MUST_CHECK;
int pyr_float_from_any(const pyr_any *any, float *ret) PYR_MUST_CHECK;
int pyr_double_from_any(const pyr_any *any, double *ret) PYR_MUST_CHECK;
int pyr_string_from_any(const pyr_any *any, char **ret) PYR_MUST_CHECK;
int pyr_bytes_from_any(const pyr_any *any, struct pyr_bytes **ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
