/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_PRINT_H
#define KSI_DIAG_PRINT_H

#include "diag/held.h"
#include "platform/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Text for a file descriptor, written where nothing may be waited for or allocated: in
 * real signal handlers and beside threads that are stuck.
 */
struct ksi_out {
    int fd;
    size_t used;
    char room[512];
};

void ksi_out_begin(struct ksi_out *out, int fd);
void ksi_out_end(struct ksi_out *out); /* writes what is left */

/* Knows %s %c %d %u %x %llu %p and %%. */
KSI_PRINTF(2, 3) void ksi_out(struct ksi_out *out, const char *fmt, ...);

/* The same words as those of diag/violation.h. */
void ksi_out_thread(struct ksi_out *out, const ksl_thread *t);
void ksi_out_lock(struct ksi_out *out, enum ksi_kind kind, const void *lock);
void ksi_out_site(struct ksi_out *out, const void *site);

/*
 * The frames of the caller, a line each: FILE(SYMBOL+OFFSET) [ADDRESS]. Only the unwinder
 * is asked, which must have been used before if the loader may be stuck (violation.c).
 */
KSI_ASIDE void ksi_out_backtrace(int fd);

/* 1.234 */
void ksi_out_seconds(struct ksi_out *out, uint64_t ns);

/* Copies memory that may be gone: false if it is. */
bool ksi_peek(void *to, const void *from, size_t n);
bool ksi_peek_text(char *to, size_t room, const char *from);

/*
 * The object file, and the symbol of it, that address lies in, from the memory of this
 * process: the loader's own tables have a lock. False: in none.
 */
struct ksi_symbol {
    char file[64];  /* last part of its name */
    char name[128]; /* "" if no symbol is there */
    size_t offset;  /* from the symbol, or from the file's first byte */
};
bool ksi_symbol_find(struct ksi_symbol *s, const void *address);

#endif
