/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_BUGS_H
#define TESTS_BUGS_H

/*
 * Bugs of other lock libraries, each as a scene that would have shown it here: README.md
 * has the table. A scene stops threads at points of the library (KSI_POINT), so what
 * takes luck in a stress test happens each time.
 */

#include "locks.h"
#include "puppet.h"

#include "platform/park.h"
#include "platform/testing.h"
#include "thread/thread.h"

#include <kslock/irq.h>
#include <kslock/signal.h>

/*
 * Registers a test; its name begins with the number of the bug, or with `path` if it is
 * of a slow path of this library alone.
 */
#define BUG(test) bug_add(#test, test, NULL)
/*
 * Likewise, one that not every host can run: lacks() tells what is missing, or returns
 * NULL. It is left out of a run of all tests, and has a ctest of its own (--only).
 */
#define BUG_UNLESS(lacks, test) bug_add(#test, test, lacks)
void bug_add(const char *name, const TTest *test, const char *(*lacks)(void));

/* The files of tests. */
void add_f01_to_f03(void);
void add_f04_and_f16(void);
void add_f05_to_f09(void);
void add_f06(void);
void add_f10_to_f13(void);
void add_f12_of_aix(void);
void add_f14(void);
void add_f15(void);
void add_f17(void);
void add_f18(void);
void add_f19(void);
void add_f20(void);
void add_f21(void);
void add_f22_and_f23(void);
void add_stanix_scenes(void);
void add_paths_of_rw(void);
void add_paths_of_spinning(void);
void add_paths_of_freebsd(void);
void add_paths_of_handlers(void);
void add_paths_of_evl(void);
void add_paths_of_aix(void);
void add_paths_of_releases(void);
void add_paths_of_signals(void);
void add_paths_of_events(void);
void add_paths_of_irq(void);

/* The path of the shared library, for tests that load a second copy. */
extern const char *bug_shared_library;

/* True in a run with a planted fault. */
bool bug_is_planted(void);

/*
 * What happens at a point of the library, once: to thread t, at the point `where`. act is
 * called there, NULL: the thread stays there until bug_go. It may be inside of a raw
 * lock then, or hold locks of the library's own, so act calls what any context may.
 */
struct stop {
    const char *where;        /* atomic; NULL: nothing is wanted */
    const ksl_thread *thread; /* atomic */
    void (*act)(void *arg);
    void *arg;
    int reached; /* atomic */
    int go;      /* atomic */
};
enum { STOPS = 4 };
void bug_stop(unsigned i, const char *where, const struct puppet *p);
void bug_act(unsigned i, const char *where, const struct puppet *p, void (*act)(void *),
             void *arg);
bool bug_reached(unsigned i);
void bug_await_stop(unsigned i);
void bug_go(unsigned i);

/*
 * An interrupt whose handler makes one call; until bug_no_handler. bug_interrupt raises it
 * on the thread of a struct puppet, from anywhere.
 */
void bug_handler(call_fn call, void *object);
void bug_no_handler(void);
void bug_interrupt(void *puppet);
unsigned bug_handled(void); /* how often */
int bug_handler_result(void);

/* A lock of some kind, and puppets on the stage that it needs. */
enum { SCENE_PUPPETS = 6 };
struct scene {
    const struct lock_kind *kind;
    struct lock_memory memory;
    void *lock;
    struct puppet p[SCENE_PUPPETS];
    int puppets;
    unsigned next; /* kind of lock */
};
void scene_begin(struct scene *s, const struct lock_kind *kind, int puppets);
void scene_end(struct scene *s);

/*
 * A scene for each kind of lock that is all of what is wanted: ends the one before and
 * begins the next one; false if there is none. First call: {.puppets = n}.
 */
enum {
    ALL_KINDS = 0,
    SHARES = 1,
    UPGRADES = 2,
    DOWNGRADES = 4,
    SLEEPS = 8,
    SPINS = 16,
};
bool scene_next(struct scene *s, unsigned wanted);

/* Puppet i makes a call of the kind on the lock. */
static inline int says(struct scene *s, int i, lock_call call)
{
    return ask(&s->p[i], call, s->lock);
}

/* A call of a puppet: the number of signals that were pending. */
static inline int take_signals(void *unused)
{
    (void)unused;
    int n = 0;
    while (ksl_signal_take() != 0)
        n++;
    return n;
}

/* It has to wait in that call: it is asleep, or spins and has begun to nap. */
void waits(struct scene *s, int i, lock_call call);
/* It waits still, or again. */
void still_waits(struct scene *s, int i);

/* Which of two waiters came in: the index; both is a failure. */
int one_of(const struct scene *s, int a, int b);

#endif
