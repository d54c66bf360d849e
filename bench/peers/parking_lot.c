/* SPDX-License-Identifier: BSD-2-Clause */
/* parking_lot by way of the static library of parking_lot/lib.rs. */
#include "bench.h"

/* Loops in Rust, with the locks inlined. */
void bench_pl_mutex_pairs(size_t n);
void bench_pl_write_pairs(size_t n);
void bench_pl_read_pairs(size_t n);
/* One mutex, and one lock for readers and writers, by calls. */
void bench_pl_mutex_lock(void);
void bench_pl_mutex_unlock(void);
void bench_pl_read_lock(void);
void bench_pl_read_unlock(void);
void bench_pl_write_lock(void);
void bench_pl_write_unlock(void);

ADAPTER(mutex, bench_pl_mutex_lock(), bench_pl_mutex_unlock())
ADAPTER(read, bench_pl_read_lock(), bench_pl_read_unlock())
ADAPTER(write, bench_pl_write_lock(), bench_pl_write_unlock())
MIX(rw, bench_pl_read_lock(), bench_pl_read_unlock(), bench_pl_write_lock(),
    bench_pl_write_unlock())

/* The pairs that Rust inlines; the rest by calls, where two calls weigh little. */
const struct adapter parking_lot_adapters[] = {
    {"parking_lot::Mutex", "pthread_mutex", .pairs = bench_pl_mutex_pairs,
     .contend = mutex_contend, .load = mutex_load},
    {"parking_lot::Mutex, called", "pthread_mutex", .pairs = mutex_pairs},
    {"parking_lot::RwLock write", "pthread_rwlock write", .pairs = bench_pl_write_pairs,
     .contend = write_contend, .load = write_load},
    {"parking_lot::RwLock write, called", "pthread_rwlock write", .pairs = write_pairs},
    {"parking_lot::RwLock read", "pthread_rwlock read", .pairs = bench_pl_read_pairs,
     .contend = read_contend, .load = read_load, .shared = true},
    {"parking_lot::RwLock read, called", "pthread_rwlock read", .pairs = read_pairs,
     .shared = true},
    {"parking_lot::RwLock", "pthread_rwlock", .mix = rw_mix},
};
const size_t parking_lot_adapter_count =
    sizeof parking_lot_adapters / sizeof parking_lot_adapters[0];
