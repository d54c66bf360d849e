/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Masks, the log, and who gets an undirected interrupt. N threads mask and unmask; a
 * device, which is no thread of the library, raises one interrupt several times: RAISES
 * times for nobody in particular, then DIRECTED times for thread 0. The dispatcher of a
 * thread, once the real signal is there, runs at any point of its thread, which
 * stands still meanwhile; it is not interrupted by itself.
 *
 * The machine: the level is stored plainly and waits in the thread's store buffer (DEEP:
 * two); its thread sees it at once. All else is changed by read-modify-writes or
 * sequentially consistent stores, for which the buffer is emptied. A heavy barrier finds
 * the buffer of each thread empty once during the call.
 *
 * Checked: when all is over, with all
 * threads as they end and no real signal on its way, nothing floats, nothing is pending
 * for an open thread, and a handler has begun after the last raise.
 *
 * MASKED: bit t says that thread t begins masked; ENDS: that it ends so; IDLE: that it
 * does nothing by itself. One thread at least ends open. NO_MEMBARRIER: the host has no heavy
 * barrier, so who announces kicks everybody.
 *
 * Faults: NO_BARRIER, who announces does not pass one; NO_SECOND, it does not look again;
 * NO_MARK, it leaves attention alone; LATE_MARK, it marks after it looked again;
 * SECOND_ONE, it kicks only the first thread that it finds; KEEP_ANNOUNCED, a raiser
 * leaves the mark of the raise before; NO_OFFER, a dispatcher that finds its thread
 * masked lets the interrupt be; LATE_UNKICK, it takes `kicked` off after its look;
 * NO_LOOK, who unmasks does not look; NO_AGAIN, the player does not look again after it
 * has restored the level; NO_REARM, it clears attention though something stays;
 * ATTENTION_FIRST, a directed raise logs the interrupt last; NO_CLAIM, the player runs
 * what it chose though somebody else has taken it. No fault: CLEAR_LATE, the player clears
 * attention after its look at the log.
 */
#ifndef N
#define N 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef RAISES
#define RAISES 1
#endif
#ifndef DIRECTED
#define DIRECTED 0
#endif
#ifndef MASKED
#define MASKED 0
#endif
#ifndef ENDS
#define ENDS 0
#endif
#ifndef IDLE
#define IDLE 0
#endif

#define ALL ((1 << N) - 1)
#define BIT (1 << me)
#define OPEN 0
#define MASK 1

/* A bit for each thread. */
byte level = MASKED;  /* as its thread sees it */
byte seen = MASKED;   /* as others do */
byte older;           /* the older of two stores on their way */
byte ways;            /* a store is on its way */
byte ways2;           /* two are */
byte pending;
byte attention;
byte kicked;
byte signal;          /* the real signal is on its way */
byte busy;            /* its dispatcher runs */

bool floating, announced;
bool owed;            /* raised, and no handler has begun since */
byte done;

#define DRAINED !(ways & BIT)
#define READY (me == N || DRAINED)
#define IS_OPEN !(level & BIT)
#define SEEN_OPEN(t) !(seen & (1 << (t)))
/* The thread's own steps wait while its dispatcher runs. */
#define RUNS (inside == ((busy & BIT) != 0))

inline set_level(l)
{
    atomic {
#ifdef DEEP
        RUNS && !(ways2 & BIT) ->
#else
        RUNS && DRAINED ->
#endif
        if
        :: ways & BIT ->
            ways2 = ways2 | BIT;
            older = older & ~BIT | (level & BIT)
        :: else -> ways = ways | BIT
        fi;
        level = level & ~BIT | (l) * BIT
    }
}

/* ksi_irq_play; `back` is the level to go back to. */
inline play()
{
    atomic { RUNS -> back = (level & BIT) != 0 }
    do
    :: /* masked, and the buffer is emptied to clear attention */
        atomic {
            RUNS && DRAINED ->
            level = level | BIT;
            seen = seen | BIT;
#ifndef CLEAR_LATE
            attention = attention & ~BIT
#endif
        }
        do
        :: atomic {
                RUNS && (pending & BIT || floating) && back == OPEN;
#ifdef NO_CLAIM
                chosen = true
#endif
            }
            atomic {
                RUNS && DRAINED ->
                if
                :: pending & BIT -> pending = pending & ~BIT; owed = false
                :: !(pending & BIT) && floating -> floating = false; owed = false
#ifdef NO_CLAIM
                :: !(pending & BIT) && !floating && chosen -> assert(false)
#else
                :: else
#endif
                fi
            }
        :: atomic { RUNS && !((pending & BIT || floating) && back == OPEN) -> break }
        od;
#ifdef CLEAR_LATE
        atomic { RUNS && DRAINED -> attention = attention & ~BIT }
#endif
#ifndef NO_REARM
        if
        :: atomic { RUNS && (pending & BIT || floating) }
            atomic { RUNS && DRAINED -> attention = attention | BIT }
        :: atomic { RUNS && !(pending & BIT || floating) }
        fi;
#endif
        set_level(back);
#ifdef NO_AGAIN
        break
#else
        if
        :: atomic { RUNS && (attention & BIT) && (pending & BIT || floating) && back == OPEN }
        :: atomic {
                RUNS && !((attention & BIT) && (pending & BIT || floating) && back == OPEN) ->
                break
            }
        fi
#endif
    od;
    back = OPEN
}

/* nudge: the caller is not that thread, or plays before it returns. */
inline nudge(t)
{
    atomic { READY -> attention = attention | (1 << (t)) }
    if
    :: (t) == me
    :: (t) != me ->
        atomic {
            READY ->
            sends = !(kicked & (1 << (t)));
            kicked = kicked | (1 << (t))
        }
        atomic {
            signal = signal | (sends -> (1 << (t)) : 0);
            sends = false
        }
    fi
}

/* All threads pass a full barrier, in any order. */
inline barrier()
{
    t = ALL;
    do
    :: atomic { (t & 1) && !(ways & 1) -> t = t & ~1 }
#if N > 1
    :: atomic { (t & 2) && !(ways & 2) -> t = t & ~2 }
#endif
#if N > 2
    :: atomic { (t & 4) && !(ways & 4) -> t = t & ~4 }
#endif
    :: t == 0 -> break
    od
}

/* Looks at the levels one after the other; who has no signal on its way goes first. */
inline find_taker()
{
    do
    :: atomic {
            t < N ->
            if
            :: SEEN_OPEN(t) || t == me && IS_OPEN ->
                if
                :: taker == N || (kicked & (1 << taker)) || !(kicked & (1 << t)) -> taker = t
                :: taker != N -> skip
                fi
            :: else
            fi;
            t++
        }
    :: atomic { t == N -> t = 0; break }
    od
}

inline offer(raised)
{
    find_taker();
    if
    :: atomic { taker < N }
        nudge(taker)
    :: taker == N && !raised && announced
    :: taker == N && (raised || !announced) ->
        atomic { READY -> announced = true }
#if !defined(NO_MARK) && !defined(LATE_MARK)
        do
        :: atomic { t < N && READY -> attention = attention | (1 << t); t++ }
        :: atomic { t == N -> t = 0; break }
        od;
#endif
#if !defined(NO_BARRIER) && !defined(NO_MEMBARRIER)
        barrier();
#endif
#ifndef NO_SECOND
        do
        :: t < N ->
            if
#ifdef NO_MEMBARRIER
            :: true -> nudge(t)
#else
            :: atomic { SEEN_OPEN(t) || t == me && IS_OPEN }
                nudge(t);
#ifdef SECOND_ONE
                t = N - 1
#endif
            :: atomic { !(SEEN_OPEN(t) || t == me && IS_OPEN) }
#endif
            fi;
            atomic { t++ }
        :: atomic { t == N -> t = 0; break }
        od;
#endif
#ifdef LATE_MARK
        do
        :: atomic { t < N && READY -> attention = attention | (1 << t); t++ }
        :: atomic { t == N -> t = 0; break }
        od;
#endif
    fi;
    taker = N
}

proctype device(byte me)
{
    byte raises = RAISES;
    byte directed = DIRECTED;
    byte t;
    byte taker = N;
    bool sends, fresh;

    do
    :: atomic { raises > 0 -> raises--; fresh = !floating; floating = true; owed = true }
#ifndef KEEP_ANNOUNCED
        atomic { announced = announced && !fresh; fresh = false }
#endif
        offer(true)
    :: raises == 0 -> break
    od;
    do
    :: directed > 0 ->
        directed--;
#ifdef ATTENTION_FIRST
        nudge(0);
        atomic { pending = pending | 1; owed = true }
#else
        atomic { pending = pending | 1; owed = true }
        nudge(0)
#endif
    :: directed == 0 -> break
    od;
    atomic { done++ }
}

proctype thread(byte me)
{
    byte rounds = ROUNDS;
    bool back, chosen;
    bool inside = false; /* a dispatcher */

    if
    :: IDLE & BIT -> goto stop
    :: !(IDLE & BIT) && (MASKED & BIT) -> goto unmask
    :: else
    fi;
mask:
    set_level(MASK);
unmask:
    if
    :: rounds == 1 && (ENDS & BIT) -> goto stop
    :: else
    fi;
    set_level(OPEN);
#ifndef NO_LOOK
    if
    :: atomic { RUNS && (attention & BIT) }
        play()
    :: atomic { RUNS && !(attention & BIT) }
    fi;
#endif
    atomic {
        rounds--;
        if
        :: rounds > 0 -> goto mask
        :: else -> goto stop
        fi
    }

stop:
    atomic { done++ }
}

proctype dispatcher(byte me)
{
    byte t;
    byte taker = N;
    bool sends, back, chosen;
    bool inside = true;

end:
    do
    :: atomic {
            (signal & BIT) && DRAINED ->
            signal = signal & ~BIT;
            busy = busy | BIT;
#ifndef LATE_UNKICK
            kicked = kicked & ~BIT
#endif
        }
        if
        :: attention & BIT -> play()
        :: !(attention & BIT)
        fi;
#ifndef NO_OFFER
        if
        :: floating && !announced -> offer(false)
        :: floating && announced
        :: !floating
        fi;
        if
        :: attention & BIT -> play()
        :: !(attention & BIT)
        fi;
#endif
        atomic {
#ifdef LATE_UNKICK
            DRAINED -> kicked = kicked & ~BIT;
#endif
            busy = busy & ~BIT
        }
    od
}

active proctype memory()
{
    byte t;

end:
    do
    :: atomic {
            ways != 0 ->
            if
            :: ways & 1 -> t = 1
#if N > 1
            :: ways & 2 -> t = 2
#endif
#if N > 2
            :: ways & 4 -> t = 4
#endif
            fi;
            if
            :: ways2 & t -> seen = seen & ~t | (older & t); ways2 = ways2 & ~t; older = older & ~t
            :: else -> seen = seen & ~t | (level & t); ways = ways & ~t
            fi;
            t = 0
        }
    :: atomic {
            done == N + 1 && ways == 0 && signal == 0 && busy == 0 ->
            assert(level == (ENDS | IDLE & MASKED) && seen == level);
            assert(!floating && (pending & ~level) == 0);
            assert(!owed || pending != 0);
            break
        }
    od
}

init
{
    atomic {
        run thread(0);
        run dispatcher(0);
#if N > 1
        run thread(1);
        run dispatcher(1);
#endif
#if N > 2
        run thread(2);
        run dispatcher(2);
#endif
        run device(N)
    }
}
