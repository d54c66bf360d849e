/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times our locks and the peers of the C library in interleaved rounds of one
 * process and prints medians; compare the ratios, not the figures.
 */
#include "bench.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROUNDS = 21,
    PAIRS = 200000,
    CONTENDED = 60000,
    MAX_ADAPTERS = 32,
    MAX_THREADS = 64
};

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

struct gang {
    const struct adapter *adapter;
    pthread_barrier_t start;
    size_t each;
};

static void *member(void *arg)
{
    struct gang *g = arg;
    pthread_barrier_wait(&g->start);
    g->adapter->contend(g->each, 50, 200);
    return NULL;
}

/* Nanoseconds per pair, all threads together. */
static double contended(const struct adapter *a, unsigned threads)
{
    struct gang g = {.adapter = a, .each = CONTENDED / threads};
    pthread_t thread[MAX_THREADS];
    pthread_barrier_init(&g.start, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&thread[i], NULL, member, &g) != 0) {
            fprintf(stderr, "bench: cannot start a thread\n");
            exit(1);
        }
    }
    pthread_barrier_wait(&g.start);
    uint64_t begin = now_ns();
    for (unsigned i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    double ns = (double)(now_ns() - begin) / (double)(g.each * threads);
    pthread_barrier_destroy(&g.start);
    return ns;
}

static double uncontended(const struct adapter *a)
{
    uint64_t begin = now_ns();
    a->pairs(PAIRS);
    return (double)(now_ns() - begin) / PAIRS;
}

/* threads 0: uncontended. */
static void measure(const char *title, unsigned threads)
{
    static double samples[MAX_ADAPTERS][ROUNDS];
    double result[MAX_ADAPTERS];
    for (unsigned r = 0; r < ROUNDS; r++) {
        for (size_t i = 0; i < adapter_count; i++) {
            const struct adapter *a = &adapters[i];
            if (threads == 0)
                samples[i][r] = uncontended(a);
            else if (a->contend != NULL)
                samples[i][r] = contended(a, threads);
        }
    }
    printf("\n%-28s %10s %8s  %s\n", title, "ns/pair", "ratio", "of");
    for (size_t i = 0; i < adapter_count; i++) {
        const struct adapter *a = &adapters[i];
        if (threads != 0 && a->contend == NULL)
            continue;
        result[i] = median(samples[i], ROUNDS);
        printf("%-28s %10.2f", a->name, result[i]);
        for (size_t j = 0; j < i && a->baseline != NULL; j++) {
            if (strcmp(adapters[j].name, a->baseline) == 0)
                printf(" %8.2f  %s", result[i] / result[j], a->baseline);
        }
        printf("\n");
    }
}

/* A second thread keeps the C library from its single-thread shortcuts. */
static void *idle(void *arg)
{
    pthread_mutex_lock(arg);
    pthread_mutex_unlock(arg);
    return NULL;
}

int main(void)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t second;
    adapters_init();
    pthread_mutex_lock(&gate);
    if (pthread_create(&second, NULL, idle, &gate) != 0)
        return 1;
    printf("medians of %d interleaved rounds\n", ROUNDS);
    measure("uncontended", 0);
    measure("2 threads, short sections", 2);
    measure("8 threads, short sections", 8);
    pthread_mutex_unlock(&gate);
    pthread_join(second, NULL);
    return 0;
}
