/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An exclusive lock whose release is a plain store, on a machine with store buffers.
 *
 * Each thread has a store buffer that holds its plain store of the word; another
 * process empties it at any time, a read-modify-write waits for it. Only stores of
 * the word are plain: claims and the bucket are changed by read-modify-writes.
 * A step under the bucket's lock that reads and writes the word once is one step.
 * Any queued waiter may be popped, so the order of the queue does not matter.
 *
 * Checked: mutual exclusion; nobody sleeps for ever (invalid end states); claims are
 * 0 at the end; who has given the lock back by a store writes its word no more.
 *
 * Faults: NO_BARRIER, CLAIMS_FIRST, NO_RECHECK, NO_HANDON, NO_CLAIM, NO_ANSWER, POP_ONE
 * (with WOKEN_SLOW it takes four threads to fail). No faults: ANY_MARK, FORGET_COMING.
 */
#ifndef N
#define N 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1
#endif

#define WRITERS 1
#define ONE 2
#define OWNER(w) ((w) / ONE)
#define MINE ((me + 1) * ONE)
#define BIT (1 << me)
#define ALL ((1 << N) - 1)
#ifdef FORGET_COMING
#define MARKS (queue -> WRITERS : 0)
#else
#define MARKS ((queue | coming) -> WRITERS : 0)
#endif

byte word;      /* owner * ONE + WRITERS; owner is thread + 1 */
byte buffer;    /* bit: the store word = 0 is on its way */
byte claims[N];
bool bucket;    /* the bucket's lock is held over more than one step */
byte queue;     /* bit: is queued */
byte coming;    /* bit: was popped by a release and has not come back yet */
byte behind[N]; /* the thread whose claims a queued waiter has raised */
byte inside;
byte give_ups = GIVE_UPS;
byte done;

#define DRAINED !(buffer & BIT)
#define LOCKED_STEP DRAINED && !bucket

/* What a releaser may not do after its store. */
inline write_word(value)
{
    assert(!gone);
    word = value;
}

inline enter()
{
    inside++;
    assert(inside == 1);
}

inline unqueue(t)
{
    queue = queue & ~(1 << (t));
#ifndef NO_CLAIM
    claims[behind[t]]--;
#endif
    behind[t] = 0;
}

/* Lets one waiter, if there is any, try again. */
inline pop_one()
{
    if
    :: queue & 1 -> unqueue(0); coming = coming | 1;
    :: queue & 2 -> unqueue(1); coming = coming | 2;
    :: queue & 4 -> unqueue(2); coming = coming | 4;
#if N > 3
    :: queue & 8 -> unqueue(3); coming = coming | 8;
#endif
    :: queue == 0
    fi
}

inline pop_all()
{
    do
    :: queue & 1 -> unqueue(0)
    :: queue & 2 -> unqueue(1)
    :: queue & 4 -> unqueue(2)
#if N > 3
    :: queue & 8 -> unqueue(3)
#endif
    :: queue == 0 -> break
    od
}

/* Every thread passes a full barrier during the call, in any order. */
inline barrier()
{
#ifndef NO_BARRIER
    passed = 0;
    do
    :: atomic { !((passed | buffer) & 1) -> passed = passed | 1 }
    :: atomic { !((passed | buffer) & 2) -> passed = passed | 2 }
    :: atomic { !((passed | buffer) & 4) -> passed = passed | 4 }
#if N > 3
    :: atomic { !((passed | buffer) & 8) -> passed = passed | 8 }
#endif
    :: atomic { passed == ALL -> passed = 0; break }
    od
#else
    skip
#endif
}

proctype thread(byte me)
{
    byte left = ROUNDS;
    byte w;
    byte passed;
    bool claimed;
    bool gone; /* the lock was given back and not asked for again */

start:
    atomic {
        DRAINED -> gone = false;
        if
        :: word == 0 ->
            coming = coming & ~BIT;
            write_word(MINE);
            enter();
            goto holding
        :: else
        fi
    }

slow:
    atomic {
        LOCKED_STEP ->
        coming = coming & ~BIT;
        if
        :: OWNER(word) == 0 -> write_word(MINE | MARKS); enter(); goto holding
        :: else ->
            w = OWNER(word);
            write_word(word | WRITERS);
            queue = queue | BIT;
            behind[me] = w - 1;
            bucket = true
        fi
    }
    atomic {
#ifndef NO_CLAIM
        claims[behind[me]]++;
#endif
        bucket = false
    }
    barrier();
#ifndef NO_RECHECK
    atomic {
        if
#ifdef ANY_MARK
        :: OWNER(word) == w -> w = 0
#else
        :: word == (w * ONE | WRITERS) -> w = 0
#endif
        :: else -> w = 0; goto leave
        fi
    }
#else
    w = 0;
#endif
    if
    :: atomic { !(queue & BIT) -> goto woken }
    :: atomic { give_ups > 0 -> give_ups--; goto give_up }
    fi;

woken:
    if
#ifndef WOKEN_SLOW
    :: goto start
#endif
    :: goto slow
    :: atomic { give_ups > 0 -> give_ups--; goto give_up }
    fi;

leave: /* the word has changed: not asleep yet */
    atomic {
        LOCKED_STEP ->
        if
        :: queue & BIT -> unqueue(me)
        :: else
        fi;
        goto woken
    }

give_up:
    atomic {
        LOCKED_STEP ->
        if
        :: queue & BIT -> unqueue(me); write_word(word & ~WRITERS | MARKS)
        :: !(queue & BIT) && (coming & BIT) ->
            coming = coming & ~BIT;
#ifndef NO_HANDON
            if
            :: OWNER(word) == 0 -> pop_one()
            :: else
            fi;
#endif
            write_word(word & ~WRITERS | MARKS)
        :: else
        fi;
        goto next
    }

holding:
    atomic {
#ifdef CLAIMS_FIRST
        claimed = claims[me] != 0;
#endif
        if
        :: word == MINE
        :: else -> goto release_marked
        fi
    }
    atomic { inside--; assert(!gone); gone = true; buffer = buffer | BIT }
    atomic {
#ifndef CLAIMS_FIRST
        claimed = claims[me] != 0;
#endif
        if
        :: claimed -> claimed = false
        :: else -> goto next
        fi
    }
#ifndef NO_ANSWER
    atomic {
        LOCKED_STEP ->
#ifdef POP_ONE
        pop_one()
#else
        pop_all()
#endif
    }
#endif
    goto next;

release_marked:
    atomic {
        LOCKED_STEP ->
        inside--;
        pop_one();
        write_word(MARKS);
        gone = true
    }

next:
    atomic {
        left--;
        if
        :: left > 0 -> goto start
        :: else -> done++
        fi
    }
}

active proctype memory()
{
end:
    do
    :: atomic { buffer & 1 -> word = 0; buffer = buffer & ~1 }
    :: atomic { buffer & 2 -> word = 0; buffer = buffer & ~2 }
    :: atomic { buffer & 4 -> word = 0; buffer = buffer & ~4 }
#if N > 3
    :: atomic { buffer & 8 -> word = 0; buffer = buffer & ~8 }
#endif
    :: atomic {
            done == N && buffer == 0 ->
            assert(OWNER(word) == 0 && queue == 0 && coming == 0 && inside == 0);
            assert(claims[0] == 0 && claims[1] == 0 && claims[2] == 0);
#if N > 3
            assert(claims[3] == 0);
#endif
#ifdef MARKS_END
            assert(word == 0);
#endif
            break
        }
    od
}

init
{
    atomic {
        run thread(0);
        run thread(1);
        run thread(2);
#if N > 3
        run thread(3)
#endif
    }
}
