/* SPDX-License-Identifier: MIT */
/*
 * The servers of Pyro4's examples in C: their clients run against it as they are. Prints a line
 * "NAME URI" for each object, then "Ready"; ends with its standard input, or by a signal.
 *
 *	pyro-examples [--names] [--key TEXT] [--guarded] [--serial] [--rules FILE] [--socket PATH]
 *		[--audit FILE]
 */
#include "examples.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "places.h"

/* Returns false when nobody waits for the call any more. */
static bool pass_time(pyr_call *call, double seconds)
{
	struct timespec tick = { 0, 5000000 }, now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)seconds;
	end.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	do {
		if (pyr_call_is_cancelled(call))
			return false;
		nanosleep(&tick, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(end.tv_sec - now.tv_sec) * 1e9 + (double)(end.tv_nsec - now.tv_nsec) > 0);
	return true;
}

/* ---- attributes ---- */

static int64_t value = 42;

static int get_value(pyr_call *call, int64_t *ret)
{
	(void)call;
	*ret = value;
	return 0;
}

static int set_value(pyr_call *call, int64_t given)
{
	(void)call;
	value = given;
	return 0;
}

static int get_sub(pyr_call *call, const struct pyr_string_string_map **ret)
{
	static struct pyr_string_string_map_entry entry = { "name", "value" };
	static const struct pyr_string_string_map sub = { 1, &entry };

	(void)call;
	*ret = &sub;
	return 0;
}

static int dunder(pyr_call *call, const char **ret)
{
	(void)call;
	*ret = "yep";
	return 0;
}

static const struct demo_Attributes_methods place_attributes = { .getValue = get_value,
								 .dunder = dunder,
								 .get_prop_value = get_value,
								 .set_prop_value = set_value,
								 .get_prop_sub = get_sub };

/* ---- batchedcalls, async ---- */

static int multiply(pyr_call *call, int64_t a, int64_t b, int64_t *ret)
{
	(void)call;
	*ret = a * b;
	return 0;
}

static int add(pyr_call *call, int64_t a, int64_t b, int64_t *ret)
{
	(void)call;
	*ret = a + b;
	return 0;
}

static int divide(pyr_call *call, int64_t a, int64_t b, int64_t *ret)
{
	if (b == 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT,
				"ZeroDivisionError: integer division or modulo by zero");
	*ret = a / b - (a % b != 0 && (a < 0) != (b < 0));
	return 0;
}

static int delay(pyr_call *call, double seconds, double *ret)
{
	pass_time(call, seconds);
	*ret = seconds;
	return 0;
}

static int print_message(pyr_call *call, const char *message, int32_t *ret)
{
	(void)call;
	puts(message);
	*ret = 0;
	return 0;
}

static int divide_slowly(pyr_call *call, int64_t a, int64_t b, int64_t *ret)
{
	pass_time(call, 3);
	return divide(call, a, b, ret);
}

static const struct demo_Batched_methods place_batched = { .multiply = multiply,
							   .add = add,
							   .divide = divide,
							   .delay = delay,
							   .printmessage = print_message };
static const struct demo_Async_methods place_async = { .divide = divide_slowly,
						       .multiply = multiply,
						       .add = add };

/* ---- timeout ---- */

static int sleep_some(pyr_call *call, double amount, const char **ret)
{
	char text[64];

	pass_time(call, amount);
	snprintf(text, sizeof(text), "slept %d seconds", (int)amount);
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static const struct demo_Timeout_methods place_timeout = { .delay = sleep_some };

/* ---- exceptions ---- */

static int divide_reals(pyr_call *call, double a, double b, double *ret)
{
	if (b == 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "ZeroDivisionError: division by zero");
	*ret = a / b;
	return 0;
}

static int value_error(pyr_call *call)
{
	return pyr_fail(call, PYR_INVALID_ARGUMENT, "ValueError: a valueerror! Great!");
}

static int runtime_error(pyr_call *call)
{
	return pyr_fail(call, PYR_UNKNOWN, "RuntimeError: a runtime error!");
}

static int type_error(pyr_call *call)
{
	return pyr_fail(call, PYR_INVALID_ARGUMENT,
			"TypeError: unsupported operand type(s) for //: 'str' and 'int'");
}

static const struct demo_Exceptions_methods place_exceptions = { .div = divide_reals,
								 .error = value_error,
								 .error2 = value_error,
								 .othererr = runtime_error,
								 .complexerror = type_error,
								 .unserializable = runtime_error };

/* ---- streaming ---- */

static int list_numbers(pyr_call *call, const struct pyr_int32_seq **ret)
{
	static int32_t numbers[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const struct pyr_int32_seq list = { 9, numbers };

	(void)call;
	*ret = &list;
	return 0;
}

static int iterate(pyr_call *call, pyr_stream *stream)
{
	int32_t i;
	int err = 0;

	(void)call;
	for (i = 1; i < 10 && err == 0; i++)
		err = demo_Streamer_iterator_yield(stream, i);
	return err;
}

static int generate(pyr_call *call, pyr_stream *stream)
{
	int32_t i;
	int err = 0;

	(void)call;
	for (i = 1; i < 10 && err == 0; i++)
		err = demo_Streamer_generator_yield(stream, i);
	return err;
}

static int generate_slowly(pyr_call *call, pyr_stream *stream)
{
	int32_t i;
	int err = 0;

	for (i = 1; i < 10 && err == 0; i++) {
		pass_time(call, 0.5);
		err = demo_Streamer_slow_generator_yield(stream, i);
	}
	return err;
}

static const struct demo_Streamer_methods place_streamer = { .list = list_numbers,
							     .iterator = iterate,
							     .generator = generate,
							     .slow_generator = generate_slowly };

/* ---- oneway ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_busy;

static void set_busy(bool busy)
{
	pthread_mutex_lock(&lock);
	is_busy = busy;
	pthread_mutex_unlock(&lock);
}

/* Is called before it begins to work, so that who asks next sees it. */
static int start_work(pyr_call *call, uint32_t duration)
{
	set_busy(true);
	pass_time(call, duration);
	set_busy(false);
	return 0;
}

static int is_ready(pyr_call *call, bool *ret)
{
	(void)call;
	pthread_mutex_lock(&lock);
	*ret = !is_busy;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int result(pyr_call *call, const char **ret)
{
	(void)call;
	*ret = "The result :)";
	return 0;
}

static int do_nothing(pyr_call *call)
{
	(void)call;
	return 0;
}

static const struct demo_Oneway_methods place_oneway = { .oneway_start = start_work,
							 .ready = is_ready,
							 .result = result,
							 .nothing = do_nothing,
							 .oneway_work = do_nothing };

/* ---- instancemode ---- */

static int make_instance(pyr_call *call, void *data, void **ret)
{
	static int64_t last;
	int64_t *instance = malloc(sizeof(*instance));

	(void)call;
	(void)data;
	if (!instance)
		return -PYR_RESOURCE_EXHAUSTED;
	pthread_mutex_lock(&lock);
	*instance = ++last;
	pthread_mutex_unlock(&lock);
	*ret = instance;
	return 0;
}

static int tell_instance(pyr_call *call, const char *message, int64_t *ret)
{
	(void)message;
	*ret = *(const int64_t *)pyr_call_data(call);
	return 0;
}

static const struct demo_Instance_methods instance = { .msg = tell_instance };

static int register_instances(pyr_daemon *daemon)
{
	static const struct {
		const char *id;
		enum pyr_instance_mode mode;
	} modes[] = { { "instance.single", PYR_SINGLE },
		      { "instance.session", PYR_PER_SESSION },
		      { "instance.percall", PYR_PER_CALL } };
	struct pyr_register_options options = { .create = make_instance, .destroy_instance = free };
	size_t i;

	for (i = 0; i < 3; i++) {
		options.mode = modes[i].mode;
		if (!demo_Instance_register_with(daemon, modes[i].id, &instance, NULL, &options))
			return -1;
	}
	return 0;
}

/* ---- all of it ---- */

static const char *const ids[] = {
	"example.attributes", "example.batched",
	"example.async",      "example.timeout",
	"example.exceptions", "example.streamer",
	"example.oneway",     "instance.single",
	"instance.session",   "instance.percall",
	"example.warehouse",  "example.banks.rabobank",
	"example.banks.abn",  "service",
	"example.autoproxy",  "example.callback",
	"example.shop",       "probe",
};

static bool register_all(pyr_daemon *d)
{
	return demo_Attributes_register(d, "example.attributes", &place_attributes, NULL) &&
	       demo_Batched_register(d, "example.batched", &place_batched, NULL) &&
	       demo_Async_register(d, "example.async", &place_async, NULL) &&
	       demo_Timeout_register(d, "example.timeout", &place_timeout, NULL) &&
	       demo_Exceptions_register(d, "example.exceptions", &place_exceptions, NULL) &&
	       demo_Streamer_register(d, "example.streamer", &place_streamer, NULL) &&
	       demo_Oneway_register(d, "example.oneway", &place_oneway, NULL) &&
	       demo_Warehouse_register(d, "example.warehouse", &place_warehouse, NULL) &&
	       demo_Bank_register(d, "example.banks.rabobank", &place_bank, &place_rabobank) &&
	       demo_Bank_register(d, "example.banks.abn", &place_bank, &place_abn) &&
	       demo_Service_register(d, "service", &place_service, NULL) &&
	       demo_Factory_register(d, "example.autoproxy", &place_factory, d) &&
	       demo_CallbackServer_register(d, "example.callback", &place_callback, d) &&
	       demo_Shop_register_with(d, "example.shop", &place_shop, d,
				       &(struct pyr_register_options){ .serial = true }) &&
	       demo_Probe_register(d, "probe", &place_probe, NULL) && register_instances(d) == 0;
}

static int publish(pyr_daemon *daemon, bool has_names)
{
	pyr_ns *ns = has_names ? pyr_ns_locate(NULL) : NULL;
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		if (has_names && pyr_ns_register(ns, ids[i], pyr_daemon_uri(daemon, ids[i])) < 0)
			return pyr_perror(ids[i]);
		printf("%s %s\n", ids[i], pyr_daemon_uri(daemon, ids[i]));
	}
	puts("Ready");
	fflush(stdout);
	pyr_ns_free(ns);
	return 0;
}

static pyr_daemon *freeze(void)
{
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .signals = PYR_NO });
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = daemon ? demo_Timeout_register(daemon, NULL, &place_timeout, NULL) : NULL;
	int err = uri && ns ? pyr_ns_register(ns, "example.timeout.frozendaemon", uri) : -1;

	pyr_ns_free(ns);
	return err < 0 ? NULL : daemon;
}

/* Whoever started the program has ended. */
static void *wait_for_end(void *daemon)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	pyr_daemon_stop(daemon);
	return NULL;
}

static int judge(pyr_call *call, const struct pyr_bytes *handshake, struct pyr_bytes *ret_answer,
		 void *data)
{
	static const char secret[] = "pancakes", answer[] = "how are you doing";

	(void)data;
	if (handshake->n != sizeof(secret) - 1 ||
	    memcmp(handshake->items, secret, handshake->n) != 0)
		return pyr_fail(call, PYR_UNAUTHENTICATED, "wrong secret code, connection refused");
	*ret_answer = (struct pyr_bytes){ sizeof(answer) - 1, (uint8_t *)(uintptr_t)answer };
	return 0;
}

struct wish {
	struct pyr_daemon_options daemon;
	struct pyr_key_options key;
	bool has_names;
};

/* What follows the name of an option. */
static void read_options(int argc, char **argv, struct wish *wish)
{
	int i;

	for (i = 1; i < argc; i++) {
		const char *given = i + 1 < argc ? argv[i + 1] : "";

		wish->has_names |= strcmp(argv[i], "--names") == 0;
		if (strcmp(argv[i], "--guarded") == 0)
			wish->daemon.on_connect = judge;
		if (strcmp(argv[i], "--serial") == 0)
			wish->daemon.threads = 1;
		if (strcmp(argv[i], "--rules") == 0)
			wish->daemon.rules = given;
		if (strcmp(argv[i], "--socket") == 0)
			wish->daemon.socket = given;
		if (strcmp(argv[i], "--audit") == 0)
			wish->daemon.audit = given;
		if (strcmp(argv[i], "--key") == 0) {
			wish->key.text = given;
			wish->daemon.key = &wish->key;
		}
	}
}

int main(int argc, char **argv)
{
	struct wish wish = { .daemon = { .threads = 16 } };
	pyr_daemon *frozen = NULL; /* which never runs: the timeout example has it */
	pyr_daemon *daemon;
	pthread_t thread;
	int status;

	read_options(argc, argv, &wish);
	daemon = pyr_daemon_new(&wish.daemon);
	if (!daemon || !register_all(daemon) || (wish.has_names && !(frozen = freeze())) ||
	    publish(daemon, wish.has_names) != 0)
		return pyr_perror("pyro-examples");
	if (pthread_create(&thread, NULL, wait_for_end, daemon) != 0)
		return 1;
	pthread_detach(thread);
	status = pyr_daemon_run(daemon);
	pyr_daemon_free(frozen);
	pyr_daemon_free(daemon);
	return status < 0;
}
