/* SPDX-License-Identifier: BSD-2-Clause */
/* The readers of bias.pml. */

/* A plain store of the caller's slot. */
inline store_slot(value)
{
    assert(stores[me] < 2);
    if
    :: stores[me] == 0 -> first[me] = value
    :: else -> second[me] = value
    fi;
    stores[me]++
}

inline own_slot(value)
{
    value = (stores[me] == 0 -> slot[me] : (stores[me] == 1 -> first[me] : second[me]))
}

proctype reader(byte me)
{
    byte left = READS;
    byte seen;
    byte passed;
    byte owner;
    bool releasing;
    bool nested;

start:
#ifdef WORD_FIRST
    atomic { seen = word & BIAS }
    atomic {
        stores[me] < 2 -> store_slot(SHARED);
        if
        :: seen -> seen = 0; enter_by_slot(); goto inside
        :: else -> goto cancel
        fi
    }
#else
    atomic { stores[me] < 2 -> store_slot(SHARED) }
    atomic {
        if
        :: word & BIAS -> enter_by_slot(); goto inside
        :: else -> goto cancel
        fi
    }
#endif

slow:
    atomic {
        if
        :: (word & SLOTS) && OPEN(word) -> goto fenced
        :: OPEN(word) -> goto count
        :: !OPEN(word) -> goto enqueue
        fi
    }

fenced:
#ifdef PLAIN_SLOT
    atomic { stores[me] < 2 -> store_slot(SHARED) }
#else
    atomic { DRAINED -> slot[me] = SHARED }
#endif
    atomic {
        if
        :: (word & SLOTS) && OPEN(word) -> enter_by_slot(); goto inside
        :: else -> goto cancel
        fi
    }

count:
    atomic {
        DRAINED ->
        if
        :: OPEN(word) -> word = (word | READ) + ONE; enter_shared(); goto inside
        :: else -> goto slow
        fi
    }

enqueue:
    atomic {
        LOCKED_STEP ->
        if
        :: !OWNED(word) && !(word & SPIN) && READER_FIRST ->
            word = ((word & ~(WRITERS | READERS)) | MARKS | READ) + ONE;
            enter_shared();
            goto inside
        :: else ->
            word = word | READERS;
            readers = readers | BIT;
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
    settle(READERS);
#endif

asleep:
    atomic { !(readers & BIT) -> goto slow }

#ifdef PLAIN
undo:
    atomic {
        LOCKED_STEP ->
        if
        :: readers & BIT -> readers = readers & ~BIT; drop_claim(me)
        :: else
        fi;
        goto slow
    }
#endif

inside:
    if
    :: goto release
    :: atomic { nests > 0 -> nests-- } goto nest
    :: atomic {
            DRAINED && arms > 0 ->
            arms--;
#ifdef ARM_MARKED
            if
            :: word & SPIN -> goto release
#else
            if
            :: word & (WRITERS | READERS | SPIN) -> goto release
#endif
            :: else
            fi;
            if
            :: !(word & SLOTS) -> word = word | SLOTS
            :: (word & SLOTS) -> word = word | BIAS
            fi;
            goto inside
        }
    fi;

nest: /* passes queued writers, but not one that empties the slots */
    atomic {
        LOCKED_STEP ->
        assert(!OWNED(word));
        if
        :: word & SPIN -> word = word | READERS; readers = readers | BIT
        :: else ->
            word = (word | READ) + ONE;
            enter_shared();
            nested = true;
            goto inside_nested
        fi
    }
    atomic { !(readers & BIT) -> goto nest }

inside_nested:
    atomic { in_readers--; releasing = true; goto uncount }

release:
    atomic {
        releasing = true;
        own_slot(seen);
        if
        :: seen == 0 -> in_readers--; goto uncount
        :: seen == COUNTED -> seen = 0; goto tagged
        :: seen == SHARED -> seen = 0
        fi
    }

cancel:
#ifdef CLAIMS_FIRST
    atomic { seen = (claims[me] != 0) }
#endif
    atomic {
        stores[me] < 2 -> store_slot(0);
        if
        :: releasing -> uncounted = uncounted & ~BIT; in_readers--
        :: else
        fi
    }
    atomic {
#ifndef CLAIMS_FIRST
        seen = (claims[me] != 0);
#endif
        if
        :: seen -> seen = 0
        :: else -> goto released
        fi
    }
    atomic {
        LOCKED_STEP ->
        if
        :: converted & BIT -> converted = converted & ~BIT; claims[me]--; goto uncount
        :: else -> goto released
        fi
    }

tagged:
    atomic {
        LOCKED_STEP ->
        assert(slot[me] == COUNTED && (converted & BIT) && claims[me]);
        slot[me] = 0;
        converted = converted & ~BIT;
        uncounted = uncounted & ~BIT;
        claims[me]--;
        in_readers--
    }

uncount:
    atomic {
        DRAINED ->
        assert(HOLDERS(word) > 0 && (word & READ));
        word = word - ONE;
        if
        :: HOLDERS(word) == 0 ->
            word = word & ~READ;
            if
            :: (word & (WRITERS | READERS)) && !(word & SPIN)
            :: else -> goto released
            fi
        :: else -> goto released
        fi
    }
#ifndef NO_POP
    atomic {
        LOCKED_STEP ->
        if
        :: readers | writers -> pop(); word = (word & ~(WRITERS | READERS)) | MARKS
        :: else
        fi
    }
#endif

released:
    atomic {
        if
        :: !releasing -> goto slow
        :: releasing && nested -> nested = false; goto release
        :: else -> releasing = false
        fi;
        left--;
        if
        :: left > 0 -> goto start
        :: else -> done++
        fi
    }
}
