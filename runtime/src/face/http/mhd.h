/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_MHD_H
#define PYRITE_FACE_HTTP_MHD_H
/*
 * libmicrohttpd, loaded when the first HTTP connection comes: with it GnuTLS and eight others would
 * be part of each program that uses Pyrite. What is called of it is in this list; its headers
 * declare it.
 */
#include <stdbool.h>
#include <sys/socket.h>

#include <microhttpd.h>

#define MHD_FUNCTIONS(X)                                                                           \
	X(MHD_add_connection)                                                                      \
	X(MHD_add_response_header)                                                                 \
	X(MHD_create_response_from_buffer)                                                         \
	X(MHD_create_response_from_callback)                                                       \
	X(MHD_destroy_response)                                                                    \
	X(MHD_get_connection_info)                                                                 \
	X(MHD_get_connection_values)                                                               \
	X(MHD_lookup_connection_value)                                                             \
	X(MHD_queue_response)                                                                      \
	X(MHD_start_daemon)                                                                        \
	X(MHD_stop_daemon)

#define MHD_MEMBER(name) __typeof__(name) *name;
struct mhd_api {
	MHD_FUNCTIONS(MHD_MEMBER)
};
#undef MHD_MEMBER

/* Filled by mhd_load(). */
extern struct mhd_api mhd;

/* Any thread; loads once. Returns NULL, or why it cannot be had, valid for ever. */
const char *mhd_load(void);
#endif
