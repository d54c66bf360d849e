/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_TEST_H
#define TESTS_NATIVE_AIX_TEST_H

/* What the tests of the AIX interface share: puppets, and calls made in handlers. */

#include <sys/errno.h>
#include <sys/types.h>

#include <sys/intr.h>
#include <sys/lock.h>
#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>

#include "irq_call.h"

#include <kslock/signal.h>

/* Kernel thread id, and neutral priority: larger is more urgent. */
static inline tid_t tid_of(const struct puppet *p)
{
    return (tid_t)ksl_thread_id(p->actor.thread);
}

static inline void set_urgency(struct puppet *p, int urgency)
{
    ck_assert_int_eq(ksl_thread_set_priority(p->actor.thread, urgency), 0);
}

/* Interrupt priority of the caller. */
static inline int priority_now(void)
{
    int now = i_disable(INTMAX);
    i_enable(now);
    return now;
}

/* Calls for puppets. */

static inline int do_lockl(void *w)
{
    return lockl((lock_t *)w, LOCK_SHORT);
}

static inline int do_lockl_ndelay(void *w)
{
    return lockl((lock_t *)w, LOCK_NDELAY);
}

static inline int do_lockl_sigret(void *w)
{
    return lockl((lock_t *)w, LOCK_SIGRET);
}

static inline int do_unlockl(void *w)
{
    unlockl((lock_t *)w);
    return 0;
}

static inline int do_simple_lock(void *l)
{
    simple_lock((simple_lock_t)l);
    return 0;
}

static inline int do_simple_try(void *l)
{
    return simple_lock_try((simple_lock_t)l);
}

static inline int do_simple_unlock(void *l)
{
    simple_unlock((simple_lock_t)l);
    return 0;
}

static inline int do_lock_read(void *l)
{
    lock_read((complex_lock_t)l);
    return 0;
}

static inline int do_lock_write(void *l)
{
    lock_write((complex_lock_t)l);
    return 0;
}

static inline int do_lock_done(void *l)
{
    lock_done((complex_lock_t)l);
    return 0;
}

static inline int do_lock_mine(void *l)
{
    return lock_mine(l);
}

static inline int do_try_read(void *l)
{
    return lock_try_read((complex_lock_t)l);
}

static inline int do_try_write(void *l)
{
    return lock_try_write((complex_lock_t)l);
}

static inline int do_upgrade(void *l)
{
    return lock_read_to_write((complex_lock_t)l);
}

static inline int do_try_upgrade(void *l)
{
    return lock_try_read_to_write((complex_lock_t)l);
}

static inline int do_downgrade(void *l)
{
    lock_write_to_read((complex_lock_t)l);
    return 0;
}

static inline int do_set_recursive(void *l)
{
    lock_set_recursive((complex_lock_t)l);
    return 0;
}

static inline int do_clear_recursive(void *l)
{
    lock_clear_recursive((complex_lock_t)l);
    return 0;
}

static inline int signal_pending(void *object)
{
    (void)object;
    return ksl_signal_pending();
}

static inline int take_signal(void *object)
{
    (void)object;
    return ksl_signal_take();
}

static inline void post_signal(struct puppet *p, int signo)
{
    ck_assert_int_eq(ksl_signal_post(p->actor.thread, signo), 0);
}

/* Calls made in a handler. Level 5 is the priority INTCLASS3. */
enum { TEST_IRQ = 3, TEST_IRQ_LEVEL = 5, TEST_IRQ_PRIORITY = 11 - TEST_IRQ_LEVEL };

/* Its handler sees its interrupt priority. */
static inline void irq_setup(struct irq_call *c)
{
    irq_call_setup(c, TEST_IRQ, KSL_STAGE_INBAND, TEST_IRQ_LEVEL, priority_now);
}

static inline void irq_teardown(void)
{
    (void)ksl_irq_free(TEST_IRQ);
}

/* One panic of this rule, about the lock; the recorder starts anew. */
static inline void check_refused(const char *rule, const void *lock)
{
    ASSERT_VIOLATED(rule);
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, lock);
    recorder_start();
}

/* n puppets, calls in a handler, and the recorder. */
static inline void scene_start(struct puppet *p, int n, struct irq_call *c)
{
    puppets_start(p, n);
    irq_setup(c);
    recorder_start();
}

static inline void scene_end(struct puppet *p, int n)
{
    puppets_end(p, n);
    irq_teardown();
    recorder_stop();
}

/* Ends the puppets and the recorder, which has recorded nothing. */
static inline void end_unreported(struct puppet *p, int n)
{
    puppets_end(p, n);
    ck_assert_msg(recorder_count(NULL) == 0, "reported: %s", recorder_last().message);
    recorder_stop();
}

#endif
