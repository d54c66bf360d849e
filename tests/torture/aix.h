/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_AIX_H
#define TESTS_TORTURE_AIX_H

/* What the rows of AIX's locks share. */

#include "torture.h"

#include <sys/intr.h>
#include <sys/lock.h>
#include <sys/sleep.h>

/* Handlers of the rows have this level or a lower one. */
enum { AIX_HANDLERS = 8 };

/* Signals for some worker, and a forced unblock. */
void aix_shoot(struct party *me);

/* After a round: no forced unblock has ended a wait of AIX. */
void aix_check_unblocks(void);

/* While the caller holds a lock: signals are put off (T66). */
void aix_expect_deferred(struct party *me);

/* The interrupt priority that is this level. */
static inline int aix_priority(unsigned level)
{
    return INTBASE - (int)level;
}

/* Any level that keeps all handlers of the rows out and is not below the caller's. */
unsigned aix_level(struct party *me);

/* Handlers of that level and below must not run now; raised after the level itself. */
void aix_close(struct party *me, unsigned level);

#endif
