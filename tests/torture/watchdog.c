/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the first failure and finds hangs. The watchdog's thread calls nothing
 * of the library, so no interrupt and no lost wake-up can stop it.
 */

#include "torture.h"

#include "thread/thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int failing; /* claimed by the first failure */
static int failed;  /* text is complete */
static char text[512];
static unsigned long beats;
static double hang_limit;
static pthread_t watcher;
static int ends; /* atomic: the rows are done */

void torture_fail(const char *format, ...)
{
    int none = 0;
    if (!__atomic_compare_exchange_n(&failing, &none, 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    STORE(&failed, 1);
}

bool torture_failed(void)
{
    return LOAD(&failed) != 0;
}

void torture_progress(void)
{
    ADD(&beats, 1ul);
}

static void show_party(const struct party *p)
{
    const ksl_thread *t = LOAD(&p->thread);
    if (t == NULL)
        return;
    const char *where = LOAD(&p->where);
    fprintf(stderr,
            "  thread %u: level %u, handlers %u, pending %#llx, attention %u, asleep %u, "
            "waits %u, parker %u, holds %u, last point \"%s\"\n",
            p->index, ksi_load(&t->front.level), ksi_load(&t->handlers),
            (unsigned long long)ksi_load(&t->pending), ksi_load(&t->front.attention),
            ksi_load(&t->asleep), ksl_thread_asleep(t) ? 1u : 0u,
            ksi_load(&t->parker.word), ksi_load(&t->front.nholds),
            where != NULL ? where : "");
}

static void give_up(const char *why)
{
    const struct options *o = torture.options;
    fprintf(stderr, "torture: FAIL lock=%s seed=%llu round=%lu threads=%u: %s\n",
            torture.row->name, (unsigned long long)o->seed, LOAD(&torture.round),
            torture.threads, why);
    for (unsigned i = 0; i <= torture.threads; i++)
        show_party(&torture.parties[i]);
    fflush(NULL);
    _exit(1);
}

static void *watch(void *arg)
{
    enum { STEP_MS = 10 };
    (void)arg;
    unsigned long seen = LOAD(&beats);
    double waited = 0;
    for (;;) {
        struct timespec step = {0, STEP_MS * 1000000l};
        nanosleep(&step, NULL);
        if (torture_failed())
            give_up(text);
        if (LOAD(&ends))
            return NULL;
        unsigned long now = LOAD(&beats);
        waited = now == seen ? waited + STEP_MS / 1000.0 : 0;
        seen = now;
        if (waited > hang_limit) {
            char why[64];
            snprintf(why, sizeof why, "hang: no round ended in %g s", hang_limit);
            give_up(why);
        }
    }
}

void torture_watch(double hang_seconds)
{
    hang_limit = hang_seconds;
    if (pthread_create(&watcher, NULL, watch, NULL) == 0)
        return;
    snprintf(text, sizeof text, "no watchdog");
    give_up(text);
}

void torture_unwatch(void)
{
    STORE(&ends, 1);
    pthread_join(watcher, NULL);
}
