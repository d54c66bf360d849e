/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_SYMBOLS_H
#define KSI_DIAG_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

/* What of an object is needed to name an address in it. */
struct ksi_object {
    uintptr_t begin; /* its file's first byte */
    uintptr_t low;   /* of its segments */
    uintptr_t high;
    uintptr_t bias;
    uintptr_t symbols; /* 0: it has none */
    uintptr_t strings;
    uintptr_t hash;     /* DT_HASH */
    uintptr_t gnu_hash; /* DT_GNU_HASH */
    uint32_t count;     /* of symbols */
    unsigned char header[64];
    char file[64]; /* last part of its name */
};

/*
 * What the map of the process said to one report that looks up many addresses, so that it
 * is read once for each object and not for each address. Objects come and go meanwhile:
 *
 *   - an address that lies in no line that is kept is looked for in the map as it is now,
 *     so an object that is loaded later is found;
 *   - before a line is used, the first bytes of its object are compared with what they
 *     were: if they differ, or are gone, all lines are forgotten and the map is read
 *     again. So no name comes from an object that has made room for another one;
 *   - a line of memory that was no object is looked at in the same way: is there one now?
 *     Only an object that is loaded into the middle of such memory has no name in this
 *     report.
 */
enum { KSI_MAP_LINES = 32, KSI_MAP_OBJECTS = 8 };

struct ksi_symbols {
    uint32_t nlines;
    uint32_t nobjects;
    struct {
        uintptr_t begin;
        uintptr_t end;
        uint32_t object; /* KSI_MAP_OBJECTS: none */
    } lines[KSI_MAP_LINES];
    struct ksi_object objects[KSI_MAP_OBJECTS];
};

/*
 * From now on the caller's lookups (ksi_symbol_find) use s, whose memory is the caller's.
 * Returns what they have used before, for the end. Any context; they nest.
 */
struct ksi_symbols *ksi_symbols_begin(struct ksi_symbols *s);
void ksi_symbols_end(struct ksi_symbols *before);

/* For tests: how often the calling thread has read the map. */
#if defined(KSI_TESTING)
extern __thread unsigned ksi_map_reads;
#endif

#endif
