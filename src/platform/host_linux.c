/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "platform/host.h"

#include "platform/atomic.h"
#include "platform/compiler.h"
#include "platform/testing.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Looked at once, when the process starts: a thread that is bound later is not all. */
unsigned ksi_cpu_count(void)
{
    static unsigned known;
    unsigned n = ksi_load(&known);
    if (KSI_LIKELY(n != 0))
        return n;
    int saved = errno;
    cpu_set_t set;
    n = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    else if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        n = 2;
    ksi_store(&known, n);
    errno = saved;
    return n;
}

__attribute__((constructor)) static void count_cpus(void)
{
    (void)ksi_cpu_count();
}

/*
 * Where the C library has registered the thread for restartable sequences, the kernel
 * keeps the number in its memory: reading it costs a load. References are weak, for
 * versions of the C library that do not tell where that is.
 */
#if __has_include(<sys/rseq.h>) && (defined(__x86_64__) || defined(__aarch64__))
#include <sys/rseq.h>
#pragma weak __rseq_offset
#pragma weak __rseq_size

int ksi_cpu_now(void)
{
    if (&__rseq_offset == NULL || &__rseq_size == NULL || __rseq_size == 0)
        return -1;
    uintptr_t self;
#if defined(__x86_64__)
    __asm__("mov %%fs:0, %0" : "=r"(self));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(self));
#endif
    const struct rseq *area =
        (const struct rseq *)(self + (uintptr_t)__rseq_offset); // NOLINT
    int cpu = (int)ksi_load(&area->cpu_id);
    return cpu >= 0 ? cpu : -1; /* not registered: a number below zero */
}
#else
int ksi_cpu_now(void)
{
    return -1;
}
#endif

void ksi_yield(void)
{
    int saved = errno;
    sched_yield();
    errno = saved;
}

int ksi_cancel_off(void)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void ksi_cancel_back(int before)
{
    pthread_setcancelstate(before, NULL);
}

void ksi_nap(unsigned us)
{
    int saved = errno;
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    int cancel = ksi_cancel_off(); /* no lock is left half taken */
    nanosleep(&ts, NULL);          /* cut short by a signal: the caller looks again */
    ksi_cancel_back(cancel);
    errno = saved;
}

int ksi_host_tid(void)
{
    int saved = errno;
    int tid = (int)syscall(SYS_gettid);
    errno = saved;
    return tid;
}

int ksi_host_kick(int tid, int signo)
{
    int saved = errno;
    int result = -EAGAIN;
    for (unsigned tries = 0; tries < 1000 && result == -EAGAIN; tries++) {
        result = syscall(SYS_tgkill, getpid(), tid, signo) == 0 ? 0 : -errno;
        if (result == -EAGAIN)
            sched_yield(); /* the user's queue of real-time signals is full for now */
    }
    errno = saved;
    return result;
}

/* Commands of membarrier(2); the header may be older than the kernel. */
enum { MEMBARRIER_EXPEDITED = 1 << 3, MEMBARRIER_REGISTER = 1 << 4 };

static int heavy_state;  /* atomic */
static bool heavy_began; /* atomic */
enum { HEAVY_UNKNOWN, HEAVY_WORKS, HEAVY_GOING, HEAVY_MISSING };

static bool heavy_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_REGISTER, 0, 0) == 0;
}

static int heavy_now(void)
{
    int state = ksi_load_seq(&heavy_state);
    if (KSI_UNLIKELY(state == HEAVY_UNKNOWN)) {
        int saved = errno;
        state = heavy_register() ? HEAVY_WORKS : HEAVY_MISSING;
        if (KSI_LACKS_MEMBARRIER())
            state = HEAVY_MISSING;
        ksi_store(&heavy_began, state == HEAVY_WORKS);
        ksi_store_seq(&heavy_state, state);
        errno = saved;
    }
    return state;
}

bool ksi_heavy_works(void)
{
    return heavy_now() == HEAVY_WORKS;
}

bool ksi_heavy_missing(void)
{
    return heavy_now() == HEAVY_MISSING;
}

bool ksi_heavy_began(void)
{
    (void)heavy_now();
    return ksi_load(&heavy_began);
}

void ksi_heavy_gone(bool for_good)
{
    ksi_store_seq(&heavy_state, for_good ? (int)HEAVY_MISSING : (int)HEAVY_GOING);
}

bool ksi_heavy_barrier(void)
{
    if (!ksi_heavy_works())
        return false;
    int saved = errno;
    bool done =
        syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0) == 0 ||
        (heavy_register() && syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0) == 0);
    errno = saved;
    return done;
}

enum { PAGE = 4096 }; /* none is smaller */

/*
 * Whether each page of it can be read, without a call that is often refused (containers)
 * or missing (emulators): the mask of signals is read before the wrong `how` is.
 */
static bool pages_readable(const void *from, size_t n)
{
    uintptr_t end = (uintptr_t)from + n;
    if (end < (uintptr_t)from) {
        errno = EFAULT;
        return false;
    }
    for (uintptr_t at = (uintptr_t)from & ~(uintptr_t)7; at < end;
         at = (at | (PAGE - 1)) + 1) {
        if (syscall(SYS_rt_sigprocmask, ~0, at, NULL, _NSIG / 8) == 0 || errno != EINVAL)
            return false;
    }
    return true;
}

/* The kernel reads it, so that a wrong address is an error and no crash. */
int ksi_host_copy(void *to, const void *from, size_t n)
{
    int saved = errno;
    struct iovec local = {to, n};
    struct iovec remote = {(void *)(uintptr_t)from, n};
    ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    int error = got == (ssize_t)n ? 0 : got < 0 ? -errno : -EFAULT;
    if (error == -ENOSYS || error == -EPERM) {
        if (pages_readable(from, n)) {
            memcpy(to, from, n);
            error = 0;
        } else if (errno == EFAULT) {
            error = -EFAULT;
        }
    }
    errno = saved;
    return error;
}

int ksi_host_copy_text(char *to, const char *from, size_t room)
{
    size_t n = 0;
    while (n < room - 1) {
        /* Up to the end of a page: what lies behind it may not be there. */
        size_t page = PAGE - (uintptr_t)(from + n) % PAGE;
        size_t want = page < room - 1 - n ? page : room - 1 - n;
        int error = ksi_host_copy(to + n, from + n, want);
        if (error != 0)
            return error;
        if (memchr(to + n, '\0', want) != NULL)
            return 0;
        n += want;
    }
    to[n] = '\0';
    return 0;
}

void *ksi_pages(size_t bytes)
{
    int saved = errno;
    void *p =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved;
    return p == MAP_FAILED ? NULL : p;
}

void ksi_pages_back(void *pages, size_t bytes)
{
    int saved = errno;
    if (pages != NULL)
        (void)munmap(pages, bytes);
    errno = saved;
}
