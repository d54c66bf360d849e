/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics: sums by lock, by class and by call site. */

#include "diag/stats_sum.h"

#include "platform/host.h"

void ksi_stats_add(struct ksi_stats_sum *to, const struct ksi_stats_sum *from)
{
    to->waiting += from->waiting;
    to->holding += from->holding;
    for (unsigned k = 0; k < KSI_STATS; k++) {
        if (!ksi_stats_is_maximum(k))
            to->c[k] += from->c[k];
        else if (from->c[k] > to->c[k])
            to->c[k] = from->c[k];
    }
    for (unsigned k = 0; k < KSI_STATS_BUCKETS; k++)
        to->waits[k] += from->waits[k];
}

/* --- sorting: no malloc, any number --------------------------------------------------
 */

typedef bool (*before_fn)(const void *a, const void *b);

static void sift(void **at, uint32_t root, uint32_t n, before_fn before)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= n)
            return;
        if (child + 1 < n && before(at[child], at[child + 1]))
            child++;
        if (!before(at[root], at[child]))
            return;
        void *swap = at[root];
        at[root] = at[child];
        at[child] = swap;
        root = child;
    }
}

static void sort(void **at, uint32_t n, before_fn before)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift(at, i, n, before);
    for (uint32_t i = n; i-- > 1;) {
        void *swap = at[0];
        at[0] = at[i];
        at[i] = swap;
        sift(at, 0, i, before);
    }
}

/* -1, 0, 1 */
static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_class(const struct ksi_stats_sum *a, const struct ksi_stats_sum *b)
{
    int c = compare(a->kind, b->kind);
    return c != 0 ? c : compare(a->class, b->class);
}

static int compare_lock(const struct ksi_stats_sum *a, const struct ksi_stats_sum *b)
{
    int c = compare_class(a, b);
    return c != 0 ? c : compare((uintptr_t)a->lock, (uintptr_t)b->lock);
}

static int compare_site(const struct ksi_stats_sum *a, const struct ksi_stats_sum *b)
{
    int c = compare_class(a, b);
    return c != 0 ? c : compare((uintptr_t)a->site, (uintptr_t)b->site);
}

static int compare_row(const struct ksi_stats_sum *a, const struct ksi_stats_sum *b)
{
    int c = compare_lock(a, b);
    return c != 0 ? c : compare((uintptr_t)a->site, (uintptr_t)b->site);
}

static bool class_before(const void *a, const void *b)
{
    return compare_class(a, b) < 0;
}

static bool lock_before(const void *a, const void *b)
{
    return compare_lock(a, b) < 0;
}

static bool site_before(const void *a, const void *b)
{
    return compare_site(a, b) < 0;
}

static bool row_before(const void *a, const void *b)
{
    return compare_row(a, b) < 0;
}

/* Longest waits first, then most used; the rest only for a stable order. */
static bool waited_more(const void *a, const void *b)
{
    const struct ksi_stats_sum *x = a;
    const struct ksi_stats_sum *y = b;
    int c = compare(x->c[KSI_STAT_WAIT], y->c[KSI_STAT_WAIT]);
    if (c == 0)
        c = compare(x->c[KSI_STAT_SLEEP], y->c[KSI_STAT_SLEEP]);
    if (c == 0)
        c = compare(x->c[KSI_STAT_TAKEN], y->c[KSI_STAT_TAKEN]);
    return c != 0 ? c > 0 : compare_row(x, y) < 0;
}

/* --- groups ---------------------------------------------------------------------------
 */

bool ksi_stats_list_make(struct ksi_stats_list *l, uint32_t n)
{
    l->n = n;
    l->bytes = (n + 1) * (sizeof **l->sum + sizeof *l->sum);
    l->pages = ksi_pages(l->bytes);
    if (l->pages == NULL)
        return false;
    struct ksi_stats_sum *sums = l->pages;
    l->sum = (struct ksi_stats_sum **)(void *)(sums + n + 1);
    for (uint32_t i = 0; i < n; i++)
        l->sum[i] = &sums[i];
    return true;
}

void ksi_stats_list_end(struct ksi_stats_list *l)
{
    ksi_pages_back(l->pages, l->bytes);
}

typedef int (*compare_fn)(const struct ksi_stats_sum *a, const struct ksi_stats_sum *b);

static bool group_by(struct ksi_stats_list *to, struct ksi_stats_list *from,
                     before_fn before, compare_fn same)
{
    uint32_t n = 0;
    sort((void **)from->sum, from->n, before);
    for (uint32_t i = 0; i < from->n; i++)
        n += i == 0 || same(from->sum[i - 1], from->sum[i]) != 0;
    if (!ksi_stats_list_make(to, n))
        return false;
    struct ksi_stats_sum *sum = (struct ksi_stats_sum *)to->pages - 1;
    for (uint32_t i = 0; i < from->n; i++) {
        const struct ksi_stats_sum *s = from->sum[i];
        if (i == 0 || same(from->sum[i - 1], s) != 0) {
            sum++;
            sum->kind = s->kind;
            sum->class = s->class;
            sum->lock = s->lock;
            sum->site = s->site;
        }
        if (sum->lock != s->lock)
            sum->lock = NULL;
        if (sum->site != s->site)
            sum->site = NULL;
        ksi_stats_add(sum, s);
    }
    sort((void **)to->sum, n, waited_more);
    return true;
}

bool ksi_stats_group(struct ksi_stats_list *to, struct ksi_stats_list *from,
                     enum ksi_stats_by by)
{
    static const struct {
        before_fn before;
        compare_fn compare;
    } how[] = {
        [KSI_STATS_BY_ROW] = {row_before, compare_row},
        [KSI_STATS_BY_LOCK] = {lock_before, compare_lock},
        [KSI_STATS_BY_CLASS] = {class_before, compare_class},
        [KSI_STATS_BY_SITE] = {site_before, compare_site},
    };
    return group_by(to, from, how[by].before, how[by].compare);
}
