/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate that keeps two stages apart: counted entries of one stage, a mark that says
 * that the other stage waits, and a last unlock that hands the gate to all who wait.
 *
 * All changes of the gate are read-modify-writes; a loop around one is a step that
 * decides on the value it replaces. The bucket's lock is held over several steps, in
 * which others enter and leave without it. Each waiter is let in by a step of its own
 * after that lock was dropped.
 *
 * Threads 0 .. N-1; bit t of STAGES says that t is of stage 1. Each locks ROUNDS times
 * (thread 0: FIRST times, the last one: LAST times). An entry may be left for any thread
 * of the stage to unlock (PASSES), a waiter may give up at any time (GIVE_UPS).
 *
 * Checked: the stages are never inside together; all who are queued wait for one stage,
 * behind the mark; a free gate has no mark; nobody sleeps for ever (invalid end states);
 * the gate is free at the end.
 *
 * Faults: E2, an unlock takes the stage off while others of it are inside; E3, the mark
 * is raised on a gate that has become free; E4, a waiter that leaves takes the mark off
 * others; CLEAR_LATE, it takes it off after it saw the queue empty, without the lock;
 * E8, a signal wins over a wake-up; STALE_LAST, who was the last before it had the lock
 * hands over without another look; COUNT_FIRST, waiters are counted before the lock;
 * WAKE_ONE; NOT_HANDED, woken waiters go in without being counted.
 */
#ifndef N
#define N 3
#endif
#ifndef STAGES
#define STAGES 4
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef FIRST
#define FIRST ROUNDS
#endif
#ifndef LAST
#define LAST ROUNDS
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1
#endif
#ifndef PASSES
#define PASSES 1
#endif

/* The gate; its upper part is the number of entries. */
#define WAITERS 1
#define STAGE 2
#define ONE 4
#define COUNT(g) ((g) / ONE)
#define STAGE_OF(g) (((g) & STAGE) / STAGE)
#define MAY_ENTER(g) (COUNT(g) == 0 || STAGE_OF(g) == stage)
#define ENTERED(g) (COUNT(g) == 0 -> (g) & WAITERS | stage * STAGE | ONE : (g) + ONE)
#define BIT (1 << me)
#define QUEUED(t) ((queue >> (t)) & 1)

byte gate;
bool bucket;    /* the bucket's lock is held */
byte queue;     /* bit: is queued */
byte woken;     /* bit: was popped and has been told so */
byte inside[2]; /* entries of each stage, by those who have them */
byte passed[2]; /* of these, entries that are anybody's to unlock */
byte give_ups = GIVE_UPS;
byte passes = PASSES;
byte done;

/* What holds whenever the bucket's lock is free. */
inline check()
{
    assert(!queue || (gate & WAITERS) && COUNT(gate) > 0);
    assert(!(queue & (STAGE_OF(gate) -> STAGES : ((1 << N) - 1 - STAGES))))
}

inline enter()
{
    inside[stage]++;
    assert(inside[1 - stage] == 0)
}

inline count_queue(n)
{
#if N > 3
    n = QUEUED(0) + QUEUED(1) + QUEUED(2) + QUEUED(3)
#else
    n = QUEUED(0) + QUEUED(1) + QUEUED(2)
#endif
}

proctype thread(byte me; byte rounds)
{
    byte stage = (STAGES >> me) & 1;
    byte now;  /* the gate as it was seen */
    byte n;
    byte wake; /* bit: popped by us and not told yet */
    bool last;

start:
    atomic {
        if
        :: rounds == 0 -> goto finish
        :: rounds > 0 && MAY_ENTER(gate) -> rounds--; gate = ENTERED(gate); enter(); goto holding
        :: rounds > 0 && !MAY_ENTER(gate) -> rounds--
        fi
    }
    atomic { !bucket -> bucket = true }

look: /* with the bucket's lock */
    now = gate;
    atomic {
        if
        :: MAY_ENTER(gate) ->
            gate = ENTERED(gate);
            enter();
            now = 0;
            bucket = false;
            goto holding
        :: else
        fi
    }
    atomic {
        if
        :: MAY_ENTER(now) -> goto look
        :: !MAY_ENTER(now) && (now & WAITERS)
#ifdef E3
        :: !MAY_ENTER(now) && !(now & WAITERS) -> gate = gate | WAITERS
#else
        :: !MAY_ENTER(now) && !(now & WAITERS) && gate == now -> gate = gate | WAITERS
        :: !MAY_ENTER(now) && !(now & WAITERS) && gate != now -> goto look
#endif
        fi;
        queue = queue | BIT;
        now = 0;
        bucket = false;
        check()
    }

    if
    :: atomic { woken & BIT -> woken = woken & ~BIT; enter(); goto holding }
    :: atomic { give_ups > 0 -> give_ups-- }
    fi;

    /* A signal: who was popped before that is inside whatever the signal says. */
    atomic {
        !bucket ->
        if
        :: queue & BIT ->
            queue = queue & ~BIT;
#ifdef E4
            gate = gate & ~WAITERS;
            goto start
#endif
            last = (queue == 0)
        :: else ->
#ifdef E8
            goto dropped
#else
            goto popped
#endif
        fi;
        check()
    }
#ifdef CLEAR_LATE
    atomic {
        if
        :: last -> gate = gate & ~WAITERS
        :: else
        fi
    }
#endif
    last = false;
    goto start;

popped:
    atomic { woken & BIT -> woken = woken & ~BIT; enter(); goto holding }

#ifdef E8
dropped: /* the wait ends with an error, and the entry is nobody's */
    atomic { woken & BIT -> woken = woken & ~BIT; goto start }
#endif

holding:
    if
    :: skip
    :: atomic { passes > 0 -> passes--; passed[stage]++; goto start }
    fi;

unlock:
    atomic {
        assert(COUNT(gate) > 0 && STAGE_OF(gate) == stage);
#ifdef COUNT_FIRST
        count_queue(n);
#endif
        if
        :: COUNT(gate) == 1 && (gate & WAITERS)
        :: COUNT(gate) == 1 && !(gate & WAITERS) -> inside[stage]--; gate = 0; goto start
        :: COUNT(gate) > 1 ->
            inside[stage]--;
            gate = gate - ONE;
#ifdef E2
            gate = gate & ~STAGE;
#endif
            n = 0;
            goto start
        fi
    }

    /* The last one, as far as we know, and somebody waits. */
    atomic {
        !bucket ->
        bucket = true;
#ifndef COUNT_FIRST
        count_queue(n)
#endif
    }
    atomic {
        inside[stage]--;
        last = (COUNT(gate) == 1);
#ifdef STALE_LAST
        last = true;
#endif
        if
        :: !last -> gate = gate - ONE
#ifdef NOT_HANDED
        :: last -> gate = 0
#else
        :: last && n == 0 -> gate = 0
        :: last && n > 0 -> gate = n * ONE | (1 - stage) * STAGE
#endif
        fi;
        n = 0
    }
    atomic {
        if
        :: last -> wake = queue
        :: else
        fi;
#ifdef WAKE_ONE
        wake = wake & (256 - wake);
#endif
        queue = queue & ~wake;
        last = false;
        bucket = false;
        check()
    }
    do
    :: atomic { wake & 1 -> wake = wake & ~1; woken = woken | 1 }
    :: atomic { wake & 2 -> wake = wake & ~2; woken = woken | 2 }
    :: atomic { wake & 4 -> wake = wake & ~4; woken = woken | 4 }
#if N > 3
    :: atomic { wake & 8 -> wake = wake & ~8; woken = woken | 8 }
#endif
    :: wake == 0 -> break
    od;
    goto start;

finish:
    /* Entries that were left by somebody of our stage. */
    atomic {
        if
        :: passed[stage] > 0 -> passed[stage]--; goto unlock
        :: else -> done++
        fi
    };
    atomic {
        done == N ->
        assert(gate == 0 && queue == 0 && woken == 0 && !bucket);
        assert(inside[0] == 0 && inside[1] == 0 && passed[0] == 0 && passed[1] == 0)
    }
}

init
{
    atomic {
        run thread(0, FIRST);
        run thread(1, ROUNDS);
#if N > 3
        run thread(2, ROUNDS);
        run thread(3, LAST)
#else
        run thread(2, LAST)
#endif
    }
}
