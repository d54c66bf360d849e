/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim.h"

#include <string.h>

enum { WARM_UP = 500, EACH_WARM_UP = 8 };

const struct sim_costs sim_usual = {
    .hit = 0.5,
    .locked = 5,
    .transfer = 60,
    .far = 140,
    .group = 64,
    .overlap = 4,
    .barrier = 150,
    .barrier_trip = 1500,
    .barrier_each = 25,
    .barrier_taken = 500,
};

/* --- who is next: a heap by date, then number
 * ------------------------------------------- */

static bool before(const struct sim *s, unsigned a, unsigned b)
{
    const struct sim_core *x = &s->core[a];
    const struct sim_core *y = &s->core[b];
    return x->date < y->date || (x->date <= y->date && a < b);
}

static void put_at(struct sim *s, unsigned place, unsigned core)
{
    s->heap[place] = core;
    s->core[core].place = place;
}

static void sink(struct sim *s, unsigned core)
{
    unsigned place = s->core[core].place;
    for (;;) {
        unsigned child = 2 * place + 1;
        if (child >= s->heaped)
            break;
        if (child + 1 < s->heaped && before(s, s->heap[child + 1], s->heap[child]))
            child++;
        if (!before(s, s->heap[child], core))
            break;
        put_at(s, place, s->heap[child]);
        place = child;
    }
    put_at(s, place, core);
}

static void push(struct sim *s, unsigned core)
{
    unsigned place = s->heaped++;
    while (place > 0 && before(s, core, s->heap[(place - 1) / 2])) {
        put_at(s, place, s->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put_at(s, place, core);
}

static void pop(struct sim *s)
{
    unsigned last = s->heap[--s->heaped];
    if (s->heaped > 0) {
        put_at(s, 0, last);
        sink(s, last);
    }
}

/* --- lines
 * -------------------------------------------------------------------------------- */

static bool shares(const struct sim_line *l, unsigned core)
{
    return (l->sharers[core / 64] >> core % 64 & 1) != 0;
}

static void add_sharer(struct sim_line *l, unsigned core)
{
    l->sharers[core / 64] |= UINT64_C(1) << core % 64;
}

static unsigned count_sharers(const struct sim_line *l)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SIM_SETS; i++)
        n += (unsigned)__builtin_popcountll(l->sharers[i]);
    return n;
}

/* Some core that has the line; -1: only memory. */
static int holder(const struct sim_line *l)
{
    if (l->owner >= 0)
        return l->owner;
    for (unsigned i = 0; i < SIM_SETS; i++) {
        if (l->sharers[i] != 0)
            return (int)(64 * i) + __builtin_ctzll(l->sharers[i]);
    }
    return -1;
}

/* A line, or the right to write it, comes to c: the date when it is there. */
static double fetch(struct sim *s, struct sim_core *c, struct sim_line *l)
{
    int from = holder(l);
    bool far =
        from >= 0 && (unsigned)from / s->costs->group != c->number / s->costs->group;
    double start = c->date > l->busy ? c->date : l->busy;
    c->counts.transfers++;
    c->counts.write_transfers += c->writes;
    l->transfers++;
    return start + (far ? s->costs->far : s->costs->transfer);
}

/* They are put into the heap after the step, when that is in order. */
static void wake_parked(struct sim *s, struct sim_line *l, double date)
{
    unsigned n = s->spinners != 0 ? s->spinners : SIM_CORES;
    while (l->parked >= 0 && n-- > 0) {
        struct sim_core *c = &s->core[l->parked];
        l->parked = c->parked;
        c->date = c->date > date ? c->date : date;
        c->parked = s->woken;
        s->woken = (int)c->number;
    }
}

static void push_woken(struct sim *s)
{
    while (s->woken >= 0) {
        struct sim_core *c = &s->core[s->woken];
        s->woken = c->parked;
        push(s, c->number);
    }
}

/* The core owns the line; the date when it does. */
static double own(struct sim *s, struct sim_core *c, struct sim_line *l)
{
    if (l->owner == (int)c->number)
        return c->date;
    double done = fetch(s, c, l);
    c->counts.dropped += l->owner >= 0 ? 1 : count_sharers(l) - shares(l, c->number);
    l->owner = (int)c->number;
    memset(l->sharers, 0, sizeof l->sharers);
    l->busy = done;
    return done;
}

static void write_value(struct sim *s, struct sim_core *c, struct sim_line *l,
                        uint64_t value, double date)
{
    l->value = value;
    c->version = ++l->version;
    wake_parked(s, l, date);
}

void sim_load(struct sim *s, struct sim_core *c, unsigned line)
{
    struct sim_line *l = &s->line[line];
    c->seen = l->value;
    c->version = l->version;
    if (l->owner == (int)c->number || shares(l, c->number)) {
        c->date += s->costs->hit;
        return;
    }
    double done = fetch(s, c, l);
    if (l->owner >= 0) {
        l->busy = done; /* it goes from one to the other; copies are made side by side */
        add_sharer(l, (unsigned)l->owner);
        l->owner = -1;
    }
    add_sharer(l, c->number);
    c->date = done + s->costs->hit;
}

void sim_look(struct sim *s, struct sim_core *c, unsigned line)
{
    double begin = c->date;
    sim_load(s, c, line);
    c->date = begin + (c->date - begin) / s->costs->overlap;
}

/* The core goes on; the store waits in its buffer. */
void sim_store(struct sim *s, struct sim_core *c, unsigned line, uint64_t value)
{
    struct sim_line *l = &s->line[line];
    double done = own(s, c, l);
    c->drained = c->drained > done ? c->drained : done;
    c->date += s->costs->hit;
    write_value(s, c, l, value, done);
}

/* The core waits for the line and for the stores before. */
static struct sim_line *lock_line(struct sim *s, struct sim_core *c, unsigned line)
{
    struct sim_line *l = &s->line[line];
    double done = own(s, c, l);
    done = done > c->drained ? done : c->drained;
    c->date = done + s->costs->locked;
    c->counts.locked++;
    c->seen = l->value;
    c->version = l->version;
    return l;
}

void sim_cas(struct sim *s, struct sim_core *c, unsigned line, uint64_t from, uint64_t to)
{
    struct sim_line *l = lock_line(s, c, line);
    c->ok = l->value == from;
    if (c->ok)
        write_value(s, c, l, to, c->date);
}

void sim_swap(struct sim *s, struct sim_core *c, unsigned line, uint64_t value)
{
    struct sim_line *l = lock_line(s, c, line);
    write_value(s, c, l, value, c->date);
}

void sim_add(struct sim *s, struct sim_core *c, unsigned line, int64_t more)
{
    struct sim_line *l = lock_line(s, c, line);
    write_value(s, c, l, l->value + (uint64_t)more, c->date);
}

void sim_fence(struct sim *s, struct sim_core *c)
{
    c->date = (c->date > c->drained ? c->date : c->drained) + s->costs->locked;
    c->counts.locked++;
}

void sim_membarrier(struct sim *s, struct sim_core *c)
{
    const struct sim_costs *k = s->costs;
    unsigned others = s->cores - 1;
    c->date = (c->date > c->drained ? c->date : c->drained) + k->barrier;
    if (others > 0)
        c->date += k->barrier_trip + k->barrier_each * others;
    c->counts.barriers++;
    for (unsigned i = 0; i < s->cores; i++) {
        if (i == c->number || s->core[i].done)
            continue;
        s->core[i].lost += k->barrier_taken;
        s->core[i].counts.interrupts++;
    }
}

void sim_await(struct sim *s, struct sim_core *c, unsigned line)
{
    struct sim_line *l = &s->line[line];
    if (l->version != c->version)
        return;
    c->parked = -1;
    if (l->parked < 0)
        l->parked = (int)c->number;
    else
        s->core[l->last_parked].parked = (int)c->number;
    l->last_parked = (int)c->number;
    c->waits = true;
}

/* --- operations
 * ----------------------------------------------------------------------------- */

static uint32_t next_random(struct sim_core *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 17;
    return c->random ^= c->random << 5;
}

static void begin_counting(struct sim *s, double date)
{
    s->began = date;
    for (unsigned i = 0; i < s->cores; i++)
        s->core[i].counts = (struct sim_counts){0};
    for (unsigned i = 0; i < SIM_SHARED_LINES + 2 * s->cores; i++)
        s->line[i].transfers = 0;
}

bool sim_next(struct sim *s, struct sim_core *c)
{
    if (s->left == 0)
        return false;
    if (s->left-- == s->warm)
        begin_counting(s, c->date);
    c->writes = next_random(c) < s->share;
    return true;
}

void sim_enter(struct sim *s, struct sim_core *c)
{
    if (c->writes)
        s->writers_in++;
    else
        s->readers_in++;
    s->exclusion_broken |= s->writers_in > 1 || (s->writers_in > 0 && s->readers_in > 0);
    c->date += s->inside;
}

void sim_leave(struct sim *s, struct sim_core *c)
{
    if (c->writes)
        s->writers_in--;
    else
        s->readers_in--;
}

void sim_finish(struct sim *s, struct sim_core *c)
{
    if (c->writes)
        c->counts.writes++;
    else
        c->counts.reads++;
    /* Not all in step: by up to a quarter. */
    c->date += s->outside * (1 + next_random(c) % 256 / 1024.0);
}

static void begin(struct sim *s, const struct sim_order *o)
{
    memset(s, 0, sizeof *s);
    s->lock = o->lock;
    s->costs = o->costs != NULL ? o->costs : &sim_usual;
    s->policy = o->policy;
    s->spinners = o->spinners;
    s->cores = o->cores;
    s->share = (uint32_t)(o->share / 100 * 4294967295.0);
    s->warm = o->operations;
    s->left = o->operations + WARM_UP + EACH_WARM_UP * (uint64_t)o->cores;
    s->inside = o->inside;
    s->outside = o->outside;
    s->no_exclusion = o->no_exclusion;
    s->fault = o->fault;
    s->woken = -1;
    for (unsigned i = 0; i < SIM_SHARED_LINES + 2 * SIM_CORES; i++) {
        s->line[i].owner = -1;
        s->line[i].parked = -1;
    }
    s->line[SIM_WORD].value = o->initial;
    for (unsigned i = 0; i < s->cores; i++) {
        s->core[i].number = i;
        s->core[i].random = 2654435761u * (i + 1);
        push(s, i);
    }
}

void sim_run(struct sim *s, const struct sim_order *order, struct sim_counts *total)
{
    unsigned running = order->cores;
    begin(s, order);
    while (running > 0 && s->heaped > 0) {
        struct sim_core *c = &s->core[s->heap[0]];
        if (c->lost > 0) {
            c->date += c->lost;
            c->lost = 0;
            sink(s, c->number);
            continue;
        }
        s->lock(s, c);
        s->ended = c->date > s->ended ? c->date : s->ended;
        running -= c->done;
        if (c->done || c->waits)
            pop(s); /* it was the first */
        else
            sink(s, c->number);
        c->waits = false;
        push_woken(s);
    }
    s->stuck = running > 0;
    *total = (struct sim_counts){0};
    for (unsigned i = 0; i < s->cores; i++) {
        const struct sim_counts *n = &s->core[i].counts;
        total->reads += n->reads;
        total->writes += n->writes;
        total->transfers += n->transfers;
        total->dropped += n->dropped;
        total->locked += n->locked;
        total->barriers += n->barriers;
        total->interrupts += n->interrupts;
        total->write_transfers += n->write_transfers;
    }
}

double sim_rate(const struct sim *s, const struct sim_counts *total)
{
    return (double)(total->reads + total->writes) / (s->ended - s->began) * 1e3;
}
