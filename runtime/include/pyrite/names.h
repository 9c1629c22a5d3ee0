/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMES_H
#define PYRITE_NAMES_H
/*
 * ---- Names ----
 *
 * Part of <pyrite/pyrite.h>, which includes this file.
 *
 * The name server maps names to URIs. A name for the URI of a daemon in this process is leased: the
 * runtime renews the lease, pyr_daemon_run() removes the name before it closes, and the name
 * expires if the process dies. A name for any other URI is persistent: it stays until it is
 * removed. While the owner of a leased name is connected to the name server, only the owner can
 * change the name; any program can change a persistent one. If programs authenticate, the first to
 * register a name owns it, and others can change neither kind (docs/names.md). A shared name has
 * several registrations, one for each URI, each with an owner and a lease of its own; a proxy of it
 * spreads its calls over them. The metadata of a name are tags: texts without white space, ',' and
 * '@'. The interface of the name server is pyrite.NameServer (naming.idl); the functions below are
 * its short forms.
 *
 * One registry may have several name servers. Queries go to the first that is up, and also to the
 * next if the first takes longer than 400 ms (250 ms if it has never answered). A change is
 * repeated at another name server only if it certainly was not made at the first; otherwise it
 * fails with UNAVAILABLE and the error's may_have_run. If none answers, UNAVAILABLE says what is
 * wrong with each. Leases and watchers move to another name server by themselves (docs/names.md).
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct pyr_ns_entry {
	const char *name;        /* never NULL */
	const char *uri;         /* as registered */
	const char *const *tags; /* sorted, each once */
	size_t n_tags;           /* of tags */
};

/* The owner of an entry, "cert:bank"; "" if it has none, or if the name server's rules do not let
 * this program know. entry: of a list or look-up below. Returns: borrowed, valid as long as the
 * entry. */
const char *pyr_ns_entry_owner(const struct pyr_ns_entry *entry);

/* The generation of an entry: each registration of a name, and each change of its tags, has a
 * greater one than those before it. 0 if the name server does not report it. */
uint64_t pyr_ns_entry_generation(const struct pyr_ns_entry *entry);

/* How old an entry may be, in ms: a name server that cannot reach its store answers from the last
 * state it has read. -1 if the entry is current. */
int64_t pyr_ns_entry_age_ms(const struct pyr_ns_entry *entry);

/* A list of names. A shared name is in it once for each registration. */
struct pyr_ns_entries {
	size_t n;                   /* of items */
	struct pyr_ns_entry *items; /* sorted by name, then by uri */
};

/* Finds the name server at address ("host", "host:port", "./u:path"), or the first that answers of
 * a list ("a,b:9091", at most 16, the preferred one first), and pings it. NULL takes the address
 * from the first of these that has one: PYRITE_NS_HOST; $XDG_CONFIG_HOME/pyrite/ns or
 * ~/.config/pyrite/ns; /etc/pyrite/ns; the SRV records of _pyrite._tcp in PYRITE_NS_DOMAIN; the
 * answers to a broadcast to PYRITE_NS_BROADCAST; else 127.0.0.1:9090. docs/names.md has the
 * details. Returns: owned, pyr_ns_free(); NULL with UNAVAILABLE; INVALID_ARGUMENT for an address, a
 * file or a setting that is malformed; FAILED_PRECONDITION for a file that others may write. */
pyr_ns *pyr_ns_locate(const char *address) PYR_MUST_CHECK;

/* How to look for the name server. */
struct pyr_ns_locate_options {
	uint32_t wait_ms; /* how long to wait for it; default PYRITE_WAIT_MS, else PYR_NONE */
};

/* For pyr_ns_locate_with() alone. */
pyr_ns *pyr__ns_locate(const char *address, const struct pyr_ns_locate_options *options,
		       size_t size);

/* As pyr_ns_locate(). With wait_ms the name server may be started after this call. */
static inline PYR_MUST_CHECK pyr_ns *pyr_ns_locate_with(const char *address,
							const struct pyr_ns_locate_options *options)
{
	return pyr__ns_locate(address, options, sizeof(*options));
}

/* Frees the handle. Names that were registered through it stay. */
void pyr_ns_free(pyr_ns *ns);

/* The address of the name server, "127.0.0.1:9090"; of several, the list. Returns: borrowed. */
const char *pyr_ns_address(const pyr_ns *ns);

/* Whether ns changes names without knowing their secrets; if they belong to another identity, the
 * name server's rules have to allow it to override that one. Meant for administrators' tools.
 * Default: no. */
void pyr_ns_set_force(pyr_ns *ns, bool force);

/* Registers a name without metadata. ALREADY_EXISTS if another registration holds it,
 * PERMISSION_DENIED if it belongs to another identity: the first to register it. */
int pyr_ns_register(pyr_ns *ns, const char *name, const char *uri) PYR_MUST_CHECK;

/* The state of a name that is leased to this process, for one URI. */
enum pyr_ns_lease_state {
	/* No renewal has succeeded in time, so by the clock of this process the lease has ended,
	 * and another process may have the name by now. The runtime keeps trying to renew it. */
	PYR_LEASE_DOUBTFUL,
	PYR_LEASE_HELD, /* the lease was renewed after it was doubtful */
	/* Another process has the name or has removed it; pyr_last_error() gives its generation and
	 * address. The lease is no longer renewed. */
	PYR_LEASE_TAKEN
};

/* A change of a lease. New members may follow in later versions. */
struct pyr_ns_lease_event {
	enum pyr_ns_lease_state state; /* its state now */
	const char *name;              /* borrowed until the callback returns */
	const char *uri;               /* the same */
	/* Of this process's last registration of the name. */
	uint64_t generation;
};

/* Called when the state of a lease changes: where callbacks of futures run, one at a time, in the
 * order of the events. It may call anything. */
typedef void (*pyr_ns_lease_cb)(const struct pyr_ns_lease_event *event, void *data);

/* Options of a registration. */
struct pyr_ns_register_options {
	bool replace;            /* also a persistent name with another URI; default: no */
	const char *const *tags; /* the name's metadata; default: none */
	size_t n_tags;           /* of tags */
	/* Allows other registrations of the name, if all are shared; default: no. At most 64 of a
	 * name. UNIMPLEMENTED if the name server does not support shared names. */
	bool shared;
	/* Called when the state of the lease changes, if the name is leased; default: none. */
	pyr_ns_lease_cb on_lease;
	void *data; /* last parameter of on_lease */
};
/* For pyr_ns_register_with() alone. */
int pyr__ns_register(pyr_ns *ns, const char *name, const char *uri,
		     const struct pyr_ns_register_options *options, size_t size);

/* As pyr_ns_register(). options may be NULL. */
static inline PYR_MUST_CHECK int pyr_ns_register_with(pyr_ns *ns, const char *name, const char *uri,
						      const struct pyr_ns_register_options *options)
{
	return pyr__ns_register(ns, name, uri, options, sizeof(*options));
}

/* Whether a name is leased to this process and the lease has not ended by the clock of this
 * process. A lease ends its time to live after the last successful renewal was sent. Once it has
 * ended, another process may have the name, whatever the name server answers later. */
bool pyr_ns_holds(pyr_ns *ns, const char *name);

/* Replaces the tags of a name. NOT_FOUND if there is no such name, ALREADY_EXISTS if it has
 * another owner. Of a shared name: of the registrations that pyr_ns_remove() would remove. */
int pyr_ns_set_metadata(pyr_ns *ns, const char *name, const char *const *tags,
			size_t n_tags) PYR_MUST_CHECK;

/* Looks up a name; of a shared one, each registration in turn. *ret: owned, pyr_free(). NOT_FOUND
 * if it is not registered. */
int pyr_ns_lookup(pyr_ns *ns, const char *name, char **ret) PYR_MUST_CHECK;

/* Looks up a name and its metadata; of a shared one, those of its first registration. *ret: owned,
 * one pyr_free(). */
int pyr_ns_lookup_entry(pyr_ns *ns, const char *name, struct pyr_ns_entry **ret) PYR_MUST_CHECK;

/* Lists the names that begin with prefix (NULL: all), sorted. *ret: owned, one pyr_free(). */
int pyr_ns_list(pyr_ns *ns, const char *prefix, struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* Lists the names that match a regular expression from their first byte on, but not necessarily
 * to their end. regex: of PCRE2, at most 256 bytes. INVALID_ARGUMENT: the message says what is
 * wrong with it and where. RESOURCE_EXHAUSTED: it takes too long. */
int pyr_ns_list_matching(pyr_ns *ns, const char *regex, struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* Lists the names that have all of the tags, or any of them. Without tags: no names. */
int pyr_ns_list_metadata_all(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret) PYR_MUST_CHECK;
int pyr_ns_list_metadata_any(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* Removes a name, which is then free. NOT_FOUND if it is not registered, ALREADY_EXISTS if another
 * process registered it, PERMISSION_DENIED if it belongs to another identity. Of a shared name: the
 * registrations of this process; if it has none, the persistent ones. */
int pyr_ns_remove(pyr_ns *ns, const char *name) PYR_MUST_CHECK;

/* Removes the names that begin with prefix, or that match; names of other owners stay. If it
 * fails midway, some are removed. ret: may be NULL. */
struct pyr_ns_removal {
	uint32_t removed; /* registrations that were removed */
	uint32_t kept;    /* registrations that matched, but have another owner */
};
int pyr_ns_remove_prefix(pyr_ns *ns, const char *prefix, struct pyr_ns_removal *ret) PYR_MUST_CHECK;
int pyr_ns_remove_matching(pyr_ns *ns, const char *regex,
			   struct pyr_ns_removal *ret) PYR_MUST_CHECK;

/*
 * Watching names. The name server reports each registration that is made, removed or changed, about
 * 20 ms after it happens (later while very many programs watch). The callback first gets the
 * present state of the view: PYR_NS_RESYNC, a PYR_NS_PUT for each registration, sorted by name,
 * PYR_NS_READY. Then the changes follow, in order and without gaps. If changes were missed, because
 * the name server was restarted or this program reads too slowly, the state is sent again,
 * beginning with PYR_NS_RESYNC. While the name server cannot be reached (PYR_NS_LOST) the watcher
 * retries by itself; PYR_NS_READY then means that nothing was missed.
 */
enum pyr_ns_event_kind {
	PYR_NS_RESYNC, /* forget what was reported before */
	PYR_NS_PUT,    /* a registration is new, or has another URI or tags */
	PYR_NS_GONE,   /* a registration was removed, or has left the view */
	PYR_NS_READY,  /* the state is complete */
	PYR_NS_LOST    /* the name server cannot be reached: pyr_last_error() */
};

/* An event of a watcher. New members may follow in later versions. */
struct pyr_ns_event {
	enum pyr_ns_event_kind kind; /* what it is about */
	/* Grows with each change; without a database, it begins anew when the name server is
	 * restarted. Of PUT that of the registration, else the last one reported. */
	uint64_t revision;
	/* Of PUT and GONE; else NULL. Borrowed until the callback returns. */
	const char *name;
	const char *uri;         /* the same */
	const char *const *tags; /* of PUT; sorted, each once */
	size_t n_tags;           /* of tags */
	bool shared; /* the name may have other registrations: GONE is for this uri only */
};

/* A watcher: pyr_ns_watch(). */
typedef struct pyr_ns_watcher pyr_ns_watcher;

/* What a watcher calls: in a thread of its own, one call at a time. It may call anything, also
 * pyr_ns_watcher_free(). While it runs nothing more is read. */
typedef void (*pyr_ns_watch_cb)(const struct pyr_ns_event *event, void *data);

/* Which names to watch: those that begin with prefix and have all of the tags. */
struct pyr_ns_watch_options {
	const char *prefix; /* default: all names */
	const char *const
		*tags; /* default: any; at most 16, together with the prefix 1,024 bytes */
	size_t n_tags; /* of tags */
	bool exact;    /* prefix is a whole name, the only one to watch; default: no */
};

/* For pyr_ns_watch() alone. */
pyr_ns_watcher *pyr__ns_watch(pyr_ns *ns, const struct pyr_ns_watch_options *options, size_t size,
			      pyr_ns_watch_cb callback, void *data);

/* Watches names. options may be NULL; they are copied. ns may be freed before the watcher. Returns:
 * owned, pyr_ns_watcher_free(); NULL with INVALID_ARGUMENT for such options, or with
 * RESOURCE_EXHAUSTED. What the name server refuses is reported by PYR_NS_LOST: PERMISSION_DENIED if
 * its rules do not let this program look names up, RESOURCE_EXHAUSTED if it has too many watchers,
 * UNIMPLEMENTED if it is too old. The watcher asks again every 5 s. */
static inline PYR_MUST_CHECK pyr_ns_watcher *
pyr_ns_watch(pyr_ns *ns, const struct pyr_ns_watch_options *options, pyr_ns_watch_cb callback,
	     void *data)
{
	return pyr__ns_watch(ns, options, sizeof(*options), callback, data);
}

/* Ends the watch and frees the watcher. When this function returns, the callback is not running and
 * will not run: it waits for one that is running, unless called from within it. */
void pyr_ns_watcher_free(pyr_ns_watcher *watcher);

/* Whether the name server answers. UNAVAILABLE if not. */
int pyr_ns_ping(pyr_ns *ns) PYR_MUST_CHECK;

/* The number of registrations. */
int pyr_ns_count(pyr_ns *ns, uint32_t *ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
