/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ENGINE_LOCKS_H
#define PYRITE_ENGINE_LOCKS_H

/* Has core's mutexes stop looking for deadlocks, in the whole process. Before grpc_init(), once. */
void engine_locks_init(void);

#endif
