/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How preload.c reaches pthreads, and which mutexes are none of its business: the static
 * ones of liburcu-bp, on which the library's own registry of threads rests.
 */
#define _GNU_SOURCE 1

#include "preload.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything, until the search is over. */
uintptr_t preload_own_begin = 0;
uintptr_t preload_own_size = UINTPTR_MAX;

static struct preload_real real;
static uint32_t found;       /* atomic */
static unsigned long stayed; /* atomic */

static void say(const char *a, const char *b)
{
    char text[256];
    int n = snprintf(text, sizeof text, "kslock preload: %s%s\n", a, b);
    if (n > 0)
        (void)!write(STDERR_FILENO, text, strnlen(text, sizeof text));
}

void preload_refuse(const char *what)
{
    say("refused: ", what);
    abort();
}

static void find(void *to, const char *name, const char *version)
{
    void *at = version != NULL ? dlvsym(RTLD_NEXT, name, version) : NULL;
    if (at == NULL)
        at = dlsym(RTLD_NEXT, name);
    if (at == NULL) {
        say("the C library lacks ", name);
        abort();
    }
    memcpy(to, &at, sizeof at);
}

/* The writable memory of liburcu-bp. */
static int look_at(struct dl_phdr_info *object, size_t size, void *range)
{
    uintptr_t *own = range;
    (void)size;
    if (strstr(object->dlpi_name, "liburcu-bp.so") == NULL)
        return 0;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) == 0)
            continue;
        own[0] = (uintptr_t)(object->dlpi_addr + segment->p_vaddr);
        own[1] = (uintptr_t)segment->p_memsz;
    }
    return 1;
}

/* Before main other libraries may call; two threads that search find the same. */
__attribute__((noinline, cold)) static void find_all(void)
{
    struct preload_real r;
#define X(name_, version_, arguments_) find(&r.name_, "pthread_" #name_, version_);
#include "preload.def"
#undef X
#define X(name_, version_, arguments_)                                                   \
    __atomic_store_n(&real.name_, r.name_, __ATOMIC_RELAXED);
#include "preload.def"
#undef X
    uintptr_t own[2] = {0, 0};
    (void)dl_iterate_phdr(look_at, own);
    if (own[1] == 0) {
        say("liburcu-bp is not there: ", "the library must be linked to it");
        abort();
    }
    /* In between the range is too large, never too small. */
    __atomic_store_n(&preload_own_begin, own[0], __ATOMIC_RELEASE);
    __atomic_store_n(&preload_own_size, own[1], __ATOMIC_RELEASE);
    __atomic_store_n(&found, 1u, __ATOMIC_RELEASE);
}

const struct preload_real *preload_real(void)
{
    if (__builtin_expect(__atomic_load_n(&found, __ATOMIC_ACQUIRE) == 0, 0))
        find_all();
    return &real;
}

bool preload_is_own(const void *mutex)
{
    (void)preload_real();
    return preload_may_be_own(mutex);
}

const struct preload_real *preload_stays(void)
{
    __atomic_fetch_add(&stayed, 1ul, __ATOMIC_RELAXED);
    return preload_real();
}

__attribute__((destructor)) static void report(void)
{
    const char *wish = getenv("KSLOCK_PRELOAD");
    if (wish == NULL || strcmp(wish, "report") != 0)
        return;
    char text[64];
    (void)snprintf(text, sizeof text, "%lu", __atomic_load_n(&stayed, __ATOMIC_RELAXED));
    say("operations that stayed with pthreads: ", text);
}
