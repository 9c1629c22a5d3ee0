/* SPDX-License-Identifier: MIT */
/* Futures with callbacks, and many futures at a time. */
#include "future/future.h"
#include "heard.h"

#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

static void on_hold(pyr_future *future, void *data)
{
	struct heard *heard = data;
	int32_t value = 0;
	int code = e2e_Work_hold_get(future, &value);

	tell(heard, code, value, &heard->n);
}

static void on_error(pyr_future *future, void *data)
{
	struct heard *heard = data;

	CHECK(pyr_future_is_ready(future));
	tell(heard, -pyr_last_error()->code, 0, &heard->n_errors);
}

static void release(struct heard *heard)
{
	pthread_mutex_lock(&heard->lock);
	heard->is_held = false;
	pthread_cond_broadcast(&heard->changed);
	pthread_mutex_unlock(&heard->lock);
}

/* ---- then ---- */

EVERYWHERE(d6_then_is_called_with_the_result)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 40, 2), on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, 0);
	CHECK_INT(heard.value, 42);
	CHECK(!pthread_equal(heard.thread, pthread_self()));
	CHECK(!pthread_equal(heard.thread, place.thread));
}

EVERYWHERE(d6_then_on_what_is_ready_is_called_soon)
{
	pyr_future *future = e2e_Work_add_start(work, 1, 2);
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_wait(future, -1), 0);
	CHECK_INT(pyr_future_then(future, on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.value, 3);
}

EVERYWHERE(d6_what_then_does_not_take_is_freed)
{
	struct heard heard;

	heard_init(&heard);
	heard.keep = true;
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 2), on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, 0);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 2), NULL, NULL), 0);
}

EVERYWHERE(d6_then_is_told_of_a_failure_if_nobody_else_is)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_then(e2e_Work_hold_start(work, 99), on_hold, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_OUT_OF_RANGE);
	CHECK_HAS(heard.text, "no key 99");
}

EVERYWHERE(d6_on_error_is_called_instead_of_then)
{
	pyr_future *future = e2e_Work_hold_start(work, 99);
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_on_error(future, on_error, &heard), 0);
	CHECK_INT(pyr_future_then(future, on_hold, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.n_errors, 1);
	CHECK_INT(heard.code, -PYR_OUT_OF_RANGE);
	CHECK_HAS(heard.text, "no key 99");
}

EVERYWHERE(d6_on_error_is_not_called_when_it_succeeds)
{
	pyr_future *future = e2e_Work_add_start(work, 2, 2);
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_on_error(future, on_error, &heard), 0);
	CHECK_INT(pyr_future_then(future, on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.n, 1);
	CHECK_INT(heard.value, 4);
}

EVERYWHERE(d6_status_tells_and_takes_nothing)
{
	pyr_future *good = e2e_Work_add_start(work, 2, 2), *bad = e2e_Work_hold_start(work, 99);
	int32_t value;

	CHECK_INT(pyr_future_status(good), 0);
	CHECK_INT(pyr_future_status(bad), -PYR_OUT_OF_RANGE);
	CHECK_STR(pyr_last_error()->operation, "e2e.Work.hold");
	CHECK_INT(pyr_future_status(bad), -PYR_OUT_OF_RANGE);
	CHECK_INT(e2e_Work_add_get(good, &value), 0);
	CHECK_INT(value, 4);
	CHECK_INT(e2e_Work_hold_get(bad, &value), -PYR_OUT_OF_RANGE);
}

/* Adds one, and one, and one: each callback starts the next call. */
static void on_step(pyr_future *future, void *data)
{
	struct heard *heard = data;
	int32_t sum = 0;
	int err = e2e_Work_add_get(future, &sum);

	if (err == 0 && sum < 10)
		err = pyr_future_then(e2e_Work_add_start(work, sum, 1), on_step, heard);
	if (err < 0 || sum == 10)
		tell(heard, err, sum, &heard->n);
}

EVERYWHERE(d7_a_callback_starts_the_next_call)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 0, 1), on_step, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, 0);
	CHECK_INT(heard.value, 10);
}

static void on_add_then_block(pyr_future *future, void *data)
{
	struct heard *heard = data;
	int32_t sum = 0;
	int err = e2e_Work_add_get(future, &sum);

	if (err == 0)
		err = e2e_Work_add(work, sum, 100, &sum);
	tell(heard, err, sum, &heard->n);
}

EVERYWHERE(d6_a_callback_may_make_blocking_calls)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 2), on_add_then_block, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.value, 103);
}

TEST(null_futures_are_answered)
{
	CHECK_INT(pyr_future_then(NULL, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "future is NULL");
	CHECK_INT(pyr_future_on_error(NULL, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_future_status(NULL), -PYR_INVALID_ARGUMENT);
	pyr_future_cancel(NULL);
	pyr_future_free(NULL);
}

EVERYWHERE(a_start_that_failed_is_the_error_of_then)
{
	pyr_future *future = e2e_Work_echo_start(work, NULL);

	CHECK(future == NULL);
	CHECK_INT(pyr_future_then(future, on_add, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "'text' is NULL");
}

/* ---- the end of a future that has a callback ---- */

EVERYWHERE(a_cancelled_future_calls_back)
{
	struct heard heard;
	pyr_future *future = e2e_Work_hold_start(work, 1);

	heard_init(&heard);
	CHECK(work_holds(&place.work, 1));
	CHECK_INT(pyr_future_then(future, on_hold, &heard), 0);
	pyr_future_cancel(future);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_CANCELLED);
	CHECK(work_told(&place.work, 1));
	CHECK_INT(e2e_Work_drop(work, 1), 0);
}

EVERYWHERE(a_freed_future_does_not_call_back)
{
	struct heard heard;
	pyr_future *future = e2e_Work_hold_start(work, 1);

	heard_init(&heard);
	CHECK(work_holds(&place.work, 1));
	CHECK_INT(pyr_future_then(future, on_hold, &heard), 0);
	pyr_future_free(future);
	CHECK(work_told(&place.work, 1));
	CHECK_INT(e2e_Work_drop(work, 1), 0);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 1), on_add, &heard), 0);
	CHECK(hears(&heard, 1)); /* callbacks come one after the other: the other was due before */
	CHECK_INT(heard.value, 2);
}

static void *free_it(void *data)
{
	struct heard *heard = data;

	pyr_future_free(heard->future);
	CHECK(heard->has_ended);
	return NULL;
}

EVERYWHERE(free_waits_for_a_callback_that_runs)
{
	struct heard heard;
	pthread_t thread;

	heard_init(&heard);
	heard.keep = heard.is_held = true;
	heard.future = e2e_Work_add_start(work, 1, 1);
	CHECK_INT(pyr_future_then(heard.future, on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	REQUIRE(pthread_create(&thread, NULL, free_it, &heard) == 0);
	while (atomic_load(&heard.future->n_users) == 0) /* it may be used until then only */
		sched_yield();
	release(&heard);
	CHECK_INT(pthread_join(thread, NULL), 0);
}

static void free_inside(pyr_future *future, void *data)
{
	struct heard *heard = data;

	pyr_future_free(future);
	tell(heard, 0, 0, &heard->n);
}

EVERYWHERE(a_callback_may_free_its_future)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 1), free_inside, &heard), 0);
	CHECK(hears(&heard, 1));
}

EVERYWHERE(a_future_has_one_callback)
{
	struct heard heard;
	pyr_future *future = e2e_Work_hold_start(work, 1);

	heard_init(&heard);
	CHECK(work_holds(&place.work, 1));
	CHECK_INT(pyr_future_then(future, on_hold, &heard), 0);
	CHECK_INT(pyr_future_then(future, on_add, &heard), -PYR_FAILED_PRECONDITION);
	CHECK_INT(pyr_future_on_error(future, on_error, &heard), -PYR_FAILED_PRECONDITION);
	CHECK_INT(e2e_Work_answer(work, 1, 5), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.value, 5);
}

EVERYWHERE(a_proxy_that_is_freed_ends_what_calls_back)
{
	struct e2e_Work *other = e2e_Work_proxy(place.uri);
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_then(e2e_Work_hold_start(other, 1), on_hold, &heard), 0);
	CHECK(work_holds(&place.work, 1));
	e2e_Work_free(other);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_CANCELLED);
	CHECK_HAS(heard.text, "the proxy was released");
	CHECK_INT(e2e_Work_drop(work, 1), 0);
}

/* Nobody waits in a thread: the deadline comes all the same. */
EVERYWHERE(a_deadline_calls_back)
{
	struct pyr_call_options soon = { .timeout_ms = 30 };
	struct heard heard;
	int64_t began;

	heard_init(&heard);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(work)), 0);
	began = now_ms();
	CHECK_INT(pyr_future_then(e2e_Work_hold_start(e2e_Work_with(work, &soon), 1), on_hold,
				  &heard),
		  0);
	CHECK(hears(&heard, 1));
	CHECK(now_ms() - began >= 30);
	CHECK_INT(heard.code, -PYR_DEADLINE_EXCEEDED);
	CHECK_HAS(heard.text, "TimeoutError");
}

TEST(a_daemon_that_does_not_answer_calls_back)
{
	struct pyr_proxy_options options = { .connect_timeout_ms = 50 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t n = sizeof(address);
	struct e2e_Work *silent;
	struct heard heard;
	char uri[64];

	heard_init(&heard);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 4) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&address, &n) == 0);
	snprintf(uri, sizeof(uri), "PYRO:work@127.0.0.1:%d", ntohs(address.sin_port));
	silent = e2e_Work_proxy_with(uri, &options);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(silent, 1, 1), on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_UNAVAILABLE);
	CHECK_HAS(heard.text, "in time");
	e2e_Work_free(silent);
	close(fd);
}

TEST(a_daemon_that_ends_calls_back)
{
	struct pyr_daemon_options options = { .drain_ms = 1 };
	struct heard heard;

	heard_init(&heard);
	REQUIRE(place_open(&place, &options));
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(pyr_future_then(e2e_Work_hold_start(work, 1), on_hold, &heard), 0);
	CHECK(work_holds(&place.work, 1));
	(void)place_close(&place);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_UNAVAILABLE);
	e2e_Work_free(work);
}

/* ---- inside methods ---- */

/*
 * An object that answers with what another call came to: its method starts that, and returns.
 * add(x, 0) asks work; add(x, y) asks itself for add(x + 1, y - 1), through the one proxy that its
 * own caller uses.
 */
struct other {
	struct e2e_Other *self;
	bool is_simple; /* it can add by itself */
	pthread_t method, callback;
};

static void on_other(pyr_future *future, void *data)
{
	pyr_deferred *deferred = data;
	struct other *other = pyr_call_data(pyr_deferred_call(deferred));
	int32_t sum;

	other->callback = pthread_self();
	if (e2e_Work_add_get(future, &sum) < 0)
		CHECK_INT(pyr_deferred_fail(deferred, pyr_last_error()->code, "%s", pyr_errmsg()),
			  0);
	else
		CHECK_INT(e2e_Other_add_reply(deferred, sum), 0);
}

static int add_later(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	struct other *other = pyr_call_data(call);
	pyr_deferred *deferred;
	int err;

	if (y > 0)
		return e2e_Other_add(other->self, x + 1, y - 1, ret);
	*ret = x;
	if (other->is_simple)
		return 0;
	other->method = pthread_self();
	err = pyr_call_defer(call, &deferred);
	if (err == 0)
		err = pyr_future_then(e2e_Work_add_start(work, x, y), on_other, deferred);
	return err;
}

static void with_other(struct other *other, int32_t x, int32_t y)
{
	static const struct e2e_Other_methods methods = { .add = add_later };
	int32_t sum = 0;

	other->self = e2e_Other_proxy(e2e_Other_register(place.daemon, "other", &methods, other));
	REQUIRE(other->self != NULL);
	CHECK_INT(e2e_Other_add(other->self, x, y, &sum), 0);
	CHECK_INT(sum, x + y);
	e2e_Other_free(other->self);
}

EVERYWHERE(d6_what_a_method_started_calls_back_in_a_method_thread)
{
	struct other other = { NULL };
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 1), on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	with_other(&other, 20, 0);
	CHECK(!pthread_equal(other.callback, heard.thread)); /* the process's callback thread */
}

TEST(d6_in_a_serial_daemon_that_is_its_one_thread)
{
	struct pyr_daemon_options serial = { .threads = 1 };
	struct other other = { NULL };

	REQUIRE(place_open(&place, &serial));
	work = e2e_Work_proxy(place.uri);
	with_other(&other, 20, 0);
	CHECK(pthread_equal(other.method, place.thread));
	CHECK(pthread_equal(other.callback, place.thread));
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

EVERYWHERE(d13_a_method_calls_through_the_proxy_it_is_called_through)
{
	struct other other = { .is_simple = true };

	with_other(&other, 10, 2); /* three methods at a time */
}

TESTS(future, T(d6_then_is_called_with_the_result), T(d6_then_on_what_is_ready_is_called_soon),
      T(d6_what_then_does_not_take_is_freed), T(d6_then_is_told_of_a_failure_if_nobody_else_is),
      T(d6_on_error_is_called_instead_of_then), T(d6_on_error_is_not_called_when_it_succeeds),
      T(d6_status_tells_and_takes_nothing), T(d7_a_callback_starts_the_next_call),
      T(d6_a_callback_may_make_blocking_calls), T(null_futures_are_answered),
      T(a_start_that_failed_is_the_error_of_then), T(a_cancelled_future_calls_back),
      T(a_freed_future_does_not_call_back), T(free_waits_for_a_callback_that_runs),
      T(a_callback_may_free_its_future), T(a_future_has_one_callback),
      T(a_proxy_that_is_freed_ends_what_calls_back), T(a_deadline_calls_back),
      T(a_daemon_that_does_not_answer_calls_back), T(a_daemon_that_ends_calls_back),
      T(d6_what_a_method_started_calls_back_in_a_method_thread),
      T(d6_in_a_serial_daemon_that_is_its_one_thread),
      T(d13_a_method_calls_through_the_proxy_it_is_called_through))
