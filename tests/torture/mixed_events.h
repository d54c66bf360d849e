/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_MIXED_EVENTS_H
#define TESTS_TORTURE_MIXED_EVENTS_H

/*
 * What the row of all families waits for beside its locks: events of each family behind
 * one face, and the stax. A unit is made with one wake-up.
 */

#include "torture.h"

struct event_kind {
    const char *name;
    void (*setup)(void);             /* before a round: no unit, nobody waits */
    bool (*give)(void);              /* false: it cannot be given now */
    void (*await)(struct party *me); /* until it has taken a unit */
    unsigned (*left)(void);          /* units that nobody has taken */
    bool oob;                        /* for out-of-band threads */
};

/* freebsd, aix, evl; each list ends with an entry without a name. */
extern const struct event_kind freebsd_events[];
extern const struct event_kind aix_events[];
extern const struct event_kind evl_events[];

/* One stax. try: without a wait. False: not inside. */
void mixed_stax_setup(void);
bool mixed_stax_enter(struct party *me, bool tries);
void mixed_stax_leave(void);
void mixed_stax_check(void);

#endif
