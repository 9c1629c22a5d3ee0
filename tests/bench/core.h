/* SPDX-License-Identifier: MIT */
#ifndef CORE_H
#define CORE_H
/*
 * The yardsticks: what gRPC core itself takes for the same work, in its C API with nothing on top.
 * Unary: a gRPC call for each sum; a request that is not two numbers comes back as it is. Echo: a
 * stream in lockstep, whose ends send one message and receive the next in one batch. Duplex: a
 * stream whose ends send and receive in batches of their own, as ends must that may speak at any
 * time; they ask for the next message at once. Late: the same, but they ask for the next message
 * only when what they had to send is on its way.
 */
#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>

#include "measure.h"

#define CORE_UNARY  "/bench.Adder/Unary"
#define CORE_ECHO   "/bench.Adder/Echo"
#define CORE_DUPLEX "/bench.Adder/Duplex"
#define CORE_LATE   "/bench.Adder/Late"

/* The channel arguments of either end. Static. */
const grpc_channel_args *core_args(const struct bench_options *options);

/* Messages of n numbers; owned, grpc_byte_buffer_destroy(). */
grpc_byte_buffer *core_pack(const int32_t *numbers, size_t n);
/* Reads exactly n numbers. Returns false if the message holds anything else. */
bool core_unpack(grpc_byte_buffer *message, int32_t *numbers, size_t n);

/* Waits for the next event. Returns its tag; *ret_ok as core says. */
void *core_next(grpc_completion_queue *queue, bool *ret_ok);

/* Starts a batch; fails if core refuses it. */
void core_batch(grpc_call *call, const grpc_op *ops, size_t n, void *tag);
#endif
