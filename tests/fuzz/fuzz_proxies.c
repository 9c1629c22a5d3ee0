/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

unsigned fuzz_run_proxies(const struct fuzz_episode *episode)
{
	return fuzz_run_daemon(episode);
}
