/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_EVENT_H
#define KSI_LOCK_EVENT_H

#include "thread/thread.h"

/* Waits of the calling thread for an event word, one at a time. */

/* False, after a violation, if the caller may not wait, or word is NULL. */
bool ksi_event_check(const int *word, const char *call, const void *site);

/* Queues the caller. What it queued for before is forgotten. */
void ksi_event_queue(int *word, bool signals); /* signals may end the wait */
bool ksi_event_queued(void);

/*
 * Waits until somebody ends the wait, if nobody has since it was queued. False if a
 * signal did. *result: what the waker has given, 0 if it gives nothing.
 */
bool ksi_event_wait(int *result);

/* Wake-ups. The rest is callable in handlers, and word must not be NULL. */
enum ksi_event_wake {
    KSI_EVENT_ONE,    /* the most urgent one */
    KSI_EVENT_ALL,    /* and the word is 0 then */
    KSI_EVENT_YIELDS, /* likewise, but a signal that is there when it wakes wins */
};
void ksi_event_wakeup(int *word, int result, enum ksi_event_wake how);

/* Ends the wait of t for any event word; nothing if it is in none. */
void ksi_event_clear(ksl_thread *t, int result);

/* Posts signo to all interruptible waiters of the word. */
void ksi_event_signal(const int *word, int signo);

/* The registered thread with that id; NULL if there is none. */
ksl_thread *ksi_event_thread(int tid);

/* Sticky events, a set for each thread. */

struct ksi_events_wait {
    uint64_t wanted; /* any of them */
    uint64_t clear;  /* taken off the set when it ends */
    bool interruptible;
    bool forget; /* ended by a signal it empties the set */
};

/* Returns the posted ones of those wanted; 0 after a signal. */
uint64_t ksi_events_wait(const struct ksi_events_wait *s);

void ksi_events_post(ksl_thread *t, uint64_t events);

#endif
