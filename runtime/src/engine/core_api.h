/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CORE_API_H
#define PYRITE_CORE_API_H
/*
 * gRPC core's functions. The library that has them is loaded when the first gRPC connection is to
 * be made: it and what it needs take 20 ms and 9 MiB, which a process without such connections does
 * not pay. So each name below stands for a member of core_api, filled by then. Instead of core's
 * headers.
 */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/slice_buffer.h>
#include <grpc/support/time.h>

#include <stdbool.h>

#include "base/buf.h"

#define CORE_FUNCTIONS(X)                                                                          \
	X(gpr_convert_clock_type)                                                                  \
	X(gpr_inf_future)                                                                          \
	X(gpr_now)                                                                                 \
	X(gpr_time_add)                                                                            \
	X(gpr_time_cmp)                                                                            \
	X(gpr_time_from_micros)                                                                    \
	X(gpr_time_sub)                                                                            \
	X(grpc_byte_buffer_destroy)                                                                \
	X(grpc_byte_buffer_length)                                                                 \
	X(grpc_byte_buffer_reader_destroy)                                                         \
	X(grpc_byte_buffer_reader_init)                                                            \
	X(grpc_byte_buffer_reader_peek)                                                            \
	X(grpc_byte_buffer_reader_readall)                                                         \
	X(grpc_call_cancel)                                                                        \
	X(grpc_call_cancel_with_status)                                                            \
	X(grpc_call_details_destroy)                                                               \
	X(grpc_call_details_init)                                                                  \
	X(grpc_call_start_batch)                                                                   \
	X(grpc_call_unref)                                                                         \
	X(grpc_channel_check_connectivity_state)                                                   \
	X(grpc_channel_create)                                                                     \
	X(grpc_channel_create_call)                                                                \
	X(grpc_channel_create_from_fd)                                                             \
	X(grpc_channel_credentials_release)                                                        \
	X(grpc_channel_destroy)                                                                    \
	X(grpc_channel_watch_connectivity_state)                                                   \
	X(grpc_completion_queue_create_for_next)                                                   \
	X(grpc_completion_queue_next)                                                              \
	X(grpc_empty_slice)                                                                        \
	X(grpc_header_key_is_legal)                                                                \
	X(grpc_is_binary_header)                                                                   \
	X(grpc_slice_buf_start_eq)                                                                 \
	X(grpc_header_nonbin_value_is_legal)                                                       \
	X(grpc_init)                                                                               \
	X(grpc_insecure_credentials_create)                                                        \
	X(grpc_insecure_server_credentials_create)                                                 \
	X(grpc_lame_client_channel_create)                                                         \
	X(grpc_metadata_array_destroy)                                                             \
	X(grpc_metadata_array_init)                                                                \
	X(grpc_raw_byte_buffer_create)                                                             \
	X(grpc_resource_quota_arg_vtable)                                                          \
	X(grpc_resource_quota_create)                                                              \
	X(grpc_resource_quota_resize)                                                              \
	X(grpc_resource_quota_unref)                                                               \
	X(grpc_server_add_channel_from_fd)                                                         \
	X(grpc_server_cancel_all_calls)                                                            \
	X(grpc_server_create)                                                                      \
	X(grpc_server_credentials_release)                                                         \
	X(grpc_server_destroy)                                                                     \
	X(grpc_server_register_completion_queue)                                                   \
	X(grpc_server_request_call)                                                                \
	X(grpc_server_shutdown_and_notify)                                                         \
	X(grpc_server_start)                                                                       \
	X(grpc_slice_buffer_add)                                                                   \
	X(grpc_slice_buffer_destroy)                                                               \
	X(grpc_slice_buffer_init)                                                                  \
	X(grpc_slice_buffer_reset_and_unref)                                                       \
	X(grpc_slice_from_copied_buffer)                                                           \
	X(grpc_slice_from_copied_string)                                                           \
	X(grpc_slice_from_static_string)                                                           \
	X(grpc_slice_malloc)                                                                       \
	X(grpc_slice_new_with_user_data)                                                           \
	X(grpc_slice_ref)                                                                          \
	X(grpc_slice_str_cmp)                                                                      \
	X(grpc_slice_unref)

struct core_api {
#define MEMBER(name) __typeof__(&(name)) name;
	CORE_FUNCTIONS(MEMBER)
#undef MEMBER
};
extern struct core_api core_api;

/* Loads it. Returns false, with why() set, if that fails. Once, before any of them is called. */
bool core_api_load(void);
/* Why it failed; NULL: it did not, or was not tried. */
const char *core_api_why(void);

/* An argument of a channel or a server. */
static inline grpc_arg core_int_arg(const char *key, int value)
{
	grpc_arg arg = { .type = GRPC_ARG_INTEGER, .key = (char *)key };

	arg.value.integer = value;
	return arg;
}

/* Its bytes, borrowed. */
static inline struct span core_span(const grpc_slice *slice)
{
	return (struct span){ GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice) };
}

/* The value of the first entry of this name; p is NULL if there is none. */
struct span core_find_metadata(const grpc_metadata_array *metadata, const char *key);

#if !defined(CORE_API_ITSELF)
#define gpr_convert_clock_type                  core_api.gpr_convert_clock_type
#define gpr_inf_future                          core_api.gpr_inf_future
#define gpr_now                                 core_api.gpr_now
#define gpr_time_add                            core_api.gpr_time_add
#define gpr_time_cmp                            core_api.gpr_time_cmp
#define gpr_time_from_micros                    core_api.gpr_time_from_micros
#define gpr_time_sub                            core_api.gpr_time_sub
#define grpc_byte_buffer_destroy                core_api.grpc_byte_buffer_destroy
#define grpc_byte_buffer_length                 core_api.grpc_byte_buffer_length
#define grpc_byte_buffer_reader_destroy         core_api.grpc_byte_buffer_reader_destroy
#define grpc_byte_buffer_reader_init            core_api.grpc_byte_buffer_reader_init
#define grpc_byte_buffer_reader_peek            core_api.grpc_byte_buffer_reader_peek
#define grpc_byte_buffer_reader_readall         core_api.grpc_byte_buffer_reader_readall
#define grpc_call_cancel                        core_api.grpc_call_cancel
#define grpc_call_cancel_with_status            core_api.grpc_call_cancel_with_status
#define grpc_call_details_destroy               core_api.grpc_call_details_destroy
#define grpc_call_details_init                  core_api.grpc_call_details_init
#define grpc_call_start_batch                   core_api.grpc_call_start_batch
#define grpc_call_unref                         core_api.grpc_call_unref
#define grpc_channel_check_connectivity_state   core_api.grpc_channel_check_connectivity_state
#define grpc_channel_create                     core_api.grpc_channel_create
#define grpc_channel_create_call                core_api.grpc_channel_create_call
#define grpc_channel_create_from_fd             core_api.grpc_channel_create_from_fd
#define grpc_channel_credentials_release        core_api.grpc_channel_credentials_release
#define grpc_channel_destroy                    core_api.grpc_channel_destroy
#define grpc_channel_watch_connectivity_state   core_api.grpc_channel_watch_connectivity_state
#define grpc_completion_queue_create_for_next   core_api.grpc_completion_queue_create_for_next
#define grpc_completion_queue_next              core_api.grpc_completion_queue_next
#define grpc_empty_slice                        core_api.grpc_empty_slice
#define grpc_header_key_is_legal                core_api.grpc_header_key_is_legal
#define grpc_is_binary_header                   core_api.grpc_is_binary_header
#define grpc_slice_buf_start_eq                 core_api.grpc_slice_buf_start_eq
#define grpc_header_nonbin_value_is_legal       core_api.grpc_header_nonbin_value_is_legal
#define grpc_init                               core_api.grpc_init
#define grpc_insecure_credentials_create        core_api.grpc_insecure_credentials_create
#define grpc_insecure_server_credentials_create core_api.grpc_insecure_server_credentials_create
#define grpc_lame_client_channel_create         core_api.grpc_lame_client_channel_create
#define grpc_metadata_array_destroy             core_api.grpc_metadata_array_destroy
#define grpc_metadata_array_init                core_api.grpc_metadata_array_init
#define grpc_raw_byte_buffer_create             core_api.grpc_raw_byte_buffer_create
#define grpc_resource_quota_arg_vtable          core_api.grpc_resource_quota_arg_vtable
#define grpc_resource_quota_create              core_api.grpc_resource_quota_create
#define grpc_resource_quota_resize              core_api.grpc_resource_quota_resize
#define grpc_resource_quota_unref               core_api.grpc_resource_quota_unref
#define grpc_server_add_channel_from_fd         core_api.grpc_server_add_channel_from_fd
#define grpc_server_cancel_all_calls            core_api.grpc_server_cancel_all_calls
#define grpc_server_create                      core_api.grpc_server_create
#define grpc_server_credentials_release         core_api.grpc_server_credentials_release
#define grpc_server_destroy                     core_api.grpc_server_destroy
#define grpc_server_register_completion_queue   core_api.grpc_server_register_completion_queue
#define grpc_server_request_call                core_api.grpc_server_request_call
#define grpc_server_shutdown_and_notify         core_api.grpc_server_shutdown_and_notify
#define grpc_server_start                       core_api.grpc_server_start
#define grpc_slice_buffer_add                   core_api.grpc_slice_buffer_add
#define grpc_slice_buffer_destroy               core_api.grpc_slice_buffer_destroy
#define grpc_slice_buffer_init                  core_api.grpc_slice_buffer_init
#define grpc_slice_buffer_reset_and_unref       core_api.grpc_slice_buffer_reset_and_unref
#define grpc_slice_from_copied_buffer           core_api.grpc_slice_from_copied_buffer
#define grpc_slice_from_copied_string           core_api.grpc_slice_from_copied_string
#define grpc_slice_from_static_string           core_api.grpc_slice_from_static_string
#define grpc_slice_malloc                       core_api.grpc_slice_malloc
#define grpc_slice_new_with_user_data           core_api.grpc_slice_new_with_user_data
#define grpc_slice_ref                          core_api.grpc_slice_ref
#define grpc_slice_str_cmp                      core_api.grpc_slice_str_cmp
#define grpc_slice_unref                        core_api.grpc_slice_unref
#endif
#endif
