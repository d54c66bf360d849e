/* SPDX-License-Identifier: BSD-2-Clause */
/* The writers of bias.pml. */

inline scan(t)
{
    if
    :: slot[t] == SHARED -> found = found | (1 << (t))
    :: else
    fi
}

/* Counts the share in a slot; claims[t] was raised before. */
inline convert(t)
{
    if
    :: atomic {
            (found & (1 << (t))) && slot[t] == SHARED ->
            slot[t] = COUNTED;
            converted = converted | (1 << (t))
        }
#ifndef NOT_COUNTED
        word = (word | READ) + ONE
#endif
    :: atomic { (found & (1 << (t))) && slot[t] != SHARED -> claims[t]-- }
    :: !(found & (1 << (t)))
    fi
}

proctype writer(byte me)
{
    byte left = WRITES;
    byte found;
    byte passed;
    byte owner;
    bool biased;

start:
    atomic {
        DRAINED ->
        if
        :: word == 0 ->
            coming = coming & ~BIT;
            word = MINE;
            enter_alone();
            goto inside
        :: else
        fi
    }

slow:
    atomic {
        DRAINED ->
        if
        :: OWNED(word) || (word & SPIN) || !(word & (SLOTS | BIAS)) -> goto enqueue
        :: else ->
            biased = (word & BIAS) != 0;
            word = (word & ~(SLOTS | BIAS)) | SPIN
        fi
    }
#ifndef NO_BARRIER
    if
    :: biased -> biased = false; barrier()
    :: else
    fi;
#else
    biased = false;
#endif
#ifndef MISS_THREAD
    scan(0);
#endif
#if NR > 1
    scan(1);
#endif
#if NR > 2
    scan(2);
#endif
    if
    :: found == 0 -> goto take
    :: atomic { found != 0 && tries > 0 -> tries--; goto abandon }
    :: found != 0
    fi;

    atomic { LOCKED_STEP -> bucket = true }
    if
    :: found & 1 -> claims[0]++
    :: else
    fi;
#if NR > 1
    if
    :: found & 2 -> claims[1]++
    :: else
    fi;
#endif
#if NR > 2
    if
    :: found & 4 -> claims[2]++
    :: else
    fi;
#endif
#ifndef NO_BARRIER_2
    barrier();
#endif
    convert(0);
#if NR > 1
    convert(1);
#endif
#if NR > 2
    convert(2);
#endif
    atomic { found = 0; bucket = false }

take:
    atomic {
        if
        :: HOLDERS(word) == 0 ->
            word = (word & ~SPIN) | MINE;
            coming = coming & ~BIT;
            enter_alone();
            if
            :: word = word | SLOTS
            :: skip
            fi;
            goto inside
        :: HOLDERS(word) != 0
        fi
    }
    atomic {
        LOCKED_STEP ->
        coming = coming & ~BIT;
        if
        :: HOLDERS(word) == 0 -> word = (word & ~(SPIN | 3)) | MARKS | MINE; enter_alone(); goto inside
        :: else ->
            assert((uncounted & ~converted) == 0);
#ifndef KEEP_READERS
            pop_readers();
#endif
            writers = writers | BIT;
            word = (word & ~(SPIN | READERS)) | MARKS;
            goto asleep
        fi
    }

abandon: /* the next writer has to scan again */
    atomic {
        LOCKED_STEP ->
        found = 0;
        coming = coming & ~BIT;
#ifndef ABANDON_CLOSED
        word = word | SLOTS;
#endif
#ifndef ABANDON_ASLEEP
        pop();
#endif
        word = (word & ~(SPIN | WRITERS | READERS)) | MARKS;
        goto next
    }

enqueue:
    atomic {
        LOCKED_STEP ->
        if
        :: HOLDERS(word) == 0 && !(word & (SPIN | SLOTS | BIAS)) ->
            coming = coming & ~BIT;
            word = MARKS | MINE;
            enter_alone();
            goto inside
        :: !OWNED(word) && !(word & SPIN) && (word & (SLOTS | BIAS)) -> goto slow
        :: else ->
            coming = coming & ~BIT;
            word = word | WRITERS;
            writers = writers | BIT;
#ifdef PLAIN
            if
            :: OWNED(word) -> claim_owner()
            :: else -> goto asleep
            fi
#else
            goto asleep
#endif
        fi
    }
#ifdef PLAIN
    settle(WRITERS);
#endif

asleep:
    if
    :: atomic { !(writers & BIT) -> goto woken }
    :: atomic { give_ups > 0 -> give_ups--; goto give_up }
    fi;

woken:
    if
    :: goto start
    :: atomic { give_ups > 0 -> give_ups--; goto give_up }
    fi;

#ifdef PLAIN
undo:
    atomic {
        LOCKED_STEP ->
        if
        :: writers & BIT -> pop_writer(me)
        :: else
        fi;
        goto start
    }
#endif

give_up: /* readers who wait for queued writers only go on when the last one leaves */
    atomic {
        LOCKED_STEP ->
        if
        :: writers & BIT ->
            pop_writer(me);
            if
            :: !WANTED && !OWNED(word) && !(word & SPIN) -> pop_readers()
            :: else
            fi;
            word = (word & ~(WRITERS | READERS)) | MARKS
        :: !(writers & BIT) && (coming & BIT) ->
            coming = coming & ~BIT;
            if
            :: OWNED(word) || (word & SPIN)
            :: !OWNED(word) && !(word & SPIN) && HOLDERS(word) == 0 -> pop()
            :: !OWNED(word) && HOLDERS(word) && !WANTED -> pop_readers()
            :: else
            fi;
            word = (word & ~(WRITERS | READERS)) | MARKS
        :: else
        fi;
        goto next
    }

inside:
#ifdef PLAIN
    atomic {
        if
        :: (word & ~SLOTS) == MINE -> found = word & SLOTS
        :: else -> goto release_marked
        fi
    }
    atomic { in_writers--; first[me] = found; stores[me] = 1; found = 0 }
    atomic {
        if
        :: claims[me]
        :: else -> goto next
        fi
    }
    atomic { LOCKED_STEP -> pop_all(); goto next }
#else
    atomic {
        if
        :: (word & ~SLOTS) == MINE -> in_writers--; word = word & SLOTS; goto next
        :: else
        fi
    }
#endif

release_marked:
    atomic {
        LOCKED_STEP ->
        in_writers--;
        pop();
        if
        :: word = (word & SLOTS) | MARKS
        :: word = MARKS
        fi
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
