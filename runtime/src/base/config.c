/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* secure_getenv() */
#include "base/config.h"

#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define KIB 1024u
#define MIB (1024u * KIB)

const struct config_setting config_settings[CONFIG_COUNT] = {
	[CONFIG_HOST] = { .name = "host",
			  .variable = "PYRITE_HOST",
			  .kind = CONFIG_TEXT,
			  .text = "127.0.0.1",
			  .help = "address a daemon listens on" },
	[CONFIG_PORT] = { "port", "PYRITE_PORT", CONFIG_NUMBER, 0, 0, 65535, "0",
			  "port a daemon listens on; 0: the system picks one" },
	[CONFIG_NS_HOST] = { .name = "ns_host",
			     .variable = "PYRITE_NS_HOST",
			     .kind = CONFIG_TEXT,
			     .text = "127.0.0.1",
			     .help = "address of the name server: host, host:port or ./u:path; "
				     "several separated by commas, the preferred one first" },
	[CONFIG_NS_PORT] = { "ns_port", "PYRITE_NS_PORT", CONFIG_NUMBER, 9090, 1, 65535, "9090",
			     "port of the name server" },
	[CONFIG_NS_DOMAIN] = { .name = "ns_domain",
			       .variable = "PYRITE_NS_DOMAIN",
			       .kind = CONFIG_TEXT,
			       .text = "",
			       .help = "domain whose SRV records of _pyrite._tcp name the name "
				       "servers; search: the domains of resolv.conf" },
	[CONFIG_NS_DNS] = { .name = "ns_dns",
			    .variable = "PYRITE_NS_DNS",
			    .kind = CONFIG_TEXT,
			    .text = "",
			    .help = "IPv4 address, optionally with a port, of the DNS server for "
				    "these records; default: those of resolv.conf" },
	[CONFIG_NS_BROADCAST] = { .name = "ns_broadcast",
				  .variable = "PYRITE_NS_BROADCAST",
				  .kind = CONFIG_TEXT,
				  .text = "",
				  .help = "IPv4 addresses to which UDP requests for a name server "
					  "are sent, as in Pyro: broadcast (255.255.255.255), "
					  "192.168.1.255, 10.0.0.7:9091" },
	[CONFIG_TIMEOUT_MS] = { "timeout_ms", "PYRITE_TIMEOUT_MS", CONFIG_NUMBER, 0, 0, INT32_MAX,
				"0",
				"deadline of a call; 0: none. Later the call ends with "
				"DEADLINE_EXCEEDED" },
	[CONFIG_CONNECT_TIMEOUT_MS] = { "connect_timeout_ms", "PYRITE_CONNECT_TIMEOUT_MS",
					CONFIG_NUMBER, 5000, 1, INT32_MAX, "5000",
					"time allowed for connecting; later the call ends with "
					"UNAVAILABLE" },
	[CONFIG_LOOKUP_TIMEOUT_MS] = { "lookup_timeout_ms", "PYRITE_LOOKUP_TIMEOUT_MS",
				       CONFIG_NUMBER, 5000, 1, INT32_MAX, "5000",
				       "time allowed for an answer of the name server; later the "
				       "call ends with DEADLINE_EXCEEDED" },
	[CONFIG_WAIT_MS] = { "wait_ms", "PYRITE_WAIT_MS", CONFIG_NUMBER, 0, 0, INT32_MAX, "0",
			     "how long a call waits until its name server, name, server and object "
			     "are available; 0: not at all" },
	[CONFIG_MAX_RETRIES] = { "max_retries", "PYRITE_MAX_RETRIES", CONFIG_NUMBER, 0, 0, 1000,
				 "0",
				 "how often a call of an @idempotent operation is repeated that "
				 "could not connect or lost its connection" },
	[CONFIG_LEASE_TTL_MS] = { "lease_ttl_ms", "PYRITE_LEASE_TTL_MS", CONFIG_NUMBER, 10000, 100,
				  3600000, "10000",
				  "how long the name of a daemon exists after its process has "
				  "died; renewed every three tenths of it" },
	[CONFIG_FOLLOW] = { "follow", "PYRITE_FOLLOW", CONFIG_NUMBER, 64, 0, 64, "64",
			    "how many names the proxies of a process follow while they use them, "
			    "each by a stream from the name server; 0: none. Others are looked up "
			    "when a proxy connects" },
	[CONFIG_DRAIN_MS] = { "drain_ms", "PYRITE_DRAIN_MS", CONFIG_NUMBER, 5000, 0, INT32_MAX,
			      "5000",
			      "how long running calls, and nested calls that come back, may "
			      "continue after a stop; then they are CANCELLED" },
	[CONFIG_STREAM_LIFETIME_MS] = { "stream_lifetime_ms", "PYRITE_STREAM_LIFETIME_MS",
					CONFIG_NUMBER, 0, 0, INT32_MAX, "0",
					"how long a method waits until the caller of its stream "
					"reads or writes again; 0: without limit. Then the stream "
					"ends with DEADLINE_EXCEEDED" },
	[CONFIG_STREAM_LINGER_MS] = { "stream_linger_ms", "PYRITE_STREAM_LINGER_MS", CONFIG_NUMBER,
				      30000, 0, INT32_MAX, "30000",
				      "how long a stream whose connection was lost waits for its "
				      "proxy to reconnect; 0: not at all. Then its method is "
				      "CANCELLED" },
	[CONFIG_THREADS] = { "threads", "PYRITE_THREADS", CONFIG_NUMBER, 0, 0, 1024, "0",
			     "methods of a daemon that run at a time; 0: one per core, at least 4; "
			     "1: serial. Further calls wait. Methods that wait for calls of their "
			     "own do not count, up to 256 threads" },
	[CONFIG_MAX_MESSAGE] = { "max_message", "PYRITE_MAX_MESSAGE", CONFIG_BYTES, 64 * MIB, KIB,
				 INT32_MAX, "64M",
				 "bytes of one request or reply; a larger one fails with "
				 "RESOURCE_EXHAUSTED, the connection stays" },
	[CONFIG_MAX_CALLS] = { "max_calls", "PYRITE_MAX_CALLS", CONFIG_NUMBER, 16384, 1, 1u << 20,
			       "16384",
			       "unanswered calls of a connection, plain gRPC calls counted "
			       "separately; a blocking call waits for a place, a started call or a "
			       "plain gRPC call fails with RESOURCE_EXHAUSTED" },
	[CONFIG_MAX_LINKS] = { "max_links", "PYRITE_MAX_LINKS", CONFIG_NUMBER, 0, 0, 1u << 20, "0",
			       "connections of a daemon; 0: what RLIMIT_NOFILE allows, (limit - in "
			       "use - 16) / 2, at least 8. Further ones are closed at once, unless "
			       "another has said nothing for half a second" },
	[CONFIG_MAX_REFERENCES] = { "max_references", "PYRITE_MAX_REFERENCES", CONFIG_NUMBER, 65536,
				    1, 1u << 20, "65536",
				    "objects that a connection may have passed that were not "
				    "returned, in each direction; a call that passes more fails "
				    "with RESOURCE_EXHAUSTED" },
	[CONFIG_KEEPALIVE_MS] = { "keepalive_ms", "PYRITE_KEEPALIVE_MS", CONFIG_NUMBER, 10000, 100,
				  3600000, "10000",
				  "silence after which a proxy sends a ping to its daemon; after "
				  "half of that without an answer the connection ends. A daemon "
				  "waits six times as long, and then twice" },
	[CONFIG_LANE] = { "lane", "PYRITE_LANE", CONFIG_LANES, PYR_LANE_AUTO, PYR_LANE_AUTO,
			  PYR_LANE_WIRE, "auto",
			  "auto, grpc, socket, process or wire: how frames travel between proxies "
			  "and daemons; auto: within the process if the daemon is in it, otherwise "
			  "as wire; wire: on the socket, or through gRPC if the server does not "
			  "support that" },
	[CONFIG_GUARD_OWN] = { "guard_own", "PYRITE_GUARD_OWN", CONFIG_NUMBER, 0, 0, 1, "0",
			       "1: also what programs of the same user send without TLS as gRPC is "
			       "checked before gRPC core sees it; for those that forward the bytes "
			       "of others. Adds half to the cost of such a call" },
	[CONFIG_KEYS] = { .name = "keys",
			  .variable = "PYRITE_KEYS",
			  .kind = CONFIG_TEXT,
			  .text = "",
			  .help = "folder with ca.pem, cert.pem, key.pem and optionally crl.pem: "
				  "TCP connections use TLS, and both ends authenticate each "
				  "other" },
	[CONFIG_SHARED_KEY_FILE] = { .name = "shared_key_file",
				     .variable = "PYRITE_SHARED_KEY_FILE",
				     .kind = CONFIG_TEXT,
				     .text = "",
				     .help = "file with a shared key: both ends of a TCP "
					     "connection prove that they have it" },
	[CONFIG_SHARED_KEY] = { .name = "shared_key",
				.variable = "PYRITE_SHARED_KEY",
				.kind = CONFIG_TEXT,
				.text = "",
				.help = "the shared key itself, if no file is named: the content "
					"of such a file" },
	[CONFIG_RULES] = { .name = "rules",
			   .variable = "PYRITE_RULES",
			   .kind = CONFIG_TEXT,
			   .text = "",
			   .help = "file of rules about who may do what; actions that no line "
				   "allows are refused with PERMISSION_DENIED" },
	[CONFIG_ADVERTISE] = { .name = "advertise",
			       .variable = "PYRITE_ADVERTISE",
			       .kind = CONFIG_TEXT,
			       .text = "",
			       .help = "host or host:port in the URIs of daemons on TCP, if others "
				       "reach them at an address other than the one they listen "
				       "on" },
	[CONFIG_AUDIT] = { .name = "audit",
			   .variable = "PYRITE_AUDIT",
			   .kind = CONFIG_TEXT,
			   .text = "",
			   .help = "where daemons log actions and refused callers, one line of "
				   "JSON each: a file, or syslog:" },
	[CONFIG_FACES] = { .name = "faces",
			   .variable = "PYRITE_FACES",
			   .kind = CONFIG_TEXT,
			   .text = "",
			   .help = "additional protocols of daemons: grpc, reflection, health, "
				   "pyro, http; all, none, or changes of the default, which is all "
				   "but http: +http,-pyro" },
	[CONFIG_LOG] = { "log", "PYRITE_LOG", CONFIG_LEVEL, 0, 0, PYR_LOG_DEBUG, "off",
			 "off, error, warning, info or debug: what the library writes to stderr" },
	[CONFIG_LOG_FORM] = { "log_form", "PYRITE_LOG_FORM", CONFIG_FORMS, LOG_TEXT, 0, LOG_JOURNAL,
			      "text",
			      "text, json or journal: the form of these messages; json: one line "
			      "each; journal: to systemd's journal, if there is one, instead of "
			      "stderr" },
};

/* Written once, by load(); the environment is not asked again, because getenv() races with
 * setenv(). */
static struct {
	pthread_once_t once;
	uint32_t numbers[CONFIG_COUNT];
	const char *texts[CONFIG_COUNT]; /* as they were given; NULL: the default */
	const char *bad[CONFIG_COUNT];   /* the value that made no sense */
	atomic_bool told;
} config = { .once = PTHREAD_ONCE_INIT };

static bool parse_level(const char *text, uint32_t *ret)
{
	uint32_t i;

	for (i = 0; i <= PYR_LOG_DEBUG; i++) {
		if (strcmp(text, log_level_name((enum pyr_log_level)i)) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool parse_lane(const char *text, uint32_t *ret)
{
	static const char *const names[] = { "auto", "grpc", "socket", "process", "wire" };
	uint32_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = PYR_LANE_AUTO + i;
			return true;
		}
	}
	return false;
}

static bool parse_form(const char *text, uint32_t *ret)
{
	static const char *const names[] = { "text", "json", "journal" };
	uint32_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = LOG_TEXT + i;
			return true;
		}
	}
	return false;
}

static bool parse_number(const struct config_setting *setting, const char *text, uint32_t *ret)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t value = 0;
	const char *at;

	for (at = text; *at >= '0' && *at <= '9' && at - text < 10; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (at == text)
		return false;
	if (setting->kind == CONFIG_BYTES && *at && (unit = strchr(units, *at)) != NULL) {
		value <<= 10 * (unit - units + 1);
		at++;
	}
	if (*at || value < setting->min || value > setting->max)
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool config_parse(const struct config_setting *setting, const char *text, uint32_t *ret)
{
	if (setting->kind == CONFIG_TEXT)
		return text[0] != '\0';
	if (setting->kind == CONFIG_LEVEL)
		return parse_level(text, ret);
	if (setting->kind == CONFIG_LANES)
		return parse_lane(text, ret);
	if (setting->kind == CONFIG_FORMS)
		return parse_form(text, ret);
	return parse_number(setting, text, ret);
}

/* Without memory for a copy the environment's own is used: a daemon must not serve without its
 * rules or keys. */
static const char *keep(const char *value)
{
	const char *copy = strdup(value);

	return copy ? copy : value;
}

/* A set-user-ID program ignores the environment: its caller must not choose its files and hosts. */
static void load(void)
{
	const struct config_setting *setting;
	const char *value;
	int key;

	for (key = 0; key < CONFIG_COUNT; key++) {
		setting = &config_settings[key];
		config.numbers[key] = setting->value;
		value = secure_getenv(setting->variable);
		if (!value || value[0] == '\0') /* empty: not set, as in `PYRITE_HOST= program` */
			continue;
		if (!config_parse(setting, value, &config.numbers[key]))
			config.bad[key] = keep(value);
		else
			config.texts[key] = keep(value);
	}
}

/* What it may be; NULL: a number. */
static const char *words_of(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_LEVEL:
		return "off, error, warning, info or debug";
	case CONFIG_LANES:
		return "auto, grpc, socket, process or wire";
	case CONFIG_FORMS:
		return "text, json or journal";
	default:
		return NULL;
	}
}

static void tell_bad_value(enum config_key key)
{
	const struct config_setting *setting = &config_settings[key];
	const char *words = words_of(setting->kind);

	if (words)
		log_line(PYR_LOG_WARNING, "%s is '%s', not %s: %s is used", setting->variable,
			 config.bad[key], words, setting->text);
	else
		log_line(PYR_LOG_WARNING, "%s is '%s', not a number from %lu to %lu: %s is used",
			 setting->variable, config.bad[key], (unsigned long)setting->min,
			 (unsigned long)setting->max, setting->text);
}

/* Tells of bad values, once. */
static void report(void)
{
	int key;

	pthread_once(&config.once, load);
	if (atomic_load_explicit(&config.told, memory_order_relaxed) || !log_is_on(PYR_LOG_WARNING))
		return;
	if (atomic_exchange(&config.told, true))
		return;
	for (key = 0; key < CONFIG_COUNT; key++)
		if (config.bad[key])
			tell_bad_value((enum config_key)key);
}

void config_given(enum config_key key, const char **ret, const char **ret_bad)
{
	pthread_once(&config.once, load);
	*ret = config.texts[key];
	*ret_bad = config.bad[key];
}

/* Tells of no bad values, which is the log's to print. */
static enum pyr_log_level level_to_stderr(void)
{
	pthread_once(&config.once, load);
	return (enum pyr_log_level)config.numbers[CONFIG_LOG];
}

static enum log_form form(void)
{
	pthread_once(&config.once, load);
	return (enum log_form)config.numbers[CONFIG_LOG_FORM];
}

__attribute__((constructor)) static void tell_log(void)
{
	static const struct log_settings settings = { level_to_stderr, form, report };

	log_set_settings(&settings);
}

uint32_t config_number(enum config_key key)
{
	report();
	return config.numbers[key];
}

uint32_t config_or(uint32_t option, enum config_key key)
{
	return option ? option : config_number(key);
}

uint32_t config_or_none(uint32_t option, enum config_key key)
{
	return option == PYR_NONE ? 0 : config_or(option, key);
}

const char *config_text(enum config_key key)
{
	report();
	return config.texts[key] ? config.texts[key] : config_settings[key].text;
}
