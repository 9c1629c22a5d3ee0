/* SPDX-License-Identifier: MIT */
#include "proxy/patience.h"

#include "base/error.h"
#include "proxy/proxy_direct.h"
#include "proxy/request.h"

bool proxy_perform(pyr_proxy *proxy, unsigned operation, const struct codec_packer *packer,
		   struct outcall *call)
{
	struct patience patience;

	patience_begin(&patience, proxy, operation);
	do
		patience_attempt(&patience, packer, call, true);
	while (patience_goes_on(&patience, call));
	return call->session;
}

/* Returns 0, or minus a status with the last error set. */
static int call_and_take(const struct request *request, void *const *out)
{
	struct outcall call;
	int err;

	if (!proxy_perform(request->proxy, request->operation, &request->packer, &call))
		return -pyr_last_error()->code;
	err = call.result.code ? outcall_error(&call) : request_results(request->codec, &call, out);
	outcall_fini(&call);
	session_unref(call.session);
	return err;
}

int pyr__call(void *self, const struct pyr__interface *interface, unsigned op, pyr__in *in,
	      void *const *out)
{
	pyr_proxy *proxy = self;
	int operation = request_operation(proxy, interface, op), err;
	struct request request;

	if (operation < 0)
		return -pyr_last_error()->code;
	if (proxy->batch)
		return proxy->queue(proxy->batch, (unsigned)operation, in, out);
	if (proxy_goes_direct(proxy, (unsigned)operation)) {
		err = proxy_call_direct(proxy, (unsigned)operation, in, out);
		if (err != PROXY_BY_FRAMES)
			return err;
	}
	if (!request_begin(&request, proxy, (unsigned)operation, in))
		return -pyr_last_error()->code;
	err = call_and_take(&request, out);
	request_end(&request);
	return err;
}
