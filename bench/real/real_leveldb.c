/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LevelDB, to be run as it is and with libkslock_preload.so in turn.
 *
 *   real_leveldb FOLDER LOCKS [SECONDS [THREADS]]     (default 1 4)
 *
 * Makes a database in FOLDER (which should be in memory; what is in the way is
 * removed), 50000 keys; then 90% of the operations read a key and 10% write one. Each
 * read takes LevelDB's one mutex twice, and those of a shard of its cache; writers queue
 * on condition variables.
 *
 * Prints "result leveldb LOCKS OPS/S P50 P99 P99.9 CPU" (us). Exit status 1 with a
 * message for an error of LevelDB, 2 for a wrong command line.
 */
#define _GNU_SOURCE 1

#include "latency.h"

#include <leveldb/c.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEYS = 50000, WRITES_OF_100 = 10, MAX_THREADS = 64, VALUE = 100, KEY = 16 };

struct worker {
    pthread_t thread;
    uint32_t seed;
    struct latency times;
};

static struct worker workers[MAX_THREADS];
static leveldb_t *db;
static leveldb_readoptions_t *reading;
static leveldb_writeoptions_t *writing;
static bool stop; /* atomic */
static pthread_barrier_t start;

static void check(const char *error, const char *what)
{
    if (error == NULL)
        return;
    fprintf(stderr, "real_leveldb: %s: %s\n", what, error);
    exit(1);
}

static void put(uint32_t n)
{
    char key[KEY];
    char value[VALUE];
    char *error = NULL;
    int length = snprintf(key, sizeof key, "%08u", n);
    memset(value, (int)('a' + n % 26), sizeof value);
    leveldb_put(db, writing, key, (size_t)length, value, sizeof value, &error);
    check(error, "put");
}

static void get(uint32_t n)
{
    char key[KEY];
    char *error = NULL;
    size_t size;
    int length = snprintf(key, sizeof key, "%08u", n);
    char *value = leveldb_get(db, reading, key, (size_t)length, &size, &error);
    check(error, "get");
    if (value == NULL || size != VALUE)
        check("a key is missing", "get");
    leveldb_free(value);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    pthread_barrier_wait(&start);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint32_t random = latency_random(&w->seed);
        uint64_t since = latency_now();
        if (random % 100 < WRITES_OF_100)
            put(random / 128 % KEYS);
        else
            get(random / 128 % KEYS);
        latency_add(&w->times, latency_now() - since);
    }
    return NULL;
}

static void open_db(const char *folder)
{
    char *error = NULL;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_destroy_db(options, folder, &error);
    leveldb_free(error); /* there was none */
    error = NULL;
    leveldb_options_set_create_if_missing(options, 1);
    leveldb_options_set_cache(options, leveldb_cache_create_lru(64 << 20));
    leveldb_options_set_filter_policy(options, leveldb_filterpolicy_create_bloom(10));
    db = leveldb_open(options, folder, &error);
    check(error, "open");
    reading = leveldb_readoptions_create();
    writing = leveldb_writeoptions_create();
    for (uint32_t i = 0; i < KEYS; i++)
        put(i);
    leveldb_compact_range(db, NULL, 0, NULL, 0);
}

int main(int argc, char **argv)
{
    static struct latency all;
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 1;
    unsigned threads = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 4;
    if (argc < 3 || seconds <= 0 || threads == 0 || threads > MAX_THREADS) {
        fprintf(stderr, "usage: real_leveldb FOLDER LOCKS [SECONDS [THREADS (1..%d)]]\n",
                MAX_THREADS);
        return 2;
    }
    open_db(argv[1]);
    pthread_barrier_init(&start, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++) {
        workers[i].seed = 2654435761u * (i + 1);
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
    for (unsigned i = 0; i < threads; i++)
        latency_merge(&all, &workers[i].times);
    latency_print(&all, "leveldb", argv[2], took, processor);
    leveldb_close(db);
    return 0;
}
