/* SPDX-License-Identifier: MIT */
#include "link/link_core.h"

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

grpc_channel_credentials *link_core_credentials(const struct link_target *target)
{
	return target->tls ? with_tls(target->tls) : grpc_insecure_credentials_create();
}

size_t link_core_name(const struct link_target *target, char name[256], grpc_arg *ret)
{
	if (!target->tls || !tls_settings_name(target->tls, name, 256))
		return 0;
	*ret = (grpc_arg){ .type = GRPC_ARG_STRING,
			   .key = (char *)"grpc.ssl_target_name_override" };
	ret->value.string = name;
	return 1;
}
