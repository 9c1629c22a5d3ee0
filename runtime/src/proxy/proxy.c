/* SPDX-License-Identifier: MIT */
#include "proxy/proxy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/config.h"
#include "base/error.h"
#include "context/context.h"
#include "engine/engine.h"
#include "proxy/proxy_patience.h"
#include "proxy/unreadable.h"
#include "wire/annotation.h"

static proxy_resolver *resolve; /* set once, before any proxy is made */

enum { TRIES = 3 }; /* of a call whose session was over before it could leave */

void proxy_set_resolver(proxy_resolver *resolver)
{
	resolve = resolver;
}

bool proxy_is_forked(void)
{
	if (!engine_is_forked())
		return false;
	error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	return true;
}

static bool is_started(void)
{
	int err = engine_start();

	if (err < 0)
		error_set(-err, err == -PYR_FAILED_PRECONDITION
					? ENGINE_FORKED_TEXT
					: "the runtime's thread cannot be started");
	return err == 0;
}

/* Encodes them, for all calls of the proxy. Returns what is wrong with them, or NULL. */
static const char *keep_annotations(pyr_proxy *proxy, const struct pyr_proxy_options *options)
{
	struct buf *buf = &proxy->annotations;
	size_t i;

	for (i = 0; i < options->n_annotations; i++)
		annotation_put(buf, ANNOTATIONS_OF_CALL, &options->annotations[i]);
	if (buf->broken)
		return "out of memory";
	return annotations_problem((struct span){ buf->data, buf->n }, ANNOTATIONS_OF_CALL);
}

static void *new_proxy(const struct pyr__interface *interface, const char *uri,
		       const struct pyr_proxy_options *options)
{
	struct uri_problem problem = { .code = PYR_RESOURCE_EXHAUSTED, .text = "out of memory" };
	const char *wrong;
	pyr_proxy *proxy;

	if (!is_started())
		return error_from_constructor();
	proxy = calloc(1, sizeof(*proxy));
	if (!proxy)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (!uri)
		proxy->uri = NULL;
	else
		proxy->uri = uri_parse(uri, &problem);
	proxy->interface = codec_interface_get(interface);
	if (!proxy->uri || !proxy->interface) {
		pyr_uri_free(proxy->uri);
		free(proxy);
		if (!uri)
			return error_constructor(PYR_INVALID_ARGUMENT, "uri is NULL");
		return error_constructor(problem.code, "%s", problem.text);
	}
	proxy->wish =
		(struct link_wish){ .is_own = options->own_link,
				    .plain = options->plain,
				    .connect_timeout_ms = config_or(options->connect_timeout_ms,
								    CONFIG_CONNECT_TIMEOUT_MS) };
	wrong = keep_annotations(proxy, options);
	if (!wrong)
		wrong = greet_options(proxy, options);
	if (wrong) {
		pyr_uri_free(proxy->uri);
		buf_free(&proxy->annotations);
		free(proxy);
		return error_constructor(PYR_INVALID_ARGUMENT, "%s", wrong);
	}
	proxy->refs = 1;
	pthread_mutex_init(&proxy->lock, NULL);
	patience_options(proxy, options);
	atomic_init(&proxy->timeout_ms, options->timeout_ms);
	root_add(&proxy->root);
	return proxy;
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
		return error_constructor(PYR_INVALID_ARGUMENT, "descriptor %d is no socket", fd);
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

void proxy_ref(pyr_proxy *proxy)
{
	atomic_fetch_add_explicit(&proxy->refs, 1, memory_order_relaxed);
}

void proxy_unref(pyr_proxy *proxy)
{
	if (atomic_fetch_sub(&proxy->refs, 1) != 1)
		return;
	pyr_uri_free(proxy->uri);
	buf_free(&proxy->annotations);
	session_ways_unref(proxy->ways);
	given_unref(proxy->wish.given);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}

static void close_session(struct session *session, bool keep_streams)
{
	struct peer *peer = session->peer;

	session_close(session, keep_streams);
	links_put(peer);
}

/* Those who wait look again, or have failed as the one who tried. With the proxy's lock. */
static void tell_waiting(pyr_proxy *proxy, bool has_failed)
{
	struct proxy_wait *wait, *next;

	for (wait = proxy->waiting; wait; wait = next) {
		next = wait->next; /* once woken, it may be gone */
		wait->has_failed = has_failed;
		wait->error = has_failed ? error_copy() : NULL;
		engine_wake(&wait->waiter);
	}
	proxy->waiting = NULL;
}

void proxy_release(pyr_proxy *proxy, bool keep_streams)
{
	struct session *session, *greeted;

	pthread_mutex_lock(&proxy->lock);
	greeted = proxy->greeted;
	if (greeted)
		session_ref(greeted);
	session = proxy->session;
	proxy->session = NULL;
	proxy->n_released++;
	tell_waiting(proxy, false);
	patience_end(proxy);
	pthread_mutex_unlock(&proxy->lock);
	if (greeted)
		session_close(greeted, false); /* its link is for who waits there to put */
	if (session)
		close_session(session, keep_streams);
}

void pyr_proxy_release(pyr_proxy *proxy)
{
	if (proxy && !engine_is_forked())
		proxy_release(proxy, false);
}

void pyr__proxy_free(void *self)
{
	pyr_proxy *proxy = self;

	if (!proxy || proxy->batch) /* which frees it */
		return;
	if (engine_is_forked()) /* where locks may be held by threads that are not there */
		return;
	proxy_drop_wish(proxy);
	root_remove(&proxy->root);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_freed = true;
	pthread_mutex_unlock(&proxy->lock);
	pyr_proxy_release(proxy);
	proxy_unref(proxy);
}

void proxy_forget(pyr_proxy *proxy, struct session *session)
{
	struct peer *peer = session->peer;
	bool is_current;

	pthread_mutex_lock(&proxy->lock);
	is_current = proxy->session == session;
	if (is_current)
		proxy->session = NULL;
	pthread_mutex_unlock(&proxy->lock);
	if (!is_current)
		return;
	session_leave(session); /* other calls may run there, of a link that goes away */
	links_leave(peer);
}

/* What is left of the time, for a look-up: 0 = no limit but its own. */
static uint32_t lookup_ms(int64_t until)
{
	uint32_t most = config_number(CONFIG_LOOKUP_TIMEOUT_MS);
	int64_t left = until == ENGINE_FOREVER ? most : (until - engine_now()) / ENGINE_MS;

	return left >= most ? most : left < 1 ? 1 : (uint32_t)left;
}

/* Follows the name, finds a link, opens a session on it. */
static struct session *find_session(pyr_proxy *proxy, const struct link_wish *wish,
				    struct session_ways *ways, int64_t until)
{
	struct session *session;
	struct uri_problem problem;
	struct peer *peer;
	pyr_uri *uri;

	if (resolve(proxy->uri, lookup_ms(until), &uri) < 0)
		return NULL;
	peer = links_get(uri, wish, &problem);
	if (!peer) {
		error_set(problem.code, "%s", problem.text);
		pyr_uri_free(uri);
		return NULL;
	}
	session = session_new(peer, uri->object, proxy->interface, ways);
	pyr_uri_free(uri);
	if (!session) {
		links_put(peer);
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	return session;
}

static struct session *open_session(pyr_proxy *proxy, int64_t until)
{
	struct session_ways *ways;
	struct session *session;
	struct link_wish wish;
	unsigned n_released;

	pthread_mutex_lock(&proxy->lock);
	n_released = proxy->n_released;
	ways = greet_ways(proxy, &wish);
	pthread_mutex_unlock(&proxy->lock);
	session = find_session(proxy, &wish, ways, until);
	session_ways_unref(ways);
	if (!session || greet(proxy, session, until, n_released))
		return session;
	close_session(session, false);
	return NULL;
}

static struct session *was_released(const pyr_proxy *proxy)
{
	error_set(PYR_CANCELLED, "%s: the proxy was released", proxy->uri->text);
	return NULL;
}

/* Opens the session, for itself and all who come meanwhile. Called with the proxy's lock, which is
 * not held while the name is looked up. */
static void open_for_all(pyr_proxy *proxy, int64_t until)
{
	unsigned n_released = proxy->n_released;
	struct session *session;

	proxy->is_opening = true;
	proxy->opener = pthread_self();
	proxy->opener_task = engine_fiber();
	pthread_mutex_unlock(&proxy->lock);
	session = open_session(proxy, until);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_opening = false;
	/* That he was cancelled is not their failure. */
	tell_waiting(proxy, !session && pyr_last_error()->code != PYR_CANCELLED);
	if (session && n_released != proxy->n_released) {
		close_session(session, false);
		session = was_released(proxy);
	}
	proxy->session = session;
}

/* Leaves those who wait, if it is still among them. With the proxy's lock. */
static void wait_no_more(pyr_proxy *proxy, struct proxy_wait *wait, bool is_cancelled)
{
	struct proxy_wait **at;

	for (at = &proxy->waiting; *at && *at != wait; at = &(*at)->next)
		;
	if (*at)
		*at = wait->next;
	else if (!is_cancelled)
		return;
	wait->has_failed = true;
	if (is_cancelled)
		error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	else
		error_set(PYR_DEADLINE_EXCEEDED, "TimeoutError: %s was not found in time",
			  proxy->uri->text);
}

/* on_handshake is asked, and uses the proxy that asks. With the proxy's lock. */
static bool is_opener(const pyr_proxy *proxy)
{
	if (!pthread_equal(proxy->opener, pthread_self()) || proxy->opener_task != engine_fiber())
		return false;
	error_set(PYR_FAILED_PRECONDITION,
		  "%s: on_handshake cannot use the proxy that it is asked about", proxy->uri->text);
	return true;
}

/* Waits until another has opened the session. Returns false if he could not, with his error the
 * last one here, or if the time has passed; his time may have been shorter. Called with the proxy's
 * lock, which is not held meanwhile. */
static bool wait_for_session(pyr_proxy *proxy, int64_t until)
{
	struct proxy_wait wait = { .has_failed = false }, **at;
	bool is_cancelled;

	for (at = &proxy->waiting; *at; at = &(*at)->next)
		;
	*at = &wait;
	engine_waiter_init(&wait.waiter, false);
	pthread_mutex_unlock(&proxy->lock);
	is_cancelled = engine_wait_or_cancel(&wait.waiter, until) < 0;
	pthread_mutex_lock(&proxy->lock);
	engine_waiter_fini(&wait.waiter);
	if (wait.error && wait.error->code == PYR_DEADLINE_EXCEEDED && engine_now() < until) {
		pyr_error_free(wait.error);
		return true;
	}
	if (wait.error)
		error_restore(wait.error);
	else if (wait.has_failed)
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	else
		wait_no_more(proxy, &wait, is_cancelled);
	return !wait.has_failed;
}

/* With the proxy's lock. */
static struct session *open_or_wait(pyr_proxy *proxy, int64_t until)
{
	unsigned n_released = proxy->n_released;

	if (proxy->is_freed)
		return was_released(proxy);
	while (!proxy->session && proxy->is_opening) {
		if (is_opener(proxy) || !wait_for_session(proxy, until))
			return NULL;
		if (n_released != proxy->n_released)
			return was_released(proxy);
	}
	if (!proxy->session)
		open_for_all(proxy, until);
	if (proxy->session)
		session_ref(proxy->session);
	return proxy->session;
}

struct session *proxy_session_until(pyr_proxy *proxy, int64_t until)
{
	struct session *session;

	if (proxy_is_forked())
		return NULL;
	engine_catch_up(); /* its link may be gone: better known before a call has left */
	pthread_mutex_lock(&proxy->lock);
	if (proxy->session && !proxy->is_freed) {
		session = proxy->session;
		session_ref(session);
		pthread_mutex_unlock(&proxy->lock);
		return session;
	}
	proxy_ref(proxy); /* it may be freed while this waits */
	session = open_or_wait(proxy, until);
	pthread_mutex_unlock(&proxy->lock);
	proxy_unref(proxy);
	return session;
}

struct session *proxy_session(pyr_proxy *proxy)
{
	return proxy_session_until(proxy, ENGINE_FOREVER);
}

int proxy_operation(const pyr_proxy *proxy, const struct pyr__interface *interface, unsigned op)
{
	const struct pyr__interface *own;
	const char *name = interface->operations[op].name;
	uint32_t i;

	if (!proxy)
		return error_null(interface->name);
	own = proxy->interface->table;
	if (own == interface)
		return (int)op;
	for (i = 0; i < own->n_operations; i++)
		if (strcmp(own->operations[i].name, name) == 0)
			return (int)i;
	proxy_drop_wish(proxy);
	error_set(PYR_INVALID_ARGUMENT, "a proxy of %s is no %s", own->name, interface->name);
	return -1;
}

/* Makes the call once. Returns false with the last error set if there is no session for it. */
static bool attempt(struct patience *patience, const struct call_terms *terms, unsigned operation,
		    const struct codec_packer *packer, struct outcall *call)
{
	struct session *session = proxy_session_until(patience->proxy, patience->deadline);

	if (!session)
		return false;
	outcall_init(call, terms);
	outcall_start(call, session, operation, packer, true);
	outcall_wait(call, ENGINE_FOREVER);
	return true;
}

bool proxy_perform(pyr_proxy *proxy, unsigned operation, const struct codec_packer *packer,
		   struct outcall *call)
{
	struct patience patience;
	struct call_terms terms;
	int tries = TRIES;
	bool has_call, is_over;

	proxy_terms(proxy, operation, &terms);
	patience_begin(&patience, proxy, operation, terms.deadline);
	for (;;) {
		has_call = attempt(&patience, &terms, operation, packer, call);
		is_over = has_call && call->was_not_run && --tries > 0;
		if (!is_over && !patience_wants(&patience, has_call ? call : NULL))
			break;
		if (has_call) {
			outcall_fini(call);
			proxy_forget(proxy, call->session);
			session_unref(call->session);
			has_call = false;
		}
		if (!is_over && !patience_pause(&patience))
			break;
	}
	patience_done(&patience, has_call && !call->code);
	return has_call;
}

int pyr__call(void *self, const struct pyr__interface *interface, unsigned op, pyr__in *in,
	      void *const *out)
{
	pyr_proxy *proxy = self;
	int operation = proxy_operation(proxy, interface, op), err = 0;
	const struct codec_operation *codec;
	_Alignas(16) uint8_t room[512];
	struct codec_problem problem;
	struct codec_packer packer;
	struct outcall call;
	struct arena arena;

	if (operation < 0)
		return -pyr_last_error()->code;
	if (proxy->batch)
		return batch_add(proxy->batch, (unsigned)operation, in, out);
	codec = &proxy->interface->operations[operation];
	proxy_ref(proxy); /* it may be freed meanwhile, which ends the call */
	arena_init(&arena, room, sizeof(room));
	if (codec_prepare(codec->request, in, &arena, &packer, &problem) < 0) {
		proxy_drop_wish(proxy);
		err = error_set(problem.code, "%s: %s", codec->table->name, problem.text);
	} else if (!proxy_perform(proxy, (unsigned)operation, &packer, &call)) {
		err = -pyr_last_error()->code;
	} else {
		if (call.code)
			err = outcall_error(&call);
		else if (codec_unpack_results(codec->reply, call.answer.data, call.answer.n,
					      config_number(CONFIG_MAX_MESSAGE), out, &problem) < 0)
			err = unreadable(&problem, "the reply of %s", codec->table->name);
		outcall_fini(&call);
		session_unref(call.session);
	}
	arena_clear(&arena);
	proxy_unref(proxy);
	return err;
}

/* Once. Returns 0, or minus a status with the last error set. */
static int bind_session(pyr_proxy *proxy)
{
	struct session *session = proxy_session(proxy);
	int64_t until;
	int err;

	if (!session)
		return -pyr_last_error()->code;
	until = engine_now() + (int64_t)proxy->wish.connect_timeout_ms * ENGINE_MS;
	err = greet_bind(session, until);
	if (err < 0)
		proxy_forget(proxy, session);
	session_unref(session);
	return err;
}

int pyr_proxy_bind(pyr_proxy *proxy)
{
	struct patience patience;
	int err;

	if (!proxy)
		return error_null("proxy");
	proxy_ref(proxy);
	patience_begin(&patience, proxy, PATIENCE_BIND, ENGINE_FOREVER);
	do
		err = bind_session(proxy);
	while (err < 0 && patience_wants(&patience, NULL) && patience_pause(&patience));
	patience_done(&patience, err == 0);
	if (err < 0)
		err = -pyr_last_error()->code;
	proxy_unref(proxy);
	return err;
}

void pyr_proxy_set_timeout(pyr_proxy *proxy, uint32_t timeout_ms)
{
	if (proxy)
		atomic_store(&proxy->timeout_ms, timeout_ms);
}

const char *pyr_proxy_uri(const pyr_proxy *proxy)
{
	return proxy ? proxy->uri->text : "";
}
