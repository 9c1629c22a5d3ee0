/* SPDX-License-Identifier: MIT */
/* Proxies, look-ups, daemons and methods in tasks, and how little of their stacks they use. */
#include "task_place.h"

#include <arpa/inet.h>
#include <sys/mman.h>

/* ---- proxies ---- */

static int free_what_others_use(void *data)
{
	pyr_task *tasks[5];
	int32_t n = 0, told;
	int i;

	(void)data;
	for (i = 0; i < 5; i++)
		tasks[i] = start(hold_and_expect_cancel, i);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(work)), 0);
	while (n < 5 && pyr_task_yield() == 0)
		CHECK_INT(e2e_Work_held(work, &n, &told), 0);
	e2e_Work_free(work);
	work = NULL;
	for (i = 0; i < 5; i++)
		CHECK_INT(pyr_task_join(tasks[i]), 0);
	work = e2e_Work_proxy(place.uri); /* made and used in a task */
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	pyr_proxy_release(e2e_Work_as_proxy(work));
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	return 0;
}

TEST(a_proxy_freed_in_a_task_ends_the_calls_of_others)
{
	run_with_all(free_what_others_use);
}

/* A server that takes connections and never says a word. */
static int silent_server(char *address, size_t size)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 8) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
	snprintf(address, size, "127.0.0.1:%d", ntohs(at.sin_port));
	return fd;
}

static int silent_fd;

static int add_and_fail(void *data)
{
	(void)data;
	return e2e_Work_add(work, 1, 1, NULL);
}

static int look_up_in_vain(void *data)
{
	pyr_task *tasks[4];
	int i;

	(void)data;
	for (i = 0; i < 4; i++)
		tasks[i] = start(add_and_fail, 0);
	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	pyr_task_cancel(tasks[0]); /* who looks it up: another goes on */
	pyr_task_cancel(tasks[2]);
	CHECK_INT(pyr_task_join(tasks[0]), -PYR_CANCELLED);
	CHECK_INT(pyr_task_join(tasks[2]), -PYR_CANCELLED);
	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	CHECK(!pyr_task_is_done(tasks[1]) && !pyr_task_is_done(tasks[3]));
	close(silent_fd);
	CHECK_INT(pyr_task_join(tasks[1]), -PYR_UNAVAILABLE);
	CHECK_INT(pyr_task_join(tasks[3]), -PYR_UNAVAILABLE);
	return 0;
}

TEST(a_look_up_suspends_the_task_and_those_who_wait_for_it)
{
	char uri[64] = "PYRONAME:work@";

	silent_fd = silent_server(uri + 14, sizeof(uri) - 14);
	work = e2e_Work_proxy(uri);
	run(look_up_in_vain);
	e2e_Work_free(work);
}

static int bind_it(void *data)
{
	(void)data;
	return pyr_proxy_bind(e2e_Work_as_proxy(work));
}

static int bind_in_vain(void *data)
{
	pyr_task *task = start(bind_it, 0);

	(void)data;
	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	pyr_task_cancel(task);
	check_error(pyr_task_join(task), PYR_CANCELLED, "the task was cancelled");
	return 0;
}

TEST(a_cancel_ends_a_bind)
{
	char uri[64] = "PYRO:work@";

	silent_fd = silent_server(uri + 10, sizeof(uri) - 10);
	work = e2e_Work_proxy(uri);
	run(bind_in_vain);
	e2e_Work_free(work);
	close(silent_fd);
}

/* ---- daemons ---- */

static int make_a_daemon(void *data)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	struct work other;

	(void)data;
	CHECK(daemon != NULL);
	work_init(&other, daemon);
	CHECK(e2e_Work_register(daemon, "other", &work_methods, &other) != NULL);
	check_error(pyr_daemon_run(daemon), PYR_FAILED_PRECONDITION, "not in a task");
	pyr_daemon_free(daemon);
	work_fini(&other);
	return 0;
}

TEST(a_daemon_is_made_but_not_run_in_a_task)
{
	run(make_a_daemon);
}

static int answer_here(void *data)
{
	pyr_task *task = start(hold_one, 4);
	int32_t n = 0, told;

	(void)data;
	while (n < 1)
		CHECK_INT(e2e_Work_held(work, &n, &told), 0);
	CHECK_INT(e2e_Work_hold_reply(place.work.held[4].deferred, 104), 0);
	place.work.held[4].deferred = NULL;
	return pyr_task_join(task);
}

TEST(a_task_answers_a_call_that_was_deferred)
{
	run_with_all(answer_here);
}

/* A method that runs tasks, which call back into its own serial daemon. */
static int add_one(void *data)
{
	int32_t *value = data;

	return e2e_Work_add(work, *value, 1, value);
}

static int add_in_tasks(void *data)
{
	int32_t *values = data;
	pyr_task *tasks[4];
	int i, err = 0;

	for (i = 0; i < 4; i++)
		tasks[i] = pyr_task_start(add_one, &values[i]);
	for (i = 0; i < 4; i++)
		err |= pyr_task_join(tasks[i]);
	return err;
}

static int at_once_in_tasks(pyr_call *call, int32_t value, int32_t *ret)
{
	int32_t values[4] = { value, value, value, value };

	(void)call;
	if (pyr_tasks_run(add_in_tasks, values) < 0)
		return -pyr_last_error()->code;
	*ret = values[0] + values[1] + values[2] + values[3];
	return 0;
}

static int call_outer(void *data)
{
	int32_t value = 0;

	(void)data;
	CHECK_INT(e2e_Work_at_once(work, 10, &value), 0);
	CHECK_INT(value, 44);
	return 0;
}

TEST(a_serial_method_runs_tasks_that_call_back)
{
	struct e2e_Work_methods methods = work_methods;
	struct e2e_Work *plain;

	begin(&(struct pyr_daemon_options){ .threads = 1 });
	methods.at_once = at_once_in_tasks;
	plain = work;
	work = e2e_Work_proxy(e2e_Work_register(place.daemon, "tasks", &methods, &place.work));
	CHECK_INT(call_outer(NULL), 0);
	run(call_outer);
	e2e_Work_free(plain);
	finish();
}

/* ---- how little a task's stack is used ---- */

/* Bytes of the calling task's stack that were ever touched, from here down. */
static size_t touched(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	char *at = (char *)((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(page - 1));
	unsigned char in_core = 1;

	while (n < 64 && in_core & 1) {
		at -= page;
		n++;
		if (mincore(at, page, &in_core) != 0)
			in_core = 0;
	}
	return n * page;
}

static int use_all(void *data)
{
	char *large = calloc(1, 300000), *back;
	int32_t sum;

	(void)data;
	memset(large, 'x', 300000 - 1);
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(work)), 0); /* connects */
	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
	CHECK_INT(e2e_Work_echo(work, large, &back), 0);
	pyr_free(back);
	CHECK_INT(e2e_Work_raise(work, 1, "no"), -PYR_ABORTED);
	CHECK(e2e_Refused_caught() != NULL);
	CHECK_INT(e2e_Work_hold_soon(work, 1, NULL), -PYR_DEADLINE_EXCEEDED);
	e2e_Work_free(work);
	work = NULL;
	free(large);
	CHECK(touched() <= 12288);
	return 0;
}

TEST(core_and_codec_do_not_run_on_the_stack_of_a_task)
{
	begin(NULL);
	e2e_Work_free(work);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
	work = e2e_Work_proxy(place.uri); /* frames are larger then, and say nothing */
#else
	run(use_all);
#endif
	finish();
}

TESTS(task_proxies, T(a_proxy_freed_in_a_task_ends_the_calls_of_others),
      T(a_look_up_suspends_the_task_and_those_who_wait_for_it), T(a_cancel_ends_a_bind),
      T(a_daemon_is_made_but_not_run_in_a_task), T(a_task_answers_a_call_that_was_deferred),
      T(a_serial_method_runs_tasks_that_call_back),
      T(core_and_codec_do_not_run_on_the_stack_of_a_task))
