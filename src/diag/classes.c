/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/classes.h"

#include "diag/violation.h"
#include "platform/rawlock.h"
#include "platform/testing.h"
#include "thread/irq.h"

#include <kslock/diag.h>

#include <errno.h>
#include <stdlib.h>

/*
 * A table with chains under one raw lock: it is changed where locks are made and go, and
 * read for messages only. Memory comes and goes outside of the lock.
 */

enum { CHAINS = 1024 };

struct entry {
    struct entry *next;
    const void *lock;
    struct ksi_class class; /* if classed */
    bool classed;
    int level; /* 0: none */
};

static struct ksi_rawlock table_lock; /* held with interrupts masked */
static struct entry *chains[CHAINS];
static uint32_t used; /* atomic: there has been an entry */

static struct entry **chain_of(const void *lock)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)lock >> 3) * 0x9e3779b97f4a7c15u;
    return &chains[mixed >> 54];
}

/* Where the entry of lock is linked, or could be. */
static struct entry **place_of(const void *lock)
{
    struct entry **at = chain_of(lock);
    while (*at != NULL && (*at)->lock != lock)
        at = &(*at)->next;
    return at;
}

static uint32_t begin(ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    ksi_raw_lock(&table_lock);
    return level;
}

static void end(ksl_thread *t, uint32_t level)
{
    ksi_raw_unlock(&table_lock);
    ksi_irq_unmask(t, level);
}

/* Sets c, or the level if c is NULL. */
static void set(const void *lock, const struct ksi_class *c, int to)
{
    int saved = errno;
    ksl_thread *t = ksi_self();
    struct entry *fresh = calloc(1, sizeof *fresh);
    uint32_t level = begin(t);
    struct entry **at = place_of(lock);
    struct entry *e = *at;
    if (e == NULL && fresh != NULL) {
        e = *at = fresh;
        e->lock = lock;
        fresh = NULL;
        ksi_store(&used, 1u);
    }
    if (e != NULL && c == NULL)
        e->level = to;
    if (e != NULL && c != NULL) {
        e->class = *c;
        e->classed = true;
    }
    end(t, level);
    free(fresh);
    errno = saved;
}

void ksi_class_set(const void *lock, struct ksi_class c)
{
    set(lock, &c, 0);
}

void ksl_diag_level(const void *lock, int level)
{
    if (lock == NULL || level < 0 || level > 4) {
        struct ksi_misuse m = {
            KSI_BAD_ARGUMENT_RULE, KSI_NO_KIND, lock, KSI_SITE(), NULL, false};
        ksi_violate(&m, "ksl_diag_level: level %d", level);
        return;
    }
    set(lock, NULL, level);
}

void ksi_class_drop(const void *lock)
{
    int saved = errno;
    ksl_thread *t = ksi_self();
    uint32_t level = begin(t);
    struct entry **at = place_of(lock);
    struct entry *gone = *at;
    if (gone != NULL)
        *at = gone->next;
    end(t, level);
    free(gone);
    errno = saved;
}

bool ksi_class_find(const void *lock, struct ksi_class *c)
{
    ksl_thread *t = ksi_self();
    uint32_t level = begin(t);
    const struct entry *e = *place_of(lock);
    bool found = e != NULL && e->classed;
    if (found)
        *c = e->class;
    end(t, level);
    return found;
}

enum ksi_class_look ksi_class_try(const void *lock, struct ksi_class *c)
{
    if (!ksi_raw_try(&table_lock))
        return KSI_CLASS_BUSY;
    KSI_POINT("classes: look");
    const struct entry *e = *place_of(lock);
    bool found = e != NULL && e->classed;
    if (found)
        *c = e->class;
    ksi_raw_unlock(&table_lock);
    return found ? KSI_CLASS_FOUND : KSI_CLASS_NONE;
}

bool ksi_classes_used(void)
{
    return ksi_load(&used) != 0;
}

int ksi_level_of(const void *lock)
{
    if (!ksi_classes_used())
        return 0;
    ksl_thread *t = ksi_self();
    uint32_t level = begin(t);
    const struct entry *e = *place_of(lock);
    int found = e != NULL ? e->level : 0;
    end(t, level);
    return found;
}

void ksi_class_before_fork(void)
{
    ksi_raw_lock(&table_lock);
}

void ksi_class_after_fork(bool child)
{
    if (child)
        ksi_raw_reset(&table_lock);
    else
        ksi_raw_unlock(&table_lock);
}
