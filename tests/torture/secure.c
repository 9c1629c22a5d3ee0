/* SPDX-License-Identifier: MIT */
/* Sessions with hooks and instances, shared keys, certificates, rules and the audit log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

/* ---- sessions ---- */

static void close_resource(void *resource)
{
	atomic_fetch_add((atomic_int *)resource, 1);
}

static int on_connect(pyr_call *call, const struct pyr_bytes *handshake, struct pyr_bytes *ret,
		      void *data)
{
	static atomic_int n_closed;

	(void)data;
	if (pyr_call_track(call, &n_closed, close_resource) < 0)
		return pyr_pass(call);
	ret->items = pyr_call_alloc(call, handshake->n + 1);
	if (!ret->items)
		return -PYR_RESOURCE_EXHAUSTED;
	memcpy(ret->items, handshake->items, handshake->n);
	ret->n = handshake->n;
	return 0;
}

static int on_handshake(const struct pyr_bytes *answer, char *why, size_t n_why, void *data)
{
	(void)data;
	if (answer->n == 5)
		return 0;
	snprintf(why, n_why, "%zu bytes", answer->n);
	return note_wrong("the answer to a handshake");
}

static int create(pyr_call *call, void *data, void **ret)
{
	(void)call;
	*ret = data;
	return 0;
}

static int instance(struct place *place, struct things_Thing *thing)
{
	static const struct pyr_register_options per_session = { .mode = PYR_PER_SESSION,
								 .create = create,
								 .serial = true };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *own = NULL;
	const char *uri;
	int status;

	(void)thing;
	GET(uri,
	    things_Thing_register_with(place->daemon, "own", &thing_methods, place, &per_session));
	GET(own, things_Thing_proxy_with(uri, &options));
	status = part_add(place, own);
out:
	things_Thing_free(own);
	return status;
}

static int session(struct place *place, struct things_Thing *thing)
{
	int status;

	TRY(pyr_proxy_bind(things_Thing_as_proxy(thing)));
	TRY(part_add(place, thing));
	pyr_proxy_release(things_Thing_as_proxy(thing));
	TRY(part_add(place, thing));
	status = instance(place, thing);
out:
	return status;
}

static int sessions(void)
{
	static const struct pyr_annotation annotation = { "KEYS", "abc", 3 };
	struct pyr_daemon_options daemon = { .threads = 2,
					     .on_connect = on_connect,
					     .annotations = &annotation,
					     .n_annotations = 1 };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	options.handshake = (struct pyr_bytes){ 5, (uint8_t *)"hello" };
	options.on_handshake = on_handshake;
	options.annotations = &annotation;
	options.n_annotations = 1;
	return with_both(&daemon, &options, session);
}

/* ---- keys and certificates ---- */

static int keyed(enum pyr_lane lane)
{
	static const struct pyr_key_options key = {
		.text = "web:00112233445566778899aabbccddeeff"
	};
	struct pyr_daemon_options daemon = { .threads = 2, .key = &key };
	struct pyr_proxy_options options = proxy_options(lane);

	options.key = &key;
	return with_both(&daemon, &options, part_add);
}

static int keyed_socket(void)
{
	return keyed(PYR_LANE_SOCKET);
}

static int keyed_grpc(void)
{
	return keyed(PYR_LANE_GRPC);
}

static char folder[] = "/tmp/pyrite-torture-XXXXXX";
static char server_keys[64], client_keys[64], rules[64], audit[64];

static bool write_rules(void)
{
	FILE *file = fopen(rules, "w");

	if (!file)
		return false;
	fputs("group web cert:client uid:0\n"
	      "deny cert:client call things.Thing.refuse\n"
	      "allow group:web call things.Thing.* at thing*\n"
	      "allow * call * at other\n"
	      "allow group:web inspect\n",
	      file);
	return fclose(file) == 0;
}

/* A CA, a server and a client, made by `pyrite keys`. */
static bool make_keys(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char command[800];

	if (!mkdtemp(folder))
		return false;
	snprintf(server_keys, sizeof(server_keys), "%s/server", folder);
	snprintf(client_keys, sizeof(client_keys), "%s/client", folder);
	snprintf(rules, sizeof(rules), "%s/rules", folder);
	snprintf(audit, sizeof(audit), "%s/audit", folder);
	snprintf(
		command, sizeof(command),
		"unset LD_PRELOAD TORTURE_SITES; for c in init 'server server' 'client client'; do "
		"%s/pyrite keys -q -d %s $c || exit 1; done",
		bin ? bin : ".", folder);
	return system(command) == 0 && write_rules();
}

static void remove_keys(void)
{
	char command[100];

	snprintf(command, sizeof(command), "unset LD_PRELOAD TORTURE_SITES; rm -r %s", folder);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", folder);
}

static int certified(enum pyr_lane lane, part_fn part)
{
	struct pyr_tls_options server = { .folder = server_keys };
	struct pyr_tls_options client = { .folder = client_keys };
	struct pyr_daemon_options daemon = { .threads = 2, .tls = &server };
	struct pyr_proxy_options options = proxy_options(lane);

	options.tls = &client;
	return with_both(&daemon, &options, part);
}

static int certified_socket(void)
{
	return certified(PYR_LANE_SOCKET, part_call);
}

static int certified_grpc(void)
{
	return certified(PYR_LANE_GRPC, part_add);
}

/* Over a connection that this program has made itself. */
static int given(struct place *place, struct pyr_proxy_options *options)
{
	struct pyr_tls_options client = { .folder = client_keys, .name = "localhost" };
	struct things_Thing *thing = NULL;
	int status, fd = place_connect(place);

	if (fd < 0)
		return note("connect()", -PYR_UNAVAILABLE);
	options->tls = &client;
	options->own_link = false;
	GET(thing, things_Thing_proxy_from_fd(fd, "thing", options));
	status = part_add(place, thing);
out:
	things_Thing_free(thing);
	return status;
}

static int given_socket(struct place *place, struct things_Thing *thing)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	(void)thing;
	return given(place, &options);
}

static int certified_given(void)
{
	return certified(PYR_LANE_SOCKET, given_socket);
}

/* Certificates as text instead of files; NULL: one cannot be read. */
static char *text_of(const char *name)
{
	static char texts[3][16384];
	static unsigned next;
	char path[128], *text = texts[next++ % 3];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", client_keys, name);
	file = fopen(path, "r");
	n = file ? fread(text, 1, sizeof(texts[0]) - 1, file) : 0;
	text[n] = '\0';
	if (file)
		fclose(file);
	return n > 0 ? text : NULL;
}

static int certified_by_text(void)
{
	struct pyr_tls_options server = { .folder = server_keys };
	struct pyr_tls_options client = { .ca = text_of("ca.pem"),
					  .cert = text_of("cert.pem"),
					  .key = text_of("key.pem"),
					  .name = "localhost" };
	struct pyr_daemon_options daemon = { .threads = 2, .tls = &server };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_GRPC);

	options.tls = &client;
	return with_both(&daemon, &options, part_add);
}

/* With a certificate of another name revoked, so that the list is looked at. */
static bool make_revoked(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char command[800];

	if (!make_keys())
		return false;
	snprintf(command, sizeof(command),
		 "unset LD_PRELOAD TORTURE_SITES; for c in 'client other' 'revoke other'; do "
		 "%s/pyrite keys -q -d %s $c || exit 1; done",
		 bin ? bin : ".", folder);
	return system(command) == 0;
}

static int certified_plain(void)
{
	struct pyr_tls_options server = { .folder = server_keys };
	struct pyr_tls_options client = { .folder = client_keys };
	struct pyr_daemon_options daemon = { .threads = 2, .tls = &server };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_GRPC);

	options.tls = &client;
	options.plain = PYR_PLAIN_ONLY;
	return with_both(&daemon, &options, part_add);
}

static int renewed(struct place *place, struct things_Thing *thing)
{
	int status;

	pthread_mutex_lock(&place->lock);
	status = place->daemon ? pyr_daemon_set_tls(place->daemon, NULL) : -PYR_UNAVAILABLE;
	pthread_mutex_unlock(&place->lock);
	TRY(status);
	status = part_add(place, thing);
out:
	return status;
}

static int certified_anew(void)
{
	return certified(PYR_LANE_SOCKET, renewed);
}

/* ---- keys in files ---- */

static char key_file[64];

static bool make_key_file(void)
{
	FILE *file;

	if (!mkdtemp(folder))
		return false;
	snprintf(key_file, sizeof(key_file), "%s/key", folder);
	file = fopen(key_file, "w");
	if (!file || fputs("web:00112233445566778899aabbccddeeff\n", file) < 0 ||
	    fclose(file) != 0 || chmod(key_file, 0600) != 0)
		return false;
	return chdir(folder) == 0; /* for an audit log whose path is relative */
}

static int keyed_anew(struct place *place, struct things_Thing *thing)
{
	int status;

	TRY(part_add(place, thing));
	pthread_mutex_lock(&place->lock);
	status = place->daemon ? pyr_daemon_set_key(place->daemon, NULL) : -PYR_UNAVAILABLE;
	pthread_mutex_unlock(&place->lock);
	TRY(status);
	pyr_proxy_release(things_Thing_as_proxy(thing));
	status = part_add(place, thing);
out:
	return status;
}

static int keyed_by_file(void)
{
	const struct pyr_key_options key = { .file = key_file };
	struct pyr_daemon_options daemon = { .threads = 2, .key = &key, .audit = "audit" };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	options.key = &key;
	return with_both(&daemon, &options, keyed_anew);
}

/* ---- hooks that refuse ---- */

static int refuse_session(pyr_call *call, const struct pyr_bytes *handshake, struct pyr_bytes *ret,
			  void *data)
{
	(void)handshake;
	(void)ret;
	(void)data;
	return pyr_fail(call, PYR_PERMISSION_DENIED, "%0600d", 1); /* longer than most */
}

static int turned_away(struct place *place, struct things_Thing *thing)
{
	int32_t sum;
	int status = things_Thing_add(thing, 1, 2, &sum);

	(void)place;
	if (status == -PYR_PERMISSION_DENIED)
		return 0;
	return status < 0 ? note("things_Thing_add()", status) : note_wrong("not refused");
}

static int refused_by_hook(void)
{
	struct pyr_daemon_options daemon = { .threads = 2, .on_connect = refuse_session };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	return with_both(&daemon, &options, turned_away);
}

/* ---- rules ---- */

static int refused(struct place *place, struct things_Thing *thing)
{
	int status = part_add(place, thing);

	if (status < 0)
		return status;
	status = things_Thing_refuse(thing, "no");
	if (status == -PYR_PERMISSION_DENIED)
		return 0;
	return status < 0 ? note("things_Thing_refuse()", status) : note_wrong("not refused");
}

static int ruled(void)
{
	struct pyr_tls_options server = { .folder = server_keys };
	struct pyr_tls_options client = { .folder = client_keys };
	struct pyr_daemon_options daemon = {
		.threads = 2, .tls = &server, .rules = rules, .audit = audit
	};
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	options.tls = &client;
	return with_both(&daemon, &options, refused);
}

/* A daemon whose rules are in the environment never serves without them. */
static bool set_rules(void)
{
	FILE *file;

	if (!mkdtemp(folder))
		return false;
	snprintf(rules, sizeof(rules), "%s/rules", folder);
	file = fopen(rules, "w");
	if (!file || fputs("deny * call *\n", file) < 0 || fclose(file) != 0)
		return false;
	return setenv("PYRITE_RULES", rules, 1) == 0;
}

static int set(struct place *place, struct things_Thing *thing)
{
	int32_t sum;
	int status = things_Thing_add(thing, 1, 2, &sum);

	(void)place;
	if (status == -PYR_PERMISSION_DENIED)
		return 0;
	return status < 0 ? note("things_Thing_add()", status) : note_wrong("not refused");
}

static int by_settings(void)
{
	struct pyr_daemon_options daemon = { .threads = 2 };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	return with_both(&daemon, &options, set);
}

static int explained(void)
{
	const struct pyr_rules_question question = { "cert:client", "call", "things.Thing.add",
						     "thing" };
	bool allows = false;
	int status;

	TRY(pyr_rules_explain(rules, &question, &allows));
	EXPECT(status == 3 && allows);
	status = 0;
out:
	return status;
}

/* Files that cannot be read are INVALID_ARGUMENT; handshakes that break off may look like forged
 * ones. */
#define OF_FILES ALSO(PYR_INVALID_ARGUMENT) | ALSO(PYR_UNAUTHENTICATED)

/* Sessions of TLS are kept, each for its address. */
enum { SESSIONS_KEPT = 34 };

const struct scenario secure_scenarios[] = {
	{ .name = "session", .run = sessions },
	{ .name = "shared-key", .run = keyed_socket },
	{ .name = "shared-key-grpc", .run = keyed_grpc },
	{ .name = "tls",
	  .run = certified_socket,
	  .open = make_keys,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "tls-grpc",
	  .run = certified_grpc,
	  .open = make_keys,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "tls-renewed",
	  .run = certified_anew,
	  .open = make_keys,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "tls-given",
	  .run = certified_given,
	  .open = make_keys,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "tls-revoked",
	  .run = certified_grpc,
	  .open = make_revoked,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "tls-revoked-plain",
	  .run = certified_plain,
	  .open = make_revoked,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "tls-by-text",
	  .run = certified_by_text,
	  .open = make_keys,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "shared-key-file",
	  .run = keyed_by_file,
	  .open = make_key_file,
	  .close = remove_keys,
	  .also = OF_FILES },
	{ .name = "session-refused", .run = refused_by_hook },
	{ .name = "rules",
	  .run = ruled,
	  .open = make_keys,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ .name = "rules-in-the-environment",
	  .run = by_settings,
	  .open = set_rules,
	  .close = remove_keys,
	  .also = OF_FILES },
	{ .name = "rules-explained",
	  .run = explained,
	  .open = make_keys,
	  .close = remove_keys,
	  .warm = SESSIONS_KEPT,
	  .also = OF_FILES },
	{ 0 },
};
