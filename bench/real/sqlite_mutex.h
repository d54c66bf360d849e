/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_REAL_SQLITE_MUTEX_H
#define BENCH_REAL_SQLITE_MUTEX_H

#include <sqlite3.h>
#include <stdbool.h>

/*
 * SQLite's mutexes made of ours, for sqlite3_config(SQLITE_CONFIG_MUTEX, ...): the
 * recursive kind is a mutex of Stanix; the fast one and all static ones are simple locks
 * of AIX, or mutexes too if sqlite_only_mutexes is set before sqlite3_initialize().
 */
extern bool sqlite_only_mutexes;
extern const sqlite3_mutex_methods sqlite_mutexes;

#endif
