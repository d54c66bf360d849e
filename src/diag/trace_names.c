/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace: the names of locks. Their memory may be gone when the trace is written, and
 * serve another lock; so each event carries the number of the lock that was at its
 * address at that time.
 */

#include "diag/trace_inside.h"

#include "diag/classes.h"
#include "diag/named.h"
#include "diag/print.h"
#include "diag/spots.h"
#include "platform/host.h"

#include <string.h>

/* UNNAMED, in a spot: the lock has come when there was no room for names any more. */
enum { SPOTS = 131072, NAMES = 131072, PROBES = 128, NO_NAME = 0, UNNAMED = NAMES };

static struct ksi_spot *spots; /* number: of the lock that is at an address now */
static struct ksi_trace_name *names;
static uint32_t used = NO_NAME + 1;
static uint64_t unnamed; /* atomic; one without a spot, for each of its events */
static struct ksi_rawlock names_lock;

bool ksi_trace_names_make(void)
{
    if (spots == NULL)
        spots = ksi_pages(SPOTS * sizeof *spots);
    if (names == NULL)
        names = ksi_pages(NAMES * sizeof *names);
    return spots != NULL && names != NULL;
}

void ksi_trace_names_forget(void)
{
    spots = NULL;
    names = NULL;
    used = NO_NAME + 1;
    unnamed = 0;
    ksi_store(&names_lock.word, 0u); /* who held it has stayed behind */
}

const struct ksi_trace_name *ksi_trace_name(uint32_t n)
{
    return &names[n];
}

uint64_t ksi_trace_unnamed(void)
{
    return ksi_load(&unnamed);
}

static struct ksi_spot *find(const void *lock)
{
    return ksi_spot_find((struct ksi_spots){spots, SPOTS, PROBES}, lock);
}

static uint32_t look_up(const void *lock)
{
    const struct ksi_spot *s = find(lock);
    uint32_t name = s != NULL ? ksi_load_acq(&s->number) : NO_NAME;
    return name != NO_NAME && ksi_load_acq(&s->lock) == lock ? name : NO_NAME;
}

/* What only waits are for: the address may be that of a lock as well. */
static bool is_queue(enum ksi_kind kind)
{
    return kind == KSI_COND || kind == KSI_SLEEPQ || kind == KSI_CV ||
           kind == KSI_CHANNEL || kind == KSI_EVENT;
}

/* The event says that the lock exists. */
static bool exists(enum ksi_event_type type)
{
    return type == KSI_EV_BEFORE || type == KSI_EV_TAKEN || type == KSI_EV_AGAIN ||
           type == KSI_EV_BUSY || type == KSI_EV_BEGINS;
}

static void describe(struct ksi_trace_name *n, const struct ksi_event *e)
{
    struct ksi_class number;
    const char *text = NULL;
    *n = (struct ksi_trace_name){
        .lock = e->lock, .kind = (uint32_t)e->kind, .class = -1, .occurrence = -1};
    if (e->type == KSI_EV_BEGINS)
        n->site = e->site;
    bool carries = e->kind == KSI_SX || e->kind == KSI_MTX || e->kind == KSI_MTX_SPIN;
    if (carries && exists(e->type))
        text = ksi_load(&((const struct ksi_named *)e->lock)->name);
    else if (e->kind == KSI_CV)
        (void)ksi_peek(&text, e->lock, sizeof text);
    if (text == NULL || !ksi_peek_text(n->text, sizeof n->text, text))
        n->text[0] = '\0';
    if (e->kind >= KSI_SIMPLE && e->kind <= KSI_DRW && ksi_class_find(e->lock, &number)) {
        n->class = number.class;
        n->occurrence = number.occurrence;
    }
}

KSI_COLD static uint32_t enter(const struct ksi_event *e)
{
    struct ksi_trace_name fresh;
    uint32_t name = NO_NAME;
    describe(&fresh, e);
    ksi_raw_lock(&names_lock);
    struct ksi_spot *s = ksi_spot_make((struct ksi_spots){spots, SPOTS, PROBES}, e->lock);
    if (s != NULL && used < NAMES) {
        name = used++;
        names[name] = fresh;
        ksi_store_rel(&s->number, name);
    } else if (s == NULL || e->type == KSI_EV_BEGINS || ksi_load(&s->number) != UNNAMED) {
        ksi_fetch_add(&unnamed, (uint64_t)1);
        if (s != NULL)
            ksi_store_rel(&s->number, (uint32_t)UNNAMED);
    }
    ksi_raw_unlock(&names_lock);
    return name;
}

KSI_COLD static void leave(const void *lock)
{
    ksi_raw_lock(&names_lock);
    struct ksi_spot *s = find(lock);
    if (s != NULL)
        ksi_store(&s->number, (uint32_t)NO_NAME);
    ksi_raw_unlock(&names_lock);
}

uint32_t ksi_trace_name_of(const struct ksi_event *e)
{
    if (e->lock == NULL)
        return NO_NAME;
    uint32_t name = look_up(e->lock);
    if (e->type == KSI_EV_ENDS && name != NO_NAME)
        leave(e->lock);
    if (name == UNNAMED) {
        if (e->type == KSI_EV_BEGINS)
            (void)enter(e); /* counts it */
        return NO_NAME;
    }
    if (e->type == KSI_EV_ENDS || e->kind == KSI_NO_KIND)
        return name;
    if (name == NO_NAME)
        return enter(e);
    if (e->type == KSI_EV_BEGINS)
        return enter(e); /* another one at the same place */
    if ((enum ksi_kind)names[name].kind == e->kind)
        return name;
    return is_queue(e->kind) || !exists(e->type) ? NO_NAME : enter(e);
}
