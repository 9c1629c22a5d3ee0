/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { CHUNK = 64 << 10, FAR_WINDOW = 16 << 20 };

#define MS INT64_C(1000000)

void way_begin(struct relay_way *way, int *from, int *to)
{
	*way = (struct relay_way){ .from = from, .to = to };
	way->tail = &way->head;
}

void way_free(struct relay_way *way)
{
	struct relay_chunk *next;

	for (; way->head; way->head = next) {
		next = way->head->next;
		free(way->head);
	}
	way_begin(way, way->from, way->to);
}

/* A far way holds much, as networks do; a near one next to nothing, so that senders wait. */
static size_t window(const struct relay_fault *fault)
{
	return fault->delay_ms || fault->late_ms ? FAR_WINDOW : CHUNK;
}

/* What has lost bytes gets none of those that follow, either. */
static bool swallows(const struct relay_way *way, const struct relay_fault *fault)
{
	return fault->is_hole || way->has_lost;
}

bool way_reads(const struct relay_way *way, const struct relay_fault *fault)
{
	return *way->from >= 0 && !way->is_read && !fault->is_stopped &&
	       (swallows(way, fault) || way->held < window(fault));
}

int64_t way_due(const struct relay_way *way, const struct relay_fault *fault)
{
	if (!way->head || fault->is_stopped || *way->to < 0)
		return INT64_MAX;
	return way->head->due > way->next_piece ? way->head->due : way->next_piece;
}

bool way_writes(const struct relay_way *way, const struct relay_fault *fault, int64_t now)
{
	return way_due(way, fault) <= now;
}

static bool append(struct relay_way *way, const uint8_t *data, size_t n, int64_t due)
{
	struct relay_chunk *chunk = malloc(sizeof(*chunk) + n);

	if (!chunk)
		return false;
	*chunk = (struct relay_chunk){ .n = n, .due = due };
	if (n > 0)
		memcpy(chunk->data, data, n);
	*way->tail = chunk;
	way->tail = &chunk->next;
	way->held += n;
	return true;
}

/* The same numbers in every run. */
static bool is_late(struct relay *relay, const struct relay_fault *fault)
{
	if (!fault->late_permil)
		return false;
	relay->chance = relay->chance * 1664525 + 1013904223;
	return (relay->chance >> 8) % 1000 < fault->late_permil;
}

static void flip(struct relay_way *way, const struct relay_fault *fault, uint8_t *data, size_t n)
{
	if (fault->flip_at > way->n_read && fault->flip_at <= way->n_read + n)
		data[fault->flip_at - way->n_read - 1] ^= fault->flip_mask;
}

enum way_state way_read(struct relay *relay, struct relay_way *way, const struct relay_fault *fault,
			int64_t now)
{
	uint8_t data[CHUNK];
	ssize_t n = recv(*way->from, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? WAY_GOES_ON : WAY_BROKEN;
	way->is_read = n == 0;
	if (swallows(way, fault)) {
		way->has_lost = true;
		way->n_read += (uint64_t)n;
		return WAY_GOES_ON;
	}
	flip(way, fault, data, (size_t)n);
	way->n_read += (uint64_t)n;
	now += fault->delay_ms * MS + (is_late(relay, fault) ? fault->late_ms * MS : 0);
	return append(way, data, (size_t)n, now) ? WAY_GOES_ON : WAY_BROKEN;
}

enum way_state way_end(struct relay_way *way, int64_t now)
{
	if (way->is_read)
		return WAY_GOES_ON;
	way->is_read = true;
	return append(way, NULL, 0, now) ? WAY_GOES_ON : WAY_BROKEN;
}

static void drop_head(struct relay_way *way)
{
	struct relay_chunk *next = way->head->next;

	free(way->head);
	way->head = next;
	if (!next)
		way->tail = &way->head;
}

static size_t allowed(const struct relay_way *way, const struct relay_fault *fault)
{
	size_t n = way->head->n - way->head->at;

	if (fault->piece && fault->piece < n)
		n = fault->piece;
	if (fault->cut_at > way->n_sent && fault->cut_at - way->n_sent < n)
		n = (size_t)(fault->cut_at - way->n_sent);
	return n;
}

enum way_state way_write(struct relay_way *way, const struct relay_fault *fault, int64_t now,
			 size_t *ret_sent)
{
	struct relay_chunk *chunk = way->head;
	ssize_t n;

	*ret_sent = 0;
	if (chunk->n == 0) {
		way->is_ended = true;
		drop_head(way);
		return shutdown(*way->to, SHUT_WR) == 0 ? WAY_GOES_ON : WAY_BROKEN;
	}
	n = send(*way->to, chunk->data + chunk->at, allowed(way, fault),
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? WAY_GOES_ON : WAY_BROKEN;
	chunk->at += (size_t)n;
	way->held -= (size_t)n;
	way->n_sent += (uint64_t)n;
	*ret_sent = (size_t)n;
	if (fault->piece)
		way->next_piece = now + fault->interval_us * INT64_C(1000);
	if (chunk->at == chunk->n)
		drop_head(way);
	return fault->cut_at && way->n_sent >= fault->cut_at ? WAY_BROKEN : WAY_GOES_ON;
}
