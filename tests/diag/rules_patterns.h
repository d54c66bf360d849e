/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_RULES_PATTERNS_H
#define TESTS_DIAG_RULES_PATTERNS_H

/* What rules_table.def names: bad patterns, and good ones, for locks of any type. */

#include "any_lock.h"
#include "support.h"

#include <kslock/irq.h>
#include <kslock/stage.h>

typedef const struct any_lock *type;

/* --- what patterns are made of ------------------------------------------------------ */

static const char *const names[ANY_LOCKS] = {"the first", "the second", "the third",
                                             "the fourth"};

static void nest(type a, unsigned i, type b, unsigned k)
{
    a->take(i);
    b->take(k);
    b->give(k);
    a->give(i);
}

static void nest_try(type a, unsigned i, type b, unsigned k)
{
    if (!a->try_take(i))
        return;
    b->take(k);
    b->give(k);
    a->give(i);
}

static void take_and_give(type a, unsigned i)
{
    a->take(i);
    a->give(i);
}

/* On another thread, which then exits. */
struct errand {
    type a;
    type b;
    void (*fn)(type a, type b);
};

static void run_errand(void *arg)
{
    struct errand *e = arg;
    e->fn(e->a, e->b);
}

static void elsewhere(void (*fn)(type, type), type a, type b)
{
    struct errand e = {a, b, fn};
    struct actor thread;
    actor_start(&thread, run_errand, &e);
    actor_join(&thread);
}

enum { IRQ = 7, LEVEL = 5, OPEN = 1 /* row of a lock that does not mask */ };

static struct errand in_handler_errand;

static void handle(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    run_errand(&in_handler_errand);
}

static void in_handler(void (*fn)(type, type), type a, type b)
{
    in_handler_errand = (struct errand){a, b, fn};
    (void)ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, handle, NULL);
    (void)ksl_irq_raise_on(ksl_thread_self(), IRQ);
    (void)ksl_irq_free(IRQ);
}

static void once(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
}

static void take_first(type a, type b)
{
    (void)b;
    a->take(0);
}

static void give_first(type a, type b)
{
    (void)b;
    a->give(0);
}

static void ab(type a, type b)
{
    nest(a, 0, b, 1);
}

static void ba(type a, type b)
{
    nest(b, 1, a, 0);
}

/* --- the patterns: bad, and good ---------------------------------------------------- */

static void aa_bad(type a, type b)
{
    (void)b;
    a->take(0);
    a->take(0);
}

static void aa_good(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    take_and_give(a, 0);
}

static void abba_bad(type a, type b)
{
    ab(a, b);
    ba(a, b);
}

static void abba_good(type a, type b)
{
    ab(a, b);
    ab(a, b);
}

static void abba_two_bad(type a, type b)
{
    elsewhere(ab, a, b);
    elsewhere(ba, a, b);
}

static void abba_two_good(type a, type b)
{
    elsewhere(ab, a, b);
    elsewhere(ab, a, b);
}

static void try_bad(type a, type b)
{
    nest_try(a, 0, b, 1);
    ba(a, b);
}

/* A try waits for nobody. */
static void try_good(type a, type b)
{
    ab(a, b);
    b->take(1);
    if (a->try_take(0))
        a->give(0);
    b->give(1);
}

static void abbcca_bad(type a, type b)
{
    nest(a, 0, b, 1);
    nest(b, 1, a, 2);
    nest(a, 2, a, 0);
}

static void abbcca_good(type a, type b)
{
    nest(a, 0, b, 1);
    nest(b, 1, a, 2);
    nest(a, 0, a, 2);
}

static void under_bad(type a, type b)
{
    b->take(1);
    a->take(0);
    a->give(0);
    b->give(1);
}

static void under_good(type a, type b)
{
    ab(a, b);
}

static void duplicate_bad(type a, type b)
{
    (void)b;
    a->fresh_same(0);
    a->fresh_same(1);
    nest(a, 0, a, 1);
}

static void duplicate_good(type a, type b)
{
    (void)b;
    a->fresh_same(0);
    a->fresh_same(1);
    take_and_give(a, 0);
    take_and_give(a, 1);
}

static void not_owner_bad(type a, type b)
{
    a->take(0);
    elsewhere(give_first, a, b);
}

static void not_locked_bad(type a, type b)
{
    give_first(a, b);
}

static void exit_bad(type a, type b)
{
    elsewhere(take_first, a, b);
}

static void exit_good(type a, type b)
{
    elsewhere(once, a, b);
}

static void destroy_held_bad(type a, type b)
{
    (void)b;
    a->take(0);
    a->end(0);
}

static void destroy_held_good(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    a->end(0);
}

static void destroyed_bad(type a, type b)
{
    (void)b;
    a->end(0);
    a->take(0);
}

static void destroyed_good(type a, type b)
{
    (void)b;
    a->end(0);
    a->fresh(0, names[0]);
    take_and_give(a, 0);
}

static void irq_sleep_bad(type a, type b)
{
    in_handler(take_first, a, b);
}

static void irq_unsafe_bad(type a, type b)
{
    in_handler(once, a, b);
    a->take(0);
    (void)ksl_irq_set_level(0);
    take_and_give(any_lock_at(OPEN), 3); /* then what is held is looked at again */
}

static void irq_unsafe_good(type a, type b)
{
    unsigned before = ksl_irq_set_level(LEVEL);
    in_handler(once, a, b);
    take_and_give(a, 0);
    (void)ksl_irq_set_level(before);
    in_handler(once, a, b);
}

static void masked_bad(type a, type b)
{
    struct errand e = {a, b, take_first};
    struct actor holder;
    if ((a->can & ANY_SHARED) != 0)
        e.a = a - 1; /* the same type alone */
    a->fresh(0, names[0]);
    actor_start(&holder, run_errand, &e);
    actor_join(&holder);
    (void)ksl_irq_set_level(11);
    a->take(0);
}

static void masked_good(type a, type b)
{
    (void)b;
    (void)ksl_irq_set_level(11);
    take_and_give(a, 0);
}

static void release_bad(type a, type b)
{
    (void)b;
    a->take(0);
    a->take(1);
    a->give(0);
    a->give(1);
}

static void release_good(type a, type b)
{
    (void)b;
    nest(a, 0, a, 1);
}

static void hierarchy_bad(type a, type b)
{
    any_level(a->at[0], 4);
    any_level(b->at[1], 1);
    ab(a, b);
}

static void hierarchy_good(type a, type b)
{
    any_level(a->at[0], 1);
    any_level(b->at[1], 4);
    ab(a, b);
}

static void kernel_lock_bad(type a, type b)
{
    (void)b;
    a->take(0);
    any_kernel_lock_take();
    any_kernel_lock_give();
    a->give(0);
}

static void kernel_lock_good(type a, type b)
{
    (void)b;
    any_kernel_lock_take();
    take_and_give(a, 0);
    any_kernel_lock_give();
}

static void regime_bad(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    (void)ksl_irq_set_level(LEVEL);
    take_and_give(a, 0);
}

static void regime_good(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    (void)ksl_irq_set_level(LEVEL);
    take_and_give(a, 1);
}

static void stage_bad(type a, type b)
{
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    once(a, b);
}

static void stage_good(type a, type b)
{
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    once(a, b);
}

static void kept_bad(type a, type b)
{
    (void)b;
    a->take(0);
    (void)ksl_stage_switch(KSL_STAGE_OOB);
}

static void kept_good(type a, type b)
{
    once(a, b);
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    once(a, b);
}

#endif
