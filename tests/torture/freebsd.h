/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_FREEBSD_H
#define TESTS_TORTURE_FREEBSD_H

/* What the rows of FreeBSD's locks share. */

#include "torture.h"

#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

/* A section, and two plain words that are equal unless somebody writes. */
struct guarded {
    struct section section;
    unsigned long first;
    unsigned long second;
};
void guarded_write(struct guarded *g, struct party *me);
void guarded_read(struct guarded *g, struct party *me);
void guarded_check(const struct guarded *g, const char *lock);

/* Inlined or not, by the name of the mode or not: as the dice fall. */
void sx_take_share(struct party *me, struct sx *sx);
void sx_take_alone(struct party *me, struct sx *sx);
void sx_give_share(struct party *me, struct sx *sx);
void sx_give_alone(struct party *me, struct sx *sx);

/* A whole visit to one of `count` locks, and to later ones from inside. */
void sx_visit_reading(struct party *me, struct sx **locks, struct guarded *data,
                      unsigned count);
void sx_visit_writing(struct party *me, struct sx **locks, struct guarded *data,
                      unsigned count);

/* A wait ended with `error`: 0, or an interruption, which is noted. */
bool sx_in(struct party *me, int error);

/* A sleep of that many ticks was never early; without PCATCH no signal ended it. */
void sx_judge_sleep(struct party *me, int error, bool catch, int timo, uint64_t slept);

/* Makes the lock if it is not there. */
void sx_ready(struct sx *sx, int flags);

/* After a round: sx is free; destroys it and makes it anew now and then. */
void sx_check_idle(struct sx *sx);

#endif
