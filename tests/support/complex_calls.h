/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_COMPLEX_CALLS_H
#define TESTS_SUPPORT_COMPLEX_CALLS_H

/* Calls on a complex lock of AIX for puppets. */

#include <sys/lock_def.h>

static inline int read_it(void *l)
{
    lock_read((complex_lock_t)l);
    return 0;
}

static inline int write_it(void *l)
{
    lock_write((complex_lock_t)l);
    return 0;
}

static inline int done_it(void *l)
{
    lock_done((complex_lock_t)l);
    return 0;
}

#endif
