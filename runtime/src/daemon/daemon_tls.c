/* SPDX-License-Identifier: MIT */
/* What a daemon proves to those who connect. */
#include "daemon/daemon_own.h"

#include <sys/socket.h>

#include "base/error.h"
#include "tls/tls.h"

/* On a unix socket the system tells who connects. */
static bool is_unix(const struct pyr_daemon_options *options, int given)
{
	struct sockaddr_storage at = { 0 };
	socklen_t n = sizeof(at);

	if (given >= 0)
		return getsockname(given, (struct sockaddr *)&at, &n) == 0 &&
		       at.ss_family == AF_UNIX;
	return options->socket;
}

bool daemon_tls(const struct pyr_daemon_options *options, int given, struct tls_settings **ret)
{
	static const struct pyr_tls_options standard;
	struct tls_problem problem;

	*ret = NULL;
	if (!options->tls && (!tls_settings_is_default() || is_unix(options, given)))
		return true;
	*ret = tls_settings_new(options->tls ? options->tls : &standard, &problem);
	if (!*ret)
		error_constructor(problem.code, "SecurityError: TLS: %s", problem.text);
	else if (!tls_settings_can_serve(*ret))
		error_constructor(PYR_INVALID_ARGUMENT,
				  "SecurityError: TLS: a daemon needs a certificate: cert and key");
	else
		return true;
	return false;
}

int pyr_daemon_set_tls(pyr_daemon *daemon, const struct pyr_tls_options *options)
{
	struct tls_problem problem;

	if (!daemon)
		return error_null("daemon");
	if (!daemon->tls)
		return error_set(PYR_FAILED_PRECONDITION, "the daemon was made without TLS");
	if (tls_settings_update(daemon->tls, options, true, &problem) == 0)
		return 0;
	return error_set(problem.code, "SecurityError: TLS: %s", problem.text);
}
