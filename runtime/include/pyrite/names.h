/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMES_H
#define PYRITE_NAMES_H
/*
 * ---- Names ----
 *
 * Part of <pyrite/pyrite.h>, which includes this file.
 *
 * The name server maps names to URIs. The URI of a daemon in this process is leased: the runtime
 * renews the lease, pyr_daemon_run() removes the name before it closes, and the name expires if
 * the process dies. Any other URI is persistent: it stays until it is removed. While the owner
 * of a leased name is connected to the name server, only the owner can change the name; anybody
 * can change a persistent one. If programs prove who they are, the first to register a name owns
 * it, and others can do neither (docs/names.md). A name that is registered as shared has several
 * registrations, one for each URI, each with an owner and a lease of its own; a proxy of it spreads
 * its calls over them. The metadata of a name are tags: texts without white space, ',' and '@'. The
 * interface of the name server is pyrite.NameServer (naming.idl); the functions below are its short
 * forms.
 *
 * There may be several name servers of one registry. What is only asked is asked of the first that
 * is up, and of the next as well if that takes 400 ms, or 250 ms of one that never answered. What
 * changes names is done at another only if it surely has not been done: else it fails with
 * UNAVAILABLE, and the error's may_have_run. If none answers, UNAVAILABLE tells what is wrong with
 * each. Leases and watchers move along (docs/names.md).
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

/* Whose name an entry is, "cert:bank", as far as the name server's rules let this program know; ""
 * otherwise, and if it is nobody's. entry: of a list or look-up below. Returns: borrowed, valid as
 * long as the entry. */
const char *pyr_ns_entry_owner(const struct pyr_ns_entry *entry);

/* Which registration an entry is of: each registration of a name has a greater number than those
 * before it, as has a change of its tags. 0 if the name server does not tell. */
uint64_t pyr_ns_entry_generation(const struct pyr_ns_entry *entry);

/* How old an entry may be, in ms: a name server that does not reach its store goes on telling what
 * it knew. -1 if it is as it is now. */
int64_t pyr_ns_entry_age_ms(const struct pyr_ns_entry *entry);

/* A list of names. A shared name is in it once for each registration. */
struct pyr_ns_entries {
	size_t n;                   /* of items */
	struct pyr_ns_entry *items; /* sorted by name, then by uri */
};

/* Finds the name server at address ("host", "host:port", "./u:path"), or the first that answers of
 * a list of replicas ("a,b:9091", at most 16, the preferred one first), and pings it. NULL: where
 * the first of these says: PYRITE_NS_HOST; $XDG_CONFIG_HOME/pyrite/ns or ~/.config/pyrite/ns;
 * /etc/pyrite/ns; the SRV records of _pyrite._tcp in PYRITE_NS_DOMAIN; who answers at
 * PYRITE_NS_BROADCAST; else 127.0.0.1:9090. docs/names.md has the details. Returns: owned,
 * pyr_ns_free(); NULL with UNAVAILABLE; INVALID_ARGUMENT for an address, a file or a setting that
 * makes no sense; FAILED_PRECONDITION for a file that is not believed. */
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

/* What becomes of a name that is leased to this process: of its registration for one URI. */
enum pyr_ns_lease_state {
	/* Its lease has ended by the clock of this process, as no renewal succeeded: another may
	 * have the name by now. It is tried to renew it all the same. */
	PYR_LEASE_DOUBTFUL,
	PYR_LEASE_HELD, /* it is this process's, after it was doubtful */
	/* It is another's, or was removed by another, as pyr_last_error() says, with the other's
	 * generation and address. It is not renewed any more. */
	PYR_LEASE_TAKEN
};

/* What the owner of a name is told. New members may follow in later versions. */
struct pyr_ns_lease_event {
	enum pyr_ns_lease_state state; /* what becomes of it */
	const char *name;              /* borrowed until the callback returns */
	const char *uri;               /* the same */
	/* Of the registration as this process got it last. */
	uint64_t generation;
};

/* Tells the owner. It runs where callbacks of futures do, one at a time, in the order of the
 * events, and may call anything. */
typedef void (*pyr_ns_lease_cb)(const struct pyr_ns_lease_event *event, void *data);

/* What a name is registered with besides its URI. */
struct pyr_ns_register_options {
	bool replace;            /* also a persistent name with another URI; default: no */
	const char *const *tags; /* the name's metadata; default: none */
	size_t n_tags;           /* of tags */
	/* Beside other registrations of the name, if all are shared; default: no. At most 64 of a
	 * name. UNIMPLEMENTED if the name server does not know of shared names. */
	bool shared;
	/* Is told what becomes of the name, if it is leased; default: nobody. */
	pyr_ns_lease_cb on_lease;
	void *data; /* of on_lease */
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

/* Whether a name is leased to this process, and the lease has not ended by its clock: it ends so
 * long after the last renewal that succeeded was sent. If not, another may have the name by now,
 * whatever the name server will say. */
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
 * to their end. regex: of PCRE2, at most 256 bytes. INVALID_ARGUMENT tells what is wrong with it
 * and where, RESOURCE_EXHAUSTED that it takes too long. */
int pyr_ns_list_matching(pyr_ns *ns, const char *regex, struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* Lists the names that have all of the tags, or any of them. Without tags: no names. */
int pyr_ns_list_metadata_all(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret) PYR_MUST_CHECK;
int pyr_ns_list_metadata_any(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* Removes a name, which then belongs to nobody. NOT_FOUND if it is not registered, ALREADY_EXISTS
 * if another process does, PERMISSION_DENIED if it belongs to another identity. Of a shared name:
 * the registrations of this process; if it has none, those that anybody may remove. */
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
 * Watching names. The name server tells of each registration that comes, goes or changes, soon
 * after it has happened (20 ms, longer while very many watch). The callback first gets all names of
 * the view, and knows then what is there: PYR_NS_RESYNC, a PYR_NS_PUT for each registration, sorted
 * by name, PYR_NS_READY. Then come the changes, in their order, none left out. If some are missing,
 * because the name server was started again or this program reads too slowly, all begins anew with
 * PYR_NS_RESYNC. While the name server is not reached (PYR_NS_LOST) the watcher tries again by
 * itself; PYR_NS_READY then says that nothing is missing.
 */
enum pyr_ns_event_kind {
	PYR_NS_RESYNC, /* what was told before is void */
	PYR_NS_PUT,   /* a registration is there: a new one, or it leads elsewhere or has other tags
		       */
	PYR_NS_GONE,  /* it is there no more, or not in the view */
	PYR_NS_READY, /* all that there is has been told */
	PYR_NS_LOST   /* nothing is heard any more, as pyr_last_error() says */
};

/* What a watcher is told. New members may follow in later versions. */
struct pyr_ns_event {
	enum pyr_ns_event_kind kind; /* what it is about */
	/* Grows with the changes of one run of the name server, with a database of all runs. Of PUT
	 * that of the registration, else the last one told. */
	uint64_t revision;
	/* Of PUT and GONE; else NULL. Borrowed until the callback returns. */
	const char *name;
	const char *uri;         /* the same */
	const char *const *tags; /* of PUT; sorted, each once */
	size_t n_tags;           /* of tags */
	bool shared; /* others may register the name beside it: GONE is of this uri alone */
};

/* Who watches: pyr_ns_watch(). */
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
	bool exact;    /* prefix is a whole name, and others are not told; default: no */
};

/* For pyr_ns_watch() alone. */
pyr_ns_watcher *pyr__ns_watch(pyr_ns *ns, const struct pyr_ns_watch_options *options, size_t size,
			      pyr_ns_watch_cb callback, void *data);

/* Watches names. options may be NULL; they are copied. ns may be freed before the watcher. Returns:
 * owned, pyr_ns_watcher_free(); NULL for a view that is none, or when memory or threads are out.
 * What the name server refuses is told by PYR_NS_LOST: PERMISSION_DENIED if its rules do not let
 * this program look names up, RESOURCE_EXHAUSTED if too many watch, UNIMPLEMENTED if it is too old.
 * It is asked again all the same, each 5 s. */
static inline PYR_MUST_CHECK pyr_ns_watcher *
pyr_ns_watch(pyr_ns *ns, const struct pyr_ns_watch_options *options, pyr_ns_watch_cb callback,
	     void *data)
{
	return pyr__ns_watch(ns, options, sizeof(*options), callback, data);
}

/* Ends it. When it returns, the callback is not running and will not run: it waits for one that is
 * running, unless called from within it. */
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
