/* SPDX-License-Identifier: MIT */
/* Proxies made: of a URI, over a socket, of others. */
#include "proxy/proxy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/config.h"
#include "base/error.h"
#include "engine/engine.h"
#include "key/key.h"
#include "proxy/group.h"
#include "proxy/patience.h"
#include "proxy/proxy_greet.h"
#include "tls/tls.h"
#include "wire/annotation.h"

static bool is_started(void)
{
	int err = engine_start();

	if (err < 0)
		error_set(-err, err == -PYR_FAILED_PRECONDITION
					? ENGINE_FORKED_TEXT
					: "the runtime's thread cannot be started");
	return err == 0;
}

/* Encodes them, for all calls of the proxy. Returns what is wrong with them, with *code set if that
 * is not INVALID_ARGUMENT, or NULL. */
static const char *keep_annotations(pyr_proxy *proxy, const struct pyr_proxy_options *options,
				    int *code)
{
	struct buf *buf = &proxy->annotations;
	size_t i;

	for (i = 0; i < options->n_annotations; i++)
		annotation_put(buf, ANNOTATIONS_OF_CALL, &options->annotations[i]);
	if (buf->broken) {
		*code = PYR_RESOURCE_EXHAUSTED;
		return "out of memory";
	}
	return annotations_problem((struct span){ buf->data, buf->n }, ANNOTATIONS_OF_CALL);
}

/* What it proves, and wants proved. Returns 0 or a status, with text. */
static int take_proofs(pyr_proxy *proxy, const struct pyr_proxy_options *options, char text[600])
{
	struct key_problem key;
	struct tls_problem tls;

	if (options->tls && !(proxy->wish.tls = tls_settings_share(options->tls, &tls))) {
		snprintf(text, 600, "SecurityError: TLS: %s", tls.text);
		return tls.code == PYR_RESOURCE_EXHAUSTED ? tls.code : PYR_INVALID_ARGUMENT;
	}
	proxy->wish.has_no_key = options->key && options->key->use == PYR_NO;
	if (!options->key || proxy->wish.has_no_key ||
	    (proxy->wish.keys = key_settings_share(options->key, &key)))
		return 0;
	snprintf(text, 600, "SecurityError: shared key: %s", key.text);
	return key.code;
}

pyr_proxy *proxy_make(const struct codec_interface *interface, pyr_uri *uri,
		      const struct pyr_proxy_options *options)
{
	pyr_proxy *proxy = interface && uri ? calloc(1, sizeof(*proxy)) : NULL;
	int code = PYR_INVALID_ARGUMENT;
	const char *wrong;
	char text[600];

	if (!proxy) {
		pyr_uri_free(uri);
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	proxy->uri = uri;
	proxy->interface = interface;
	proxy->wish = (struct link_wish){
		.is_own = options->own_link,
		.plain = options->plain,
		.lane = (enum pyr_lane)config_or((uint32_t)options->lane, CONFIG_LANE),
		.connect_timeout_ms =
			config_or(options->connect_timeout_ms, CONFIG_CONNECT_TIMEOUT_MS)
	};
	wrong = keep_annotations(proxy, options, &code);
	if (!wrong)
		wrong = greet_options(proxy, options, &code);
	if (!wrong && (code = take_proofs(proxy, options, text)))
		wrong = text;
	if (wrong) {
		pyr_uri_free(proxy->uri);
		buf_free(&proxy->annotations);
		session_ways_unref(proxy->ways);
		tls_settings_unref(proxy->wish.tls);
		free(proxy);
		return error_constructor(code, "%s", wrong);
	}
	proxy->refs = 1;
	proxy->n_users = 1;
	pthread_mutex_init(&proxy->lock, NULL);
	patience_options(proxy, options);
	atomic_init(&proxy->timeout_ms, options->timeout_ms);
	root_add(&proxy->root);
	if (group_init(proxy, options))
		return proxy;
	pyr__proxy_free(proxy);
	return error_from_constructor();
}

static void *new_proxy(const struct pyr__interface *interface, const char *uri,
		       const struct pyr_proxy_options *options)
{
	struct uri_problem problem = { .code = PYR_RESOURCE_EXHAUSTED, .text = "out of memory" };
	pyr_uri *parsed;

	if (!is_started())
		return error_from_constructor();
	if (!uri)
		return error_constructor(PYR_INVALID_ARGUMENT, "uri is NULL");
	parsed = uri_parse(uri, &problem);
	if (!parsed)
		return error_constructor(problem.code, "%s", problem.text);
	return proxy_make(codec_interface_get(interface), parsed, options);
}

/* Takes the caller's options. Returns false with the last error set. */
static bool is_possible(const struct pyr__interface *interface, struct pyr_proxy_options *own,
			const struct pyr_proxy_options *options, size_t size)
{
	return abi_has_interface(interface) &&
	       abi_options(own, sizeof(*own), options, size, "pyr_proxy_options") == 0;
}

void *pyr__proxy_new(const struct pyr__interface *interface, const char *uri,
		     const struct pyr_proxy_options *options, size_t size)
{
	struct pyr_proxy_options own;

	if (!is_possible(interface, &own, options, size))
		return error_from_constructor();
	return new_proxy(interface, uri, &own);
}

/* An fd that is none of the standard ones. */
static int above_standard(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

void *pyr__proxy_from_fd(const struct pyr__interface *interface, int fd, const char *object,
			 const struct pyr_proxy_options *options, size_t size)
{
	struct pyr_proxy_options own;
	char text[URI_MAX];
	struct uri_problem problem;
	struct given_socket *given;
	pyr_proxy *proxy;

	if (fd < 0)
		return error_constructor(PYR_INVALID_ARGUMENT, "descriptor %d is not a socket", fd);
	if (!is_possible(interface, &own, options, size)) {
		close(fd);
		return error_from_constructor();
	}
	given = given_new(above_standard(fd), &problem);
	if (!given)
		return error_constructor(problem.code, "%s", problem.text);
	proxy = new_proxy(interface, given_uri(given, object, text, sizeof(text)), &own);
	if (proxy)
		proxy->wish.given = given; /* which goes with it */
	else
		given_unref(given);
	if (!proxy || (proxy->wish.plain != PYR_PLAIN_ONLY && proxy->uri->scheme == PYR_URI_PYRO))
		return proxy;
	pyr__proxy_free(proxy);
	return error_constructor(PYR_INVALID_ARGUMENT,
				 "a connected socket carries no names and no plain gRPC");
}
