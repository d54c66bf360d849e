/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_SUPPRESS_H
#define KSI_DIAG_SUPPRESS_H

#include <stdbool.h>

/* The lines of files of suppress=FILE: see <kslock/diag.h> for what they say. */
struct ksi_suppressions;

/*
 * Reads a file behind what *to has already. False: it cannot be read, or has lines that
 * are wrong, which are told on stderr; the others are in *to.
 */
bool ksi_suppress_read(struct ksi_suppressions **to, const char *file);

/* They hold from now on, beside those that hold already. NULL: none. */
void ksi_suppress_add(struct ksi_suppressions *lines);

/* For some that were never added. */
void ksi_suppress_free(struct ksi_suppressions *lines);

#endif
