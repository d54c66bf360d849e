// SPDX-License-Identifier: BSD-2-Clause
// Locks of the crate parking_lot for bench/peers/parking_lot.c: loops of pairs, in which
// the compiler may inline the locks as in a program in Rust, and single calls.

use parking_lot::lock_api::{RawMutex as _, RawRwLock as _};
use parking_lot::{RawMutex, RawRwLock};

#[repr(align(128))]
struct Padded<T>(T);

static MUTEX: Padded<RawMutex> = Padded(RawMutex::INIT);
static MUTEX_CALLED: Padded<RawMutex> = Padded(RawMutex::INIT);
static WRITE: Padded<RawRwLock> = Padded(RawRwLock::INIT);
static READ: Padded<RawRwLock> = Padded(RawRwLock::INIT);
static MIX: Padded<RawRwLock> = Padded(RawRwLock::INIT);

#[no_mangle]
pub extern "C" fn bench_pl_mutex_pairs(n: usize) {
    for _ in 0..n {
        MUTEX.0.lock();
        unsafe { MUTEX.0.unlock() };
    }
}

#[no_mangle]
pub extern "C" fn bench_pl_write_pairs(n: usize) {
    for _ in 0..n {
        WRITE.0.lock_exclusive();
        unsafe { WRITE.0.unlock_exclusive() };
    }
}

#[no_mangle]
pub extern "C" fn bench_pl_read_pairs(n: usize) {
    for _ in 0..n {
        READ.0.lock_shared();
        unsafe { READ.0.unlock_shared() };
    }
}

#[no_mangle]
pub extern "C" fn bench_pl_mutex_lock() {
    MUTEX_CALLED.0.lock();
}

/// # Safety
/// The caller holds the mutex.
#[no_mangle]
pub unsafe extern "C" fn bench_pl_mutex_unlock() {
    MUTEX_CALLED.0.unlock();
}

#[no_mangle]
pub extern "C" fn bench_pl_read_lock() {
    MIX.0.lock_shared();
}

/// # Safety
/// The caller holds a share.
#[no_mangle]
pub unsafe extern "C" fn bench_pl_read_unlock() {
    MIX.0.unlock_shared();
}

#[no_mangle]
pub extern "C" fn bench_pl_write_lock() {
    MIX.0.lock_exclusive();
}

/// # Safety
/// The caller holds the lock alone.
#[no_mangle]
pub unsafe extern "C" fn bench_pl_write_unlock() {
    MIX.0.unlock_exclusive();
}
