/* SPDX-License-Identifier: MIT */
/*
 * What a peer may send once TLS is agreed on: data in records of any length, new keys, alerts, and
 * bytes that are no record, or one that was changed on its way. OpenSSL itself is the peer, and
 * resumes one and the same session each time: of TLS 1.2, which costs the least, or of 1.3. What is
 * read must be what was sent, in order, up to where it was meddled with.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "fuzz_tls.h"

#include <openssl/ssl.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SENT_MAX = 1 << 16, STEPS = 64 };

struct run {
	struct tls *tls;
	SSL *peer;
	int fds[2];
	uint8_t sent[SENT_MAX];
	size_t n_sent, n_read;
	bool is_meddled, is_over;
};

static struct {
	struct tls_settings *settings;
	SSL_CTX *ctx;
	SSL_SESSION *session[2];
} world;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int keep(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **at = &world.session[SSL_version(ssl) == TLS1_3_VERSION];

	if (*at)
		return 0;
	*at = session;
	return 1;
}

static bool open_run(struct run *run, bool is_new)
{
	enum tls_result result = TLS_WANTS_IN;
	int version = is_new ? TLS1_3_VERSION : TLS1_2_VERSION, i;
	SSL_SESSION *session =
		world.session[is_new] ? SSL_SESSION_dup(world.session[is_new]) : NULL;

	run->n_sent = run->n_read = 0;
	run->is_meddled = run->is_over = false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, run->fds) < 0)
		return false;
	run->tls = tls_accept(world.settings, run->fds[0]);
	run->peer = SSL_new(world.ctx);
	SSL_set_fd(run->peer, run->fds[1]);
	SSL_set_min_proto_version(run->peer, version);
	SSL_set_max_proto_version(run->peer, version);
	SSL_set_connect_state(run->peer);
	if (session)
		SSL_set_session(run->peer, session);
	SSL_SESSION_free(session);
	for (i = 0; i < 10 && result == TLS_WANTS_IN; i++) {
		(void)SSL_do_handshake(run->peer);
		result = tls_handshake(run->tls);
	}
	if (result != TLS_DONE || SSL_do_handshake(run->peer) != 1 ||
	    tls_is_resumed(run->tls) != (session != NULL))
		abort(); /* then it would not test what it says */
	return true;
}

static void close_run(struct run *run)
{
	tls_free(run->tls);
	SSL_set_shutdown(run->peer, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(run->peer);
	close(run->fds[0]);
	close(run->fds[1]);
}

static void take(struct run *run, size_t most, bool peeks)
{
	uint8_t bytes[8192];
	enum tls_result result;
	size_t n;

	if (most > sizeof(bytes))
		most = sizeof(bytes);
	result = (peeks ? tls_peek : tls_read)(run->tls, bytes, most, &n);
	if (result == TLS_DONE) {
		if (n == 0 || n > most || n > run->n_sent - run->n_read ||
		    memcmp(bytes, run->sent + run->n_read, n) != 0)
			abort();
		run->n_read += peeks ? 0 : n;
	} else if (result != TLS_WANTS_IN && result != TLS_WANTS_OUT) {
		run->is_over = true;
	}
}

static void send_data(struct run *run, const uint8_t *data, size_t n)
{
	size_t i, done;

	if (n > SENT_MAX - run->n_sent)
		n = SENT_MAX - run->n_sent;
	for (i = 0; i < n; i++)
		run->sent[run->n_sent + i] = (uint8_t)(data[0] + i);
	if (n > 0 && SSL_write_ex(run->peer, run->sent + run->n_sent, n, &done) == 1)
		run->n_sent += done;
	else
		run->is_over = true;
}

/* What is on its way is changed, and goes on. */
static void meddle(struct run *run, uint8_t how)
{
	static uint8_t bytes[1 << 18];
	ssize_t n = recv(run->fds[0], bytes, sizeof(bytes), MSG_DONTWAIT);

	run->is_meddled = true;
	if (n <= 0)
		return;
	bytes[(size_t)how * 31 % (size_t)n] ^= (uint8_t)(how | 1);
	if (send(run->fds[1], bytes, (size_t)n, MSG_NOSIGNAL) < 0)
		run->is_over = true;
}

static void step(struct run *run, const uint8_t *data, size_t size)
{
	size_t n = 1 + ((size_t)data[1] << (data[0] >> 4) % 6);

	switch (data[0] % 10) {
	case 0:
	case 1:
		send_data(run, data + 1, n);
		break;
	case 2:
		(void)SSL_key_update(run->peer, data[1] & 1 ? SSL_KEY_UPDATE_REQUESTED
							    : SSL_KEY_UPDATE_NOT_REQUESTED);
		(void)SSL_do_handshake(run->peer);
		break;
	case 3:
		(void)send(run->fds[1], data, size < n ? size : n, MSG_NOSIGNAL);
		run->is_meddled = true;
		break;
	case 4:
		meddle(run, data[1]);
		break;
	case 5:
		(void)SSL_shutdown(run->peer);
		break;
	case 6:
		take(run, n, true);
		break;
	case 7:
		(void)SSL_renegotiate(run->peer);
		(void)SSL_do_handshake(run->peer);
		break;
	case 8:
		if (tls_write(run->tls, run->sent, n, &n) == TLS_BROKEN)
			run->is_over = true;
		break;
	default:
		take(run, n, false);
	}
}

static void set_up(void)
{
	static struct run run;
	int i;

	world.settings = fuzz_settings(PYR_NO);
	world.ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(world.ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(world.ctx, keep);
	for (i = 0; i < 2; i++) {
		uint8_t byte;
		size_t n;

		if (!open_run(&run, i) || tls_write(run.tls, "x", 1, &n) != TLS_DONE ||
		    SSL_read(run.peer, &byte, 1) != 1 || !world.session[i])
			abort();
		close_run(&run);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	unsigned i;

	if (!world.settings)
		set_up();
	if (size < 3 || !open_run(&run, data[0] & 1))
		return 0;
	for (data++, size--, i = 0; size >= 2 && i < STEPS && !run.is_over;
	     data += 2, size -= 2, i++)
		step(&run, data, size);
	for (i = 0; i < STEPS + 4 && !run.is_over; i++)
		take(&run, sizeof(run.sent), false);
	if (!run.is_meddled && !run.is_over && run.n_read < run.n_sent && run.n_sent < 8192)
		abort(); /* it was lost */
	close_run(&run);
	return 0;
}
