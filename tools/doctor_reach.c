/* SPDX-License-Identifier: MIT */
/* The steps of pyrite doctor that need no Pyrite: addresses, sockets, files. */
#include <errno.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "doctor.h"

enum { SECONDS_A_DAY = 86400, WARN_DAYS = 14 };

/* ---- sockets ---- */

/* Returns 0, or an errno. */
static int try_address(int family, const struct sockaddr *address, socklen_t n)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(err);

	if (fd < 0)
		return errno;
	if (connect(fd, address, n) != 0) {
		err = errno;
		if (err == EINPROGRESS && poll(&ready, 1, DOCTOR_PATIENCE_MS) == 1)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
		else if (err == EINPROGRESS)
			err = ETIMEDOUT;
	}
	close(fd);
	return err;
}

static bool is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
	       strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0;
}

/* An address that another host registered leads to this one, if it is loopback's. */
static void look_at_loopback(struct doctor *d, const char *host)
{
	bool from_elsewhere = d->name_server[0] && strncmp(d->name_server, "./u:", 4) != 0 &&
			      !is_loopback(d->name_server);

	if (!is_loopback(host) || !from_elsewhere)
		return;
	doctor_say(d, DOCTOR_NOTE, "address",
		   "%s is each host's own, and the name server at %s is another host's", host,
		   d->name_server);
	doctor_advise(d, "unless the server runs on this host: start it with PYRITE_HOST set to an "
			 "address that others reach, or with PYRITE_ADVERTISE");
}

static const char *advice_on(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return "nothing listens there: did the server end? Its name goes when its lease "
		       "does, in some seconds; a persistent one has to be removed ('pyrite-nsc "
		       "remove NAME')";
	case ETIMEDOUT:
		return "no answer: is a firewall between the hosts, or is the host down?";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "there is no way to that host: the server may have registered an address "
		       "of an inner network (PYRITE_ADVERTISE)";
	case ENOENT:
		return "the socket is not there: the server has ended, or runs on another host or "
		       "in another container";
	case EACCES:
		return "this user may not open the socket: look at its mode, and at its folder's";
	default:
		return NULL;
	}
}

static int tell(struct doctor *d, int err)
{
	if (err == 0) {
		doctor_say(d, DOCTOR_OK, "address", "something listens at %s", d->address);
		return COMMAND_OK;
	}
	doctor_say(d, DOCTOR_WRONG, "address", "%s: %s", d->address, strerror(err));
	if (advice_on(err))
		doctor_advise(d, "%s", advice_on(err));
	return COMMAND_UNREACHABLE;
}

static int reach_socket(struct doctor *d, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return tell(d, try_address(AF_UNIX, (struct sockaddr *)&address, sizeof(address)));
}

int doctor_reach(struct doctor *d, const pyr_uri *uri)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *each;
	const char *host = pyr_uri_host(uri);
	char bare[300], port[8];
	int err, last = 0;

	if (pyr_uri_socket(uri)[0])
		return reach_socket(d, pyr_uri_socket(uri));
	look_at_loopback(d, host);
	snprintf(bare, sizeof(bare), "%s", host[0] == '[' ? host + 1 : host);
	bare[strcspn(bare, "]")] = '\0';
	snprintf(port, sizeof(port), "%u", pyr_uri_port(uri));
	err = getaddrinfo(bare, port, &hints, &found);
	if (err) {
		doctor_say(d, DOCTOR_WRONG, "address", "%s: %s", bare, gai_strerror(err));
		doctor_advise(d, "this host does not know that name: the server may advertise "
				 "another (PYRITE_ADVERTISE)");
		return COMMAND_UNREACHABLE;
	}
	for (each = found; each; each = each->ai_next)
		if ((last = try_address(each->ai_family, each->ai_addr, each->ai_addrlen)) == 0)
			break;
	freeaddrinfo(found);
	return tell(d, last);
}

/* ---- the certificate ---- */

static X509 *read_certificate(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	if (file)
		fclose(file);
	return cert;
}

static void tell_certificate(struct doctor *d, const char *path, const X509 *cert)
{
	int days, seconds;

	if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		return;
	if (days < 0 || seconds < 0) {
		doctor_say(d, DOCTOR_WRONG, "certificate", "%s expired %d days ago", path, -days);
		doctor_advise(d, "renew it: 'pyrite keys renew NAME'");
		d->is_wrong = true;
	} else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
		doctor_say(d, DOCTOR_WRONG, "certificate", "%s is not valid yet", path);
		doctor_advise(d, "is the clock of this host right?");
		d->is_wrong = true;
	} else {
		doctor_say(d, days < WARN_DAYS ? DOCTOR_NOTE : DOCTOR_OK, "certificate",
			   "%s is valid for %d days", path, days);
	}
}

void doctor_certificate(struct doctor *d)
{
	const char *folder = getenv("PYRITE_KEYS");
	char path[4200];
	X509 *cert;

	if (!folder || !folder[0])
		return;
	snprintf(path, sizeof(path), "%s/cert.pem", folder);
	cert = read_certificate(path);
	if (cert) {
		tell_certificate(d, path, cert);
		X509_free(cert);
		return;
	}
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return; /* a folder with ca.pem alone: this end proves nothing */
	doctor_say(d, DOCTOR_WRONG, "certificate", "%s cannot be read", path);
	doctor_advise(d, "PYRITE_KEYS names a folder of 'pyrite keys', which this user may read");
	d->is_wrong = true;
}
