/* SPDX-License-Identifier: MIT */
/* The faces of a daemon: which it has, each opened when the first connection for it comes. */
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/daemon_own.h"
#include "link/link_pump.h"
#include "tls/tls.h"
#ifdef PYRITE_FACE_HTTP
#include "face/http/http.h"
#endif
#ifdef PYRITE_FACE_PYRO
#include "face/pyro/pyro.h"
#endif

/* NULL: not built in. */
static const struct face_kind *const kinds[DAEMON_FACES] = {
#ifdef PYRITE_FACE_PYRO
	&face_pyro,
#else
	NULL,
#endif
#ifdef PYRITE_FACE_HTTP
	&face_http,
#else
	NULL,
#endif
};

bool daemon_faces(pyr_daemon *d, const struct pyr_daemon_options *options)
{
	const char *text = options->faces ? options->faces : config_text(CONFIG_FACES), *wrong;
	int n;

	if (face_names(text, &d->face_host.faces, &wrong, &n)) {
		/* Nobody else asks how its calls go; without memory nobody is told. */
		if (d->face_host.faces & FACE_HTTP)
			d->objects.tallies = tallies_new();
		return true;
	}
	error_constructor(PYR_INVALID_ARGUMENT,
			  "DaemonError: '%.*s' is not a face: grpc, reflection, health, pyro, "
			  "http, all or none",
			  n < 100 ? n : 100, wrong);
	return false;
}

unsigned daemon_faces_protocols(const pyr_daemon *d)
{
	unsigned all = 0, i;

	for (i = 0; i < DAEMON_FACES; i++)
		if (kinds[i] && (d->face_host.faces & kinds[i]->name))
			all |= 1u << kinds[i]->protocol;
	return all;
}

/* What all of them are lent. */
static void tell_host(pyr_daemon *d)
{
	struct face_host *host = &d->face_host;

	host->objects = &d->objects;
	host->place = &d->place;
	host->address = d->host.address;
	host->max_message = d->host.limits.max_message;
	host->max_calls = d->host.limits.max_calls;
	host->stream_lifetime_ms = d->host.stream_lifetime_ms;
	host->stream_linger_ms = d->host.limits.stream_linger_ms;
	host->keys = d->keys;
	host->has_tls = d->tls;
	host->is_guarded = d->objects.hooks.on_connect;
	host->rules = d->rules;
	host->audit = d->audit;
}

static struct face *get_face(pyr_daemon *d, unsigned i)
{
	if (!d->face_host.objects)
		tell_host(d);
	if (!d->faces[i])
		d->faces[i] = kinds[i]->open(&d->face_host);
	return d->faces[i];
}

void daemon_faces_take(pyr_daemon *d, int fd, enum door_protocol speaks,
		       const struct door_peer *who, struct tls *tls)
{
	struct face *face;
	unsigned i = 0;

	while (!kinds[i] || kinds[i]->protocol != speaks)
		i++; /* the door was told which there are */
	face = get_face(d, i);
	if (tls && (fd = pump_begin(fd, tls, NULL)) < 0)
		return;
	if (face) {
		kinds[i]->take(face, fd, who);
		return;
	}
	log_line(PYR_LOG_WARNING, "%s: closing the connection from %s: out of memory",
		 d->host.address, who->address);
	close(fd);
}

void daemon_faces_stop(pyr_daemon *d)
{
	unsigned i;

	for (i = 0; i < DAEMON_FACES; i++)
		if (d->faces[i])
			kinds[i]->stop(d->faces[i]);
}

void daemon_faces_free(pyr_daemon *d)
{
	unsigned i;

	for (i = 0; i < DAEMON_FACES; i++)
		if (d->faces[i])
			kinds[i]->free(d->faces[i]);
}
