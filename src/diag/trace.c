/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace: the rings, in which the events of each thread are kept. */

#define _GNU_SOURCE 1

#include "diag/trace_inside.h"

#include "diag/last_words.h"
#include "diag/print.h"
#include "diag/switch.h"
#include "platform/host.h"
#include "platform/park.h"
#include "thread/irq.h"

#include <kslock/diag.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct ksi_rawlock ksi_trace_lock; /* of the rings; interrupts masked */
static struct ksi_ring *rings[KSI_TRACE_RINGS];
static uint32_t nrings;
static uint64_t departures;
static uint64_t given_away; /* events of threads whose ring has gone to another one */
static uint64_t unstored;   /* atomic */
static uint64_t origin;
static uint32_t ring_size;
static int file = -1; /* atomic */
static int writer;    /* the process whose trace it is */

/* The ring of a thread that has none and gets none. */
static struct ksi_ring nowhere;

/*
 * The lock of the table outside of the sink: as long as it is held the thread tells
 * nothing, or its sink could want the lock, too.
 */
static uint32_t lock_table(ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    t->telling++;
    ksi_barrier();
    ksi_report_lock(&ksi_trace_lock);
    return level;
}

static void unlock_table(ksl_thread *t, uint32_t level)
{
    ksi_report_unlock(&ksi_trace_lock);
    ksi_barrier();
    t->telling--;
    ksi_irq_unmask(t, level);
}

/* --- a thread's own ring ------------------------------------------------------------ */

/* Under the lock: nobody writes to it any more. */
static bool is_left(const struct ksi_ring *r)
{
    return r->left != 0 || ksi_load_acq(&r->thread->trace) != r;
}

/* Under the lock: that of the thread that left first; NULL: all are alive. */
static struct ksi_ring *take_over(void)
{
    struct ksi_ring *oldest = NULL;
    for (uint32_t i = 0; i < nrings; i++) {
        if (is_left(rings[i]) && (oldest == NULL || rings[i]->left < oldest->left))
            oldest = rings[i];
    }
    if (oldest != NULL)
        given_away += ksi_load_acq(&oldest->done) - oldest->first;
    return oldest;
}

KSI_COLD static struct ksi_ring *take_ring(ksl_thread *t)
{
    char name[KSI_NAME_MAX] = "";
    prctl(PR_GET_NAME, name);
    ksi_report_lock(&ksi_trace_lock);
    struct ksi_ring *r = NULL, *fresh = NULL;
    if (nrings < KSI_TRACE_RINGS)
        fresh = ksi_pages(sizeof *r + (size_t)ring_size * sizeof r->entry[0]);
    if (fresh != NULL)
        fresh->mask = ring_size - 1;
    r = fresh != NULL ? fresh : take_over();
    if (r != NULL) {
        r->thread = t;
        r->tid = ksi_load(&t->tid);
        r->left = 0;
        r->first = ksi_load(&r->done);
        memcpy(r->name, name, sizeof r->name);
    }
    if (fresh != NULL) {
        rings[nrings] = fresh;
        ksi_store_rel(&nrings, nrings + 1); /* a report may have to do without the lock */
    }
    ksi_report_unlock(&ksi_trace_lock);
    if (r == NULL)
        r = &nowhere;
    ksi_store_rel(&t->trace, (void *)r);
    return r;
}

static void trace_event(ksl_thread *t, const struct ksi_event *e)
{
    struct ksi_ring *r = ksi_load(&t->trace);
    if (KSI_UNLIKELY(r == NULL))
        r = take_ring(t);
    if (KSI_UNLIKELY(r == &nowhere)) {
        ksi_fetch_add(&unstored, (uint64_t)1);
        return;
    }
    uint32_t name = ksi_trace_name_of(e);
    uint64_t n = ksi_load(&r->done);
    struct ksi_trace_entry *at = &r->entry[n & r->mask];
    ksi_store(&r->begun, n + 1);
    ksi_store_rel(&at->when, e->when);
    ksi_store_rel(&at->lock, e->lock);
    ksi_store_rel(&at->site, e->site);
    ksi_store_rel(&at->arg, e->arg);
    ksi_store_rel(&at->more, e->more);
    ksi_store_rel(&at->what,
                  (uint32_t)e->type | (uint32_t)e->kind << 8 | (uint32_t)e->mode << 16);
    ksi_store_rel(&at->name, name);
    ksi_store_rel(&r->done, n + 1);
}

static void copy_name(char *to, const ksl_thread *t)
{
    for (unsigned i = 0; i < KSI_NAME_MAX; i++)
        to[i] = ksi_load(&t->name[i]);
    to[KSI_NAME_MAX - 1] = '\0';
}

void ksi_trace_thread_exits(ksl_thread *t)
{
    struct ksi_ring *r = ksi_load(&t->trace);
    if (r == NULL || r == &nowhere)
        return;
    uint32_t level = lock_table(t);
    if (ksi_load(&t->name[0]) != '\0')
        copy_name(r->name, t);
    r->left = ++departures;
    ksi_store_rel(&t->trace, (void *)&nowhere);
    unlock_table(t, level);
}

/* --- for who writes the trace ------------------------------------------------------- */

void ksi_trace_look(struct ksi_trace_view *views, struct ksi_trace_state *state)
{
    ksl_thread *self = ksi_self();
    uint32_t level = lock_table(self);
    for (uint32_t i = 0; i < nrings; i++) {
        struct ksi_ring *r = rings[i];
        struct ksi_trace_view *v = &views[i];
        *v = (struct ksi_trace_view){.ring = r, .first = r->first, .tid = r->tid};
        v->end = ksi_load_acq(&r->done);
        memcpy(v->name, r->name, sizeof v->name);
        if (!is_left(r) && ksi_load(&r->thread->name[0]) != '\0')
            copy_name(v->name, r->thread);
    }
    *state = (struct ksi_trace_state){
        .origin = origin,
        .unstored = ksi_load(&unstored) + given_away,
        .unnamed = ksi_trace_unnamed(),
        .size = ring_size,
        .views = nrings,
    };
    unlock_table(self, level);
}

bool ksi_trace_read(const struct ksi_ring *r, uint64_t position, struct ksi_event *e,
                    uint32_t *name)
{
    const struct ksi_trace_entry *at = &r->entry[position & r->mask];
    e->when = ksi_load_acq(&at->when);
    e->lock = ksi_load_acq(&at->lock);
    e->site = ksi_load_acq(&at->site);
    e->arg = ksi_load_acq(&at->arg);
    e->more = ksi_load_acq(&at->more);
    uint32_t what = ksi_load_acq(&at->what);
    *name = ksi_load_acq(&at->name);
    e->type = (enum ksi_event_type)(what & 0xff);
    e->kind = (enum ksi_kind)(what >> 8 & 0xff);
    e->mode = (enum ksi_mode)(what >> 16 & 0xff);
    return ksi_load_acq(&r->begun) <= position + r->mask + 1;
}

/* --- the switch --------------------------------------------------------------------- */

uint32_t ksi_trace_events_wanted(void)
{
    const char *text = secure_getenv("KSLOCK_TRACE_EVENTS");
    uint32_t n = 0;
    uint32_t size = KSI_TRACE_EVENTS_MIN;
    if (text == NULL)
        return KSI_TRACE_EVENTS;
    for (; *text >= '0' && *text <= '9' && n <= KSI_TRACE_EVENTS_MAX; text++)
        n = n * 10 + (uint32_t)(*text - '0');
    if (*text != '\0' || n == 0 || n > KSI_TRACE_EVENTS_MAX)
        return 0;
    while (size < n)
        size *= 2;
    return size;
}

int ksi_trace_open(const char *pattern)
{
    char name[4096];
    size_t used = 0;
    for (; *pattern != '\0' && used < sizeof name - 1; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 'p') {
            int n = snprintf(name + used, sizeof name - used, "%d", (int)getpid());
            used += (size_t)n;
            pattern++;
        } else {
            name[used++] = *pattern;
        }
    }
    if (used == 0 || used >= sizeof name - 1)
        return -1;
    name[used] = '\0';
    return open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
}

void ksi_trace_enable(int fd)
{
    if (ring_size == 0) {
        ring_size = ksi_trace_events_wanted();
        origin = ksi_now();
    }
    ksi_trace_sink = trace_event;
    writer = (int)getpid();
    int old = ksi_load(&file);
    if (old >= 0 && dup3(fd, old, O_CLOEXEC) >= 0)
        close(fd); /* the number stays: somebody may be writing */
    else
        ksi_store(&file, fd);
}

void ksi_trace_forget(ksl_thread *self)
{
    int fd = ksi_load(&file);
    if (fd >= 0)
        close(fd);
    ksi_store(&file, -1);
    ksi_trace_names_forget();
    nrings = 0; /* their memory stays with the parent, as far as it has been used */
    ring_size = 0;
    given_away = 0;
    unstored = 0;
    ksi_store(&ksi_trace_lock.word, 0u); /* who held it has stayed behind */
    if (self != NULL)
        ksi_store(&self->trace, NULL);
}

int ksl_diag_trace(int fd)
{
    if ((ksi_load_acq(&ksi_diag) & KSI_DIAG_TRACE) == 0 || ksi_self()->handlers > 0)
        return -EINVAL;
    return ksi_trace_write(fd);
}

/* At exit, with other threads running. A child of fork has no file. */
void ksi_trace_write_at_exit(void)
{
    int saved = errno;
    int fd = ksi_load(&file);
    struct ksi_out out;
    if (fd < 0 || writer != ksi_report_pid())
        return;
    int error = ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 ? 0 : -errno;
    if (error == 0 || error == -EINVAL || error == -ESPIPE) /* no plain file */
        error = ksi_trace_write(fd);
    if (error != 0) {
        ksi_out_begin(&out, STDERR_FILENO);
        ksi_out(&out, "kslock: trace: the file could not be written: error %d\n", -error);
        ksi_out_end(&out);
    }
    errno = saved;
}
