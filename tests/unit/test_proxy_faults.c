/* SPDX-License-Identifier: MIT */
/* Proxies where memory is out, where they are freed while a call is started, and in a forked child.
 */
#include "servant.h"

#include "proxy/proxy.h"
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

static struct place place;
static bool is_memory_out;           /* of a proxy's descriptors */
static struct e2e_Work *freed_after; /* with the first attempt of a call */

const struct codec_interface *__real_codec_interface_get(const struct pyr__interface *table);
const struct codec_interface *__wrap_codec_interface_get(const struct pyr__interface *table);
void __real_outcall_start(struct outcall *call, struct session *session, unsigned operation,
			  const struct codec_packer *packer, bool may_block);
void __wrap_outcall_start(struct outcall *call, struct session *session, unsigned operation,
			  const struct codec_packer *packer, bool may_block);

const struct codec_interface *__wrap_codec_interface_get(const struct pyr__interface *table)
{
	return is_memory_out ? NULL : __real_codec_interface_get(table);
}

void __wrap_outcall_start(struct outcall *call, struct session *session, unsigned operation,
			  const struct codec_packer *packer, bool may_block)
{
	struct e2e_Work *proxy = freed_after;

	__real_outcall_start(call, session, operation, packer, may_block);
	freed_after = NULL;
	e2e_Work_free(proxy);
}

TEST(a_proxy_for_which_memory_is_out_says_so)
{
	is_memory_out = true;
	CHECK(e2e_Work_proxy("PYRO:x@127.0.0.1:1") == NULL);
	is_memory_out = false;
	CHECK_INT(pyr_last_error()->code, PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(pyr_errmsg(), "out of memory");
}

/* The first attempt finds the link gone; the proxy is freed before the second. */
TEST(a_proxy_may_be_freed_while_a_call_of_it_is_started)
{
	struct e2e_Work *work;
	pyr_future *future;
	int32_t sum;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	REQUIRE(work != NULL);
	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
	CHECK_INT(place_close(&place), 0);
	freed_after = work;
	future = e2e_Work_add_start(work, 1, 2);
	CHECK(freed_after == NULL);
	CHECK_INT(future ? e2e_Work_add_get(future, &sum) : -pyr_last_error()->code,
		  -PYR_CANCELLED);
}

/* What a child may do with a proxy whose lock a thread of its parent holds. Returns how often it
 * did otherwise than it should. */
static int use_in_child(struct e2e_Work *work)
{
	pyr_proxy *proxy = e2e_Work_as_proxy(work);
	int n = 0;

	n += pyr_proxy_set_handshake(proxy, "x", 1) != -PYR_FAILED_PRECONDITION;
	n += pyr_proxy_is_plain(proxy);
	n += pyr_proxy_bind(proxy) != -PYR_FAILED_PRECONDITION;
	pyr_proxy_release(proxy);
	e2e_Work_free(work);
	return n;
}

TEST(a_forked_child_waits_for_no_lock_of_a_proxy)
{
	struct e2e_Work *work = e2e_Work_proxy("PYRO:x@127.0.0.1:1");
	int status = -1;
	pid_t pid;

	REQUIRE(work != NULL);
	pthread_mutex_lock(&e2e_Work_as_proxy(work)->lock);
	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		alarm(20);
		_exit(use_in_child(work));
	}
	pthread_mutex_unlock(&e2e_Work_as_proxy(work)->lock);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	e2e_Work_free(work);
}

TESTS(proxy_faults, T(a_proxy_for_which_memory_is_out_says_so),
      T(a_proxy_may_be_freed_while_a_call_of_it_is_started),
      T(a_forked_child_waits_for_no_lock_of_a_proxy))
