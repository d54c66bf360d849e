/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watcher of hang=SECONDS: a thread of the library's own, which is not registered,
 * takes no real signal and waits for nobody. A wait begins with a look at the clock while
 * the switch is on; one that was there before begins when the watcher first sees it.
 */

#include "diag/hang.h"

#include "diag/cycle.h"
#include "diag/switch.h"
#include "diag/symbols.h"
#include "diag/view.h"
#include "platform/host.h"
#include "platform/park.h"
#include "thread/registry.h"

#include <kslock/diag.h>

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

static bool runs; /* under the lock of the switch */

/* A race detector dies of a thread that starts in a child of a process with several. */
extern void __tsan_init(void) __attribute__((weak));

/* Dates the wait of t if it has no date; returns that date, 0: it does not wait. */
static uint64_t date_of(ksl_thread *t, uint64_t now)
{
    uint64_t *since =
        ksi_load_acq(&t->spins_on) != NULL ? &t->spins_since : &t->wait_since;
    uint64_t none = 0;
    if (since == &t->wait_since && !ksl_thread_asleep(t))
        return 0;
    if (ksi_cas(since, &none, now))
        return now;
    return none;
}

/* True if t has waited too long and nobody has said so. */
static bool is_news(ksl_thread *t, uint64_t now, uint64_t limit)
{
    uint64_t since = date_of(t, now);
    if (since == 0 || now < since || now - since < limit ||
        since == ksi_load(&t->hang_told))
        return false;
    ksi_store(&t->hang_told, since);
    return true;
}

static void report(const ksl_thread *t, uint64_t waited, struct ksi_out *out)
{
    struct ksi_wait_view v;
    ksi_out(out, "kslock: hang: ");
    ksi_out_thread(out, t);
    ksi_out(out, " has waited for ");
    ksi_out_seconds(out, waited);
    ksi_out(out, " s");
    if (ksi_up_view_wait(t, &v)) {
        ksi_out(out, " for ");
        if (v.kind == KSI_NO_KIND)
            ksi_out(out, "%s", v.how);
        else
            ksi_out_lock(out, v.kind, ksi_view_lock(v.kind, v.key));
    }
    ksi_out(out, "\n");
}

/* One look at all threads; whoever is news, the dump behind them is for all. */
static void look(void)
{
    struct ksi_out out;
    bool news = false;
    uint64_t now = ksi_now();
    uint64_t limit = ksi_diag_hang_limit();
    uint32_t n = ksi_registry_allocated();
    struct ksi_symbols symbols;
    struct ksi_symbols *before = ksi_symbols_begin(&symbols);
    ksi_out_begin(&out, ksi_diag_fd());
    for (uint32_t id = 1; id <= n; id++) {
        ksl_thread *t = ksi_thread_by_id(id);
        if (t == NULL || !ksi_thread_alive(t) || !is_news(t, now, limit))
            continue;
        news = true;
        report(t, now - ksi_load(&t->hang_told), &out);
    }
    if (news)
        ksi_view_all(&out);
    ksi_out_end(&out);
    ksi_symbols_end(before);
}

static void *watch(void *arg)
{
    enum { NAP_MIN = 1000, NAP_MAX = 500000 };
    (void)arg;
    prctl(PR_SET_NAME, "ksl-hang");
    for (;;) {
        uint64_t us = ksi_diag_hang_limit() / 1000 / 8;
        ksi_nap(us < NAP_MIN ? NAP_MIN : us > NAP_MAX ? NAP_MAX : (unsigned)us);
        ksi_deadlock_look_again();
        look();
    }
    return NULL;
}

static void dump_now(int signo)
{
    (void)signo;
    ksl_diag_dump(ksi_diag_fd());
}

static void take_quit(void)
{
    struct sigaction old;
    struct sigaction action = {.sa_handler = dump_now, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGQUIT, NULL, &old) == 0 && (old.sa_flags & SA_SIGINFO) == 0 &&
        old.sa_handler == SIG_DFL)
        sigaction(SIGQUIT, &action, NULL);
}

bool ksi_hang_start(void)
{
    if (runs)
        return true;
    sigset_t all, old;
    pthread_attr_t attr;
    pthread_t thread;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* for the new thread */
    runs = pthread_create(&thread, &attr, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (runs)
        take_quit();
    return runs;
}

void ksi_hang_after_fork(void)
{
    bool ran = runs;
    runs = false;
    if (ran && __tsan_init == NULL)
        (void)ksi_hang_start();
}
