/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols of one report: what it keeps of the map of the process, and when it looks
 * again. */

#define _GNU_SOURCE 1

#include "support.h"

#include "diag/print.h"
#include "diag/symbols.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static const char *module; /* its file */

static struct ksi_symbols kept;
static struct ksi_symbols *before;

static void begin(void)
{
    before = ksi_symbols_begin(&kept);
}

static void end(void)
{
    ksi_symbols_end(before);
}

static int own_thing[16];

/* Code and data of some objects, a heap and a stack. */
enum { PLACES = 8 };

static void fill_places(const void *place[PLACES], void *heap)
{
    place[0] = own_thing;
    place[1] = dlsym(RTLD_DEFAULT, "qsort");
    place[2] = stdin;
    place[3] = heap;
    place[4] = place;
    place[5] = dlsym(RTLD_DEFAULT, "dlsym");
    place[6] = dlsym(RTLD_DEFAULT, "strlen");
    place[7] = (const char *)place[1] + 3;
}

START_TEST(part2_the_map_is_read_once)
{
    const void *place[PLACES];
    struct ksi_symbol alone[PLACES], s;
    bool found[PLACES];
    void *heap = malloc(100);
    memset(&s, 0, sizeof s);
    memset(alone, 0, sizeof alone);
    fill_places(place, heap);
    for (int i = 0; i < PLACES; i++)
        found[i] = ksi_symbol_find(&alone[i], place[i]);
    unsigned reads = ksi_map_reads;
    ck_assert_uint_ge(reads, PLACES);
    begin();
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < PLACES; i++) {
            ck_assert_int_eq(ksi_symbol_find(&s, place[i]), found[i]);
            if (!found[i])
                continue;
            ck_assert_str_eq(s.file, alone[i].file);
            ck_assert_str_eq(s.name, alone[i].name);
            ck_assert_uint_eq(s.offset, alone[i].offset);
        }
        if (turn == 0)
            reads = ksi_map_reads;
    }
    end();
    ck_assert_uint_eq(ksi_map_reads, reads);
    (void)ksi_symbol_find(&s, place[0]);
    ck_assert_uint_eq(ksi_map_reads, reads + 1);
    free(heap);
}
END_TEST

/* A report within a report, of a signal handler say, does not disturb it. */
START_TEST(part2_reports_nest)
{
    struct ksi_symbol s;
    struct ksi_symbols inner;
    begin();
    (void)ksi_symbol_find(&s, stdin);
    unsigned reads = ksi_map_reads;
    struct ksi_symbols *outer = ksi_symbols_begin(&inner);
    ck_assert_ptr_eq(outer, &kept);
    ck_assert(ksi_symbol_find(&s, stdin));
    ck_assert_uint_eq(ksi_map_reads, reads + 1);
    ksi_symbols_end(outer);
    ck_assert(ksi_symbol_find(&s, stdin));
    ck_assert_uint_eq(ksi_map_reads, reads + 1);
    end();
}
END_TEST

/* More lines than are kept: what was kept goes, and is found again. */
START_TEST(part2_more_lines_than_are_kept)
{
    enum { MAPPED = 3 * KSI_MAP_LINES, PAGE = 65536 };
    static char *page[MAPPED];
    struct ksi_symbol s;
    begin();
    ck_assert(ksi_symbol_find(&s, stdin));
    for (int i = 0; i < MAPPED; i++) {
        int prot = i % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE; /* a line each */
        page[i] = mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert(page[i] != MAP_FAILED);
        ck_assert(!ksi_symbol_find(&s, page[i]));
        ck_assert(!ksi_symbol_find(&s, page[i] + PAGE - 1));
        ck_assert(ksi_symbol_find(&s, stdin));
        ck_assert_str_eq(s.name, "_IO_2_1_stdin_");
    }
    end();
    for (int i = 0; i < MAPPED; i++)
        munmap(page[i], PAGE);
}
END_TEST

static void expect_module(const void *thing)
{
    struct ksi_symbol s;
    ck_assert(ksi_symbol_find(&s, (const char *)thing + 4));
    ck_assert_str_eq(s.name, "symbols_module_thing");
    ck_assert_uint_eq(s.offset, 4);
}

START_TEST(part2_an_object_that_comes_later)
{
    struct ksi_symbol s;
    begin();
    (void)ksi_symbol_find(&s, own_thing);
    (void)ksi_symbol_find(&s, stdin);
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    expect_module(dlsym(handle, "symbols_module_thing"));
    unsigned reads = ksi_map_reads;
    expect_module(dlsym(handle, "symbols_module_thing"));
    ck_assert_uint_eq(ksi_map_reads, reads);
    end();
    dlclose(handle);
}
END_TEST

/* What is kept of it is not believed: its memory is gone, or is other memory. */
START_TEST(part2_an_object_that_goes)
{
    struct ksi_symbol s;
    struct link_map *map;
    begin();
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    const char *thing = dlsym(handle, "symbols_module_thing");
    const char *call = dlsym(handle, "symbols_module_call");
    ck_assert_int_eq(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
    char *first = (char *)(uintptr_t)map->l_addr;
    size_t size = (size_t)(thing - first) + sizeof(int);
    expect_module(thing);
    ck_assert(ksi_symbol_find(&s, call));
    ck_assert_str_eq(s.name, "symbols_module_call");
    dlclose(handle);
    ck_assert(!ksi_symbol_find(&s, thing));
    ck_assert(!ksi_symbol_find(&s, call));
    /* Now with something else in its place. */
    handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    thing = dlsym(handle, "symbols_module_thing");
    ck_assert_int_eq(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
    first = (char *)(uintptr_t)map->l_addr;
    expect_module(thing);
    dlclose(handle);
    char *other = mmap(first, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    ck_assert(!ksi_symbol_find(&s, thing));
    if (other != MAP_FAILED)
        munmap(other, size);
    end();
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("diag/symbols");
    TCase *c = tcase_create("symbols");
    if (argc != 2) {
        fprintf(stderr, "usage: %s MODULE\n", argv[0]);
        return 2;
    }
    module = argv[1];
    tcase_add_test(c, part2_the_map_is_read_once);
    tcase_add_test(c, part2_reports_nest);
    tcase_add_test(c, part2_more_lines_than_are_kept);
    tcase_add_test(c, part2_an_object_that_comes_later);
    tcase_add_test(c, part2_an_object_that_goes);
    suite_add_tcase(s, c);
    return support_run(s);
}
