/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who decides a wait: a waker that pops the waiter, the date, a signal, a forced unblock,
 * the end of the object. A thread waits twice, with the same waiter, for two semaphores
 * in two buckets; two others, A and B, do what their ROLE says:
 *
 *   UP        gives a unit to each semaphore: to its waiter, else to the semaphore
 *   SIGNAL    posts a signal, which stays pending, and ends the wait
 *   UNBLOCK   ends the wait
 *   DESTROY   ends each semaphore: those who wait and those who come are told
 *
 * SECOND=0: nothing but UP, DESTROY and its date ends the second wait. TIMEOUTS dates
 * come. MOVE: the first wait is moved to the second semaphore before the thread sleeps,
 * with both locks held.
 *
 * The machine: the waiter's stores of its bucket and of its queue become visible to who
 * does not hold the right lock one after the other, at any time until its next
 * read-modify-write or the release of the lock. Wake-ups are tokens (park.pml).
 *
 * Checked: who takes the waiter off holds its bucket's lock and finds it queued; one
 * outcome is stored, by who took it off, and while no list of a waker links it; no unit
 * is lost and none made; a wait that only some may end is ended by one of them;
 * nobody sleeps for ever (invalid end states).
 *
 * Faults: BUCKET_FIRST, who looks for the waiter looks at its bucket before its queue;
 * OLD_BUCKET, it does not compare the bucket; SIGNAL_LATE, the poster sets the signal
 * after it looked; CHECK_FIRST, the thread looks for signals before it queues;
 * NO_RMW, it looks without a read-modify-write; BLIND_DATE, the date takes the
 * waiter off without a look; EARLY_OUTCOME, a waker stores the outcome with the lock;
 * E8, a signal changes the outcome of a pop; KEPT, it stays interruptible when its
 * wait is over; GONE_LATE, the semaphore ends after its waiters were popped; NO_TOKEN;
 * TIMES_OUT, who found itself popped reports its date.
 */
#define UP 1
#define SIGNAL 2
#define UNBLOCK 3
#define DESTROY 4
#ifndef ROLE_A
#define ROLE_A UP
#endif
#ifndef ROLE_B
#define ROLE_B SIGNAL
#endif
#ifndef SECOND
#define SECOND 1
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 1
#endif

#define WAITING 0
#define WOKEN 1
#define TIMED_OUT 2
#define SIGNALLED 3
#define UNBLOCKED 4
#define DESTROYED 5
#define NOBODY 3
#define WAITER 2

/* Semaphores and buckets are 1 and 2, 0 is none. */
byte locked[3]; /* by whom + 1 */
byte unit[3];
bool gone[3];

/* The waiter; bucket and queue as its thread and as others see them. */
byte bucket, seen_bucket;
byte queue, seen_queue;
byte outcome = WOKEN;
byte linked = NOBODY; /* whose list it is in */
byte taker = NOBODY;  /* who took it off its queue */
bool interruptible;

bool may_end; /* by signal and unblock; to check */
byte handed;  /* units given to popped waiters and not seen yet */
bool signals;
bool token;
byte ups, had;
byte timeouts = TIMEOUTS;
byte done;

/* All stores of the waiter's thread are visible. */
inline drain()
{
    seen_bucket = bucket;
    seen_queue = queue
}

inline lock(b)
{
    atomic { !locked[b] -> locked[b] = me + 1 }
}

inline unlock(b)
{
    assert(locked[b] == me + 1);
    if
    :: me == WAITER -> drain()
    :: else
    fi;
    locked[b] = 0
}

/* ksi_lot_remove: the caller decides. */
inline remove()
{
    assert(queue != 0 && locked[queue] == me + 1);
    assert(taker == NOBODY);
    taker = me;
    queue = 0;
    seen_queue = 0;
#ifndef KEPT
    interruptible = false
#endif
}

inline publish(o)
{
    assert(outcome == WAITING && taker == me && linked == NOBODY);
    outcome = o
}

/* ksi_lot_find: b is the locked bucket of the queued waiter, or 0 with none locked. */
inline find(b)
{
    b = (me == WAITER -> bucket : seen_bucket);
    do
    :: b == 0 -> break
    :: b != 0 ->
        lock(b);
#ifdef BUCKET_FIRST
        atomic { now = (me == WAITER -> bucket : seen_bucket); }
        atomic { queued = (me == WAITER -> queue : seen_queue) != 0; }
#else
        atomic { queued = (me == WAITER -> queue : seen_queue) != 0; }
        atomic { now = (me == WAITER -> bucket : seen_bucket); }
#endif
        atomic {
#ifdef OLD_BUCKET
            now = b;
#endif
            if
            :: now == b && queued -> break
            :: now == b && !queued -> unlock(b); b = 0; break
            :: now != b -> unlock(b); b = now
            fi
        }
    od;
    now = 0;
    queued = false
}

/* ksi_wake of a list with this waiter alone. */
inline wake(o)
{
#ifdef EARLY_OUTCOME
    linked = NOBODY;
#else
    atomic { assert(linked == me); linked = NOBODY; publish(o) }
#endif
#ifdef NO_TOKEN
    skip
#else
    token = true
#endif
}

/* ksi_lot_enqueue; its two stores are seen one after the other. */
inline enqueue(s)
{
    atomic {
        assert(locked[s] == me + 1);
        assert(linked == NOBODY && queue == 0);
        outcome = WAITING;
        taker = NOBODY;
        bucket = s;
        queue = s
    }
}

active proctype memory()
{
end:
    do
    :: atomic { seen_bucket != bucket -> seen_bucket = bucket }
    :: atomic { seen_bucket == bucket && seen_queue != queue -> seen_queue = queue }
    od
}

proctype waiter()
{
    byte s = 1;
    byte b, now;
    bool queued;
    byte me = WAITER;
    bool stays;

start:
#ifdef CHECK_FIRST
    stays = signals && (s == 1 || SECOND);
#endif
    lock(s);
    atomic {
        if
        :: gone[s] -> unlock(s); goto next
        :: !gone[s] && unit[s] > 0 -> unit[s]--; had++; unlock(s); goto next
        :: else
        fi
    }
    enqueue(s);
#ifdef MOVE
    if
    :: s == 1 -> goto move
    :: s == 2
    fi;
ready:
#endif
    if
    :: s == 1 || SECOND ->
        atomic { interruptible = true; may_end = true }
#ifndef NO_RMW
        atomic { drain() }
#endif
#ifndef CHECK_FIRST
        stays = signals;
#endif
        atomic {
            if
            :: stays ->
                stays = false;
                remove();
                publish(SIGNALLED);
                unlock(s);
                goto decided
            :: else
            fi
        }
    :: !(s == 1 || SECOND)
    fi;
    atomic { unlock(s) }

sleep:
    if
    :: atomic { outcome != WAITING -> goto decided }
    :: outcome == WAITING
    fi;
    if
    :: atomic { token -> token = false; goto sleep }
    :: atomic { timeouts > 0 -> timeouts-- }
    fi;

    /* give_up */
#ifdef BLIND_DATE
    b = bucket;
    lock(b);
#else
    find(b);
#endif
    if
    :: atomic { b != 0 -> remove(); publish(TIMED_OUT); unlock(b); b = 0; goto decided }
#ifdef TIMES_OUT
    :: atomic { b == 0 -> outcome = TIMED_OUT }
#else
    :: b == 0 -> goto sleep
#endif
    fi;

#ifdef MOVE
    goto decided;

move: /* queued for 1 and not asleep */
    atomic { unlock(1) }
    lock(1);
    lock(2);
    atomic {
        if
        :: queue == 1 && !gone[2] && unit[2] == 0 -> remove(); s = 2
        :: else -> unlock(2); unlock(1)
        fi
    }
    if
    :: s == 2 -> enqueue(2); atomic { unlock(1); unlock(2) }
    :: s == 1
    fi;
    find(b);
    atomic {
        if
        :: b == 0 -> goto sleep
        :: b != 0 -> b = 0; goto ready
        fi
    }
#endif

decided:
    atomic {
        outcome != WAITING;
        assert(may_end || outcome != SIGNALLED && outcome != UNBLOCKED);
        may_end = false;
        if
        :: outcome == WOKEN -> assert(handed > 0); handed--; had++
        :: else
        fi
    }
next:
    atomic {
        s++;
        if
        :: s <= 2 -> goto start
        :: else -> done++
        fi
    }
}

/* ksi_up_end_wait */
inline end_wait(o)
{
    find(b);
    atomic {
        if
        :: b != 0 && interruptible ->
            remove();
            linked = me;
#ifdef EARLY_OUTCOME
            outcome = o;
#endif
            ends = true
        :: else
        fi
    }
    if
    :: b != 0 -> atomic { unlock(b); b = 0 }
    :: b == 0
    fi;
    if
    :: ends -> ends = false; wake(o)
    :: !ends
    fi
}

proctype other(byte me, role)
{
    byte s = 1;
    byte b, now, o;
    bool queued, ends;

    if
    :: role == SIGNAL ->
#ifdef SIGNAL_LATE
        end_wait(SIGNALLED);
        atomic { signals = true }
#else
        atomic { signals = true }
        end_wait(SIGNALLED)
#endif
    :: role == UNBLOCK -> end_wait(UNBLOCKED)
    :: role == UP || role == DESTROY ->
        do
        :: s <= 2 ->
            lock(s);
            atomic {
                o = (role == UP -> WOKEN : DESTROYED);
#ifndef GONE_LATE
                gone[s] = gone[s] || role == DESTROY;
#endif
                if
                :: queue == s ->
                    remove();
                    linked = me;
                    ends = true;
#ifdef E8
                    o = (signals && role == UP -> SIGNALLED : o);
#endif
                    handed = handed + (o == WOKEN -> 1 : 0);
#ifdef EARLY_OUTCOME
                    outcome = o;
#endif
                :: queue != s && role == UP -> unit[s]++
                :: queue != s && role == DESTROY
                fi;
                ups = ups + (role == UP -> 1 : 0);
                unlock(s)
            }
            if
            :: ends -> ends = false; wake(o)
            :: !ends
            fi;
#ifdef GONE_LATE
            gone[s] = gone[s] || role == DESTROY;
#endif
            s++
        :: s > 2 -> break
        od
    fi;
    atomic { s = 0; o = 0; done++ }
}

init
{
    atomic {
        run waiter();
        run other(0, ROLE_A);
        run other(1, ROLE_B)
    }
    atomic {
        done == 3 ->
        assert(queue == 0 && linked == NOBODY && handed == 0);
        assert(ups == had + unit[1] + unit[2]);
        assert(!locked[1] && !locked[2])
    }
}
