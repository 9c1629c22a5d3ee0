/* SPDX-License-Identifier: MIT */
/* What is known of a proxy: whether it is connected and to what, what it can. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "engine/engine.h"
#include "proxy/proxy_session.h"

/* ---- what it is ---- */

/* Its own end tells the family also where the address is a name. */
static const char *describe(const struct session *session)
{
	const char *address = session->peer->link->address;
	bool is_six;

	if (strncmp(address, "./u:", 4) == 0)
		return "connected Unix";
	pthread_mutex_lock(&session->peer->lock);
	is_six = session->peer->from[0] == '[';
	pthread_mutex_unlock(&session->peer->lock);
	return is_six || address[0] == '[' ? "connected IPv6" : "connected IPv4";
}

const char *pyr_proxy_text(pyr_proxy *proxy, char *buf, size_t n)
{
	struct session *session = proxy ? proxy_connected_session(proxy) : NULL;

	if (!buf || n == 0)
		return "";
	if (proxy)
		snprintf(buf, n, "<%s proxy; %s%s%s; for %s>", proxy->interface->table->name,
			 session ? describe(session) : "not connected", session ? ", " : "",
			 session ? session->peer->link->lane : "", proxy->uri->text);
	else
		snprintf(buf, n, "<no proxy>");
	session_unref(session);
	return buf;
}

/* ---- what it can ---- */

static int place_of(const pyr_proxy *proxy, const char *name)
{
	const struct pyr__interface *table = proxy->interface->table;
	const char *dot;
	uint32_t i;

	for (i = 0; i < table->n_operations; i++) {
		dot = strrchr(table->operations[i].name, '.');
		if (strcmp(table->operations[i].name, name) == 0 ||
		    (dot && strcmp(dot + 1, name) == 0))
			return (int)i;
	}
	return -1;
}

static int check_operation(pyr_proxy *proxy, unsigned place)
{
	struct session *session = proxy_session(proxy);
	struct error_info error = { 0 };
	char text[1024];

	if (!session)
		return -pyr_last_error()->code;
	pthread_mutex_lock(&session->peer->lock);
	error.code = session_check_version(session, place, text, sizeof(text));
	pthread_mutex_unlock(&session->peer->lock);
	error.message = text;
	error.object = session->object;
	error.operation = proxy->interface->table->operations[place].name;
	error.address = session->peer->link->address;
	if (error.code)
		error_set_info(&error);
	session_unref(session);
	return -error.code;
}

int pyr_proxy_has(pyr_proxy *proxy, const char *operation)
{
	int place, err;

	if (!proxy || !operation)
		return proxy ? error_missing("operation") : error_null("proxy");
	place = place_of(proxy, operation);
	if (place < 0)
		return error_set(PYR_UNIMPLEMENTED, "%s has no operation '%s'",
				 proxy->interface->table->name, operation);
	err = pyr_proxy_bind(proxy);
	return err < 0 ? err : check_operation(proxy, (unsigned)place);
}

/* ---- where it is ---- */

static int give_text(char *text, char **ret)
{
	if (!text)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	*ret = text;
	return 0;
}

/* Returns a connected session, a new reference, or NULL with the last error set. */
static struct session *ask(pyr_proxy *proxy, char **ret)
{
	struct session *session;

	if (!proxy || !ret) {
		proxy ? error_missing("ret") : error_null("proxy");
		return NULL;
	}
	if (proxy_is_forked())
		return NULL;
	session = proxy_connected_session(proxy);
	if (!session)
		error_set(PYR_FAILED_PRECONDITION, "%s: the proxy is not connected",
			  proxy->uri->text);
	return session;
}

int pyr_proxy_resolved_uri(pyr_proxy *proxy, char **ret)
{
	struct session *session = ask(proxy, ret);
	const char *address;
	char *text;
	size_t n;
	int err;

	if (!session)
		return -pyr_last_error()->code;
	address = session->peer->link->address;
	n = strlen(session->object) + strlen(address) + sizeof("PYRO:@");
	text = malloc(n);
	if (text)
		snprintf(text, n, "PYRO:%s@%s", session->object, address);
	err = give_text(text, ret);
	session_unref(session);
	return err;
}

int pyr_proxy_local_address(pyr_proxy *proxy, char **ret)
{
	struct session *session = ask(proxy, ret);
	bool is_told;
	char *text;
	int err;

	if (!session)
		return -pyr_last_error()->code;
	pthread_mutex_lock(&session->peer->lock);
	is_told = session->peer->from[0] != '\0';
	text = strdup(session->peer->from);
	pthread_mutex_unlock(&session->peer->lock);
	if (is_told)
		err = give_text(text, ret);
	else
		err = error_set(PYR_FAILED_PRECONDITION,
				"%s does not report the address of this end",
				session->peer->link->address);
	if (!is_told)
		free(text);
	session_unref(session);
	return err;
}

bool proxy_speaks_pyro(pyr_proxy *proxy)
{
	bool is_pyro;

	pthread_mutex_lock(&proxy->lock);
	is_pyro = proxy->session && strcmp(proxy->session->peer->link->lane, "pyro") == 0;
	pthread_mutex_unlock(&proxy->lock);
	return is_pyro;
}

bool pyr_proxy_equal(const pyr_proxy *a, const pyr_proxy *b)
{
	return a && b ? uri_equal(a->uri, b->uri) : a == b;
}

uint64_t pyr_proxy_hash(const pyr_proxy *proxy)
{
	const char *text = proxy ? proxy->uri->text : "";

	return hash_more(HASH_START, text, strlen(text));
}

bool pyr_proxy_is_plain(pyr_proxy *proxy)
{
	bool is_plain;

	if (!proxy || engine_is_forked())
		return proxy && proxy->wish.plain == PYR_PLAIN_ONLY;
	pthread_mutex_lock(&proxy->lock);
	is_plain = proxy->wish.plain == PYR_PLAIN_ONLY ||
		   (proxy->session && session_is_plain(proxy->session));
	pthread_mutex_unlock(&proxy->lock);
	return is_plain;
}
