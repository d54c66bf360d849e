/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_NAMED_H
#define TESTS_DIAG_NAMED_H

/* Three puppets with names, as reports show them. */

#include "puppet.h"

static struct puppet alice, bob, carol;

static inline void start_named(void)
{
    puppet_start(&alice);
    puppet_start(&bob);
    puppet_start(&carol);
    ksl_thread_set_name(alice.actor.thread, "alice");
    ksl_thread_set_name(bob.actor.thread, "bob");
    ksl_thread_set_name(carol.actor.thread, "carol");
}

static inline void end_named(void)
{
    puppet_end(&alice);
    puppet_end(&bob);
    puppet_end(&carol);
}

#endif
