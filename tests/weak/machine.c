/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of the machine: the stores of each place, and who has to see which. */

#include "machine.h"

#include "machine_threads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PLACES = 256, STORES = 256, CELLS = 8192 };

/* What a thread knows: for each place the oldest store that it may still read. */
struct view {
    uint16_t at[PLACES];
    uint32_t clock[MACHINE_THREADS];
};

struct store {
    uint64_t value;
    struct view view; /* for who reads it by an acquire */
    /* 1 + that thread's latest store that heads a release sequence with this one in it */
    uint16_t head[MACHINE_THREADS];
};

struct place {
    uintptr_t at;
    unsigned size;
    unsigned n;     /* stores, in modification order */
    unsigned floor; /* the oldest that anybody may read */
    bool written;   /* by a plain store since */
    struct store *stores;
};

/* Four bytes: who accessed them last, and how. 0: not yet. */
struct cell {
    uintptr_t at;
    uint32_t execution;
    uintptr_t site; /* of the last access */
    uint32_t clock[4][MACHINE_THREADS];
};
enum access { PLAIN_READ, PLAIN_WRITE, ATOMIC_READ, ATOMIC_WRITE };

static struct place places[PLACES];
static unsigned nplaces;
static struct store stores[PLACES][STORES];
static struct view views[MACHINE_THREADS];
/*
 * For fences. behind: of the stores that relaxed loads have read since, which the next
 * fence acquires; ahead: what a relaxed store releases, because a fence came before it;
 * whole: what every fence, and every sequentially consistent load of a place, must know.
 */
static struct view behind[MACHINE_THREADS], ahead[MACHINE_THREADS], whole;
static struct cell cells[CELLS];
static uint32_t execution;
void machine_memory_begin(void)
{
    execution++;
    nplaces = 0;
    memset(views, 0, sizeof views);
    memset(behind, 0, sizeof behind);
    memset(ahead, 0, sizeof ahead);
    memset(&whole, 0, sizeof whole);
    machine_places_begin();
    for (unsigned t = 0; t < MACHINE_THREADS; t++)
        views[t].clock[t] = 1;
}

static void join_places(struct view *to, const struct view *from)
{
    for (unsigned i = 0; i < nplaces; i++)
        to->at[i] = to->at[i] > from->at[i] ? to->at[i] : from->at[i];
}

static void join(struct view *to, const struct view *from)
{
    join_places(to, from);
    for (unsigned t = 0; t < MACHINE_THREADS; t++)
        to->clock[t] = to->clock[t] > from->clock[t] ? to->clock[t] : from->clock[t];
}

static struct cell *cell_of(uintptr_t at)
{
    size_t i = (size_t)(at >> 2) * 0x9e3779b9u % CELLS;
    for (unsigned tries = 0; tries < CELLS; tries++, i = (i + 1) % CELLS) {
        struct cell *c = &cells[i];
        if (c->execution != execution) {
            *c = (struct cell){.at = at, .execution = execution};
            return c;
        }
        if (c->at == at)
            return c;
    }
    machine_failed("the machine has no more cells");
}

__attribute__((noreturn)) static void failed_race(const struct cell *c, uintptr_t at,
                                                  uintptr_t site)
{
    static char text[128];
    snprintf(text, sizeof text, "data race at %#lx, in the code at %#lx; before: %#lx",
             (unsigned long)at, (unsigned long)site, (unsigned long)c->site);
    machine_failed(text);
}

/* The caller's access must come after all that it races with. */
static void access_cells(uintptr_t at, size_t size, enum access how, uintptr_t site)
{
    static const uint8_t races[] = {
        [PLAIN_READ] = 1 << PLAIN_WRITE | 1 << ATOMIC_WRITE,
        [PLAIN_WRITE] = 15,
        [ATOMIC_READ] = 1 << PLAIN_WRITE,
        [ATOMIC_WRITE] = 1 << PLAIN_WRITE | 1 << PLAIN_READ,
    };
    unsigned me = machine_self();
    for (uintptr_t a = at & ~(uintptr_t)3; a < at + size; a += 4) {
        struct cell *c = cell_of(a);
        for (unsigned k = 0; k < 4; k++) {
            for (unsigned t = 0; (races[how] >> k & 1) != 0 && t < MACHINE_THREADS; t++) {
                if (t != me && c->clock[k][t] > views[me].clock[t])
                    failed_race(c, at, site);
            }
        }
        c->clock[how][me] = views[me].clock[me];
        c->site = site;
    }
}

static uint64_t native(uintptr_t at, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, (const void *)at, size); // NOLINT: little-endian
    return value;
}

static struct store *append(struct place *p, uint64_t value)
{
    if (p->n == STORES)
        machine_failed("the machine has no room for more stores of a place");
    struct store *s = &p->stores[p->n++];
    s->value = value;
    memset(&s->view, 0, sizeof s->view);
    memset(s->head, 0, sizeof s->head);
    memcpy((void *)p->at, &value, p->size); // NOLINT
    return s;
}

static struct place *place_of(uintptr_t at, unsigned size)
{
    unsigned i = 0;
    while (i < nplaces && places[i].at != at)
        i++;
    struct place *p = &places[i];
    if (i == nplaces) {
        if (nplaces == PLACES)
            machine_failed("the machine has no more places");
        nplaces++;
        *p = (struct place){.at = at, .size = size, .stores = stores[i]};
        for (unsigned t = 0; t < MACHINE_THREADS; t++)
            views[t].at[i] = 0;
        append(p, native(at, size));
    } else if (p->written) {
        p->written = false;
        append(p, native(at, size));
        p->floor = p->n - 1;
    }
    if (p->size != size)
        machine_failed("accesses of two sizes");
    return p;
}

void machine_plain(uintptr_t at, size_t size, bool writes, uintptr_t site)
{
    if (!machine_runs || machine_own(at))
        return;
    access_cells(at, size, writes ? PLAIN_WRITE : PLAIN_READ, site);
    for (unsigned i = 0; writes && i < nplaces; i++) {
        if (places[i].at >= at && places[i].at < at + size)
            places[i].written = true;
    }
}

static bool acquires(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME ||
           order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}

/* The caller reads store i. */
static uint64_t read_store(struct place *p, unsigned i, int order)
{
    unsigned me = machine_self();
    views[me].at[p - places] = (uint16_t)i;
    join(acquires(order) ? &views[me] : &behind[me], &p->stores[i].view);
    return p->stores[i].value;
}

/*
 * Release sequences go on with read-modify-writes, and with stores of the thread that
 * began them (C11; not C++20).
 */
static void go_on(struct place *p, struct store *s, bool rmw)
{
    const struct store *before = s - 1;
    unsigned me = machine_self();
    if (rmw) {
        s->view = before->view;
        memcpy(s->head, before->head, sizeof s->head);
    } else if (before->head[me] != 0 && !machine_plan.sequences_end) {
        s->view = p->stores[before->head[me] - 1].view;
        s->head[me] = before->head[me];
    }
}

static void write_store(struct place *p, uint64_t value, int order, bool rmw)
{
    unsigned me = machine_self();
    unsigned i = p->n;
    struct store *s = append(p, value);
    go_on(p, s, rmw);
    views[me].at[p - places] = (uint16_t)i;
    if (order == __ATOMIC_SEQ_CST)
        whole.at[p - places] = (uint16_t)i;
    if (releases(order)) {
        join(&s->view, &views[me]);
        views[me].clock[me]++;
        /* One that has not acquired what it carries on is none for its thread alone. */
        if (!rmw || acquires(order))
            s->head[me] = (uint16_t)(i + 1);
    } else {
        join(&s->view, &ahead[me]);
    }
}

/* A sequentially consistent fence of thread t. It orders no plain accesses by itself. */
static void fence(unsigned t)
{
    join(&views[t], &behind[t]);
    join_places(&whole, &views[t]);
    join_places(&views[t], &whole);
    ahead[t] = views[t];
    views[t].clock[t]++;
}

/*
 * The others pass their fences one after the other, in any order, and steps may come
 * between; the caller has one before and one after all of them.
 */
void machine_barrier(void)
{
    unsigned me = machine_self();
    if (!machine_runs || machine_plan.barrier == MACHINE_NO_BARRIER)
        return;
    machine_step();
    fence(me);
    unsigned first = machine_choose(MACHINE_THREADS, &machine_budget.switches);
    for (unsigned i = 0; i < MACHINE_THREADS; i++) {
        unsigned t = (first + i) % MACHINE_THREADS;
        if (t == me || machine_plan.barrier == MACHINE_CALLERS_BARRIER)
            continue;
        machine_step();
        fence(t);
    }
    fence(me);
}

/* A store that the caller may read now; not one with the value *but. */
static unsigned pick(struct place *p, int order, const uint64_t *but)
{
    unsigned low = views[machine_self()].at[p - places];
    low = low > p->floor ? low : p->floor;
    if (order == __ATOMIC_SEQ_CST && low < whole.at[p - places])
        low = whole.at[p - places];
    unsigned found[STORES];
    unsigned n = 0;
    for (unsigned i = p->n; i-- > low;) {
        if (but == NULL || p->stores[i].value != *but)
            found[n++] = i;
    }
    return n == 0 ? p->n : found[machine_choose(n, &machine_budget.stale)];
}

static uint64_t changed(enum machine_op op, uint64_t old, uint64_t value)
{
    switch (op) {
    case MACHINE_ADD:
        return old + value;
    case MACHINE_SUB:
        return old - value;
    case MACHINE_AND:
        return old & value;
    case MACHINE_OR:
        return old | value;
    default:
        return value;
    }
}

static uint64_t do_cas(struct place *p, uint64_t value, uint64_t expected, int order,
                       int failure, bool *done)
{
    unsigned last = p->n - 1;
    unsigned other = p->n;
    *done = p->stores[last].value == expected;
    if (!*done || machine_choose(2, &machine_budget.stale) == 1)
        other = pick(p, failure, &expected);
    if (other < p->n) {
        *done = false;
        return read_store(p, other, failure);
    }
    read_store(p, last, order);
    write_store(p, value, order, true);
    return expected;
}

uint64_t machine_atomic(enum machine_op op, uintptr_t at, unsigned size, uint64_t value,
                        uint64_t expected, int order, int failure, bool *done,
                        uintptr_t site)
{
    uint64_t mask = size == 8 ? ~(uint64_t)0 : ((uint64_t)1 << size * 8) - 1;
    bool waits = op == MACHINE_LOAD && machine_looks_again(at, site);
    if (machine_is_shared(at) && !waits)
        machine_step();
    else
        machine_count_step();
    machine_note_site(site, op, order);
    if (site == machine_plan.weakened) {
        order = machine_plan.weakened_to;
        failure = order == __ATOMIC_RELEASE ? __ATOMIC_RELAXED : order;
    }
    access_cells(at, size, op == MACHINE_LOAD ? ATOMIC_READ : ATOMIC_WRITE, site);
    struct place *p = place_of(at, size);
    if (op == MACHINE_LOAD)
        return read_store(p, waits ? p->n - 1 : pick(p, order, NULL), order);
    machine_stored();
    if (op == MACHINE_CAS)
        return do_cas(p, value & mask, expected & mask, order, failure, done);
    uint64_t old = 0;
    if (op != MACHINE_STORE)
        old = read_store(p, p->n - 1, order);
    write_store(p, changed(op, old, value) & mask, order, op != MACHINE_STORE);
    return old;
}

int machine_futex_wait(uint32_t *word, uint32_t seen, bool timed)
{
    machine_step();
    if (*word != seen) /* the host compares with the last store */
        return EAGAIN;
    switch (machine_sleep((uintptr_t)word, timed)) {
    case MACHINE_TIMED_OUT:
        return ETIMEDOUT;
    case MACHINE_INTERRUPTED:
        return EINTR;
    default:
        return 0;
    }
}

void machine_futex_wake(uint32_t *word)
{
    machine_step();
    machine_wake_one((uintptr_t)word);
}
