/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shares that become exclusive holds, and back, beside readers and a writer; and holds
 * of two locks one after the other, whose entries meet in a slot.
 */

#include "scenarios.h"

#include "lock/rw.h"

#include <kslock/mutex.h>

static const struct ksi_rw_class class = {
    KSI_COMPLEX, 0, KSL_FAMILY(KSI_FAMILY_COMPLEX), false, false, false};

static struct {
    ksi_word word;
    ksi_word more[4 * KSL_SLOTS];
} lock;

static ksl_mutex_t mutexes[4 * KSL_SLOTS];

static ksi_word *word;     /* the lock */
static ksi_word *other;    /* one that has the same slots, if the scenario has it ... */
static ksl_mutex_t *mutex; /* ... likewise */

void turn_setup(void)
{
    word = &lock.word;
    other = NULL;
    ksi_rw_begin(word);
    *word = 0;
    weak_shared = 0;
}

/* Shares are in slots, with a fence; the tier of a lock that has been read. */
void turn_setup_slots(void)
{
    turn_setup();
    *word = KSI_SLOTS;
}

void turn_setup_bias(void)
{
    turn_setup();
    *word = KSI_SLOTS | KSI_BIAS;
}

/* Both are read by slots, and meet in one; only the other one has a bias. */
void turn_setup_one_slot(void)
{
    turn_setup_slots();
    for (unsigned i = 0; other == NULL && i < 4 * KSL_SLOTS; i++) {
        if (ksi_near_slot(&weak_threads[0], &lock.more[i]) ==
            ksi_near_slot(&weak_threads[0], word))
            other = &lock.more[i];
    }
    for (unsigned i = 0; i < 4 * KSL_SLOTS; i++) {
        if (ksi_near_slot(&weak_threads[0], &mutexes[i].word) ==
            ksi_near_slot(&weak_threads[0], word))
            mutex = &mutexes[i];
    }
    WEAK_CHECK(other != NULL && mutex != NULL);
    ksl_mutex_init(mutex);
    ksi_rw_begin(other);
    *other = KSI_SLOTS | KSI_BIAS;
}

static void share(ksi_word *at)
{
    WEAK_CHECK(ksi_rw_share(&class, at, ksi_self(), 0, NULL) == 0);
}

static void unshare(ksi_word *at)
{
    ksi_rw_unshare(at, ksi_self(), ksi_share_find(ksi_self(), at));
}

/* Back to a share, and that is given back, too. */
static void changed_alone(void)
{
    weak_change();
    ksi_rw_downgrade(&class, word, ksi_self());
    weak_look();
    unshare(word);
}

/* Becomes the owner if nobody else is a reader. */
void turn_try(void)
{
    share(word);
    weak_look();
    if (ksi_rw_upgrade(&class, word, ksi_self()))
        changed_alone();
    else
        unshare(word);
}

/* Waits until nobody else is. */
void turn_wait(void)
{
    share(word);
    weak_look();
    if (ksi_rw_await_upgrade(&class, word, ksi_self(), 0) == 0)
        changed_alone();
    else
        unshare(word);
}

void turn_read(void)
{
    share(word);
    weak_look();
    unshare(word);
}

static void write_it(ksi_word *at)
{
    WEAK_CHECK(ksi_rw_own(&class, at, ksi_self(), 0, NULL) == 0);
    weak_change();
    ksi_rw_disown(at, ksi_self());
}

void turn_write(void)
{
    write_it(word);
}

/*
 * Looks at what the other lock protects, leaves that, and upgrades this one in the slot:
 * who takes the other one alone may find nothing but the entry of the upgrade.
 */
void turn_after_other(void)
{
    share(other);
    weak_look();
    unshare(other);
    share(word);
    if (ksi_rw_upgrade(&class, word, ksi_self()))
        ksi_rw_disown(word, ksi_self());
    else
        unshare(word);
}

/* The same with a mutex that is acquired and given back meanwhile. */
void turn_mutex_after_other(void)
{
    share(other);
    weak_look();
    unshare(other);
    ksl_mutex_acquire(mutex);
    ksl_mutex_release(mutex);
}

void turn_write_other(void)
{
    write_it(other);
}

void turn_finish(void)
{
    WEAK_CHECK(weak_shared <= 2);
    weak_expect_free(*word, word);
    if (other != NULL)
        weak_expect_free(*other, other);
}
