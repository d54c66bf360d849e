/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_replay FAMILY COUNT SEED [--fault NAME] [FILE...]
 * Runs the inputs in FILEs, then COUNT random ones. SEED is that of the first; the seed
 * of each is its number above it, so that a failure is found again by COUNT 1. NAME is a
 * planted fault of platform/faults.def, which has to be found.
 * Exit status: 0; 2 for a wrong command line; abort if an input shows a difference.
 */
#include "fuzz.h"

#include "platform/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fz_family *const families[] = {
    &fz_stanix,      &fz_stanix_inlined,
    &fz_stanix_spin, &fz_stanix_spin_inlined,
    &fz_stanix_cond, &fz_sx,
    &fz_mtx,         &fz_aix_owner,
    &fz_aix_complex, &fz_aix_drw,
    &fz_evl_ksem,    &fz_evl_stax,
    &fz_evl_kmutex,
};

static uint64_t next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t x = *state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void run_random(const struct fz_family *family, uint64_t seed)
{
    uint8_t bytes[2 * 48];
    uint64_t state = seed;
    size_t n = 8 + next(&state) % (sizeof bytes - 8);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)next(&state);
    if (getenv("FUZZ_VERBOSE") != NULL)
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    fz_run(family, bytes, n);
}

static bool run_file(const struct fz_family *family, const char *path)
{
    uint8_t bytes[2 * FZ_STEPS];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return false;
    }
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    fz_run(family, bytes, n);
    return true;
}

static bool plant(const char *name)
{
    for (int i = 1; i < KSI_FAULT_COUNT; i++) {
        if (strcmp(ksi_fault_name(i), name) == 0) {
            ksi_fault_planted = i;
            fz_deadline_s = 3;
            return true;
        }
    }
    fprintf(stderr, "fuzz_replay: no fault %s\n", name);
    return false;
}

int main(int argc, char **argv)
{
    const struct fz_family *family = NULL;
    for (int i = 0; argc >= 4 && i < FZ_COUNT(families); i++) {
        if (strcmp(families[i]->name, argv[1]) == 0)
            family = families[i];
    }
    if (family == NULL) {
        fprintf(stderr,
                "usage: fuzz_replay FAMILY COUNT SEED [--fault NAME] [FILE...]\n");
        return 2;
    }
    int files = 4;
    if (argc > 5 && strcmp(argv[4], "--fault") == 0) {
        if (!plant(argv[5]))
            return 2;
        files = 6;
    }
    for (int i = files; i < argc; i++) {
        if (!run_file(family, argv[i]))
            return 2;
    }
    long count = atol(argv[2]);
    uint64_t seed = strtoull(argv[3], NULL, 10);
    for (long i = 0; i < count; i++)
        run_random(family, seed + (uint64_t)i);
    printf("%s: %d files, %ld random sequences\n", family->name, argc - files, count);
    return 0;
}
