/* SPDX-License-Identifier: MIT */
/*
 * Which calls are ours, which of them fails, and what is known of the places they come from. A
 * program that knows nothing of this library is driven by its environment:
 *
 *	TORTURE_MODULES  parts of file names, separated by commas: whose calls count
 *	TORTURE_KIND     "memory" or "syscall": what fails from the start; with TORTURE_N and
 *	                 TORTURE_VARIANT
 *	TORTURE_REPORT   a file to which the fault is appended when it is injected
 *	TORTURE_SITES    a file to which the places of all calls are appended when the process ends
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inside.h"

enum { MODULES_MAX = 16, SITES_MAX = 1 << 14, FRAMES_MAX = 24 };

/* Code of one module. */
struct range {
	uintptr_t begin, end, base;
	const char *name;
};

static struct range ranges[MODULES_MAX];
static atomic_uint n_ranges;

static struct site {
	_Atomic(void *) caller;
	const char *function;
	enum torture_kind kind;
	atomic_ulong n_calls, n_faults;
} sites[SITES_MAX];

static struct {
	atomic_bool is_armed;
	enum torture_kind kind;
	int variant;
	atomic_long left;
	atomic_bool is_reached;
	struct torture_hit hit;
	void *frames[FRAMES_MAX];
	int n_frames;
	int report; /* descriptor; -1: none */
} state = { .report = -1 };

/* ---- modules ---- */

static bool is_named(const char *file)
{
	const char *names = getenv("TORTURE_MODULES"), *end;
	char name[128];

	if (!names || !names[0])
		names = "libpyrite.so";
	for (; names[0]; names = end[0] ? end + 1 : end) {
		end = strchrnul(names, ',');
		snprintf(name, sizeof(name), "%.*s", (int)(end - names), names);
		if (strstr(file, name))
			return true;
	}
	return false;
}

static const char *file_of(const struct dl_phdr_info *info)
{
	static char program[256];

	if (info->dlpi_name[0])
		return info->dlpi_name;
	if (!program[0] && readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		return "";
	return program;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *data)
{
	const char *file = file_of(info), *base = strrchr(file, '/');
	unsigned *n = data, i;

	(void)size;
	base = base ? base + 1 : file;
	if (!is_named(base))
		return 0;
	for (i = 0; i < info->dlpi_phnum && *n < MODULES_MAX; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
			ranges[*n].base = info->dlpi_addr;
			ranges[*n].begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			ranges[*n].end = ranges[*n].begin + info->dlpi_phdr[i].p_memsz;
			ranges[(*n)++].name = base;
		}
	return 0;
}

TORTURE_API void torture_modules(void)
{
	unsigned n = 0;

	dl_iterate_phdr(add_module, &n);
	atomic_store(&n_ranges, n);
}

static const struct range *range_of(const void *address)
{
	unsigned i, n = atomic_load_explicit(&n_ranges, memory_order_relaxed);

	for (i = 0; i < n; i++)
		if ((uintptr_t)address >= ranges[i].begin && (uintptr_t)address < ranges[i].end)
			return &ranges[i];
	return NULL;
}

bool torture_is_ours(const void *caller)
{
	return range_of(caller) != NULL;
}

const char *torture_module_of(const void *address, size_t *ret_offset)
{
	const struct range *range = range_of(address);

	*ret_offset = range ? (uintptr_t)address - range->base : 0;
	return range ? range->name : "?";
}

/* What is loaded later may be ours, too. */
TORTURE_API void *dlopen(const char *file, int mode)
{
	void *ret = NEXT(dlopen)(file, mode);

	torture_modules();
	return ret;
}

/* ---- places ---- */

static struct site *site_of(void *caller, const char *function, enum torture_kind kind)
{
	size_t i = ((uintptr_t)caller * 0x9E3779B97F4A7C15u) >> 50;
	void *expected;

	for (;; i = (i + 1) % SITES_MAX) {
		expected = NULL;
		if (atomic_load(&sites[i].caller) == caller)
			return &sites[i];
		if (atomic_compare_exchange_strong(&sites[i].caller, &expected, caller)) {
			sites[i].kind = kind;
			sites[i].function = function;
			return &sites[i];
		}
		if (expected == caller)
			return &sites[i];
	}
}

static void __attribute__((destructor)) tell_sites(void)
{
	const char *path = getenv("TORTURE_SITES"), *module;
	size_t i, offset;
	char line[256];
	int fd;

	atomic_store(&state.is_armed, false);
	fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
	if (fd < 0)
		return;
	for (i = 0; i < SITES_MAX; i++) {
		if (!sites[i].caller || !sites[i].function)
			continue;
		module = torture_module_of(sites[i].caller, &offset);
		snprintf(line, sizeof(line), "%s %s %s %zx %lu %lu\n",
			 sites[i].kind == TORTURE_MEMORY ? "memory" : "syscall", sites[i].function,
			 module, offset, sites[i].n_calls, sites[i].n_faults);
		if (write(fd, line, strlen(line)) < 0)
			break;
	}
	close(fd);
}

/* ---- which call fails ---- */

static const struct fault *fault_at(const struct fault *faults, int variant)
{
	for (; faults->error && variant > 0; variant--)
		faults++;
	return faults->error ? faults : NULL;
}

static void tell_hit(void)
{
	char line[256];

	snprintf(line, sizeof(line), "%s %s %s %zx\n", state.hit.function,
		 state.hit.fault ? state.hit.fault : "-", state.hit.module, state.hit.offset);
	if (state.report >= 0 && write(state.report, line, strlen(line)) < 0)
		state.report = -1;
}

static const struct fault *inject(struct site *site, void *caller, const struct fault *faults)
{
	const struct fault *fault =
		fault_at(faults, state.kind == TORTURE_MEMORY ? 0 : state.variant);

	if (atomic_exchange(&state.is_reached, true))
		return fault;
	state.hit.function = site->function;
	state.hit.fault = fault ? fault->name : NULL;
	state.hit.module = torture_module_of(caller, &state.hit.offset);
	state.n_frames = backtrace(state.frames, FRAMES_MAX);
	tell_hit();
	return fault;
}

const struct fault *torture_fault(enum torture_kind kind, void *caller, const char *function,
				  const struct fault *faults)
{
	const struct fault *fault;
	struct site *site;
	long left;

	if (!torture_is_ours(caller))
		return NULL;
	site = site_of(caller, function, kind);
	atomic_fetch_add(&site->n_calls, 1);
	if (!atomic_load(&state.is_armed) || state.kind != kind)
		return NULL;
	left = atomic_fetch_sub(&state.left, 1);
	if (left > 0 || left < (kind == TORTURE_MEMORY ? -state.variant : 0))
		return NULL;
	fault = inject(site, caller, faults);
	if (fault)
		atomic_fetch_add(&site->n_faults, 1);
	return fault;
}

bool torture_refuses(void *caller, const char *function)
{
	static const struct fault faults[] = { { ENOMEM, "ENOMEM" }, { 0, NULL } };

	if (!torture_fault(TORTURE_MEMORY, caller, function, faults))
		return false;
	errno = ENOMEM;
	return true;
}

TORTURE_API void torture_tell_frames(int fd)
{
	const char *module;
	size_t offset;
	char line[200];
	int i;

	for (i = 0; i < state.n_frames; i++) {
		module = torture_module_of(state.frames[i], &offset);
		if (module[0] == '?')
			continue;
		snprintf(line, sizeof(line), "by %s %zx\n", module, offset);
		if (write(fd, line, strlen(line)) < 0)
			return;
	}
}

TORTURE_API void torture_arm(enum torture_kind kind, long n, int variant)
{
	torture_modules();
	state.kind = kind;
	state.variant = variant;
	state.hit = (struct torture_hit){ 0 };
	state.n_frames = 0;
	atomic_store(&state.is_reached, false);
	atomic_store(&state.left, n);
	atomic_store(&state.is_armed, true);
}

TORTURE_API bool torture_disarm(struct torture_hit *ret)
{
	bool is_reached;

	atomic_store(&state.is_armed, false);
	is_reached = atomic_load(&state.is_reached);
	*ret = state.hit;
	return is_reached;
}

static void __attribute__((constructor)) start(void)
{
	const char *kind = getenv("TORTURE_KIND"), *n = getenv("TORTURE_N");
	const char *variant = getenv("TORTURE_VARIANT"), *report = getenv("TORTURE_REPORT");

	void *one;

	backtrace(&one, 1); /* which loads what it needs */
	torture_modules();
	if (!kind || !n)
		return;
	if (report) {
		state.report = open(report, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		state.report = fcntl(state.report, F_DUPFD_CLOEXEC, 1000);
	}
	torture_arm(kind[0] == 'm' ? TORTURE_MEMORY : TORTURE_SYSCALL, atol(n),
		    variant ? atoi(variant) : 0);
}
