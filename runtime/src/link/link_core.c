/* SPDX-License-Identifier: MIT */
#include "link/link_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "engine/core_api.h"
#include "tls/tls.h"

/* Trusts nobody: an empty list of roots would be core's own. */
#define NO_ROOTS "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"

static grpc_channel_credentials *with_tls(struct tls_settings *settings)
{
	grpc_channel_credentials *credentials;
	struct tls_problem problem;
	grpc_ssl_pem_key_cert_pair pair;
	struct tls_texts texts;

	if (!tls_settings_texts(settings, &texts, &problem)) {
		log_line(PYR_LOG_ERROR, "TLS: %s", problem.text);
		return grpc_ssl_credentials_create(NO_ROOTS, NULL, NULL, NULL);
	}
	pair = (grpc_ssl_pem_key_cert_pair){ texts.key, texts.cert };
	credentials = grpc_ssl_credentials_create(texts.ca, texts.cert ? &pair : NULL, NULL, NULL);
	tls_texts_free(&texts);
	return credentials;
}

static grpc_arg text_arg(const char *key, const char *value)
{
	grpc_arg arg = { .type = GRPC_ARG_STRING, .key = (char *)key };

	arg.value.string = (char *)value;
	return arg;
}

/* Its caller's connection, with TLS of which core does not know. Returns how many args there are.
 */
static size_t add_outer_args(const struct link_target *target, grpc_arg *args, size_t n,
			     char host[256])
{
	if (!tls_settings_name(target->tls, host, 256))
		snprintf(host, 256, "%s", target->address);
	args[n++] = text_arg("grpc.default_authority", host);
	args[n++] = text_arg("grpc.http2_scheme", "https");
	return n;
}

static grpc_channel *over_fd(const struct link_target *target, int fd, grpc_channel_args *args)
{
	grpc_channel_credentials *how = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create_from_fd(target->target, fd, how, args);

	grpc_channel_credentials_release(how);
	return channel;
}

grpc_channel *link_core_channel(const struct link_target *target, int fd, grpc_arg *args, size_t n)
{
	grpc_channel_args all = { n, args };
	grpc_channel_credentials *how;
	grpc_channel *channel;
	char name[256];

	if (fd >= 0 && target->tls)
		all.num_args = add_outer_args(target, args, n, name);
	if (fd >= 0)
		return over_fd(target, fd, &all);
	if (target->tls && tls_settings_name(target->tls, name, sizeof(name)))
		args[all.num_args++] = text_arg("grpc.ssl_target_name_override", name);
	how = target->tls ? with_tls(target->tls) : grpc_insecure_credentials_create();
	channel = grpc_channel_create(target->target, how, &all);
	grpc_channel_credentials_release(how);
	return channel;
}
