/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shared/exclusive lock whose readers publish their shares in slots of their own,
 * on a machine with store buffers.
 *
 * Threads 0 .. NR-1 are readers, the others writers. A reader's buffer (two entries)
 * holds plain stores of its slot; with PLAIN a writer's buffer (one entry) holds the
 * plain store of the word that gives the lock back. Another process empties buffers at
 * any time; a read-modify-write waits for its own thread's. What the bucket's lock
 * protects is changed directly; a step under that lock with one access to what others
 * use without it is one step. Any queued writer may be popped, so the order of the
 * queue does not matter.
 *
 * Checked: a writer is alone; nobody sleeps for ever (invalid end states); counts and
 * claims end at 0; while somebody is queued, slots are closed and all shares counted.
 *
 * Faults: NO_BARRIER, PLAIN_SLOT, MISS_THREAD, NO_BARRIER_2, CLAIMS_FIRST, WORD_FIRST,
 * ARM_MARKED, NO_POP, NOT_COUNTED; with PLAIN also NO_RECHECK, NO_BARRIER_3, TRUST_MARK;
 * with NESTS KEEP_READERS; with TRIES ABANDON_CLOSED, ABANDON_ASLEEP.
 * FORGET_COMING is no fault.
 */
#ifndef NR
#define NR 2
#endif
#ifndef NW
#define NW 1
#endif
#ifndef READS
#define READS 2
#endif
#ifndef WRITES
#define WRITES 1
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 0
#endif
#ifndef NESTS
#define NESTS 0
#endif
#ifndef TRIES
#define TRIES 0
#endif
#ifndef ARMS
#define ARMS 2
#endif
#define N (NR + NW)

/* The word; its upper part is the number of counted shares or the owner + 1. */
#define WRITERS 1
#define READERS 2
#define READ 4
#define SLOTS 8
#define BIAS 16
#define SPIN 32
#define ONE 64
#define HOLDERS(w) ((w) / ONE)
#define OWNED(w) ((w) >= ONE && !((w) & READ))
#define OPEN(w) (!OWNED(w) && !((w) & (WRITERS | SPIN)))
#define MINE ((me + 1) * ONE)

#define BIT (1 << me)
#define ALL ((1 << N) - 1)
#ifdef FORGET_COMING
#define WANTED writers
#else
#define WANTED (writers | coming)
#endif
#define MARKS ((WANTED -> WRITERS : 0) | (readers -> READERS : 0))
#ifdef TRUST_MARK
#define READER_FIRST !(word & WRITERS)
#else
#define READER_FIRST !WANTED
#endif
#define SHARED 1
#define COUNTED 2

short word;
byte slot[NR];   /* 0, SHARED, COUNTED */
byte stores[N];  /* plain stores under way */
byte first[N];   /* the oldest of them */
byte second[N];
byte claims[N];
bool bucket;     /* the bucket's lock is held over more than one step */
byte readers;    /* bit: is queued */
byte writers;    /* bit: is queued */
byte coming;     /* bit: a writer popped by a release that has not come back yet */
byte converted;  /* bit: the share in the slot is counted */
byte behind[N];  /* owner + 1 of the word when the thread was queued, or 0 */
byte uncounted;  /* bit: is inside by its slot alone */
byte in_readers;
byte in_writers;
byte nests = NESTS; /* second shares that readers may take over their first */
byte give_ups = GIVE_UPS;
byte arms = ARMS;
byte tries = TRIES; /* writers that may go away with shares in slots */
byte done;

#define DRAINED stores[me] == 0
#define LOCKED_STEP DRAINED && !bucket

inline enter_shared()
{
    in_readers++;
    assert(in_writers == 0)
}

inline enter_alone()
{
    in_writers++;
    assert(in_writers == 1 && in_readers == 0)
}

/* Entered by a slot: nobody can be queued then, unless a release wiped the marks. */
inline enter_by_slot()
{
#ifndef PLAIN
    assert(!readers && !writers);
#endif
    uncounted = uncounted | BIT;
    enter_shared()
}

inline drop_claim(t)
{
    if
    :: behind[t] -> claims[behind[t] - 1]--; behind[t] = 0
    :: else
    fi
}

inline pop_writer(t)
{
    writers = writers & ~(1 << (t));
    drop_claim(t)
}

inline pop_readers()
{
    readers = 0;
    drop_claim(0);
#if NR > 1
    drop_claim(1);
#endif
#if NR > 2
    drop_claim(2);
#endif
}

/* Lets a writer or else all readers try again. */
inline pop()
{
    if
    :: writers & (1 << NR) -> pop_writer(NR); coming = coming | (1 << NR)
#if NW > 1
    :: writers & (2 << NR) -> pop_writer(NR + 1); coming = coming | (2 << NR)
#endif
    :: !writers -> pop_readers()
    fi
}

inline pop_all()
{
    pop_readers();
    if
    :: writers & (1 << NR) -> pop_writer(NR)
    :: else
    fi;
#if NW > 1
    if
    :: writers & (2 << NR) -> pop_writer(NR + 1)
    :: else
    fi
#endif
}

/* Every thread passes a full barrier during the call, in any order. */
#define PASS(t) atomic { !(passed & (1 << (t))) && stores[t] == 0 -> passed = passed | (1 << (t)) }
inline barrier()
{
    do
    :: PASS(0)
    :: PASS(1)
#if N > 2
    :: PASS(2)
#endif
#if N > 3
    :: PASS(3)
#endif
    :: atomic { passed == ALL -> passed = 0; break }
    od
}

/* Under the bucket's lock, in the step that queued the caller. */
inline claim_owner()
{
    bucket = true;
    behind[me] = HOLDERS(word)
}

/*
 * The rest of queueing behind an owner: raise its claims, then look again whether the
 * word is still the one announced to. Goes to undo if not.
 */
inline settle(mark)
{
    atomic {
        claims[behind[me] - 1]++;
        owner = behind[me];
        bucket = false
    }
#ifndef NO_BARRIER_3
    barrier();
#endif
    atomic {
        if
#ifndef NO_RECHECK
        :: !(OWNED(word) && HOLDERS(word) == owner && (word & mark)) -> owner = 0; goto undo
#endif
        :: else -> owner = 0
        fi
    }
}

#include "bias_reader.pml"
#include "bias_writer.pml"

#define FLUSH_SLOT(t) atomic { \
        stores[t] -> slot[t] = first[t]; first[t] = second[t]; second[t] = 0; stores[t]-- }
#define FLUSH_WORD(t) atomic { stores[t] -> word = first[t]; first[t] = 0; stores[t] = 0 }

active proctype memory()
{
end:
    do
    :: FLUSH_SLOT(0)
#if NR > 1
    :: FLUSH_SLOT(1)
#endif
#if NR > 2
    :: FLUSH_SLOT(2)
#endif
    :: FLUSH_WORD(NR)
#if NW > 1
    :: FLUSH_WORD(NR + 1)
#endif
    :: atomic {
            done == N && stores[0] == 0 && stores[1] == 0 && stores[N - 1] == 0 &&
                stores[N - 2] == 0 ->
            assert(HOLDERS(word) == 0 && !(word & (SPIN | READ)) && !bucket);
            assert(!readers && !writers && !coming && !converted && !uncounted);
            assert(claims[0] == 0 && claims[1] == 0 && claims[N - 1] == 0 && claims[N - 2] == 0);
#ifdef MARKS_END
            assert(!(word & (WRITERS | READERS)));
#endif
            break
        }
    od
}

init
{
    atomic {
        if
        :: word = 0
        :: word = SLOTS
        :: word = SLOTS | BIAS
        fi;
        run reader(0);
#if NR > 1
        run reader(1);
#endif
#if NR > 2
        run reader(2);
#endif
        run writer(NR);
#if NW > 1
        run writer(NR + 1);
#endif
    }
}
