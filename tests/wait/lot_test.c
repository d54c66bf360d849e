/* SPDX-License-Identifier: BSD-2-Clause */
/* The one waiting mechanism (wait/lot.h, wait/wait.h). */

#include "sanitized.h"
#include "support.h"

#include "platform/park.h"
#include "wait/lot.h"
#include "wait/wait.h"

#include <kslock/signal.h>
#include <kslock/sleepq.h>

#include <string.h>

enum { RACES = SANITIZED ? 400 : 3000 };
enum { SLEEPERS = 5, KEYS = 65536 };

static char keys[KEYS];

/* A thread that queues itself once and waits. */
struct sleeper {
    struct actor actor;
    const void *key;
    enum ksi_queue_kind kind;
    enum ksi_order order;
    uint32_t *counter;
    uint64_t deadline;
    bool interruptible;
    int priority;
    enum ksi_outcome outcome;
};

static struct ksi_waiter *waiter_of(ksl_thread *t)
{
    return &t->waiters[KSI_WAITER_LOCK];
}

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    ksl_thread *t = ksl_thread_self();
    struct ksi_waiter *w = waiter_of(t);
    struct ksi_lot lot;
    ksl_thread_set_priority(t, s->priority);
    ksi_lot_lock(&lot, s->key);
    ksi_lot_enqueue(&lot, w, s->key, s->kind, s->order, s->counter);
    bool waits = !s->interruptible || ksi_wait_interruptible(w);
    ksi_lot_unlock(&lot, NULL);
    s->outcome = waits ? ksi_wait(w, s->deadline) : KSI_SIGNALLED;
    while (ksl_signal_take() != 0)
        ;
}

static struct sleeper plain_sleeper(const void *key)
{
    struct sleeper s = {
        .key = key, .kind = KSI_Q_WRITE, .order = KSI_FIFO, .deadline = KSI_FOREVER};
    return s;
}

static void start(struct sleeper *s)
{
    actor_start(&s->actor, sleep_once, s);
    wait_asleep(s->actor.thread);
}

/* Takes the first waiter off and wakes it; NULL if there is none. */
static ksl_thread *pop(const void *key, enum ksi_queue_kind kind)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    ksi_lot_lock(&lot, key);
    ksl_thread *t = NULL;
    if (ksi_lot_pop(&lot, key, kind, &wake))
        t = wake.first->thread;
    ksi_lot_unlock(&lot, &wake);
    return t;
}

static bool waits(const void *key, enum ksi_queue_kind kind)
{
    struct ksi_lot lot;
    ksi_lot_lock(&lot, key);
    bool result = ksi_lot_waits(&lot, key, kind);
    ksi_lot_unlock(&lot, NULL);
    return result;
}

static const struct ksi_bucket *bucket_of_key(const void *key)
{
    struct ksi_lot lot;
    ksi_lot_lock(&lot, key);
    const struct ksi_bucket *bucket = lot.bucket;
    ksi_lot_unlock(&lot, NULL);
    return bucket;
}

START_TEST(fifo_is_arrival_whatever_the_priority)
{
    static const int priorities[SLEEPERS] = {3, 90, 0, 50, 90};
    struct sleeper s[SLEEPERS];
    uint32_t counter = 0;
    for (unsigned i = 0; i < SLEEPERS; i++) {
        s[i] = plain_sleeper(keys);
        s[i].priority = priorities[i];
        s[i].counter = &counter;
        start(&s[i]);
        ck_assert_uint_eq(LOAD(&counter), i + 1);
    }
    for (unsigned i = 0; i < SLEEPERS; i++) {
        ck_assert_ptr_eq(pop(keys, KSI_Q_WRITE), s[i].actor.thread);
        ck_assert_uint_eq(LOAD(&counter), SLEEPERS - i - 1);
        actor_join(&s[i].actor);
        ck_assert_int_eq(s[i].outcome, KSI_WOKEN);
    }
    ck_assert_ptr_null(pop(keys, KSI_Q_WRITE));
}
END_TEST

START_TEST(priority_then_arrival)
{
    static const int priorities[SLEEPERS] = {3, 90, 0, 50, 90};
    static const unsigned expected[SLEEPERS] = {1, 4, 3, 0, 2};
    struct sleeper s[SLEEPERS];
    for (unsigned i = 0; i < SLEEPERS; i++) {
        s[i] = plain_sleeper(keys);
        s[i].priority = priorities[i];
        s[i].order = KSI_PRIORITY;
        start(&s[i]);
    }
    for (unsigned i = 0; i < SLEEPERS; i++) {
        struct sleeper *next = &s[expected[i]];
        ck_assert_ptr_eq(pop(keys, KSI_Q_WRITE), next->actor.thread);
        actor_join(&next->actor);
    }
}
END_TEST

START_TEST(kinds_of_one_address_are_separate_queues)
{
    struct sleeper reader = plain_sleeper(keys), writer = plain_sleeper(keys);
    reader.kind = KSI_Q_READ;
    writer.kind = KSI_Q_WRITE;
    start(&reader);
    start(&writer);
    ck_assert_ptr_null(pop(keys, KSI_Q_SLEEP));
    ck_assert_ptr_eq(pop(keys, KSI_Q_WRITE), writer.actor.thread);
    ck_assert_ptr_null(pop(keys, KSI_Q_WRITE));
    ck_assert(waits(keys, KSI_Q_READ));
    ck_assert_ptr_eq(pop(keys, KSI_Q_READ), reader.actor.thread);
    actor_join(&reader.actor);
    actor_join(&writer.actor);
}
END_TEST

START_TEST(two_keys_in_one_bucket_are_separate_queues)
{
    unsigned other = 4; /* keys nearer than 4 bytes are one key to the hash */
    while (other < KEYS && bucket_of_key(&keys[other]) != bucket_of_key(keys))
        other++;
    ck_assert_msg(other < KEYS, "no two keys share a bucket");
    struct sleeper a = plain_sleeper(keys), b = plain_sleeper(&keys[other]);
    start(&a);
    start(&b);
    ck_assert_ptr_eq(pop(&keys[other], KSI_Q_WRITE), b.actor.thread);
    ck_assert_ptr_null(pop(&keys[other], KSI_Q_WRITE));
    ck_assert(waits(keys, KSI_Q_WRITE));
    ck_assert_ptr_eq(pop(keys, KSI_Q_WRITE), a.actor.thread);
    actor_join(&a.actor);
    actor_join(&b.actor);
}
END_TEST

/* One waiter, and all that may end its wait at about the same time. */
static struct {
    unsigned round;   /* atomic */
    unsigned done;    /* atomic: attackers that are through with the round */
    ksl_thread *prey; /* of the round */
    unsigned popped;
    unsigned unblocked;
} race;

static void await_round(unsigned round)
{
    while (LOAD(&race.round) < round)
        ksl_task_yield();
}

static void popper(void *arg)
{
    (void)arg;
    for (unsigned round = 1; round <= RACES; round++) {
        await_round(round);
        if (pop(keys, KSI_Q_SLEEP) != NULL)
            race.popped++;
        ADD(&race.done, 1u);
    }
}

static void poster(void *arg)
{
    (void)arg;
    for (unsigned round = 1; round <= RACES; round++) {
        await_round(round);
        if (round % 2 == 0)
            ksl_signal_post(race.prey, 5);
        else
            race.unblocked += (unsigned)ksl_thread_unblock(race.prey);
        ADD(&race.done, 1u);
    }
}

START_TEST(exactly_one_decides_the_wait)
{
    unsigned outcomes[KSI_DESTROYED + 1] = {0};
    struct actor attackers[2];
    ksl_thread *me = ksl_thread_self();
    struct sleeper s = plain_sleeper(keys);
    s.kind = KSI_Q_SLEEP;
    s.interruptible = true;
    race.prey = me;
    actor_start(&attackers[0], popper, NULL);
    actor_start(&attackers[1], poster, NULL);
    for (unsigned round = 1; round <= RACES; round++) {
        STORE(&race.done, 0u);
        s.deadline = ksi_now() + round * 131 % 40000;
        STORE(&race.round, round);
        sleep_once(&s);
        outcomes[s.outcome]++;
        WAIT_UNTIL(LOAD(&race.done) == 2);
        while (ksl_signal_take() != 0)
            ;
        ck_assert_ptr_null(waiter_of(me)->queue);
        ck_assert_ptr_nonnull(waiter_of(me)->donation);
        ck_assert(!waits(keys, KSI_Q_SLEEP));
    }
    actor_join(&attackers[0]);
    actor_join(&attackers[1]);
    ck_assert_uint_eq(outcomes[KSI_WAITING], 0);
    ck_assert_uint_eq(outcomes[KSI_WOKEN], race.popped);
    ck_assert_uint_eq(outcomes[KSI_UNBLOCKED], race.unblocked);
    ck_assert_uint_eq(outcomes[KSI_WOKEN] + outcomes[KSI_UNBLOCKED] +
                          outcomes[KSI_SIGNALLED] + outcomes[KSI_TIMED_OUT],
                      RACES);
}
END_TEST

/* Every thread has one queue object, and no two have the same. */
static void assert_donations(struct sleeper *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct ksi_queue *mine = waiter_of(s[i].actor.thread)->donation;
        ck_assert_ptr_nonnull(mine);
        for (unsigned j = 0; j < i; j++)
            ck_assert_ptr_ne(mine, waiter_of(s[j].actor.thread)->donation);
    }
}

/* Sleeps on many keys, each time after another thread has told so. */
static struct {
    unsigned sleeps[SLEEPERS];
    int stop; /* atomic */
    int idle; /* atomic: threads that have stopped */
    int gone; /* atomic: they may exit */
} herd;

static void roam(void *arg)
{
    unsigned i = *(unsigned *)arg;
    struct sleeper s = plain_sleeper(NULL);
    uint32_t random = i + 1;
    while (!LOAD(&herd.stop)) {
        random = random * 1664525u + 1013904223u;
        s.key = &keys[(random >> 8) % 64 * 64];
        s.deadline = ksi_now() + (random >> 8) % 100000;
        sleep_once(&s);
        herd.sleeps[i]++;
    }
    ADD(&herd.idle, 1);
    WAIT_UNTIL(LOAD(&herd.gone));
}

START_TEST(donations_balance_over_many_keys)
{
    struct sleeper s[SLEEPERS];
    unsigned index[SLEEPERS];
    unsigned woken = 0;
    memset(s, 0, sizeof s);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        index[i] = i;
        actor_start(&s[i].actor, roam, &index[i]);
    }
    for (unsigned n = 0; n < RACES || woken == 0; n++) {
        woken += pop(&keys[n % 64 * 64], KSI_Q_WRITE) != NULL;
        if (n % 64 == 0)
            ksl_task_yield();
    }
    STORE(&herd.stop, 1);
    WAIT_UNTIL(LOAD(&herd.idle) == SLEEPERS);
    assert_donations(s, SLEEPERS);
    for (unsigned k = 0; k < 64; k++)
        ck_assert(!waits(&keys[k * 64], KSI_Q_WRITE));
    STORE(&herd.gone, 1);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        actor_join(&s[i].actor);
        ck_assert_uint_gt(herd.sleeps[i], 0);
    }
}
END_TEST

/* Moves its own waiter to and fro between two buckets that others lock too. */
static void shuttle(void *arg)
{
    const char *from = arg;
    const char *to = from == keys ? &keys[2048] : keys;
    struct ksi_waiter *w = waiter_of(ksl_thread_self());
    for (unsigned i = 0; i < RACES; i++) {
        struct ksi_lot lot;
        ksi_lot_lock(&lot, from);
        ksi_lot_enqueue(&lot, w, from, KSI_Q_BLOCK, KSI_FIFO, NULL);
        ksi_lot_unlock(&lot, NULL);
        ksi_lot_lock_two(&lot, w, to);
        ksi_lot_remove(w);
        ksi_lot_enqueue(&lot, w, to, KSI_Q_SLEEP, KSI_FIFO, NULL);
        ksi_lot_unlock(&lot, NULL);
        if (ksi_lot_find(&lot, w)) {
            ksi_lot_remove(w);
            STORE(&w->outcome, (uint32_t)KSI_WOKEN); /* who takes it off decides */
            ksi_lot_unlock(&lot, NULL);
        }
    }
}

START_TEST(two_buckets_are_locked_in_one_order)
{
    struct actor a, b;
    ck_assert_ptr_ne(bucket_of_key(keys), bucket_of_key(&keys[2048]));
    actor_start(&a, shuttle, keys);
    actor_start(&b, shuttle, &keys[2048]);
    actor_join(&a);
    actor_join(&b);
    ck_assert(!waits(keys, KSI_Q_SLEEP));
    ck_assert(!waits(&keys[2048], KSI_Q_SLEEP));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lot");
    TCase *c = tcase_create("lot");
    tcase_set_timeout(c, 200);
    tcase_add_test(c, fifo_is_arrival_whatever_the_priority);
    tcase_add_test(c, priority_then_arrival);
    tcase_add_test(c, kinds_of_one_address_are_separate_queues);
    tcase_add_test(c, two_keys_in_one_bucket_are_separate_queues);
    tcase_add_test(c, exactly_one_decides_the_wait);
    tcase_add_test(c, donations_balance_over_many_keys);
    tcase_add_test(c, two_buckets_are_locked_in_one_order);
    suite_add_tcase(s, c);
    return support_run(s);
}
