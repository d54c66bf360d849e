/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_SCALE_LOCKS_H
#define BENCH_SCALE_LOCKS_H

#include "sim.h"

/* The engine of sx, rwsem and complex locks (src/lock/rw*.c) ... */
enum { RW_LEARNS, RW_BIASED, RW_FENCED, RW_COUNTED }; /* policy */
enum { RW_SLOTS = 1, RW_BIAS = 2 };                   /* initial word */

sim_lock scale_rw;      /* ... its shares and exclusive holds */
sim_lock scale_owner;   /* an exclusive lock: plain store to give it back */
sim_lock scale_ksem;    /* a semaphore of value 1 */
sim_lock scale_stax;    /* reads: entries of one stage; all of them in slots */
sim_lock scale_pthread; /* pthread_rwlock of glibc, prefers readers */
sim_lock scale_brlock;
sim_lock scale_mutex;  /* compare-and-swap, exchange */
sim_lock scale_ticket; /* both numbers in one line */
sim_lock scale_mcs;
sim_lock scale_urcu; /* readers are not excluded */

#endif
