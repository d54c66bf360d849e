/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "platform/host.h"

#include "platform/atomic.h"
#include "platform/compiler.h"
#include "platform/testing.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

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

void ksi_yield(void)
{
    int saved = errno;
    sched_yield();
    errno = saved;
}

void ksi_nap(unsigned us)
{
    int saved = errno;
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    int cancel;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
                           &cancel); /* no lock is left half taken */
    nanosleep(&ts, NULL);            /* cut short by a signal: the caller looks again */
    pthread_setcancelstate(cancel, NULL);
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

static int heavy_state; /* atomic */
enum { HEAVY_UNKNOWN, HEAVY_WORKS, HEAVY_MISSING };

static bool heavy_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_REGISTER, 0, 0) == 0;
}

bool ksi_heavy_works(void)
{
    int state = ksi_load(&heavy_state);
    if (KSI_UNLIKELY(state == HEAVY_UNKNOWN)) {
        int saved = errno;
        state = heavy_register() ? HEAVY_WORKS : HEAVY_MISSING;
        if (KSI_LACKS_MEMBARRIER())
            state = HEAVY_MISSING;
        ksi_store(&heavy_state, state);
        errno = saved;
    }
    return state == HEAVY_WORKS;
}

/* A sandbox may have closed meanwhile; then it stays so. */
bool ksi_heavy_barrier(void)
{
    if (!ksi_heavy_works())
        return false;
    int saved = errno;
    bool done =
        syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0) == 0 ||
        (heavy_register() && syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0) == 0);
    if (!done)
        ksi_store(&heavy_state, (int)HEAVY_MISSING);
    errno = saved;
    return done;
}

/* The kernel reads it, so that a wrong address is an error and no crash. */
int ksi_host_copy_text(char *to, const char *from, size_t room)
{
    int saved = errno;
    size_t n = 0;
    while (n < room - 1) {
        /* Up to the end of a page: what lies behind it may not be there. */
        size_t page = 4096 - (uintptr_t)(from + n) % 4096;
        size_t want = page < room - 1 - n ? page : room - 1 - n;
        struct iovec local = {to + n, want};
        struct iovec remote = {(void *)(uintptr_t)(from + n), want};
        ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
        if (got <= 0) {
            int error = got < 0 ? -errno : -EFAULT;
            errno = saved;
            return error;
        }
        if (memchr(to + n, '\0', (size_t)got) != NULL) {
            errno = saved;
            return 0;
        }
        n += (size_t)got;
    }
    to[n] = '\0';
    errno = saved;
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
