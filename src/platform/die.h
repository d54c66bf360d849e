/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_DIE_H
#define KSI_PLATFORM_DIE_H

#include "platform/compiler.h"

/* The impossible happened: says what and where, then aborts. */
KSI_COLD __attribute__((noreturn)) void ksi_die(const char *file, int line,
                                                const char *what, int error);

#define KSI_DIE(what, error) ksi_die(__FILE__, __LINE__, (what), (error))

#endif
