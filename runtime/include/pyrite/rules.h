/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RULES_OPTIONS_H
#define PYRITE_RULES_OPTIONS_H
/*
 * Rules say who may do what. They are lines of a file that pyr_daemon_options.rules or PYRITE_RULES
 * names:
 *
 *     group  operators  cert:alice cert:bob
 *     allow  group:operators  call  *
 *     allow  cert:web-*       call  shop.Catalog.*  at catalog
 *     allow  uid:1000         inspect
 *
 * The first line that matches decides; if none does, the answer is no. The file is read again when
 * it changes. docs/security.md explains the lines. <pyrite/pyrite.h> includes this file.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * Whether the rules of the call's daemon allow its caller an action: one that docs/security.md
 * lists, or one of the program's own, which has a colon ("bank:withdraw"). target is what it would
 * be done to, "" if the action has none. Returns true if the daemon has no rules, or the caller is
 * in the same process. A method that gets false ends with pyr_call_refuse().
 */
bool pyr_call_may(const pyr_call *call, const char *action, const char *target);

/* Whether the daemon of the call has rules: without any, pyr_call_may() allows everything. */
bool pyr_call_has_rules(const pyr_call *call);

/* Ends a method with PERMISSION_DENIED and the line of the rules that says so:
 * return pyr_call_refuse(call, "bank:withdraw", account); Returns minus the code. */
int pyr_call_refuse(pyr_call *call, const char *action, const char *target);

/*
 * Adds a line to the audit log of the call's daemon, if it has one: what the caller did to target
 * (may be NULL), with its name, its address and the time. status: 0 for what was done, else of an
 * error, positive or negative; why: its text, may be NULL. The library logs its own refusals, and
 * those by pyr_call_refuse().
 */
void pyr_call_audit(const pyr_call *call, const char *action, const char *target, int status,
		    const char *why);

/* A question for pyr_rules_explain(). All are borrowed; NULL is "". */
struct pyr_rules_question {
	const char *who;    /* as pyr_call_identity() writes it */
	const char *action; /* "call" */
	const char *target; /* "example.Server.add" */
	const char *object; /* the object's id */
};

/* For pyr_rules_explain() alone. */
int pyr__rules_explain(const char *path, const struct pyr_rules_question *question, size_t size,
		       bool *ret_allows);

/*
 * Evaluates the rules of a file. Returns the number of the line that decides, 0 if none matches,
 * which means no; *ret_allows: the answer. INVALID_ARGUMENT names the line and what is wrong with
 * it.
 */
static inline PYR_MUST_CHECK int
pyr_rules_explain(const char *path, const struct pyr_rules_question *question, bool *ret_allows)
{
	return pyr__rules_explain(path, question, sizeof(*question), ret_allows);
}

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
