/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counts the calls of the allocator, and of mmap, while armed. The program
 * that links this file has these functions in front of those of the C
 * library. Instrumented programs have an allocator of their own: there its
 * hooks count, and mmap is not seen.
 *
 *   void noalloc_arm(void);
 *   unsigned noalloc_disarm(void);       calls since noalloc_arm
 *   const char *noalloc_last(void);      name of the last one, "" if none
 */

#include "sanitized.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

void noalloc_arm(void);
unsigned noalloc_disarm(void);
const char *noalloc_last(void);

static int armed;
static unsigned calls;
static const char *last = "";

static void count(const char *name)
{
    if (__atomic_load_n(&armed, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&last, name, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&calls, 1u, __ATOMIC_SEQ_CST);
    }
}

const char *noalloc_last(void)
{
    return __atomic_load_n(&last, __ATOMIC_SEQ_CST);
}

unsigned noalloc_disarm(void)
{
    __atomic_store_n(&armed, 0, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&calls, __ATOMIC_SEQ_CST);
}

#if SANITIZED

/* Of <sanitizer/allocator_interface.h>, which not every compiler brings. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *,
                                                                size_t),
                                              void (*on_free)(const volatile void *));

static void saw_malloc(const volatile void *p, size_t size)
{
    (void)p;
    (void)size;
    count("malloc hook");
}

static void saw_free(const volatile void *p)
{
    (void)p;
    count("free hook");
}

void noalloc_arm(void)
{
    static int hooked;
    if (!hooked)
        hooked = __sanitizer_install_malloc_and_free_hooks(saw_malloc, saw_free);
    __atomic_store_n(&calls, 0u, __ATOMIC_SEQ_CST);
    __atomic_store_n(&armed, 1, __ATOMIC_SEQ_CST);
}

#else

/* What the C library calls its own allocator. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

void noalloc_arm(void)
{
    __atomic_store_n(&calls, 0u, __ATOMIC_SEQ_CST);
    __atomic_store_n(&armed, 1, __ATOMIC_SEQ_CST);
}

void *malloc(size_t size)
{
    count("malloc");
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count("calloc");
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    count("realloc");
    return __libc_realloc(p, size);
}

void free(void *p)
{
    count("free");
    __libc_free(p);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count("aligned_alloc");
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
    count("posix_memalign");
    int saved = errno;
    void *memory = __libc_memalign(alignment, size);
    errno = saved;
    if (memory == NULL)
        return ENOMEM;
    *p = memory;
    return 0;
}

void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
    count("mmap");
    /* An error comes back as MAP_FAILED with errno set. */
    return (void *)syscall(SYS_mmap, addr, length, prot, flags, fd, offset);
}

#endif
