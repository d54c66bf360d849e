/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/types.h>

#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>

static lock_t word = LOCK_AVAIL;

int expand(simple_lock_t simple, complex_lock_t complex);
int expand(simple_lock_t simple, complex_lock_t complex)
{
    tid_t list = EVENT_NULL;
    label_t context;
    simple_lock(simple);
    simple_unlock(simple);
    lock_read(complex);
    lock_done(complex);
    lock_write(complex);
    lock_done(complex);
    int before = i_disable(INTMAX);
    i_enable(before);
    int jumped = setjmpx(&context);
    int result = lockl(&word, LOCK_SHORT);
    unlockl(&word);
    return result + jumped + list;
}
