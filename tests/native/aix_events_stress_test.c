/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX events under load: no wake-up is lost (T26, T76 to T78, T81, T83). */
#include "aix_test.h"

#include <sched.h>

/* The runner's limit is the deadline of every join here. */
static void join(struct actor *a)
{
    (void)pthread_join(a->pthread, NULL);
}

static void finish(void)
{
    ck_assert_msg(recorder_count(NULL) == 0, "reported: %s", recorder_last().message);
    recorder_stop();
}

/*
 * Producers put items one by one and wake one sleeper for each, after they have given
 * the lock back. Nobody wakes again for an item: one lost wake-up and all stand still.
 */
enum { ITEMS = 6000, PRODUCERS = 2, CONSUMERS = 3 };

static struct {
    Simple_lock s;
    Complex_lock l;
    bool complex;
    int room, items, given, taken; /* guarded */
    tid_t filled, emptied;
    int wrong; /* atomic */
} store;

static void enter(void)
{
    if (store.complex)
        lock_write(&store.l);
    else
        simple_lock(&store.s);
}

static void leave(void)
{
    if (store.complex)
        lock_done(&store.l);
    else
        simple_unlock(&store.s);
}

static void await(tid_t *event)
{
    void *lock = store.complex ? (void *)&store.l : (void *)&store.s;
    int flag = store.complex ? LOCK_WRITE : LOCK_SIMPLE;
    if (e_sleep_thread(event, lock, flag) != THREAD_AWAKENED || !lock_mine(lock))
        ADD(&store.wrong, 1);
}

static void produce(void *arg)
{
    (void)arg;
    for (;;) {
        enter();
        while (store.items == store.room && store.given < ITEMS)
            await(&store.emptied);
        if (store.given == ITEMS) {
            leave();
            e_wakeup(&store.emptied); /* the other producer may be asleep */
            return;
        }
        store.items++;
        store.given++;
        leave();
        e_wakeup_one(&store.filled);
    }
}

static void consume(void *arg)
{
    (void)arg;
    for (;;) {
        enter();
        while (store.items == 0 && store.taken < ITEMS)
            await(&store.filled);
        if (store.items == 0) {
            leave();
            e_wakeup(&store.filled);
            return;
        }
        store.items--;
        store.taken++;
        leave();
        e_wakeup_one(&store.emptied);
    }
}

static void run_store(bool complex, int room)
{
    struct actor a[PRODUCERS + CONSUMERS];
    simple_lock_init(&store.s);
    lock_init(&store.l, TRUE);
    store.complex = complex;
    store.room = room;
    store.items = store.given = store.taken = 0;
    store.filled = store.emptied = EVENT_NULL;
    recorder_start();
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
        actor_start(&a[i], i < PRODUCERS ? produce : consume, NULL);
        ck_assert_int_eq(ksl_thread_set_priority(a[i].thread, i * 7), 0);
    }
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
        join(&a[i]);
    ck_assert_int_eq(store.given, ITEMS);
    ck_assert_int_eq(store.taken, ITEMS);
    ck_assert_int_eq(store.items, 0);
    ck_assert_int_eq(store.wrong, 0);
    finish();
}

START_TEST(aix_T78_e_wakeup_one_is_never_lost_with_a_simple_lock)
{
    run_store(false, 1);
    run_store(false, 3);
}
END_TEST

START_TEST(aix_T78_e_wakeup_one_is_never_lost_with_a_complex_lock)
{
    run_store(true, 1);
    run_store(true, 3);
}
END_TEST

/* T76, T77: two threads take turns; each asserts its wait before it looks. */
enum { TURNS = 10000 };
static int turn; /* atomic */
static tid_t turn_of[2] = {EVENT_NULL, EVENT_NULL};
static int wrong_results;

static void play(void *arg)
{
    int me = *(int *)arg;
    for (int i = 0; i < TURNS; i++) {
        for (;;) {
            e_assert_wait(&turn_of[me], FALSE);
            if (LOAD(&turn) == me)
                break;
            if (e_block_thread() != THREAD_OTHER)
                ADD(&wrong_results, 1);
        }
        e_clear_wait(thread_self(), THREAD_OTHER); /* my turn: no need to wait */
        if (e_block_thread() != THREAD_OTHER)
            ADD(&wrong_results, 1);
        STORE(&turn, 1 - me);
        e_wakeup_w_result(&turn_of[1 - me], THREAD_OTHER);
    }
}

START_TEST(aix_T77_assert_and_block_lose_nothing)
{
    struct actor a[2];
    int id[2] = {0, 1};
    turn = 0;
    recorder_start();
    for (int i = 0; i < 2; i++)
        actor_start(&a[i], play, &id[i]);
    for (int i = 0; i < 2; i++)
        join(&a[i]);
    ck_assert_int_eq(wrong_results, 0);
    finish();
}
END_TEST

/* T26: the poster is a handler that comes at any instant, on the sleeper's CPU or not. */
enum { INTERRUPTS = 4000 };
static struct {
    Simple_lock h;
    tid_t ev;
    int ready;  /* guarded by h */
    int served; /* atomic */
    int errors; /* atomic */
} dev;

static void driver(void *arg)
{
    (void)arg;
    for (int i = 0; i < INTERRUPTS; i++) {
        int before = disable_lock(INTMAX, &dev.h);
        while (!dev.ready) {
            if (e_sleep_thread(&dev.ev, &dev.h, LOCK_HANDLER) != THREAD_AWAKENED ||
                !lock_mine(&dev.h))
                ADD(&dev.errors, 1);
        }
        dev.ready = 0;
        unlock_enable(before, &dev.h);
        if (before != INTBASE || priority_now() != INTBASE)
            ADD(&dev.errors, 1);
        ADD(&dev.served, 1);
    }
}

static int device_posts(void *unused)
{
    (void)unused;
    int before = disable_lock(INTMAX, &dev.h);
    if (dev.ready)
        ADD(&dev.errors, 1); /* one interrupt is raised for each that was served */
    dev.ready = 1;
    unlock_enable(before, &dev.h);
    e_wakeup_one(&dev.ev);
    return 0;
}

START_TEST(aix_T26_no_interrupt_is_lost)
{
    struct irq_call c;
    struct actor a;
    simple_lock_init(&dev.h);
    dev.ev = EVENT_NULL;
    dev.ready = 0;
    STORE(&dev.served, 0);
    recorder_start();
    irq_setup(&c);
    c.call = device_posts;
    actor_start(&a, driver, NULL);
    for (int i = 1; i <= INTERRUPTS; i++) {
        ksl_thread *on = i % 3 == 0 ? ksl_thread_self() : a.thread;
        ck_assert_int_eq(ksl_irq_raise_on(on, TEST_IRQ), 0);
        WAIT_UNTIL(LOAD(&dev.served) == i);
    }
    join(&a);
    irq_teardown();
    ck_assert_int_eq(dev.errors, 0);
    ck_assert_int_eq(LOAD(&c.runs), INTERRUPTS);
    finish();
}
END_TEST

/* T83: each event bit is given back before it is posted again; none may be missed. */
enum { POSTS = 4000, BITS = 4 };
static unsigned long bit_taken[BITS], bit_wrong; /* atomic */

static void post_taker(void *arg)
{
    (void)arg;
    unsigned long total = 0;
    while (total < POSTS * BITS) {
        unsigned long got = et_wait(15, 15, EVENT_SHORT);
        if ((got & 15) == 0)
            ADD(&bit_wrong, 1ul);
        for (unsigned i = 0; i < BITS; i++) {
            if (got & (1ul << i)) {
                ADD(&bit_taken[i], 1ul);
                total++;
            }
        }
    }
}

static tid_t taker_tid;

static void poster(void *arg)
{
    unsigned bit = *(unsigned *)arg;
    for (unsigned long i = 0; i < POSTS; i++) {
        et_post(1ul << bit, taker_tid);
        while (LOAD(&bit_taken[bit]) <= i)
            sched_yield();
    }
}

START_TEST(aix_T83_no_post_is_lost)
{
    struct actor taker, a[BITS];
    unsigned bit[BITS];
    recorder_start();
    for (int i = 0; i < BITS; i++)
        STORE(&bit_taken[i], 0ul);
    actor_start(&taker, post_taker, NULL);
    taker_tid = (tid_t)ksl_thread_id(taker.thread);
    for (unsigned i = 0; i < BITS; i++) {
        bit[i] = i;
        actor_start(&a[i], poster, &bit[i]);
    }
    join(&taker);
    for (int i = 0; i < BITS; i++) {
        join(&a[i]);
        ck_assert_uint_eq(bit_taken[i], POSTS);
    }
    ck_assert_uint_eq(bit_wrong, 0);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix events under load");
    TCase *tc = tcase_create("load");
    tcase_add_test(tc, aix_T78_e_wakeup_one_is_never_lost_with_a_simple_lock);
    tcase_add_test(tc, aix_T78_e_wakeup_one_is_never_lost_with_a_complex_lock);
    tcase_add_test(tc, aix_T77_assert_and_block_lose_nothing);
    tcase_add_test(tc, aix_T26_no_interrupt_is_lost);
    tcase_add_test(tc, aix_T83_no_post_is_lost);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
