/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_NOTIFY_H
#define PYRITE_NS_NOTIFY_H
/* Tells systemd, if it has started this process with Type=notify, how it is: "READY=1",
 * "STOPPING=1". Source: sd_notify(3). */
void notify(const char *state);
#endif
