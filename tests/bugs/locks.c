/* SPDX-License-Identifier: BSD-2-Clause */
#include "locks.h"

const struct lock_kind *lock_kind(unsigned i)
{
    static const struct lock_kind *const lists[] = {stanix_locks, freebsd_locks,
                                                    evl_locks, aix_locks};
    for (unsigned list = 0; list < sizeof lists / sizeof *lists; list++) {
        for (const struct lock_kind *k = lists[list]; k->name != NULL; k++) {
            if (i-- == 0)
                return k;
        }
    }
    return NULL;
}
