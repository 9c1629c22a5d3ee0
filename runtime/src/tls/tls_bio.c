/* SPDX-License-Identifier: MIT */
/* How OpenSSL gets at the socket: its own way would raise SIGPIPE in the program. */
#include "tls/tls_own.h"

#include <openssl/bio.h>

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/socket.h>

static int fd_of(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int put(BIO *bio, const char *p, int n)
{
	ssize_t sent;

	BIO_clear_retry_flags(bio);
	do
		sent = send(fd_of(bio), p, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_write(bio);
	return (int)sent;
}

static int get(BIO *bio, char *p, int n)
{
	ssize_t got;

	BIO_clear_retry_flags(bio);
	do
		got = recv(fd_of(bio), p, (size_t)n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_read(bio);
	if (got == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)got;
}

static long control(BIO *bio, int what, long n, void *p)
{
	(void)n;
	(void)p;
	if (what == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
}

static int create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static BIO_METHOD *make_method(void)
{
	BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pyrite");

	if (!made)
		return NULL;
	BIO_meth_set_write(made, put);
	BIO_meth_set_read(made, get);
	BIO_meth_set_ctrl(made, control);
	BIO_meth_set_create(made, create);
	return made;
}

/* Lasts as long as the process. Without memory it is made the next time. */
static BIO_METHOD *get_method(void)
{
	static _Atomic(BIO_METHOD *) method;
	BIO_METHOD *made = atomic_load(&method), *other = NULL;

	if (made || !(made = make_method()))
		return made;
	if (atomic_compare_exchange_strong(&method, &other, made))
		return made;
	BIO_meth_free(made);
	return other;
}

BIO *tls_bio_new(int fd)
{
	BIO_METHOD *method = get_method();
	BIO *bio;

	bio = method ? BIO_new(method) : NULL;
	if (bio)
		BIO_set_data(bio, (void *)(intptr_t)fd);
	return bio;
}
