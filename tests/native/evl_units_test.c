/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * K6, K8, K11: a million units are posted, from everywhere, against timed waits whose
 * dates come at the same moment. Every unit is taken once, and nobody is left asleep
 * with a unit there for him.
 */
#include "evl_test.h"
#include "sanitized.h"

#include <errno.h>
#include <time.h>

/*
 * Posts of a round, and how many units may be there or on their way at a time: with few,
 * the waiters sleep for nearly each of them.
 */
enum {
    POSTS = SANITIZED ? 25000 : 50000,
    ROOM = 12,
    TIGHT_POSTS = POSTS / 5,
    TIGHT_ROOM = 1,
    TIGHT_EVERY = 5,
    ROUNDS = SANITIZED ? 6 : 24 / TEST_SHARE, /* a million posts in the first preset */
    WAITERS = 4,
    VISIT = 50,  /* posts of a thread that the library did not know */
    BROKEN = 32, /* one of so many posts of the in-band poster also ends a wait */
    REMOTE_IRQ = 5
};

/* Out of 100 posts. */
enum { BY_INBAND = 34, BY_OOB = 34, BY_VISITORS = 12, BY_HANDLER = 18, BY_REMOTE = 2 };

_Static_assert(TIGHT_POSTS % 100 == 0 && TIGHT_POSTS / 100 * BY_VISITORS % VISIT == 0,
               "the shares add up");

static struct evl_ksem ksem;
static sem_t room, ran;
static unsigned posted, taken, late, broken, refused, wrong; /* atomic */
static unsigned posts;                                       /* of this round */
static int only_far, stop, stuck;                            /* atomic */

static struct waiter {
    struct actor actor;
    unsigned seed;
    int far; /* atomic: its wait ends with a unit only */
} waiters[WAITERS];

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static ktime_t random_date(unsigned *seed, bool *far)
{
    ktime_t now = (ktime_t)support_now_ns();
    unsigned r = next(seed);
    *far = false;
    if (LOAD(&only_far) == 0) {
        switch (r % 8) {
        case 0:
            return r % 16 == 0 ? 0 : now - r;
        case 1:
            return now;
        case 2:
            return EVL_NONBLOCK;
        case 3:
        case 4:
            return now + r / 8 % 4000;
        case 5:
        case 6:
            return now + r;
        default:
            break;
        }
    }
    *far = true;
    return now + (ktime_t)3600 * 1000000000;
}

static void took_one(void)
{
    ADD(&taken, 1u);
    if (sem_post(&room) != 0)
        ADD(&wrong, 1u);
}

static void wait_for_units(void *arg)
{
    struct waiter *w = arg;
    if (evl_switch_oob() != 0)
        ADD(&wrong, 1u);
    while (LOAD(&stop) == 0) {
        bool far;
        ktime_t date = random_date(&w->seed, &far);
        STORE(&w->far, far);
        int error = evl_down_timeout(&ksem, date);
        STORE(&w->far, 0);
        if (error == 0)
            took_one();
        else if (error == -ETIMEDOUT && !far && (ktime_t)support_now_ns() >= date)
            ADD(&late, 1u);
        else if (error == -EAGAIN && date == EVL_NONBLOCK)
            ADD(&refused, 1u);
        else if (error == -EINTR)
            ADD(&broken, 1u);
        else
            ADD(&wrong, 1u);
    }
}

/* Posters. */

/* False if units are lost, so that nobody makes room any more. */
static bool have_room(void)
{
    struct timespec end = {.tv_sec = time(NULL) + 60};
    while (LOAD(&stuck) == 0 && sem_timedwait(&room, &end) != 0) {
        if (errno == ETIMEDOUT)
            STORE(&stuck, 1);
    }
    return LOAD(&stuck) == 0;
}

static void post(void)
{
    ADD(&posted, 1u);
    evl_up(&ksem);
}

static void *post_inband(void *arg)
{
    unsigned seed = *(unsigned *)arg;
    for (unsigned i = posts / 100 * BY_INBAND; i > 0; i--) {
        unsigned r = next(&seed);
        if (!have_room())
            break;
        post();
        if (r % BROKEN == 0)
            (void)ksl_thread_unblock(waiters[r / BROKEN % WAITERS].actor.thread);
        if (r % 16 == 1 && evl_trydown(&ksem) == 0)
            took_one();
    }
    return NULL;
}

static void *post_oob(void *arg)
{
    (void)arg;
    if (evl_switch_oob() != 0)
        ADD(&wrong, 1u);
    for (unsigned i = posts / 100 * BY_OOB; i > 0; i--) {
        if (!have_room())
            break;
        post();
    }
    return NULL;
}

static void *visit(void *arg)
{
    (void)arg;
    for (unsigned i = VISIT; i > 0; i--) {
        if (!have_room())
            break;
        post();
    }
    return NULL;
}

static void *send_visitors(void *arg)
{
    (void)arg;
    for (unsigned i = posts / 100 * BY_VISITORS / VISIT; i > 0; i--) {
        pthread_t visitor;
        if (pthread_create(&visitor, NULL, visit, NULL) != 0)
            abort();
        (void)pthread_join(visitor, NULL);
    }
    return NULL;
}

static void post_in_handler(int irq, void *arg)
{
    (void)arg;
    if (!evl_in_irq())
        ADD(&wrong, 1u);
    post();
    if (irq == REMOTE_IRQ && sem_post(&ran) != 0)
        ADD(&wrong, 1u);
}

/* Interrupts of both stages on the raiser itself. */
static void *post_in_handlers(void *arg)
{
    (void)arg;
    for (unsigned i = posts / 100 * BY_HANDLER; i > 0; i--) {
        if (!have_room())
            break;
        if (ksl_irq_raise_on(ksl_thread_self(), i % 2 == 0 ? INBAND_IRQ : OOB_IRQ) != 0)
            ADD(&wrong, 1u);
    }
    return NULL;
}

/* Interrupts that find the waiters anywhere in their waits. */
static void *post_on_waiters(void *arg)
{
    (void)arg;
    for (unsigned i = posts / 100 * BY_REMOTE; i > 0; i--) {
        if (!have_room())
            break;
        if (ksl_irq_raise_on(waiters[i % WAITERS].actor.thread, REMOTE_IRQ) != 0)
            ADD(&wrong, 1u);
        while (sem_wait(&ran) != 0) {
        }
    }
    return NULL;
}

static void *(*const posters[])(void *) = {post_inband, post_oob, send_visitors,
                                           post_in_handlers, post_on_waiters};
enum { POSTERS = sizeof posters / sizeof posters[0] };

/* Nobody uses `room` between two rounds. */
static void run_posters(unsigned round)
{
    pthread_t threads[POSTERS];
    unsigned seed = round * 7919u;
    bool tight = round % TIGHT_EVERY == 1;
    posts = tight ? TIGHT_POSTS : POSTS;
    ck_assert_int_eq(sem_init(&room, 0, tight ? TIGHT_ROOM : ROOM), 0);
    for (int i = 0; i < POSTERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, posters[i], &seed), 0);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
}

static bool all_wait_for_units(void)
{
    for (int i = 0; i < WAITERS; i++) {
        if (LOAD(&waiters[i].far) == 0 || !ksl_thread_asleep(waiters[i].actor.thread))
            return false;
    }
    return true;
}

static void setup(void)
{
    evl_init_ksem(&ksem, 0);
    ck_assert_int_eq(sem_init(&ran, 0, 0), 0);
    ck_assert_int_eq(
        ksl_irq_request(INBAND_IRQ, KSL_STAGE_INBAND, 5, post_in_handler, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(OOB_IRQ, KSL_STAGE_OOB, 6, post_in_handler, NULL),
                     0);
    ck_assert_int_eq(ksl_irq_request(REMOTE_IRQ, KSL_STAGE_OOB, 7, post_in_handler, NULL),
                     0);
    for (unsigned i = 0; i < WAITERS; i++) {
        waiters[i].seed = i * 77777u + 1;
        actor_start(&waiters[i].actor, wait_for_units, &waiters[i]);
        ck_assert_int_eq(ksl_thread_set_priority(waiters[i].actor.thread, (int)i / 2), 0);
    }
}

START_TEST(evl_ksem_K8_units_are_conserved)
{
    setup();
    unsigned given = 0;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        STORE(&only_far, 0);
        run_posters(round);
        STORE(&only_far, 1);
        ck_assert_int_eq(stuck, 0);
        /* The rest goes to the waiters, and then they all wait for more. */
        WAIT_UNTIL(LOAD(&taken) == LOAD(&posted));
        WAIT_UNTIL(all_wait_for_units());
        given += posts;
        ck_assert_uint_eq(posted, given);
        ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    }
    STORE(&stop, 1);
    for (int i = 0; i < WAITERS; i++)
        post();
    for (int i = 0; i < WAITERS; i++)
        actor_join(&waiters[i].actor);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(posted, given + WAITERS);
    ck_assert_uint_eq(taken + (unsigned)drain(&ksem), posted);
    ck_assert_uint_gt(late, 0);
    ck_assert_uint_gt(refused, 0);
    irq_teardown();
    (void)ksl_irq_free(REMOTE_IRQ);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl: units");
    TCase *tc = tcase_create("units");
    tcase_add_test(tc, evl_ksem_K8_units_are_conserved);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
