/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is written at exit, when a signal ends the program. The thread that the signal has
 * interrupted may hold any lock, of the C library, the program's, or ours, and its stack
 * may be at its end. So the reports are written by processes of their own, each with a
 * copy of the memory, a fresh stack, and a limit of time; they use no malloc and no
 * stdio, and if one gets stuck or dies, its report is what is missing. Then the signal
 * has its usual effect, at the place where it came: exit status and core file are what
 * they would have been.
 *
 * What the reports take locks for is whole in such a copy: who makes it has the lock. If
 * that cannot be had, because a fault has ended its holder, they do without.
 *
 * One thread writes, the others wait (`first`). If a signal comes while one writes that
 * has called exit, that one goes on, for LIMIT_S at most: the process that would take its
 * place has a copy of the locks that it holds. On the writing thread itself a request to
 * end is put off for so long, or until the next one comes; a fault cannot be. Process 1
 * is not ended by what is sent to it: it writes them then, and anew when it does end.
 */

#define _GNU_SOURCE 1

#include "diag/last_words.h"

#include "diag/stats.h"
#include "diag/switch.h"
#include "diag/trace.h"
#include "platform/atomic.h"
#include "platform/host.h"
#include "thread/irq.h"
#include "thread/registry.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if !defined(sigev_notify_thread_id)
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { STACK = 1 << 18, LIMIT_S = 10, LOCK_S = 1 };

static const int fatal[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE, SIGABRT,
                            SIGSYS,  SIGPIPE, SIGTERM, SIGINT, SIGHUP};
enum { FATAL = sizeof fatal / sizeof *fatal };

static const struct kind {
    void (*write)(void);
    struct ksi_rawlock *lock;
} kinds[] = {{ksi_trace_write_at_exit, &ksi_trace_lock},
             {ksi_graph_write_at_exit, &ksi_nodes_lock},
             {ksi_stats_write_at_exit, &ksi_stats_past_lock}};
enum { REPORTS = sizeof kinds / sizeof *kinds };

static char *stack;
static ksl_thread *nobody; /* writes for a thread that is not registered */
static int owner;          /* atomic: the process that has these handlers */
static int speaks_for;  /* atomic: in the processes of the reports, the one that ends */
static int first;       /* atomic: who writes: a thread at exit, ENDS, or NOBODY */
static int all_is_told; /* atomic */
static int ends;        /* atomic: a signal is about to end the process */
static unsigned whole;  /* atomic: so many reports are written, at exit */
static int request;     /* of the thread that writes at exit: what is put off, or 0 */
static siginfo_t request_info;

__thread uint32_t ksi_report_locks;
__thread uint32_t ksi_report_requests;

enum { NOBODY = 0, ENDS = -1 }; /* and the id of the thread that writes at exit */

/* Race detectors put signals off, and know nothing of such processes. */
extern void __tsan_init(void) __attribute__((weak));

static bool tells_by_processes(void)
{
    return stack != NULL && __tsan_init == NULL;
}

int ksi_report_pid(void)
{
    int pid = ksi_load(&speaks_for);
    return pid != 0 ? pid : (int)getpid();
}

static bool is_request(int signo)
{
    return signo == SIGTERM || signo == SIGINT || signo == SIGHUP;
}

/* Not by a signal that a report may have blocked while it waits, maybe for ever. */
static void limit_time(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec after = {.it_value = {.tv_sec = LIMIT_S}};
    struct sigaction usual = {.sa_handler = SIG_DFL};
    int timer = 0;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0 &&
        syscall(SYS_timer_settime, timer, 0, &after, NULL) == 0)
        return;
    sigaction(SIGALRM, &usual, NULL);
    alarm(LIMIT_S);
}

/* The body of a process of its own, with one thread. */
static int report(void *arg)
{
    const struct kind *kind = arg;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigset_t none;
    ksi_store(&speaks_for, ksi_load(&owner));
    if (ksl_tls.self == NULL)
        ksl_tls.self = nobody; /* to register takes a lock, which may be held for ever */
    /* What is raised is for the thread that stayed behind, and those that it may need. */
    ksi_irq_set(ksl_tls.self, KSI_MASK_ALL);
    prctl(PR_SET_DUMPABLE, 0); /* one core is enough */
    /* Who ends a program often ends its process group, too; there is a limit already. */
    for (unsigned i = 0; i < FATAL; i++)
        sigaction(fatal[i], is_request(fatal[i]) ? &ignored : &usual, NULL);
    limit_time();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    ksi_store(&kind->lock->word, 0u); /* whoever has it has stayed behind */
    kind->write();
    _exit(0);
}

/* False: the time is over. Its holder is not stopped by a signal, but for a fault. */
static bool lock_in_time(struct ksi_rawlock *l)
{
    enum { MS = 1000 };
    for (unsigned ms = 0; ms < LOCK_S * 1000; ms++) {
        if (ksi_raw_try(l))
            return true;
        ksi_nap(MS);
    }
    return false;
}

static void write_reports(void)
{
    for (unsigned i = ksi_load(&whole); i < REPORTS; i++) {
        void *what = (void *)(uintptr_t)&kinds[i];
        bool locked = lock_in_time(kinds[i].lock);
        /* It tells the program nothing when it ends, unless the host insists. */
        int child = clone(report, stack + STACK, 0, what);
        if (child < 0 && errno == EINVAL)
            child = clone(report, stack + STACK, SIGCHLD, what);
        if (locked)
            ksi_raw_unlock(kinds[i].lock);
        while (child > 0 && waitpid(child, NULL, (int)__WALL) < 0 && errno == EINTR)
            ;
    }
}

/* The instruction is tried again, and does the same. */
static bool comes_again(const siginfo_t *info)
{
    switch (info->si_signo) {
    case SIGSEGV:
    case SIGILL:
    case SIGFPE:
        return info->si_code > 0;
    case SIGBUS:
        return info->si_code > 0 && info->si_code != BUS_MCEERR_AO;
    default:
        return false;
    }
}

/* The same signal as it came, once more, to this thread. */
static void send_again(int signo, const siginfo_t *info)
{
    syscall(SYS_rt_tgsigqueueinfo, getpid(), ksi_host_tid(), signo, info);
}

/* True: it comes when the interrupted thread has given back what a report needs. */
static bool comes_unlocked(int signo, const siginfo_t *info, ucontext_t *interrupted)
{
    if (ksi_report_locks == 0 || comes_again(info))
        return false;
    sigaddset(&interrupted->uc_sigmask, signo); /* from the handler's return on */
    ksi_report_requests |= 1u << signo;
    send_again(signo, info);
    return true;
}

void ksi_report_requests_come(void)
{
    uint32_t came = ksi_report_requests;
    sigset_t set;
    if (ksi_report_locks != 0)
        return;
    ksi_report_requests = 0;
    sigemptyset(&set);
    for (unsigned i = 0; i < FATAL; i++) {
        if ((came >> fatal[i] & 1) != 0)
            sigaddset(&set, fatal[i]);
    }
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* False: the time is over. */
static bool await_the_telling(unsigned seconds)
{
    enum { MS = 1000 };
    for (unsigned ms = 0; ksi_load_acq(&all_is_told) == 0 && ms < seconds * 1000; ms++)
        ksi_nap(MS);
    return ksi_load_acq(&all_is_told) != 0;
}

/* The signal comes to this thread in LIMIT_S; there is no other call for handlers. */
static bool comes_later(int signo)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signo};
    struct itimerspec after = {.it_value = {.tv_sec = LIMIT_S}};
    int timer = 0;
    event.sigev_notify_thread_id = ksi_host_tid();
    return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0 &&
           syscall(SYS_timer_settime, timer, 0, &after, NULL) == 0;
}

/* True: the caller writes at exit, and ends by that signal when it has done so. */
static bool put_off(int signo, const siginfo_t *info)
{
    if (!is_request(signo) || ksi_load(&first) != ksi_host_tid() || request != 0 ||
        ksi_load(&all_is_told) != 0 || !comes_later(signo))
        return false;
    request_info = *info;
    request = signo;
    return true;
}

/* As `self`, if nobody has begun; *who: who has. Process 1 may have told before. */
static bool begin(int self, int *who)
{
    *who = NOBODY;
    if (!ksi_cas(&first, who, self))
        return false;
    ksi_store(&all_is_told, 0);
    return true;
}

/* By this thread, if no other does or is about to; true: it was the first. */
static bool tell_all(void)
{
    int who;
    bool began = begin(ENDS, &who), mine = began;
    if (!mine && who != ENDS && (who == ksi_host_tid() || !await_the_telling(LIMIT_S)))
        mine = ksi_cas(&first, &who, ENDS);
    if (mine) {
        write_reports();
        ksi_store_rel(&all_is_told, 1);
    }
    while (ksi_load_acq(&all_is_told) == 0)
        ksi_nap(1000);
    return began;
}

/* Process 1 of a name space is ended by its own faults, not by what is sent to it. */
static bool goes_on(const siginfo_t *info)
{
    return getpid() == 1 && !comes_again(info);
}

/* The next one tells everything anew. Who waits sees the end of this one or that one. */
static void take_back(bool began)
{
    if (began) {
        ksi_store(&whole, 0u);
        ksi_store_rel(&first, NOBODY);
    }
    ksi_store(&ends, 0); /* last: others may just have seen that it was begun */
}

/* False: the program goes on. */
static bool ends_by(int signo, siginfo_t *info, void *context)
{
    if (comes_unlocked(signo, info, context) || put_off(signo, info))
        return false;
    ksi_store(&ends, 1);
    bool began = tell_all();
    if (!goes_on(info))
        return true;
    take_back(began);
    return false;
}

static void ended(int signo, siginfo_t *info, void *context)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    int saved = errno;
    int cancel = ksi_cancel_off(); /* or the thread would end, and not the program */
    if ((int)getpid() != ksi_load(&owner) || ends_by(signo, info, context)) {
        sigaction(signo, &usual, NULL);
        if (!comes_again(info)) /* as it came, when the handler has returned */
            send_again(signo, info);
    }
    ksi_cancel_back(cancel);
    errno = saved;
}

static void write_here(int self)
{
    for (unsigned i = 0; i < REPORTS && ksi_load(&first) == self; i++) {
        kinds[i].write();
        ksi_store(&whole, i + 1);
    }
    if (ksi_load(&whole) == REPORTS)
        ksi_store_rel(&all_is_told, 1);
    if (request != 0)
        send_again(request, &request_info);
}

static void leave_as(int self)
{
    int who;
    if (begin(self, &who))
        write_here(self);
    else if (who == self && tells_by_processes())
        (void)tell_all(); /* a handler, which has interrupted that, calls exit */
    else if (who == self)
        return;
    (void)await_the_telling(LIMIT_S * REPORTS);
    /* The exit status is that of the signal, which is on its way. */
    for (unsigned ms = 0; ksi_load(&ends) != 0 && ms < LIMIT_S * 1000; ms++)
        ksi_nap(1000);
}

/* At exit, after the program's own functions for that and those of its libraries. */
__attribute__((destructor(101))) static void leave(void)
{
    if (ksi_load(&owner) != (int)getpid())
        return;
    int cancel = ksi_cancel_off();
    leave_as(ksi_host_tid());
    ksi_cancel_back(cancel);
}

void ksi_last_words_enable(void)
{
    static int done; /* atomic */
    struct sigaction action = {.sa_sigaction = ended,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct sigaction old;
    int self = (int)getpid();
    if (ksi_load(&owner) != self) { /* also a child of fork that has its own reports */
        ksi_store(&first, 0); /* it may have been forked while its parent wrote them */
        ksi_store(&all_is_told, 0);
        ksi_store(&ends, 0);
        ksi_store(&whole, 0u);
        request = 0;
        ksi_store_rel(&owner, self); /* from here on a signal goes by the others */
    }
    if (ksi_xchg(&done, 1) != 0)
        return;
    (void)at_quick_exit(leave);
    stack = ksi_pages(STACK);
    if (!tells_by_processes())
        return;
    nobody = ksi_registry_take();
    sigfillset(&action.sa_mask);
    for (unsigned i = 0; i < FATAL; i++) {
        if (sigaction(fatal[i], NULL, &old) == 0 && (old.sa_flags & SA_SIGINFO) == 0 &&
            old.sa_handler == SIG_DFL)
            sigaction(fatal[i], &action, NULL);
    }
}
