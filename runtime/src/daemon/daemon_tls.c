/* SPDX-License-Identifier: MIT */
/* What a daemon proves to those who connect, and what they prove to it. */
#include "daemon/daemon_own.h"

#include <string.h>
#include <sys/socket.h>

#include "base/audit.h"
#include "base/error.h"
#include "base/log.h"
#include "key/key.h"
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
	struct audit_event event = { .action = "reload", .target = "certificates" };
	struct tls_problem problem = { 0 };

	if (!daemon)
		return error_null("daemon");
	if (!daemon->tls)
		return error_set(PYR_FAILED_PRECONDITION, "the daemon was made without TLS");
	event.decision =
		tls_settings_update(daemon->tls, options, true, &problem) ? "failed" : "done";
	event.why = problem.text;
	audit_say(daemon->audit, &event);
	if (!problem.code)
		return 0;
	return error_set(problem.code, "SecurityError: TLS: %s", problem.text);
}

/* ---- shared keys ---- */

bool daemon_keys(const struct pyr_daemon_options *options, int given, struct key_settings **ret)
{
	const struct pyr_key_options *key = options->key;
	bool is_named = key && (key->file || key->text);
	struct key_problem problem;

	*ret = NULL;
	if ((key && key->use == PYR_NO) ||
	    (!key && (!key_settings_is_default() || is_unix(options, given))))
		return true;
	*ret = key_settings_new(is_named ? key : NULL, &problem);
	if (!*ret)
		error_constructor(problem.code, "SecurityError: shared key: %s", problem.text);
	return *ret;
}

/* Nobody is between on this host. */
void daemon_tell_of_key(pyr_daemon *d)
{
	const char *address = door_address(atomic_load(&d->door));
	bool is_near = strncmp(address, "./u:", 4) == 0 || strncmp(address, "127.", 4) == 0 ||
		       strncmp(address, "[::1]", 5) == 0;

	if (!d->keys || d->tls)
		return;
	log_line(is_near ? PYR_LOG_INFO : PYR_LOG_WARNING,
		 "%s: the shared key authenticates callers, but does not encrypt: without TLS, "
		 "anyone on the path can read and change the traffic",
		 d->host.address);
}

int pyr_daemon_set_key(pyr_daemon *daemon, const struct pyr_key_options *options)
{
	struct key_problem problem;

	if (!daemon)
		return error_null("daemon");
	if (!daemon->keys)
		return error_set(PYR_FAILED_PRECONDITION, "the daemon was made without a key");
	if (options && options->use == PYR_NO)
		return error_set(PYR_INVALID_ARGUMENT,
				 "a daemon with a key cannot stop requiring one");
	if (key_settings_update(daemon->keys, options, &problem) == 0)
		return 0;
	return error_set(problem.code, "SecurityError: shared key: %s", problem.text);
}
