/* SPDX-License-Identifier: MIT */
/*
 * The plain gRPC face between a core server and the executor, called by raw core clients of this
 * process. What a foreign client sees is in tests/interop; here are the calls that a well-behaved
 * one never makes.
 */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <sched.h>

#include "base/budget.h"
#include "base/faces.h"
#include "door_visit.h"
#include "engine/engine.h"
#include "face/grpc/plain.h"
#include "incall/instance.h"
#include "reference/reference.h"

#define MAX_MESSAGE 1000
#define MAX_CALLS   8

/* ---- the servant: an interface written by hand ---- */

struct methods {
	int (*add)(pyr_call *call, int32_t x, int32_t y, int32_t *ret);
	int (*hang)(pyr_call *call);
	int (*tell)(pyr_call *call);
};

static const struct pyr__field fields[] = {
	{ .id = 1, .name = "x", .kind = PYR__INT32 },
	{ .id = 2, .name = "y", .kind = PYR__INT32 },
	{ .id = 1, .name = "ret", .kind = PYR__INT32 },
};

static int shim_add(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	return ((const struct methods *)methods)->add(call, in[0].i32, in[1].i32, &out[0].i32);
}

static int shim_hang(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	(void)in;
	(void)out;
	return ((const struct methods *)methods)->hang(call);
}

static int shim_tell(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	(void)in;
	(void)out;
	return ((const struct methods *)methods)->tell(call);
}

static const struct pyr__operation operations[] = {
	{ .name = "t.S.add", .shim = shim_add, .fields = fields, .n_in = 2, .n_out = 1 },
	{ .name = "t.S.hang", .shim = shim_hang, .fields = fields + 3 },
	{ .name = "t.S.tell", .shim = shim_tell, .fields = fields + 3, .flags = PYR__ONEWAY },
};

static const struct pyr__interface interface = {
	.abi = PYR_GEN_ABI, .name = "t.S", .operations = operations, .n_operations = 3
};

static atomic_int n_added, n_told, n_ended;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pyr_deferred *hanging[64];
static int n_hanging;

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	atomic_fetch_add(&n_added, 1);
	*ret = x + y;
	return 0;
}

static int hang(pyr_call *call)
{
	int err;

	pthread_mutex_lock(&lock);
	err = pyr_call_defer(call, &hanging[n_hanging]);
	n_hanging += err == 0;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return err;
}

static int tell(pyr_call *call)
{
	atomic_fetch_add(&n_told, 1);
	return pyr_fail(call, PYR_ABORTED, "nobody hears this");
}

static const struct methods methods = { add, hang, tell };

static bool wait_hanging(int n)
{
	struct timespec until;
	bool there;
	int code = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&lock);
	while (n_hanging < n && code == 0)
		code = pthread_cond_timedwait(&changed, &lock, &until);
	there = n_hanging >= n;
	pthread_mutex_unlock(&lock);
	return there;
}

static void free_hanging(void)
{
	pthread_mutex_lock(&lock);
	while (n_hanging)
		pyr_deferred_free(hanging[--n_hanging]);
	pthread_mutex_unlock(&lock);
}

/* ---- a daemon of the least parts ---- */

static struct {
	struct object_table objects;
	struct executor *executor;
	struct plain_face *face;
	struct door *door;
	grpc_server *server;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;
	struct engine_event requested, shut;
	struct budget *budgets[2];
	atomic_int connection; /* whose calls are taken: its budget */
	struct engine_waiter waiter;
	pthread_t thread;
} d;

static void ask(void)
{
	d.call = NULL;
	grpc_call_details_init(&d.details);
	grpc_metadata_array_init(&d.metadata);
	if (grpc_server_request_call(d.server, &d.call, &d.details, &d.metadata, engine_queue(),
				     engine_queue(), &d.requested) != GRPC_CALL_OK)
		abort();
}

static const struct door_peer the_peer = { .address = "the peer" };

static void on_requested(struct engine_event *event, bool ok)
{
	(void)event;
	if (ok)
		plain_take(d.face, d.call, &d.details, &d.metadata, &the_peer,
			   d.budgets[atomic_load(&d.connection)]);
	grpc_call_details_destroy(&d.details);
	grpc_metadata_array_destroy(&d.metadata);
	if (ok)
		ask();
}

static void on_shut(struct engine_event *event, bool ok)
{
	(void)event;
	(void)ok;
	engine_wake(&d.waiter);
}

static void on_accepted(void *data, int fd, enum door_protocol speaks, const struct door_peer *peer,
			struct tls *tls)
{
	grpc_server_credentials *plain = grpc_insecure_server_credentials_create();

	(void)data;
	(void)speaks;
	(void)peer;
	(void)tls;
	grpc_server_add_channel_from_fd(d.server, fd, plain);
	grpc_server_credentials_release(plain);
}

static void *work(void *data)
{
	(void)data;
	CHECK_INT(exec_work(d.executor), 0);
	return NULL;
}

static void count_ended(void *data)
{
	atomic_fetch_add((atomic_int *)data, 1);
}

static void start_daemon(void)
{
	struct plain_options options = { .objects = &d.objects,
					 .faces = FACE_GRPC,
					 .address = "here",
					 .max_message = MAX_MESSAGE,
					 .max_calls = MAX_CALLS,
					 .progress = count_ended,
					 .data = &n_ended };
	struct door_options door = { .accepted = on_accepted };
	struct door_problem problem;
	int code = 0;

	REQUIRE(engine_start() == 0);
	REQUIRE(objects_init(&d.objects) == 0);
	REQUIRE(objects_add(&d.objects, codec_interface_get(&interface), "s", "here", &methods,
			    NULL, &code) != NULL);
	d.executor = options.executor = exec_new(2);
	d.face = plain_face_new(&options);
	d.budgets[0] = budget_new(NULL, SIZE_MAX);
	d.budgets[1] = budget_new(NULL, SIZE_MAX);
	REQUIRE(d.executor && d.face && d.budgets[0] && d.budgets[1]);
	d.requested.done = on_requested;
	d.shut.done = on_shut;
	engine_waiter_init(&d.waiter, false);
	engine_core_enter();
	d.server = grpc_server_create(NULL, NULL);
	grpc_server_register_completion_queue(d.server, engine_queue(), NULL);
	grpc_server_start(d.server);
	ask();
	REQUIRE(pthread_create(&d.thread, NULL, work, NULL) == 0);
	d.door = door_open(&door, &problem);
	REQUIRE(d.door != NULL);
}

static void stop_daemon(void)
{
	int64_t until = engine_now() + (int64_t)PATIENCE_MS * ENGINE_MS;

	door_close(d.door);
	grpc_server_shutdown_and_notify(d.server, engine_queue(), &d.shut);
	grpc_server_cancel_all_calls(d.server);
	CHECK(engine_wait(&d.waiter, until));
	CHECK_INT(plain_face_load(d.face), 0);
	exec_free(d.executor);
	grpc_server_destroy(d.server);
	engine_core_leave();
	plain_face_free(d.face);
	budget_unref(d.budgets[0]);
	budget_unref(d.budgets[1]);
	objects_free(&d.objects);
	door_free(d.door);
	engine_waiter_fini(&d.waiter);
}

/* ---- a client ---- */

struct caller {
	grpc_channel *channel;
	grpc_completion_queue *queue;
};

struct visit {
	grpc_call *call;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *reply;
	grpc_status_code status;
	grpc_slice text;
};

static struct caller new_caller(void)
{
	grpc_channel_credentials *plain = grpc_insecure_credentials_create();
	grpc_arg args[] = { { .type = GRPC_ARG_INTEGER, .key = "grpc.enable_http_proxy" },
			    { .type = GRPC_ARG_INTEGER,
			      .key = "grpc.use_local_subchannel_pool",
			      .value.integer = 1 } };
	grpc_channel_args all = { 2, args };
	struct caller caller = {
		.channel = grpc_channel_create(door_address(d.door), plain, &all),
		.queue = grpc_completion_queue_create_for_pluck(NULL),
	};

	grpc_channel_credentials_release(plain);
	return caller;
}

static void end_caller(struct caller *caller)
{
	grpc_channel_destroy(caller->channel);
	grpc_completion_queue_shutdown(caller->queue);
	grpc_completion_queue_destroy(caller->queue);
}

/* Starts a call whose end finish() waits for; n < 0: no request message. */
static void begin_visit(struct caller *caller, struct visit *visit, const char *path,
			const void *request, int n)
{
	gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
					     gpr_time_from_millis(PATIENCE_MS, GPR_TIMESPAN));
	grpc_slice slice = grpc_slice_from_copied_buffer(request, n < 0 ? 0 : (size_t)n);
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op ops[6] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },  { .op = GRPC_OP_RECV_INITIAL_METADATA },
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT }, { .op = GRPC_OP_RECV_MESSAGE },
		{ .op = GRPC_OP_RECV_STATUS_ON_CLIENT },  { .op = GRPC_OP_SEND_MESSAGE }
	};

	memset(visit, 0, sizeof(*visit));
	grpc_metadata_array_init(&visit->initial);
	grpc_metadata_array_init(&visit->trailing);
	visit->call = grpc_channel_create_call(caller->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
					       caller->queue, grpc_slice_from_static_string(path),
					       NULL, deadline, NULL);
	ops[1].data.recv_initial_metadata.recv_initial_metadata = &visit->initial;
	ops[3].data.recv_message.recv_message = &visit->reply;
	ops[4].data.recv_status_on_client.trailing_metadata = &visit->trailing;
	ops[4].data.recv_status_on_client.status = &visit->status;
	ops[4].data.recv_status_on_client.status_details = &visit->text;
	ops[5].data.send_message.send_message = message;
	REQUIRE(grpc_call_start_batch(visit->call, ops, n < 0 ? 5 : 6, visit, NULL) ==
		GRPC_CALL_OK);
	grpc_byte_buffer_destroy(message);
	grpc_slice_unref(slice);
}

/* Returns the status; text gets its first bytes. */
static int finish(struct caller *caller, struct visit *visit, char *text, size_t size)
{
	grpc_event event = grpc_completion_queue_pluck(caller->queue, visit,
						       gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);

	REQUIRE(event.type == GRPC_OP_COMPLETE);
	snprintf(text, size, "%.*s", (int)GRPC_SLICE_LENGTH(visit->text),
		 (const char *)GRPC_SLICE_START_PTR(visit->text));
	if (visit->reply)
		grpc_byte_buffer_destroy(visit->reply);
	grpc_slice_unref(visit->text);
	grpc_metadata_array_destroy(&visit->initial);
	grpc_metadata_array_destroy(&visit->trailing);
	grpc_call_unref(visit->call);
	return (int)visit->status;
}

static int call(struct caller *caller, const char *path, const void *request, int n, char *text,
		size_t size)
{
	struct visit visit;

	begin_visit(caller, &visit, path, request, n);
	return finish(caller, &visit, text, size);
}

#define ADD_1_2 "\x08\x01\x10\x02", 4

/* ---- the tests ---- */

TEST(a_call_is_answered)
{
	struct caller caller = new_caller();
	struct visit visit;
	char text[200];

	begin_visit(&caller, &visit, "/t.S/add", ADD_1_2);
	CHECK_INT(finish(&caller, &visit, text, sizeof(text)), 0);
	CHECK_STR(text, "");
	end_caller(&caller);
}

static atomic_int instances[2]; /* made, and gone */

static int create(pyr_call *call, void *data, void **ret)
{
	CHECK_STR(pyr_call_session(call), "");
	CHECK(data == instances);
	atomic_fetch_add(&instances[0], 1);
	*ret = &instances[1];
	return 0;
}

static void destroy(void *data)
{
	atomic_fetch_add((atomic_int *)data, 1);
}

TEST(c5_a_call_without_a_session_has_an_instance_of_its_own)
{
	struct pyr_register_options options = { .mode = PYR_PER_SESSION,
						.create = create,
						.destroy_instance = destroy };
	struct caller caller = new_caller();
	struct object *object = objects_new(&d.objects, codec_interface_get(&interface), "own",
					    "here", &methods, instances);
	char text[200];
	int i, before = atomic_load(&n_added);

	REQUIRE(object != NULL && instance_begin(object, &options));
	reference_set_executor(object, d.executor);
	CHECK_INT(objects_put(&d.objects, object, false, true), 0); /* which serves by default */
	for (i = 0; i < 3; i++)
		CHECK_INT(call(&caller, "/t.S/add", ADD_1_2, text, sizeof(text)), 0);
	CHECK_INT(atomic_load(&instances[0]), 3);
	while (atomic_load(&instances[1]) < 3) /* after the answer; bounded by the test's alarm */
		sched_yield();
	CHECK_INT(atomic_load(&n_added), before + 3);
	end_caller(&caller);
	CHECK(objects_remove(&d.objects, "own"));
}

TEST(a_call_without_a_message_runs_nothing)
{
	struct caller caller = new_caller();
	int before = atomic_load(&n_added);
	char text[200];

	CHECK_INT(call(&caller, "/t.S/add", "", -1, text, sizeof(text)), PYR_INTERNAL);
	CHECK_STR(text, "the call came without a request message");
	CHECK_INT(atomic_load(&n_added), before);
	end_caller(&caller);
}

TEST(a_message_of_no_bytes_is_a_message)
{
	struct caller caller = new_caller();
	char text[200];

	CHECK_INT(call(&caller, "/t.S/add", "", 0, text, sizeof(text)), 0);
	end_caller(&caller);
}

TEST(a_request_too_large_fails_alone)
{
	struct caller caller = new_caller();
	struct visit other;
	char text[200], large[MAX_MESSAGE + 1] = "";

	begin_visit(&caller, &other, "/t.S/hang", "", 0);
	CHECK(wait_hanging(1));
	CHECK_INT(call(&caller, "/t.S/add", large, sizeof(large), text, sizeof(text)),
		  PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(text, "the request has 1001 bytes, 1000 are allowed");
	free_hanging();
	CHECK_INT(finish(&caller, &other, text, sizeof(text)), PYR_INTERNAL);
	CHECK_STR(text, "the servant gave no answer");
	end_caller(&caller);
}

TEST(calls_of_a_connection_beyond_the_limit_are_refused_and_all_others_go_on)
{
	struct caller caller = new_caller(), other = new_caller();
	struct visit visits[MAX_CALLS];
	char text[200];
	int i;

	for (i = 0; i < MAX_CALLS; i++)
		begin_visit(&caller, &visits[i], "/t.S/hang", "", 0);
	CHECK(wait_hanging(MAX_CALLS));
	CHECK_INT(call(&caller, "/t.S/add", ADD_1_2, text, sizeof(text)), PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(text, "8 calls of this connection are running at here, the maximum");
	atomic_store(&d.connection, 1);
	CHECK_INT(call(&other, "/t.S/add", ADD_1_2, text, sizeof(text)), 0);
	atomic_store(&d.connection, 0);
	free_hanging();
	for (i = 0; i < MAX_CALLS; i++)
		CHECK_INT(finish(&caller, &visits[i], text, sizeof(text)), PYR_INTERNAL);
	CHECK_INT(call(&caller, "/t.S/add", ADD_1_2, text, sizeof(text)), 0);
	end_caller(&other);
	end_caller(&caller);
}

TEST(a_deferred_outlives_a_caller_that_is_gone)
{
	struct caller caller = new_caller();
	struct visit visit;
	char text[200];
	int64_t until = test_now_ms() + PATIENCE_MS;

	begin_visit(&caller, &visit, "/t.S/hang", "", 0);
	CHECK(wait_hanging(1));
	grpc_call_cancel(visit.call, NULL);
	CHECK_INT(finish(&caller, &visit, text, sizeof(text)), PYR_CANCELLED);
	end_caller(&caller);
	while (!pyr_call_is_cancelled(pyr_deferred_call(hanging[0])) && test_now_ms() < until)
		sched_yield();
	CHECK(pyr_call_is_cancelled(pyr_deferred_call(hanging[0])));
	CHECK_STR(pyr_call_peer(pyr_deferred_call(hanging[0])), "the peer");
	CHECK_STR(pyr_call_operation(pyr_deferred_call(hanging[0])), "t.S.hang");
	free_hanging();
}

TEST(a_oneway_is_run_after_its_answer)
{
	struct caller caller = new_caller();
	int64_t until = test_now_ms() + PATIENCE_MS;
	char text[200];

	CHECK_INT(call(&caller, "/t.S/tell", "", 0, text, sizeof(text)), 0);
	while (atomic_load(&n_told) < 1 && test_now_ms() < until)
		sched_yield();
	CHECK_INT(atomic_load(&n_told), 1);
	end_caller(&caller);
}

TEST(calls_cancelled_right_after_they_were_sent_leave_nothing)
{
	struct caller caller = new_caller();
	struct visit visit;
	int64_t until = test_now_ms() + PATIENCE_MS;
	char text[200];
	int i, status;

	for (i = 0; i < 500; i++) {
		begin_visit(&caller, &visit, "/t.S/add", ADD_1_2);
		if (i % 3 == 0)
			sched_yield();
		grpc_call_cancel(visit.call, NULL);
		status = finish(&caller, &visit, text, sizeof(text));
		CHECK(status == PYR_CANCELLED || status == 0 || status == PYR_RESOURCE_EXHAUSTED);
	}
	do { /* the last of them may still be on their way in */
		status = call(&caller, "/t.S/add", ADD_1_2, text, sizeof(text));
	} while (status == PYR_RESOURCE_EXHAUSTED && test_now_ms() < until);
	CHECK_INT(status, 0);
	while (plain_face_load(d.face) > 0 && test_now_ms() < until)
		sched_yield();
	CHECK_INT(plain_face_load(d.face), 0);
	end_caller(&caller);
}

TEST(each_end_of_a_call_is_told)
{
	struct caller caller = new_caller();
	int64_t until = test_now_ms() + PATIENCE_MS;
	int before;
	char text[200];

	while (plain_face_load(d.face) > 0 && test_now_ms() < until)
		sched_yield();
	before = atomic_load(&n_ended);
	CHECK_INT(call(&caller, "/t.S/add", ADD_1_2, text, sizeof(text)), 0);
	CHECK_INT(call(&caller, "/t.S/gone", "", 0, text, sizeof(text)), PYR_UNIMPLEMENTED);
	while (atomic_load(&n_ended) < before + 2 && test_now_ms() < until)
		sched_yield();
	CHECK_INT(atomic_load(&n_ended), before + 2);
	end_caller(&caller);
}

/* Ends the daemon with a call that was deferred and two that never ran. */
TEST(a_daemon_that_goes_ends_the_calls_it_has)
{
	struct caller caller = new_caller();
	int before = atomic_load(&n_added);
	int64_t until = test_now_ms() + PATIENCE_MS;
	struct visit visits[3];
	char text[200];
	int i;

	begin_visit(&caller, &visits[0], "/t.S/hang", "", 0);
	CHECK(wait_hanging(1));
	exec_stop(d.executor);
	pthread_join(d.thread, NULL);
	begin_visit(&caller, &visits[1], "/t.S/add", ADD_1_2);
	begin_visit(&caller, &visits[2], "/t.S/add", ADD_1_2);
	while (exec_load(d.executor) < 2 && test_now_ms() < until)
		sched_yield();
	CHECK_INT(exec_load(d.executor), 2);
	plain_face_drain(d.face);
	CHECK_INT(call(&caller, "/t.S/add", ADD_1_2, text, sizeof(text)), PYR_UNAVAILABLE);
	CHECK_STR(text, "here is stopping");
	stop_daemon();
	for (i = 0; i < 3; i++)
		CHECK(finish(&caller, &visits[i], text, sizeof(text)) != 0);
	CHECK_INT(atomic_load(&n_added), before);
	CHECK(pyr_call_is_cancelled(pyr_deferred_call(hanging[0])));
	free_hanging(); /* a servant may answer when all is gone */
	end_caller(&caller);
}

TEST(the_daemon_starts)
{
	start_daemon();
}

TESTS(plain_calls, T(the_daemon_starts), T(a_call_is_answered),
      T(c5_a_call_without_a_session_has_an_instance_of_its_own),
      T(a_call_without_a_message_runs_nothing), T(a_message_of_no_bytes_is_a_message),
      T(a_request_too_large_fails_alone),
      T(calls_of_a_connection_beyond_the_limit_are_refused_and_all_others_go_on),
      T(a_deferred_outlives_a_caller_that_is_gone), T(a_oneway_is_run_after_its_answer),
      T(calls_cancelled_right_after_they_were_sent_leave_nothing), T(each_end_of_a_call_is_told),
      T(a_daemon_that_goes_ends_the_calls_it_has))
