/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQLite with its own pthread mutexes and with ours in turn, in one process: the mutexes
 * are chosen anew after sqlite3_shutdown().
 *
 *   real_sqlite [ROUNDS [SECONDS [THREADS [simple|mutex]]]]     (default 5 0.5 4 simple)
 *
 * The last word says what SQLite's fast mutexes are made of, see sqlite_mutex.h.
 *
 * All databases are in memory, 20000 rows; 80% of the operations read a row by its key,
 * 20% change one. Three programs:
 *
 *   sqlite-connection  the threads share a connection, whose recursive mutex a step
 *                      holds for its whole time
 *   sqlite-cache       a connection for each thread, one shared cache: the
 *                      mutex of the cache, and SQLITE_LOCKED is tried again
 *   sqlite-alone       a connection and a database for each thread: mutexes without
 *                      contention, but for those of the allocator and of the page cache
 *
 * Prints a line "result PROGRAM LOCKS OPS/S P50 P99 P99.9 CPU" (us) for each run. Exit
 * status 1 with a message if SQLite reports an error.
 */
#define _GNU_SOURCE 1

#include "latency.h"
#include "sqlite_mutex.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 20000, WRITES_OF_100 = 20, MAX_THREADS = 64 };

enum program { CONNECTION, CACHE, ALONE, PROGRAMS };

static const char *const names[PROGRAMS] = {"sqlite-connection", "sqlite-cache",
                                            "sqlite-alone"};

struct worker {
    pthread_t thread;
    sqlite3 *db;
    uint32_t seed;
    struct latency times;
};

static struct worker workers[MAX_THREADS];
static unsigned threads = 4;
static double seconds = 0.5;
static bool stop; /* atomic */
static pthread_barrier_t start;

static void check(int status, int wanted, sqlite3 *db, const char *what)
{
    if (status == wanted)
        return;
    fprintf(stderr, "real_sqlite: %s: %s\n", what,
            db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(status));
    exit(1);
}

static void run_sql(sqlite3 *db, const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    check(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK, db, sql);
    return s;
}

static void fill(sqlite3 *db)
{
    run_sql(db, "create table t (id integer primary key, n integer, text text)");
    run_sql(db, "begin");
    sqlite3_stmt *s = prepare(db, "insert into t values (?1, 0, 'some text of a row')");
    for (int i = 0; i < ROWS; i++) {
        sqlite3_bind_int(s, 1, i);
        check(sqlite3_step(s), SQLITE_DONE, db, "insert");
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    run_sql(db, "commit");
}

static sqlite3 *open_db(enum program p)
{
    sqlite3 *db;
    const char *name = p == CACHE ? "file:bench?mode=memory&cache=shared" : ":memory:";
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    flags |= p == CONNECTION ? SQLITE_OPEN_FULLMUTEX : SQLITE_OPEN_NOMUTEX;
    check(sqlite3_open_v2(name, &db, flags, NULL), SQLITE_OK, NULL, "open");
    if (p == CACHE)
        run_sql(db, "pragma read_uncommitted = 1");
    return db;
}

/* One statement; a table that another connection is changing is tried again. */
static void operate(sqlite3_stmt *s, int row, sqlite3 *db)
{
    int status;
    do {
        sqlite3_bind_int(s, 1, row);
        while ((status = sqlite3_step(s)) == SQLITE_ROW)
            ;
        sqlite3_reset(s);
        if (status == SQLITE_LOCKED)
            sched_yield();
    } while (status == SQLITE_LOCKED);
    check(status, SQLITE_DONE, db, "step");
}

static void *work(void *arg)
{
    struct worker *w = arg;
    sqlite3_stmt *get = prepare(w->db, "select n, text from t where id = ?1");
    sqlite3_stmt *set = prepare(w->db, "update t set n = n + 1 where id = ?1");
    pthread_barrier_wait(&start);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint32_t random = latency_random(&w->seed);
        sqlite3_stmt *s = random % 100 < WRITES_OF_100 ? set : get;
        uint64_t since = latency_now();
        operate(s, (int)(random / 128 % ROWS), w->db);
        latency_add(&w->times, latency_now() - since);
    }
    sqlite3_finalize(get);
    sqlite3_finalize(set);
    return NULL;
}

static void open_all(enum program p)
{
    for (unsigned i = 0; i < threads; i++) {
        bool new = i == 0 || p != CONNECTION;
        workers[i] = (struct worker){.seed = 2654435761u * (i + 1)};
        workers[i].db = new ? open_db(p) : workers[0].db;
        if (i == 0 || p == ALONE)
            fill(workers[i].db);
    }
}

static void run(enum program p, const char *locks)
{
    static struct latency all;
    all = (struct latency){0};
    open_all(p);
    stop = false;
    pthread_barrier_init(&start, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    pthread_barrier_wait(&start);
    uint64_t since = latency_now();
    double processor = latency_processor();
    struct timespec ts = {.tv_sec = (time_t)seconds};
    ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
    nanosleep(&ts, NULL);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    double took = (double)(latency_now() - since) / 1e9;
    processor = latency_processor() - processor;
    for (unsigned i = 0; i < threads; i++) {
        latency_merge(&all, &workers[i].times);
        if (i == 0 || p != CONNECTION)
            check(sqlite3_close(workers[i].db), SQLITE_OK, workers[i].db, "close");
    }
    pthread_barrier_destroy(&start);
    latency_print(&all, names[p], locks, took, processor);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
    seconds = argc > 2 ? strtod(argv[2], NULL) : seconds;
    threads = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : threads;
    const char *fast = argc > 4 ? argv[4] : "simple";
    sqlite_only_mutexes = strcmp(fast, "mutex") == 0;
    if (rounds == 0 || seconds <= 0 || threads == 0 || threads > MAX_THREADS ||
        (!sqlite_only_mutexes && strcmp(fast, "simple") != 0)) {
        fprintf(
            stderr,
            "usage: real_sqlite [ROUNDS [SECONDS [THREADS (1..%d) [simple|mutex]]]]\n",
            MAX_THREADS);
        return 2;
    }
    sqlite3_mutex_methods theirs = {0};
    check(sqlite3_config(SQLITE_CONFIG_MULTITHREAD), SQLITE_OK, NULL, "config");
    check(sqlite3_config(SQLITE_CONFIG_SERIALIZED), SQLITE_OK, NULL, "config");
    check(sqlite3_initialize(), SQLITE_OK, NULL, "initialize");
    check(sqlite3_shutdown(), SQLITE_OK, NULL, "shutdown");
    check(sqlite3_config(SQLITE_CONFIG_GETMUTEX, &theirs), SQLITE_OK, NULL, "get mutex");
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned n = 0; n < 2 * PROGRAMS; n++) {
            bool ours = n % 2 != round % 2; /* who begins changes */
            const sqlite3_mutex_methods *m = ours ? &sqlite_mutexes : &theirs;
            check(sqlite3_config(SQLITE_CONFIG_MUTEX, m), SQLITE_OK, NULL, "mutexes");
            run((enum program)(n / 2), ours ? "kslock" : "pthread");
            check(sqlite3_shutdown(), SQLITE_OK, NULL, "shutdown");
        }
    }
    return 0;
}
