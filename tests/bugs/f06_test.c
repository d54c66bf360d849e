/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F6: a release, or a post, touches the object after it has let somebody in. The releaser
 * is kept between its decision and its wake-up until who was let in has used the object,
 * destroyed it, and taken its memory away.
 */

#include "bugs.h"

#include <kslock/cond.h>
#include <kslock/sleepq.h>

#include <evl/stax.h>
#include <string.h>
#include <sys/mman.h>

static ksl_thread *late;         /* whose wake-ups are late */
static struct ksi_parker *wakes; /* atomic: whom it is about to wake */
static int go;                   /* atomic */

static void late_unpark(struct ksi_parker *p)
{
    if (ksl_tls.self != late) {
        ksi_host_unpark(p);
        return;
    }
    STORE(&wakes, p);
    while (LOAD(&go) == 0)
        ksi_pause();
    ksi_host_unpark(p);
}

static void begin_late(const struct puppet *p)
{
    late = p->actor.thread;
    STORE(&wakes, NULL);
    STORE(&go, 0);
    ksi_seam.unpark = late_unpark;
}

/* Who is let in runs before it is woken: it may return from its sleep for no reason. */
static void await_let_in(const struct puppet *in)
{
    WAIT_UNTIL(LOAD(&wakes) != NULL);
    ksi_host_unpark(LOAD(&wakes));
    WAIT_UNTIL(done(in));
}

static void end_late(void *page, struct puppet *releaser)
{
    ck_assert_int_eq(mprotect(page, 4096, PROT_NONE), 0);
    STORE(&go, 1);
    (void)answer(releaser);
    ksi_seam.unpark = NULL;
    ck_assert_int_eq(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
}

static void *new_page(void)
{
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    return page;
}

/* Held in one mode, wanted in another one. */
static void handed_over(const struct lock_kind *k, void *page, bool held_shared,
                        bool wanted_shared)
{
    struct scene s;
    scene_begin(&s, k, 2);
    s.lock = page;
    k->begin(page);
    lock_call give = held_shared ? k->unshare : k->give;
    mark_point();
    ck_assert_int_eq(says(&s, 0, held_shared ? k->share : k->take), 0);
    waits(&s, 1, wanted_shared ? k->share : k->take);
    begin_late(&s.p[0]);
    tell(&s.p[0], give, page);
    await_let_in(&s.p[1]);
    ck_assert_int_eq(s.p[1].result, 0);
    ck_assert_int_eq(says(&s, 1, wanted_shared ? k->unshare : k->give), 0);
    k->end(page);
    end_late(page, &s.p[0]);
    s.lock = &s.memory;
    scene_end(&s);
}

START_TEST(f06_no_release_touches_what_it_has_handed_over)
{
    void *page = new_page();
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        if (k->spins)
            continue;
        handed_over(k, page, false, false);
        if (k->share == NULL)
            continue;
        handed_over(k, page, true, false);
        handed_over(k, page, false, true);
    }
}
END_TEST

static int wait_cond(void *c)
{
    return ksl_cond_wait(c, 1);
}

static int set_cond(void *c)
{
    ksl_cond_set(c, 1);
    return 0;
}

static int sleep_on(void *q)
{
    return ksl_sleepq_sleep(q, 0);
}

static int wake_all(void *q)
{
    return (int)ksl_sleepq_wake(q, 0);
}

static int lock_stax(void *s)
{
    return evl_lock_stax(s);
}

static int unlock_stax(void *s)
{
    evl_unlock_stax(s);
    return 0;
}

static void let_go(void *page, call_fn wait, call_fn wake, struct puppet *p)
{
    tell_blocked(&p[1], wait, page);
    begin_late(&p[0]);
    tell(&p[0], wake, page);
    await_let_in(&p[1]);
    ck_assert_int_eq(p[1].result, 0);
}

START_TEST(f06_no_wake_up_touches_what_it_was_for)
{
    void *page = new_page();
    struct puppet p[2];
    puppet_start(&p[0]);
    puppet_start_on(&p[1], KSL_STAGE_OOB);
    let_go(page, wait_cond, set_cond, p);
    end_late(page, &p[0]);
    memset(page, 0, 4096);
    let_go(page, sleep_on, wake_all, p);
    end_late(page, &p[0]);
    ck_assert_int_eq(evl_init_stax((struct evl_stax *)page), 0);
    ck_assert_int_eq(ask(&p[0], lock_stax, page), 0);
    let_go(page, lock_stax, unlock_stax, p);
    ck_assert_int_eq(ask(&p[1], unlock_stax, page), 0);
    ck_assert_int_eq(evl_destroy_stax((struct evl_stax *)page), 0);
    end_late(page, &p[0]);
    puppets_end(p, 2);
}
END_TEST

void add_f06(void)
{
    BUG(f06_no_release_touches_what_it_has_handed_over);
    BUG(f06_no_wake_up_touches_what_it_was_for);
}
