/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sx: a sleeping shared/exclusive lock. A queued writer keeps new readers out,
 * but not a thread that has a share, nor one that only tries. A share is turned
 * into an exclusive hold and back without letting go.
 */

#include <sys/lock.h>
#include <sys/param.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include "example.h"

#include <kslock/signal.h>

enum { SIGNAL_STOP = 15, SIGNAL_CONT = 18 };

static struct sx lock;
SX_SYSINIT(lock, &lock, "example");

static int value;
static int seen;
static int results[3];
static ksl_thread *writer_thread;
static ksl_thread *reader_thread;
static ksl_thread *sig_thread;

/* Readers are inside together: this one while main has a share. */
static void *guest(void *arg)
{
    (void)arg;
    CHECK(sx_try_xlock(&lock) == 0);
    sx_slock(&lock);
    CHECK(value == 0 && sx_xholder(&lock) == NULL);
    sx_sunlock(&lock);
    return NULL;
}

/* Trying does not mind who waits. */
static void *passer_by(void *arg)
{
    (void)arg;
    CHECK(sx_try_slock(&lock) != 0);
    sx_unlock(&lock); /* gives back what the caller has */
    return NULL;
}

static void *writer(void *arg)
{
    (void)arg;
    make_known(&writer_thread);
    sx_xlock(&lock);
    CHECK(sx_xlocked(&lock) && sx_xholder(&lock) == curthread);
    CHECK(value == 1);
    value = 2;
    sx_xunlock(&lock);
    return NULL;
}

static void *reader(void *arg)
{
    (void)arg;
    make_known(&reader_thread);
    sx_slock(&lock); /* behind the writer that is queued */
    seen = value;
    sx_sunlock(&lock);
    return NULL;
}

/* The second share of one thread ends and the first one is still there. */
static void nest_shares(void)
{
    for (int i = 0; i < 3; i++) {
        sx_slock(&lock);
        sx_slock(&lock);
        sx_sunlock(&lock);
        join(start(guest, NULL));
        sx_sunlock(&lock);
    }
}

/* Everything that happens to one share of main's. */
static void share_and_upgrade(void)
{
    sx_slock(&lock);
    join(start(guest, NULL));

    pthread_t w = start(writer, NULL);
    wait_asleep(&writer_thread);
    pthread_t r = start(reader, NULL);
    wait_asleep(&reader_thread);
    CHECK(sx_has_waiters(&lock));

    sx_slock(&lock); /* a second share: not behind the writer */
    join(start(passer_by, NULL));
    CHECK(sx_try_upgrade(&lock) == 0); /* ours are two */
    sx_sunlock(&lock);

    CHECK(sx_try_upgrade(&lock) != 0); /* past all who wait */
    sx_assert(&lock, SA_XLOCKED | SA_NOTRECURSED);
    value = 1;
    sx_downgrade(&lock); /* no writer comes in between */
    sx_assert(&lock, SA_SLOCKED);
    CHECK(value == 1);
    sx_sunlock(&lock);

    join(w);
    join(r);
    CHECK(value == 2 && seen >= 1);
}

static void *interruptible(void *arg)
{
    (void)arg;
    make_known(&sig_thread);
    int error = sx_xlock_sig(&lock);
    CHECK(ksl_signal_take() == SIGNAL_STOP);
    __atomic_store_n(&results[0], error, __ATOMIC_SEQ_CST);
    results[1] = sx_slock_sig(&lock);
    sx_assert(&lock, SA_UNLOCKED);

    /* The signal is still there, but a free lock needs no wait. */
    struct sx other;
    sx_init(&other, "other");
    results[2] = sx_xlock_sig(&other);
    sx_xunlock(&other);
    sx_destroy(&other);
    CHECK(ksl_signal_take() == SIGNAL_CONT);
    return NULL;
}

/* A signal ends a wait for the lock; its action says with which number. */
static void interrupt_waits(void)
{
    CHECK(ksl_signal_action(SIGNAL_CONT, KSL_SIGNAL_RESTART) == 0);
    sx_xlock(&lock);
    pthread_t thread = start(interruptible, NULL);
    ksl_thread *t = wait_asleep(&sig_thread);
    CHECK(ksl_signal_post(t, SIGNAL_STOP) == 0);
    while (__atomic_load_n(&results[0], __ATOMIC_SEQ_CST) == 0)
        sched_yield();
    wait_asleep(&sig_thread); /* in its second wait */
    CHECK(ksl_signal_post(t, SIGNAL_CONT) == 0);
    join(thread);
    sx_xunlock(&lock);
    CHECK(results[0] == EINTR && results[1] == ERESTART && results[2] == 0);
}

int main(void)
{
    nest_shares();
    share_and_upgrade();
    printf("sx: upgraded past the waiting writer; the reader behind it saw %d\n", seen);
    interrupt_waits();
    printf("sx: the interrupted waits ended with EINTR and ERESTART\n");
    sx_assert(&lock, SA_UNLOCKED);
    return 0;
}
