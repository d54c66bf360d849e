/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parker: one word with at most one token, and what the host sleeps on. The owner
 * waits for reasons, one after the other, the last one with a date; each waker
 * publishes a reason, then leaves a token, then wakes, with any delay in between. So
 * tokens and wake-ups come late, too, into a later wait.
 *
 * The word is changed by read-modify-writes only, and a reason is published before
 * one: no store buffers. A handler that unparks the thread that it interrupted is a
 * waker whose steps nobody divides. SEM: the host's sleep is a semaphore, else a futex,
 * which compares the word when it goes to sleep; both may end for no reason (SPURIOUS).
 *
 * Checked: nobody sleeps for ever (invalid end states); a wait that ends has its reason,
 * or its date; the date is reported only if there was no token; who sleeps has
 * said so in the word.
 *
 * Faults: DROPS_TOKEN, the owner announces itself over a token; NO_TOKEN, a waker that
 * sees nobody parked leaves none; TOKEN_LATE, it wakes first; REASON_LATE, it publishes
 * after the token; NO_COMPARE, the futex sleeps whatever the word is; NO_WAKE; NO_LOOK, a
 * token is taken for the reason; TIMEOUT_WINS, a date is reported though a token was
 * there. No faults: LOOSE_WITHDRAW, a token that comes at the end of the sleep is lost:
 * its reason is seen; PARKED_STAYS, the word stays PARKED after a sleep.
 */
#ifndef WAITS
#define WAITS 3
#endif
#ifndef SPURIOUS
#define SPURIOUS 1
#endif
#ifndef WAKERS
#define WAKERS 2
#endif

#define EMPTY 0
#define PARKED 1
#define TOKEN 2

byte word;
bool reason[WAITS];
bool asleep;       /* in the futex */
byte posts;        /* of the semaphore */
byte spurious = SPURIOUS;
byte done;

#ifdef TIMED
#define DATED(k) ((k) == WAITS - 1 || TIMED)
#else
#define DATED(k) ((k) == WAITS - 1)
#endif

proctype owner()
{
    byte k;      /* the wait */
    bool late;   /* the date has come */
    bool token;
    byte seen;

look:
    atomic {
        if
#ifdef NO_LOOK
        :: reason[k] || token -> assert(reason[k]); goto next
        :: else
#else
        :: reason[k] -> goto next
        :: else
#endif
        fi;
        token = false
    }
    /* park_announce */
    atomic {
#ifdef DROPS_TOKEN
        word = PARKED
#else
        if
        :: word == EMPTY -> word = PARKED
        :: else -> goto taken
        fi
#endif
    }
    /* The host's sleep. */
#ifdef SEM
    if
    :: atomic { posts > 0 -> posts-- }
    :: atomic { spurious > 0 -> spurious-- }
    :: atomic { DATED(k) -> late = true }
    fi;
#else
    atomic {
#ifndef NO_COMPARE
        if
        :: word != PARKED -> goto awake
        :: else
        fi;
#endif
        assert(word != EMPTY);
        asleep = true
    }
    if
    :: !asleep
    :: atomic { spurious > 0 && asleep -> spurious--; asleep = false }
    :: atomic { DATED(k) && asleep -> late = true; asleep = false }
    fi;
awake:
#endif
    /* park_withdraw */
#ifdef LOOSE_WITHDRAW
    seen = word;
    atomic { word = EMPTY; token = (seen == TOKEN); seen = 0 }
#else
    atomic {
        token = (word == TOKEN);
#ifdef PARKED_STAYS
        if
        :: word == TOKEN -> word = EMPTY
        :: else
        fi
#else
        word = EMPTY
#endif
    }
#endif
    atomic {
        if
#ifdef TIMEOUT_WINS
        :: late -> assert(!token); late = false; goto gave_up
#else
        :: late && !token -> late = false; goto gave_up
        :: late && token -> late = false; goto look
#endif
        :: !late -> goto look
        fi
    }

taken: /* PARKED is found only by PARKED_STAYS */
    atomic { token = true; word = EMPTY; goto look }

gave_up: /* whoever decides a wait is asked under a lock: wait.pml */
    skip;

next:
    atomic {
        token = false;
        k++;
        if
        :: k < WAITS -> goto look
        :: else -> done++
        fi
    }
}

/* Publishes every WAKERS-th reason from the first-th one on. */
proctype waker(byte first)
{
    byte k = first;
    bool wakes;

    do
    :: k < WAITS ->
#ifndef REASON_LATE
        reason[k] = true;
#endif
#ifdef TOKEN_LATE
        atomic { wakes = (word == PARKED); asleep = (wakes -> false : asleep); }
        word = TOKEN;
#else
        atomic {
            wakes = (word == PARKED);
#ifdef NO_TOKEN
            word = (wakes -> TOKEN : word)
#else
            word = TOKEN
#endif
        }
#ifndef NO_WAKE
        atomic {
            if
            :: wakes ->
#ifdef SEM
                posts++
#else
                asleep = false
#endif
            :: else
            fi;
            wakes = false
        }
#endif
#endif
#ifdef REASON_LATE
        reason[k] = true;
#endif
        k = k + WAKERS
    :: k >= WAITS -> break
    od;
    atomic { k = 0; done++ }
}

init
{
    atomic {
        run owner();
        run waker(0);
        run waker(1)
#if WAKERS > 2
        ;
        run waker(2)
#endif
    }
    atomic {
        done == WAKERS + 1 -> assert(!asleep)
    }
}
