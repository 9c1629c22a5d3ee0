/* SPDX-License-Identifier: MIT */
/* What a daemon's URIs say of where it is: where it listens, or where somebody says that others
 * reach it, behind a NAT or outside of its container. */
#include "base/address.h"
#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "base/uri.h"
#include "daemon/daemon_own.h"
#include "tls/tls.h"

static int refuse(const char *given, const char *why)
{
	return error_set(PYR_INVALID_ARGUMENT, "DaemonError: advertise '%s': %s", given, why);
}

static bool is_any(const pyr_uri *uri)
{
	return strcmp(uri->host, "0.0.0.0") == 0 || strcmp(uri->host, "::") == 0;
}

/* Returns 0, or minus a status with the last error. */
static int set_given(struct pyr_daemon *d, const char *given, const struct door *door)
{
	bool is_unix = door_port(door) == 0;
	struct uri_problem problem;
	pyr_uri *uri = uri_parse_address(given, &problem);
	int status = 0;

	if (!uri)
		return error_set(problem.code, "DaemonError: advertise: %s", problem.text);
	if (is_unix != (uri->socket[0] != '\0'))
		status = refuse(given, is_unix ? "the daemon listens on a unix socket"
					       : "the daemon listens on TCP");
	else if (is_any(uri))
		status = refuse(given, "no address that others can use");
	else if (uri_address(uri, door_port(door), d->address, sizeof(d->address)) < 0)
		status = refuse(given, "too long");
	pyr_uri_free(uri);
	return status;
}

/* Clients would find out, one by one. */
static void check_certificate(struct pyr_daemon *d)
{
	struct uri_problem problem;
	pyr_uri *uri = d->tls ? uri_parse_address(d->address, &problem) : NULL;

	if (uri && uri->host[0] && !tls_settings_names(d->tls, uri->host))
		log_line(PYR_LOG_WARNING,
			 "the certificate of the daemon at %s does not name %s: clients will "
			 "refuse it",
			 d->address, uri->host);
	pyr_uri_free(uri);
}

int daemon_set_address(struct pyr_daemon *d, const struct pyr_daemon_options *o,
		       const struct door *door)
{
	const char *given = o->advertise ? o->advertise : "";
	int status = 0;

	if (!o->advertise && door_port(door) != 0)
		given = config_text(CONFIG_ADVERTISE);
	if (given[0])
		status = set_given(d, given, door);
	else
		address_advertise(door_address(door), d->address, sizeof(d->address));
	d->host.address = d->address;
	if (status == 0)
		check_certificate(d);
	return status;
}
