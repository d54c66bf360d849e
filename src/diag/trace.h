/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_TRACE_H
#define KSI_DIAG_TRACE_H

#include "thread/thread.h"

/*
 * trace=FILE: each thread keeps its latest events in a ring of its own, trace.c; what
 * they say is put in order and written as trace JSON, trace_write.c.
 */

enum {
    KSI_TRACE_EVENTS = 32768,
    KSI_TRACE_EVENTS_MIN = 64,
    KSI_TRACE_EVENTS_MAX = 1 << 24
};

/* Events of a ring by KSLOCK_TRACE_EVENTS, a power of two; 0: it says no such number. */
uint32_t ksi_trace_events_wanted(void);

/*
 * Opens FILE, in which %p stands for the number of the process: a descriptor, -1: it
 * cannot be written.
 */
int ksi_trace_open(const char *file);

/* The tables of names; false: no memory. */
bool ksi_trace_names_make(void);

/*
 * From the bit of the switch on, which comes next, events are kept, and written to fd at
 * exit. Takes fd over; the file of before is forgotten.
 */
void ksi_trace_enable(int fd);

/* The thread is about to be taken off the registry: no more of its events are kept. */
void ksi_trace_thread_exits(ksl_thread *t);

/* In a child of fork: nothing is traced, the parent's file is closed. */
void ksi_trace_forget(ksl_thread *self);

/* graph=FILE: the order graph goes to fd at exit; takes fd over. */
void ksi_graph_file(int fd);
void ksi_graph_forget(void);

/* What is written at exit, if this process has a file to write to. */
void ksi_trace_write_at_exit(void);
void ksi_graph_write_at_exit(void);

#endif
