/* SPDX-License-Identifier: MIT */
/*
 * What one end proves and whom it trusts: read from files, and again when they change. Who begins a
 * connection takes the context of that moment; those that stand keep theirs.
 *
 * Changes are found by looking (stat(2)), when a connection begins and a second has gone by: no
 * thread, no signal, nothing while nobody connects. Files are changed one after the other, so what
 * does not fit together is left alone until one of them changes again.
 */
#include "tls/tls_own.h"

#include <openssl/x509v3.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/file.h"
#include "base/log.h"

enum { LOOK_MS = 1000, SESSIONS = 32, READS = 5 };
enum { CA, CERT, KEY, CRL, NAME, TEXTS };

struct session {
	SSL_SESSION *session;
	char *address;
};

struct tls_settings {
	atomic_int refs;
	bool is_shared;
	struct tls_settings *next; /* shared.lock: among those shared */

	pthread_mutex_t reading; /* held from reading files until what they say is in use, so that
				    nothing older replaces it; before lock */
	pthread_mutex_t lock;    /* after shared.lock; guards: */
	/* As given: ca, cert, key, crl, name; NULL: not given. Constant in one that is shared. */
	char *texts[TEXTS];
	bool is_crl_wanted; /* else it may come later, but may not go then */
	enum pyr_switch clients;
	unsigned generation; /* how often they changed */
	struct tls_contexts contexts;
	struct file_stamp stamps[TEXTS];
	int64_t looked_ms;
	struct session sessions[SESSIONS];
	unsigned next_session;
};

static struct {
	pthread_mutex_t lock;
	struct tls_settings *first;
	/* The last that was asked for stays, so that a program which makes one proxy after the
	 * other reads its files once, and resumes sessions. */
	struct tls_settings *kept;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what is given ---- */

static void free_texts(char *texts[TEXTS])
{
	int i;

	for (i = 0; i < TEXTS; i++)
		tls_wipe(texts[i]);
}

bool tls_settings_is_default(void)
{
	return config_text(CONFIG_KEYS)[0];
}

static char *in_folder(const char *folder, const char *name)
{
	size_t n = strlen(folder) + strlen(name) + 2;
	char *path = malloc(n);

	if (path)
		snprintf(path, n, "%s/%s", folder, name);
	return path;
}

/* Copies what they say, the defaults filled in; a folder need not have a list of revoked ones.
 * Returns false when memory is out. */
static bool copy_texts(const struct pyr_tls_options *o, char *ret[TEXTS], bool *is_crl_wanted)
{
	static const char *const names[] = { "ca.pem", "cert.pem", "key.pem", "crl.pem" };
	const char *given[TEXTS] = { o->ca, o->cert, o->key, o->crl, o->name };
	const char *folder = o->folder;
	bool ok = true;
	int i;

	if (!folder && !o->ca && !o->cert && !o->key && tls_settings_is_default())
		folder = config_text(CONFIG_KEYS);
	for (i = 0; i < TEXTS; i++) {
		bool is_default = !given[i] && folder && i < NAME;

		ret[i] = given[i]     ? strdup(given[i])
			 : is_default ? in_folder(folder, names[i])
				      : NULL;
		ok = ok && (ret[i] || !(given[i] || is_default));
	}
	*is_crl_wanted = o->crl;
	if (!ok)
		free_texts(ret);
	return ok;
}

static struct pyr_tls_options options_of(char *const texts[TEXTS], enum pyr_switch clients)
{
	return (struct pyr_tls_options){ .ca = texts[CA],
					 .cert = texts[CERT],
					 .key = texts[KEY],
					 .crl = texts[CRL],
					 .name = texts[NAME],
					 .clients = clients };
}

static void look(char *const texts[TEXTS], struct file_stamp ret[TEXTS])
{
	int i;

	memset(ret, 0, TEXTS * sizeof(*ret));
	for (i = 0; i < NAME; i++)
		if (texts[i] && !tls_is_pem(texts[i]))
			ret[i] = file_stamp_of(texts[i]);
}

/* ---- contexts ---- */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void free_contexts(struct tls_contexts *contexts)
{
	SSL_CTX_free(contexts->client);
	SSL_CTX_free(contexts->server);
}

static void forget_sessions(struct tls_settings *tls)
{
	unsigned i;

	for (i = 0; i < SESSIONS; i++) {
		SSL_SESSION_free(tls->sessions[i].session);
		free(tls->sessions[i].address);
		tls->sessions[i] = (struct session){ 0 };
	}
}

/* What is given, and what it says. */
struct given {
	char *texts[TEXTS];
	bool is_crl_wanted;
	enum pyr_switch clients;
	struct file_stamp stamps[TEXTS];
	struct tls_contexts contexts;
};

/* Whether a file has been replaced since it was looked at. */
static bool has_changed(const struct given *given)
{
	struct file_stamp now[TEXTS];
	int i;

	look(given->texts, now);
	for (i = 0; i < TEXTS; i++)
		if (!file_stamp_is(&now[i], &given->stamps[i]))
			return true;
	return false;
}

/* Reads what the texts say, which are freed if that will not do. Of a certificate and a key that
 * are renewed meanwhile, one may be old and the other new: they are read again. */
static int load_given(struct given *given, bool is_crl_wanted, struct tls_problem *problem)
{
	struct pyr_tls_options own = options_of(given->texts, given->clients);
	int left = READS;

	do {
		look(given->texts, given->stamps); /* first: what changes meanwhile is seen */
		if (tls_load(&own, is_crl_wanted, &given->contexts, problem))
			return 0;
	} while (--left > 0 && has_changed(given));
	free_texts(given->texts);
	return -problem->code;
}

static int take_given(struct given *given, const struct pyr_tls_options *options,
		      struct tls_problem *problem)
{
	*given = (struct given){ .clients = options->clients };
	if (!copy_texts(options, given->texts, &given->is_crl_wanted))
		return tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return load_given(given, given->is_crl_wanted, problem);
}

/* With the lock, or before anybody else knows it. */
static void change(struct tls_settings *tls, const struct given *given)
{
	memcpy(tls->texts, given->texts, sizeof(tls->texts));
	memcpy(tls->stamps, given->stamps, sizeof(tls->stamps));
	tls->is_crl_wanted = given->is_crl_wanted;
	tls->clients = given->clients;
	tls->contexts = given->contexts;
	tls->generation++;
	tls->looked_ms = file_now();
}

struct tls_settings *tls_settings_new(const struct pyr_tls_options *options,
				      struct tls_problem *problem)
{
	struct tls_settings *tls = calloc(1, sizeof(*tls));
	struct given given;

	if (!tls)
		tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (!tls || take_given(&given, options, problem) < 0) {
		free(tls);
		return NULL;
	}
	tls->refs = 1;
	pthread_mutex_init(&tls->reading, NULL);
	pthread_mutex_init(&tls->lock, NULL);
	change(tls, &given);
	return tls;
}

struct tls_settings *tls_settings_ref(struct tls_settings *tls)
{
	if (tls)
		atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
	return tls;
}

SSL_CTX *tls_settings_context(struct tls_settings *tls, enum tls_role role)
{
	SSL_CTX *context;

	pthread_mutex_lock(&tls->lock);
	context = role == TLS_SERVER ? tls->contexts.server : tls->contexts.client;
	if (context)
		SSL_CTX_up_ref(context);
	pthread_mutex_unlock(&tls->lock);
	return context;
}

bool tls_settings_can_serve(struct tls_settings *tls)
{
	SSL_CTX *context = tls_settings_context(tls, TLS_SERVER);

	SSL_CTX_free(context);
	return context;
}

bool tls_settings_name(struct tls_settings *tls, char *ret, size_t n)
{
	bool has;

	pthread_mutex_lock(&tls->lock);
	has = tls->texts[NAME];
	if (has)
		snprintf(ret, n, "%s", tls->texts[NAME]);
	pthread_mutex_unlock(&tls->lock);
	return has;
}

bool tls_settings_names(struct tls_settings *tls, const char *host)
{
	SSL_CTX *context = tls_settings_context(tls, TLS_SERVER);
	X509 *cert = context ? SSL_CTX_get0_certificate(context) : NULL;
	bool names = cert && (X509_check_ip_asc(cert, host, 0) == 1 ||
			      X509_check_host(cert, host, 0, 0, NULL) == 1);

	SSL_CTX_free(context);
	return names;
}

/* ---- changes ---- */

/* The texts, copied, and in contexts what there is of lists now. With the lock. */
static bool copy_given(struct tls_settings *tls, struct given *ret)
{
	struct pyr_tls_options options = options_of(tls->texts, tls->clients);
	bool is_ok;

	*ret = (struct given){ .clients = tls->clients };
	is_ok = copy_texts(&options, ret->texts, &ret->is_crl_wanted);
	ret->is_crl_wanted = tls->is_crl_wanted;
	ret->contexts.has_crl = tls->contexts.has_crl;
	return is_ok;
}

static void change_contexts(struct tls_settings *tls, const struct given *given, struct given *old)
{
	old->contexts = tls->contexts;
	tls->contexts = given->contexts;
}

static void change_all(struct tls_settings *tls, const struct given *given, struct given *old)
{
	memcpy(old->texts, tls->texts, sizeof(old->texts));
	old->contexts = tls->contexts;
	change(tls, given);
}

/* In place of what there is, unless that has changed since. Takes it. */
static void exchange(struct tls_settings *tls, struct given *given, const unsigned *generation)
{
	struct given old;

	pthread_mutex_lock(&tls->lock);
	old = *given;
	if (tls->is_shared) /* others may read the texts, which are the same */
		change_contexts(tls, given, &old);
	else if (!generation || *generation == tls->generation)
		change_all(tls, given, &old);
	forget_sessions(tls); /* they were made of what has changed */
	pthread_mutex_unlock(&tls->lock);
	free_texts(old.texts);
	free_contexts(&old.contexts);
}

/* What has changed of what the texts name. A list of revoked ones that was there may not be gone.
 */
static int read_again(struct tls_settings *tls, struct given *given, const unsigned *generation,
		      struct tls_problem *problem)
{
	bool is_crl_wanted = given->is_crl_wanted || given->contexts.has_crl;
	int err;

	pthread_mutex_lock(&tls->reading);
	err = load_given(given, is_crl_wanted, problem);
	if (err == 0)
		exchange(tls, given, generation);
	pthread_mutex_unlock(&tls->reading);
	return err;
}

int tls_settings_update(struct tls_settings *tls, const struct pyr_tls_options *options,
			bool must_serve, struct tls_problem *problem)
{
	struct given given;
	bool ok = true;

	if (!options) {
		pthread_mutex_lock(&tls->lock);
		ok = copy_given(tls, &given);
		pthread_mutex_unlock(&tls->lock);
		if (!ok)
			return tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return read_again(tls, &given, NULL, problem);
	}
	if (take_given(&given, options, problem) < 0)
		return -problem->code;
	if (must_serve && !given.contexts.server) {
		free_texts(given.texts);
		free_contexts(&given.contexts);
		return tls_fail(problem, PYR_INVALID_ARGUMENT, "a daemon needs a cert and a key");
	}
	exchange(tls, &given, NULL);
	return 0;
}

/* Whether it is time to look, and something has changed: then what is to be read. */
static bool is_changed(struct tls_settings *tls, struct given *ret, unsigned *generation)
{
	struct file_stamp stamps[TEXTS];
	int64_t now = file_now();
	bool is = false;
	int i;

	pthread_mutex_lock(&tls->lock);
	if (now - tls->looked_ms >= LOOK_MS) {
		tls->looked_ms = now;
		look(tls->texts, stamps);
		for (i = 0; i < TEXTS && !is; i++)
			is = !file_stamp_is(&stamps[i], &tls->stamps[i]);
	}
	if (is) {
		memcpy(tls->stamps, stamps, sizeof(stamps));
		*generation = tls->generation;
		is = copy_given(tls, ret);
	}
	pthread_mutex_unlock(&tls->lock);
	return is;
}

bool tls_settings_refresh(struct tls_settings *tls, struct tls_problem *ret)
{
	struct tls_problem problem = { 0 };
	struct given given;
	unsigned generation;

	if (!is_changed(tls, &given, &generation))
		return false;
	if (read_again(tls, &given, &generation, &problem) == 0)
		log_line(PYR_LOG_INFO, "TLS: the files have changed, and were read again");
	else
		log_line(PYR_LOG_ERROR,
			 "TLS: the files have changed, and the old ones stay in use: %s",
			 problem.text);
	if (ret)
		*ret = problem;
	return true;
}

/* ---- those that proxies share ---- */

/* One that was made of the same, counted. With shared.lock. */
static struct tls_settings *find_shared(char *const texts[TEXTS], bool is_crl_wanted)
{
	struct tls_settings *tls;
	int i;

	for (tls = shared.first; tls; tls = tls->next) {
		for (i = 0; i < TEXTS && is_same_text(texts[i], tls->texts[i]); i++)
			;
		if (i == TEXTS && tls->is_crl_wanted == is_crl_wanted)
			return tls_settings_ref(tls);
	}
	return NULL;
}

static void keep(struct tls_settings *tls)
{
	struct tls_settings *before;

	pthread_mutex_lock(&shared.lock);
	before = shared.kept;
	shared.kept = tls_settings_ref(tls);
	pthread_mutex_unlock(&shared.lock);
	tls_settings_unref(before);
}

/* Puts it among those shared, unless there is one by now. Takes it. */
static struct tls_settings *share(struct tls_settings *tls)
{
	struct tls_settings *other;

	pthread_mutex_lock(&shared.lock);
	other = find_shared(tls->texts, tls->is_crl_wanted);
	if (!other) {
		tls->is_shared = true;
		tls->next = shared.first;
		shared.first = tls;
	}
	pthread_mutex_unlock(&shared.lock);
	if (!other)
		return tls;
	tls_settings_unref(tls);
	return other;
}

struct tls_settings *tls_settings_share(const struct pyr_tls_options *options,
					struct tls_problem *problem)
{
	char *texts[TEXTS];
	struct tls_settings *tls;
	bool is_crl_wanted;

	if (!copy_texts(options, texts, &is_crl_wanted)) {
		tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	pthread_mutex_lock(&shared.lock);
	tls = find_shared(texts, is_crl_wanted);
	pthread_mutex_unlock(&shared.lock);
	free_texts(texts);
	if (!tls && (tls = tls_settings_new(options, problem)))
		tls = share(tls);
	if (tls)
		keep(tls);
	return tls;
}

/* Returns false if somebody has found it meanwhile. */
static bool stop_sharing(struct tls_settings *tls)
{
	struct tls_settings **at = &shared.first;
	bool is_last;

	pthread_mutex_lock(&shared.lock);
	is_last = atomic_fetch_sub(&tls->refs, 1) == 1;
	if (is_last) {
		while (*at != tls)
			at = &(*at)->next;
		*at = tls->next;
	}
	pthread_mutex_unlock(&shared.lock);
	return is_last;
}

void tls_settings_unref(struct tls_settings *tls)
{
	if (!tls)
		return;
	if (tls->is_shared ? !stop_sharing(tls) : atomic_fetch_sub(&tls->refs, 1) != 1)
		return;
	forget_sessions(tls);
	free_contexts(&tls->contexts);
	free_texts(tls->texts);
	pthread_mutex_destroy(&tls->reading);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

/* ---- sessions: each is used once (RFC 8446, C.4) ---- */

SSL_SESSION *tls_session_take(struct tls_settings *tls, const char *address)
{
	SSL_SESSION *session = NULL;
	struct session *s;

	pthread_mutex_lock(&tls->lock);
	for (s = tls->sessions; s < tls->sessions + SESSIONS && !session; s++) {
		if (!s->session || strcmp(s->address, address) != 0)
			continue;
		session = s->session;
		free(s->address);
		*s = (struct session){ 0 };
	}
	pthread_mutex_unlock(&tls->lock);
	return session;
}

/* Of a connection that began before the files changed it is not kept: with it, the other end would
 * not be checked by the new ones. */
void tls_session_keep(struct tls_settings *tls, const SSL_CTX *context, const char *address,
		      SSL_SESSION *session)
{
	char *copy = strdup(address);
	struct session *s;
	unsigned i;

	pthread_mutex_lock(&tls->lock);
	if (context != tls->contexts.client) {
		pthread_mutex_unlock(&tls->lock);
		SSL_SESSION_free(session);
		free(copy);
		return;
	}
	for (i = 0; i < SESSIONS && tls->sessions[i].session; i++)
		;
	s = &tls->sessions[i < SESSIONS ? i : tls->next_session++ % SESSIONS];
	SSL_SESSION_free(s->session);
	free(s->address);
	*s = (struct session){ copy ? session : NULL, copy };
	pthread_mutex_unlock(&tls->lock);
	if (!copy)
		SSL_SESSION_free(session);
}
