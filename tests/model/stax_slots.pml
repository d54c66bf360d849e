/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate of gate.pml with a bias: threads of its stage enter by plain stores to slots
 * of their own, on a machine with store buffers; the other stage takes the bias off and
 * has what the slots show counted.
 *
 * Threads 0 .. N-1; bit t of STAGES says that t is of stage 1. A thread's buffer (two
 * entries) holds plain stores to its slot; another process empties buffers at any time;
 * a read-modify-write waits for its own thread's. What the bucket's lock protects is
 * changed directly. Each thread locks ROUNDS times (thread 0: FIRST times). A thread may
 * leave its entry for another one of its stage to unlock (PASSES), or leave its stage
 * for a while inside (SETTLES). The bias is set at most ARMS times.
 *
 * Checked: the stages are never inside together; who is queued waits for counted entries
 * behind the mark; nobody sleeps for ever (invalid end states); no unlock finds the gate
 * free; at the end the gate is free and claims are those of marks that are left.
 *
 * Faults: NO_BARRIER, NO_BARRIER_2, MISS_THREAD, NOT_COUNTED, ARM_MARKED, CLAIMS_FIRST;
 * NO_LOOK, a thread does not look at the gate after its store; REFUSED, one whose entry
 * was counted before it looked stays out; EMPTIED, a slot whose entry is counted becomes
 * free at once; UNSETTLED, who leaves its stage wipes its slot without counting.
 */
#ifndef N
#define N 3
#endif
#ifndef STAGES
#define STAGES 4
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef FIRST
#define FIRST ROUNDS
#endif
#ifndef ARMS
#define ARMS 2
#endif
#ifndef PASSES
#define PASSES 0
#endif
#ifndef SETTLES
#define SETTLES 0
#endif

/* The gate; its upper part is the number of counted entries. */
#define BIAS 1
#define CLOSING 2
#define STAGE 4
#define WAITERS 8
#define ONE 16
#define COUNT(g) ((g) / ONE)
#define STAGE_OF(g) (((g) & STAGE) / STAGE)
#define FREE(g) ((g) == 0)
#define MAY_ENTER(g) (FREE(g) || STAGE_OF(g) == stage)
#define ENTERED(g) (FREE(g) -> stage * STAGE + ONE : (g) + ONE)
#define LEFT(g) (COUNT(g) == 1 && !((g) & (BIAS | CLOSING)) -> 0 : (g) - ONE)
#define BIASED (gate & BIAS && STAGE_OF(gate) == stage)
#define STAGE_OF_THREAD(t) ((STAGES >> (t)) & 1)

#define BIT (1 << me)
#define ALL ((1 << N) - 1)
#define SHOWN 1
#define COUNTED 2

short gate;
byte slot[N];   /* 0, SHOWN, COUNTED */
byte stores[N]; /* plain stores under way */
byte first[N];  /* the oldest of them */
byte second[N];
byte claims[N];
byte noted;     /* bit: a note says that the entry in the slot is counted */
bool bucket;    /* the bucket's lock is held */
byte queue;     /* bit: is queued */
byte woken;     /* bit: was popped */
byte inside[2];
byte passed[2]; /* entries that are anybody's to unlock */
byte arms = ARMS;
byte passes = PASSES;
byte settles = SETTLES;
byte done;

#define DRAINED stores[me] == 0
/* A thread sees its own stores. */
#define OWN (stores[me] == 0 -> slot[me] : (stores[me] == 1 -> first[me] : second[me]))

inline store(v)
{
    stores[me] < 2;
    if
    :: stores[me] == 0 -> first[me] = v
    :: else -> second[me] = v
    fi;
    stores[me]++
}

inline enter()
{
    inside[stage]++;
    assert(inside[1 - stage] == 0)
}

inline check()
{
    assert(!queue || (gate & WAITERS) && COUNT(gate) > 0 && !(gate & (BIAS | CLOSING)));
    assert(!(queue & (STAGE_OF(gate) -> STAGES : ALL - STAGES)))
}

/* Every thread passes a full barrier during the call, in any order. */
#define PASS(t) atomic { !(seen & (1 << (t))) && stores[t] == 0 -> seen = seen | (1 << (t)) }
inline barrier()
{
    do
    :: PASS(0)
    :: PASS(1)
    :: PASS(2)
#if N > 3
    :: PASS(3)
#endif
    :: atomic { seen == ALL -> seen = 0; break }
    od
}

/* The mark in the own slot goes; it reminds of nothing that others need. */
inline drop_mark()
{
    if
    :: OWN == COUNTED ->
        atomic {
            DRAINED ->
            if
            :: noted & BIT -> noted = noted & ~BIT; claims[me]--
            :: else
            fi
        }
        slot[me] = 0
    :: else
    fi
}

proctype thread(byte me; byte rounds)
{
    byte stage = STAGE_OF_THREAD(me);
    byte seen; /* bit: has passed the barrier */
    byte u;
    byte claimed;
    bool leaving; /* the bias is taken off for an unlock */
    bool found;

start:
    if
    :: atomic { passed[stage] > 0 -> passed[stage]--; inside[stage]--; goto unlock }
    :: atomic { rounds == 0 && passed[stage] == 0 -> goto finish }
    :: atomic { rounds > 0 -> rounds-- }
    fi;
    if
    :: BIASED && OWN == 0 -> atomic { stores[me] < 2 -> store(SHOWN) }
    :: goto slow
    fi;

    /* the look at the gate */
    if
#ifdef NO_LOOK
    :: atomic { true -> enter(); goto holding }
#else
    :: atomic { BIASED -> enter(); goto holding }
#endif
    :: atomic {
            !BIASED && DRAINED ->
            if
            :: slot[me] == SHOWN -> slot[me] = 0; goto slow
            :: else
            fi
        }
    fi;
    drop_mark();
#ifdef REFUSED
    goto slow;
#endif
    atomic { enter(); goto holding }

slow:
    drop_mark();
enter_slow:
    atomic {
        DRAINED && (MAY_ENTER(gate) || !(gate & CLOSING)) ->
        if
        :: MAY_ENTER(gate) && !(gate & (BIAS | CLOSING)) -> gate = ENTERED(gate); enter(); goto raise
        :: MAY_ENTER(gate) && (gate & (BIAS | CLOSING)) -> gate = ENTERED(gate); enter(); goto holding
        :: !MAY_ENTER(gate) && (gate & BIAS) -> gate = (gate & ~BIAS) | CLOSING; goto withdraw
        :: !MAY_ENTER(gate) && !(gate & BIAS)
        fi
    }
    if
    :: goto start /* it only tried */
    :: atomic { !bucket && DRAINED -> bucket = true }
    fi;
    atomic {
        if
        :: MAY_ENTER(gate) -> gate = ENTERED(gate); bucket = false; enter(); goto holding
        :: !MAY_ENTER(gate) && (gate & (BIAS | CLOSING)) -> bucket = false; goto enter_slow
        :: else -> gate = gate | WAITERS; queue = queue | BIT; bucket = false; check()
        fi
    }
    atomic { woken & BIT -> woken = woken & ~BIT; goto holding }

raise:
    if
#ifdef ARM_MARKED
    :: atomic { arms > 0 && COUNT(gate) > 0 && !(gate & (BIAS | CLOSING)) -> gate = gate | BIAS; arms-- }
#else
    :: atomic {
            arms > 0 && COUNT(gate) > 0 && !(gate & (BIAS | CLOSING | WAITERS)) ->
            gate = gate | BIAS;
            arms--
        }
#endif
    :: skip
    fi;

holding:
    if
    :: skip
    :: atomic { passes > 0 -> passes--; passed[stage]++; goto start }
    :: atomic {
            settles > 0 && OWN == SHOWN && DRAINED && !bucket ->
            settles--;
#ifndef UNSETTLED
            if
            :: slot[me] == SHOWN -> gate = gate + ONE; slot[me] = 0
            :: else
            fi
#else
            slot[me] = 0
#endif
        }
        drop_mark() /* if it was counted meanwhile */
    fi;
    inside[stage]--;

unlock:
#ifdef CLAIMS_FIRST
    found = (claims[me] > 0);
#endif
    if
    :: atomic { OWN == SHOWN && stores[me] < 2 -> store(0) }
    :: atomic { OWN != SHOWN -> goto unlock_slow }
    fi;
#ifndef CLAIMS_FIRST
    found = (claims[me] > 0);
#endif
    atomic {
        if
        :: !found -> goto start
        :: else -> found = false
        fi
    }
    atomic { DRAINED && !bucket -> bucket = true }
    atomic {
        bucket = false;
        if
        :: (noted & BIT) && slot[me] == 0 -> noted = noted & ~BIT; claims[me]--; goto uncount
        :: else -> goto start
        fi
    }

unlock_slow:
    drop_mark();
uncount:
    atomic {
        DRAINED && (COUNT(gate) > 0 || !(gate & CLOSING)) ->
        assert(!FREE(gate) && STAGE_OF(gate) == stage);
        if
        :: COUNT(gate) == 0 -> gate = (gate & ~BIAS) | CLOSING; leaving = true; goto withdraw
        :: COUNT(gate) > 0 && !(COUNT(gate) == 1 && (gate & WAITERS)) -> gate = LEFT(gate); goto start
        :: COUNT(gate) == 1 && (gate & WAITERS)
        fi
    }
    /* The last one, as far as it knows; gate.pml has these steps one by one. */
    atomic {
        DRAINED && !bucket ->
        if
        :: COUNT(gate) > 1 -> gate = gate - ONE
        :: else ->
            gate = (1 - stage) * STAGE;
            u = 0;
            do
            :: u < N && ((queue >> u) & 1) -> gate = gate + ONE; inside[1 - stage]++; u++
            :: u < N && !((queue >> u) & 1) -> u++
            :: else -> break
            od;
            u = 0;
            assert(!queue || inside[stage] == 0);
            woken = woken | queue;
            queue = 0;
            if
            :: COUNT(gate) == 0 -> gate = 0
            :: else
            fi
        fi;
        goto start
    }

withdraw:
#ifndef NO_BARRIER
    barrier();
#endif
    atomic { DRAINED && !bucket -> bucket = true }
    do
    :: u < N ->
        if
#ifdef MISS_THREAD
        :: atomic { u == 0 -> u++ }
#endif
        :: atomic {
                slot[u] != SHOWN || STAGE_OF_THREAD(u) != STAGE_OF(gate) ->
                u++
            }
        :: atomic {
                slot[u] == SHOWN && STAGE_OF_THREAD(u) == STAGE_OF(gate) ->
                claims[u]++;
                claimed = claimed | (1 << u);
                u++
            }
        fi
    :: else -> u = 0; break
    od;
#ifndef NO_BARRIER_2
    if
    :: claimed -> barrier()
    :: else
    fi;
#endif
    do
    :: atomic { u < N && !((claimed >> u) & 1) -> u++ }
    :: atomic { u < N && ((claimed >> u) & 1) && slot[u] != SHOWN -> claims[u]--; u++ }
    :: atomic {
            u < N && ((claimed >> u) & 1) && slot[u] == SHOWN ->
#ifndef NOT_COUNTED
            gate = gate + ONE;
#endif
            noted = noted | (1 << u)
        }
        atomic {
            if
#ifdef EMPTIED
            :: slot[u] == SHOWN -> slot[u] = 0
#else
            :: slot[u] == SHOWN -> slot[u] = COUNTED
#endif
            :: else -> noted = noted & ~(1 << u); gate = gate - ONE; claims[u]--
            fi;
            u++
        }
    :: else -> u = 0; claimed = 0; break
    od;
    bucket = false;
    atomic {
        gate = gate & ~CLOSING;
        if
        :: COUNT(gate) == 0 -> gate = 0
        :: else
        fi;
        if
        :: leaving -> leaving = false; goto uncount
        :: else -> goto enter_slow
        fi
    }

finish:
    done++
}

#define FLUSH(t) atomic { \
        stores[t] -> slot[t] = first[t]; first[t] = second[t]; second[t] = 0; stores[t]-- }
#define MARKS_OF(t) (claims[t] == ((noted >> (t)) & 1) && (slot[t] == (claims[t] -> COUNTED : 0)))

active proctype memory()
{
end:
    do
    :: FLUSH(0)
    :: FLUSH(1)
    :: FLUSH(2)
#if N > 3
    :: FLUSH(3)
#endif
    :: atomic {
            done == N && stores[0] == 0 && stores[1] == 0 && stores[2] == 0 && stores[N - 1] == 0 ->
            assert(COUNT(gate) == 0 && !(gate & (CLOSING | WAITERS)) && !bucket && !queue && !woken);
            assert(inside[0] == 0 && inside[1] == 0 && passed[0] == 0 && passed[1] == 0);
            assert(MARKS_OF(0) && MARKS_OF(1) && MARKS_OF(2) && MARKS_OF(N - 1));
            break
        }
    od
}

init
{
    atomic {
        run thread(0, FIRST);
        run thread(1, ROUNDS);
        run thread(2, ROUNDS);
#if N > 3
        run thread(3, ROUNDS)
#endif
    }
}
