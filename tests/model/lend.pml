/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lent priorities: who waits lends the more urgent of its own and what is lent to it to
 * the thread that it waits for, which lends on. Three threads wait, for each other too
 * (circles), or for thread 3, which waits for nobody. At first thread t has priority t. They
 * do OPS things with their waiters, and change CHANGES base priorities:
 *
 *   arrival, departure   its waiter lends to somebody, to nobody any more
 *   owner change         its waiter, still queued, lends to another thread
 *   change               its base priority becomes another one
 *
 * All that concerns loans is done with one lock; base priorities are stored without it,
 * and places in queues are set later, one thread after the other along the chain, with
 * the loans' lock and the bucket's lock one after the other, while others go on.
 *
 * Checked, whenever nobody is at work: what is lent to each thread is what its lenders
 * lend; in a circle all have what is the most urgent of all in it and of all that is
 * lent into it; each waiter's place is the one of its thread's priority. A walk ends.
 *
 * Faults: ONE_LEVEL, a walk ends after one thread; KEPT, a departure changes nothing;
 * ENDS_ALL, a departure ends the loans of others, too; STALE, a change of a base
 * priority changes nothing; EARLY, the walk comes before the change; NO_CIRCLE, circles
 * are walked like chains; SELF, a circle counts what its own threads lend in it;
 * UNLOCKED, walks do not take the lock; NO_SETTLE, places do not follow; SETTLE_ONE, only
 * the first thread's; FORGETS_BEFORE, who lends to another one settles only that one's
 * chain; PLACE_FIRST, a queued waiter's place is taken before the waiter can be found.
 */
#ifndef OPS
#define OPS 3
#endif
#ifndef CHANGES
#define CHANGES 1
#endif
#define THREADS 4
#define NOBODY 4
#define TOP 2

byte base[THREADS];    /* 0 .. TOP */
byte lent[THREADS + 1];  /* what is lent, plus 1; 0: nobody lends */
byte to[THREADS + 1] = NOBODY;
byte place[THREADS];   /* of a queued waiter */
bool queued[THREADS];  /* can be found */
bool lock;
byte at_work;
byte ops = OPS;
byte changes = CHANGES;

#define MORE(a, b) ((a) > (b) -> (a) : (b))
#define URGENCY(t) MORE(base[t] + 1, lent[t])

/* What the lenders of t lend, but those in the set `except`. */
inline most_urgent(best, t, except)
{
    d_step {
        best = 0;
        best = (to[0] == t && !(except & 1) -> MORE(best, URGENCY(0)) : best);
        best = (to[1] == t && !(except & 2) -> MORE(best, URGENCY(1)) : best);
        best = (to[2] == t && !(except & 4) -> MORE(best, URGENCY(2)) : best)
    }
}

/* follow(t): a step for each thread of the chain. */
inline follow(from)
{
    /* find_circle */
    d_step {
        u = from;
        set = 0;
        do
        :: u == NOBODY || (set & (1 << u)) -> break
        :: else -> set = set | (1 << u); u = to[u]
        od;
        circle = u;
        u = from;
        set = 0
    }
#ifdef NO_CIRCLE
    circle = NOBODY;
#endif
    steps = 0;
    do
    :: u != NOBODY && u != circle ->
        assert(steps < 8);
        atomic {
            steps++;
            before = URGENCY(u);
            most_urgent(best, u, 0);
            lent[u] = best;
            if
            :: URGENCY(u) == before && circle == NOBODY -> u = NOBODY
#ifdef ONE_LEVEL
            :: else -> u = NOBODY; circle = NOBODY
#else
            :: else -> u = to[u]
#endif
            fi
        }
    :: u == NOBODY || u == circle -> break
    od;
    /* settle_circle */
    if
    :: atomic { circle != NOBODY && u == circle }
        d_step {
            set = 0;
            do
            :: set & (1 << u) -> break
            :: else -> set = set | (1 << u); u = to[u]
            od;
#ifdef SELF
            set = 0;
#endif
            before = 0
        }
        do
        :: atomic { most_urgent(best, u, set) }
            atomic {
                before = MORE(before, best);
                before = MORE(before, base[u] + 1);
                u = to[u];
                if
                :: u == circle -> break
                :: else
                fi
            }
        od;
        skip;
        d_step {
            do
            :: lent[u] = before;
                u = to[u];
                if
                :: u == circle -> break
                :: else
                fi
            od;
            best = 0
        }
    :: !(circle != NOBODY && u == circle)
    fi;
    skip;
    d_step { u = 0; set = 0; circle = 0; steps = 0; before = 0; best = 0 }
}

#ifdef UNLOCKED
#define ACQUIRE skip
#else
#define ACQUIRE atomic { !lock -> lock = true }
#endif

/* ksi_lend of the caller's waiter; `first` and `second` are the chains to settle. */
inline lend(owner)
{
    ACQUIRE;
    atomic {
        first = to[me];
        to[me] = owner;
#ifdef ENDS_ALL
        lent[first] = (first != NOBODY -> 0 : lent[first])
#endif
    }
#if !defined(KEPT) && !defined(ENDS_ALL)
    if
    :: first != NOBODY -> follow(first)
    :: first == NOBODY
    fi;
#endif
    second = owner;
    if
    :: second != NOBODY -> follow(second)
    :: second == NOBODY
    fi;
    lock = false
}

/* settle_chain; a place is set with the bucket's lock. */
inline settle(t)
{
    steps = 0;
    do
    :: t != NOBODY && steps < 8 ->
        atomic { !lock -> u = to[t] }
        atomic { place[t] = (queued[t] -> URGENCY(t) : 0); t = u; u = 0; steps++ }
#ifdef SETTLE_ONE
        t = NOBODY
#endif
    :: t == NOBODY || steps == 8 -> break
    od;
    atomic { t = NOBODY; steps = 0 }
}

inline settle_all()
{
#ifdef NO_SETTLE
    atomic { first = NOBODY; second = NOBODY }
#else
#ifndef FORGETS_BEFORE
    settle(first);
#endif
    first = NOBODY;
    settle(second)
#endif
}

proctype thread(byte me)
{
    byte u, set, circle, steps, before, best, now;
    byte first = NOBODY, second = NOBODY;

    do
    :: atomic { ops > 0 && to[me] == NOBODY -> ops--; at_work++ }
        /* ksi_lot_enqueue: it can be found, then its place is looked at again. */
        atomic { now = URGENCY(me); }
        atomic { place[me] = now; queued[me] = true; now = 0 }
#ifndef PLACE_FIRST
        atomic { place[me] = URGENCY(me) }
#endif
        if
        :: me != 0 -> lend(0)
        :: me != 1 -> lend(1)
        :: me != 2 -> lend(2)
        :: lend(3)
        fi;
        settle_all();
        at_work--
    :: atomic { ops > 0 && to[me] != NOBODY -> ops--; at_work++ }
        if
        :: atomic { queued[me] = false; place[me] = 0 }
            lend(NOBODY)
        :: atomic { me != 0 && to[me] != 0 }
            lend(0)
        :: atomic { me != 1 && to[me] != 1 }
            lend(1)
        :: atomic { me != 2 && to[me] != 2 }
            lend(2)
        fi;
        settle_all();
        at_work--
    :: atomic { changes > 0 -> changes--; at_work++ }
#ifdef EARLY
        ACQUIRE;
        second = to[me];
        if
        :: second != NOBODY -> follow(second)
        :: second == NOBODY
        fi;
        lock = false;
#endif
        if
        :: base[me] = (base[me] + 1) % (TOP + 1)
        :: base[me] = (base[me] + 2) % (TOP + 1)
        fi;
        /* ksi_wait_reorder, then ksi_lend_changed */
        atomic { place[me] = (queued[me] -> URGENCY(me) : 0) }
#if !defined(STALE) && !defined(EARLY)
        ACQUIRE;
        second = to[me];
        if
        :: second != NOBODY -> follow(second)
        :: second == NOBODY
        fi;
        lock = false;
#endif
        settle_all();
        at_work--
    :: atomic { ops == 0 && changes == 0 -> break }
    od
}

#define IN(s, t) ((s) & (1 << (t)))

/* Whenever nobody is at work. */
active proctype judge()
{
    byte t, u, set, best, most;

end:
    do
    :: d_step {
            at_work == 0 ->
            do
            :: t < THREADS ->
                /* the circle that t is in: its threads */
                set = 0;
                u = t;
                do
                :: u == NOBODY || IN(set, u) -> break
                :: else -> set = set | (1 << u); u = to[u]
                od;
                if
                :: u != t -> most_urgent(best, t, 0); most = best
                :: else ->
                    most = 0;
                    do
                    :: most_urgent(best, u, set);
                        most = MORE(most, best);
                        most = MORE(most, base[u] + 1);
                        u = to[u];
                        if
                        :: u == t -> break
                        :: else
                        fi
                    od
                fi;
                assert(lent[t] == most);
                assert(place[t] == (queued[t] -> URGENCY(t) : 0));
                t++
            :: t == THREADS -> break
            od;
            t = 0; u = 0; set = 0; best = 0; most = 0
        }
    od
}

init
{
    atomic {
        base[1] = 1; base[2] = 2;
        to[0] = NOBODY; to[1] = NOBODY; to[2] = NOBODY; to[3] = NOBODY;
        run thread(0);
        run thread(1);
        run thread(2)
    }
}
