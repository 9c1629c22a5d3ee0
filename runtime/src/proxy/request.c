/* SPDX-License-Identifier: MIT */
#include "proxy/request.h"

#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "context/call_wish.h"
#include "proxy/unreadable.h"
#include "reference/taker.h"

int request_operation(const pyr_proxy *proxy, const struct pyr__interface *interface, unsigned op)
{
	const struct pyr__interface *own;
	const char *name = interface->operations[op].name;
	uint32_t i;

	if (!proxy)
		return error_null(interface->name);
	own = proxy->interface->table;
	if (own == interface)
		return (int)op;
	for (i = 0; i < own->n_operations; i++)
		if (strcmp(own->operations[i].name, name) == 0)
			return (int)i;
	(void)wish_take(proxy);
	error_set(PYR_INVALID_ARGUMENT, "a proxy of %s is not a proxy of %s", own->name,
		  interface->name);
	return -1;
}

bool request_begin(struct request *request, pyr_proxy *proxy, unsigned operation, pyr__in *in)
{
	const struct codec_operation *codec = &proxy->interface->operations[operation];
	struct codec_problem problem;

	request->proxy = proxy;
	request->operation = operation;
	request->codec = codec;
	arena_init(&request->arena, request->room, sizeof(request->room));
	if (codec_prepare(codec->request, in, &request->arena, &request->packer, &problem) == 0) {
		proxy_ref(proxy);
		return true;
	}
	(void)wish_take(proxy);
	error_set(problem.code, "%s: %s", codec->table->name, problem.text);
	arena_clear(&request->arena);
	return false;
}

void request_end(struct request *request)
{
	arena_clear(&request->arena);
	proxy_unref(request->proxy);
}

int request_results(const struct codec_operation *codec, const struct outcall *call,
		    void *const *out)
{
	struct codec_problem problem;
	struct taker taker;

	taker_init(&taker, call->result.held);
	taker.from = call->session ? call->session->peer : NULL;
	if (codec_take_results(codec->reply, &taker.base, span_of_buf(&call->result.answer),
			       config_number(CONFIG_MAX_MESSAGE), out, &problem) == 0) {
		taker_give(&taker);
		return 0;
	}
	taker_drop(&taker);
	return unreadable(&problem, "the reply of %s", codec->table->name);
}
