/* SPDX-License-Identifier: MIT */
/* The audit log of a daemon: where it goes, and what methods put there. */
#include "base/audit.h"
#include "base/config.h"
#include "base/error.h"
#include "daemon/daemon_own.h"
#include "incall/incall.h"

bool daemon_audit(pyr_daemon *d, const struct pyr_daemon_options *options)
{
	struct audit_options audit = { .where = options->audit ? options->audit
							       : config_text(CONFIG_AUDIT),
				       .heard = options->on_audit,
				       .data = options->hook_data };
	struct audit_problem problem;

	if (!audit.where[0] && !audit.heard)
		return true;
	d->audit = d->host.audit = audit_open(&audit, &problem);
	if (!d->audit)
		error_constructor(problem.code, "SecurityError: audit log: %s", problem.text);
	return d->audit;
}

void daemon_audit_free(pyr_daemon *d)
{
	audit_close(d->audit);
	audit_unref(d->audit);
}

void pyr_call_audit(const pyr_call *call, const char *action, const char *target, int status,
		    const char *why)
{
	struct audit *audit = call ? incall_audit(call) : NULL;
	int code = status < 0 ? -status : status;
	char uid[IDENTITY_UID];
	struct audit_event event = { .action = action, .target = target, .why = why };

	if (!audit)
		return;
	event.who = incall_identity(call, uid);
	event.from = pyr_call_peer(call);
	event.decision = code == 0                                                      ? "done"
			 : code == PYR_PERMISSION_DENIED || code == PYR_UNAUTHENTICATED ? "refused"
											: "failed";
	audit_say(audit, &event);
}
