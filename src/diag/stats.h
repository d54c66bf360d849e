/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_STATS_H
#define KSI_DIAG_STATS_H

#include "diag/hooks.h"
#include "platform/rawlock.h"

#include <kslock/diag.h>

/*
 * `stats`: what locks are used for and what they cost. The sink (stats.c,
 * stats_direct.c) is told by the thread that something happens to, and counts in that
 * thread's own block of memory; a
 * report (stats_sum.c) adds the blocks up while their threads go on. No cache line is
 * written by two threads for a lock that is free.
 *
 * All is counted, and all waits are timed. Of the holds of a row some are timed: the
 * first KSI_STATS_EARLY, which stand for themselves; those that had to be waited for,
 * likewise; of the others one after each distance that is drawn from 1 to 2 * N - 1,
 * which stands for all of that distance, so that sums have no bias. N is
 * ksi_stats_sample; 1 times all.
 *
 * What can be relied on, with t the sums of one lock, class, call site, or of all:
 *
 *   N1  shared <= acquisitions, tried <= acquisitions, holds_timed <= holds <=
 * acquisitions N2  contended <= acquisitions + upgrades + given_up: misses never exceed
 * attempts N3  given_up <= contended + 1 for each attempt that is just ending N4  spun <=
 * contended N5  the histogram adds up to contended N6  *_max <= *_total for waits, holds
 * and sleeps N7  woken + timed_out + interrupted + destroyed = sleeps, less who is asleep
 * now N8  woken <= wakes, over all locks: each wait that was woken has its wake N9  sums
 * over locks, classes, call sites are the same; those over threads too
 *
 * N1, N2, N4 and N6 hold in each report, the others when nobody is using locks: then
 * N5 and N7 are equal, and what is asleep or waits now is counted beside.
 */
enum ksi_stat {
#define STAT(name, text, how, unit) KSI_STAT_##name,
#include "diag/stats.def"
#undef STAT
    KSI_STATS
};

enum {
    KSI_STATS_BUCKETS = 40, /* of waits: [2^i, 2^(i+1)) ns, the last one has no end */
    KSI_STATS_HELD = 256,   /* holds of a thread whose time is taken */
    KSI_STATS_CACHE = 64,
    KSI_STATS_EARLY = 64,  /* holds of a row that are all timed */
    KSI_STATS_SAMPLE = 16, /* ksi_stats_sample, if nobody says another */
    KSI_STATS_SAMPLE_MOST = 65536,
    KSI_STATS_CHUNKS = 20, /* of rows, each twice the one before */
    KSI_STATS_FIRST = 32,  /* rows of the first chunk */
    KSI_STATS_CLASSES = 16384,
    KSI_STATS_CLASS_TEXT = 48,
    KSI_STATS_FRAMES = 16,
    KSI_STATS_STACKS = 2048,
    KSI_STATS_PAST = 1024 /* threads that have exited and have a line of their own */
};

/* --- rows (stats_row.c) ------------------------------------------------------------- */

/*
 * What one thread has done with one lock at one call site. Written by that thread; all
 * but the key, which is constant, is atomic.
 */
struct ksi_stats_row {
    const void *lock;
    const void *site;
    uint32_t kind;
    uint32_t class; /* 0: none */
    uint64_t c[KSI_STATS];
    uint64_t *waits;   /* the histogram; NULL: none yet */
    uint32_t left;     /* its thread's: the hold that is timed next, 1: the next one */
    uint32_t distance; /* likewise: how many holds that one stands for */
    uint32_t early;    /* likewise: so many more are all timed */
} __attribute__((aligned(64)));

/* A call that may wait and has not got its lock yet. Its thread's alone but `waiting`. */
struct ksi_stats_attempt {
    const void *lock; /* NULL: no attempt */
    const void *site;
    enum ksi_kind kind;
    bool contended;
    bool spun;
    uint32_t stack;                      /* 1 + number of the stack, 0: none */
    struct ksi_stats_row *row;           /* NULL: not looked up */
    uint64_t since;                      /* contended since */
    uint64_t last;                       /* when something was heard of it last */
    const struct ksi_stats_row *waiting; /* atomic: row, while it is contended */
};

/* `what` is the lock, with the top bit set for a share; 0: given back. */
struct ksi_stats_hold {
    uintptr_t what; /* atomic, like the next two */
    struct ksi_stats_row *row;
    uint32_t turn;   /* which one of the row, as long as it can count */
    uint32_t weight; /* holds that it stands for; 0: it is not timed */
    uint64_t since;  /* if it is timed */
};
/* In weight: it raised the level from 0. */
#define KSI_STATS_MASKS ((uint32_t)1 << 31)
#define KSI_STATS_SHARE ((uintptr_t)1 << (sizeof(uintptr_t) * 8 - 1))

/* One interrupt; atomic but for the last two. */
struct ksi_stats_irq {
    uint64_t raised;
    uint64_t run;
    uint64_t put_off;
    uint64_t put_off_max; /* ticks, like the others below */
    uint64_t run_total;
    uint64_t run_max;
    uint64_t since; /* put off since */
    uint64_t began;
};

/* Of a thread, besides its rows. */
enum {
    KSI_STATS_RAISED,
    KSI_STATS_RUN,
    KSI_STATS_PUT_OFF,
    KSI_STATS_PUT_OFF_MAX,
    KSI_STATS_IRQ
};

/* A descriptor's block; it stays when the descriptor serves another thread. */
struct ksi_stats_block {
    ksl_thread *thread;
    struct ksi_stats_block *next; /* constant once it is in the list */
    int tid;                      /* atomic: whose counters `base` are; 0: it has left */
    uint32_t life;                /* see ksi_stats_life */
    uint32_t nrows;               /* atomic: complete rows */
    uint32_t nheld;               /* atomic */
    uint32_t room;                /* of index, a power of two; 0: none */
    uint32_t epoch;               /* of cache */
    uint32_t *index;              /* 1 + number of the row */
    struct ksi_stats_row *last;
    struct ksi_stats_row *cache[KSI_STATS_CACHE];
    struct ksi_stats_row *asleep; /* what it sleeps for; NULL: it is awake */
    uint64_t asleep_since;
    uint64_t *spare; /* histograms that are not in use yet */
    uint32_t spares;
    uint32_t random;                                      /* never 0 */
    uint64_t unrecorded;                                  /* atomic */
    uint64_t put_off;                                     /* interrupts */
    struct ksi_stats_attempt attempt[KSL_IRQ_LEVELS + 1]; /* by handlers nested */
    uint64_t base[KSI_STATS];     /* atomic: rows of the threads before */
    uint64_t most[KSI_STATS];     /* atomic: the maxima of this thread */
    uint64_t own[KSI_STATS_IRQ];  /* atomic */
    struct ksi_stats_row nowhere; /* for what has no room */
    struct ksi_stats_row *chunk[KSI_STATS_CHUNKS]; /* atomic */
    struct ksi_stats_hold held[KSI_STATS_HELD];
    struct ksi_stats_irq irq[KSL_IRQ_COUNT];
};

extern struct ksi_stats_block *ksi_stats_blocks; /* atomic: the newest one */
/* Another one: addresses of locks may mean something else. */
extern uint32_t ksi_stats_epoch; /* atomic */
/* Counters of another life are none: a fork has made them another process's. */
extern uint32_t ksi_stats_life; /* atomic */
/* Bytes that may still be mapped; a test may make it less. */
extern int64_t ksi_stats_room;        /* atomic */
extern uint64_t ksi_stats_unrecorded; /* atomic: of threads without a block */
extern uint32_t ksi_stats_sample;     /* atomic: see above */

/* Pages within the room, else NULL, which is told once. */
void *ksi_stats_pages(size_t bytes);

/* The block of the caller t, made or made anew; NULL: no room. Masked. */
KSI_COLD struct ksi_stats_block *ksi_stats_block_of(ksl_thread *t);

/* The row, which may be `nowhere`; exists: the lock's memory does. */
KSI_COLD struct ksi_stats_row *ksi_stats_row_make(struct ksi_stats_block *b,
                                                  enum ksi_kind kind, const void *lock,
                                                  const void *site, bool exists);
struct ksi_stats_row *ksi_stats_row_at(const struct ksi_stats_block *b, uint32_t i);

/* The histogram of a row; NULL: no room. */
KSI_COLD uint64_t *ksi_stats_waits_of(struct ksi_stats_block *b,
                                      struct ksi_stats_row *row);

/* --- classes (stats_class.c) -------------------------------------------------------- */

/* A copy of what order.h calls a node, kept when the locks are gone. */
enum { KSI_STATS_BY_KIND = 100 };
struct ksi_stats_class {
    uint64_t key;
    uint32_t by; /* enum ksi_by, or KSI_STATS_BY_KIND: nothing else is known */
    uint32_t kind;
    char name[KSI_STATS_CLASS_TEXT];
};
bool ksi_stats_classes_make(void);
void ksi_stats_class_before_fork(void);
void ksi_stats_class_after_fork(bool child);
uint32_t ksi_stats_class_of(enum ksi_kind kind, const void *lock, bool exists);
const struct ksi_stats_class *ksi_stats_class_at(uint32_t class);

/* --- stacks (stats_stack.c) --------------------------------------------------------- */

struct ksi_stats_stack {
    const void *frame[KSI_STATS_FRAMES]; /* constant, like the next two */
    uint32_t frames;
    uint32_t class;
    uint64_t waits; /* atomic */
    uint64_t total; /* atomic: ticks */
    uint64_t most;  /* atomic: ticks */
};
bool ksi_stats_stacks_make(void);
void ksi_stats_stacks_before_fork(void);
void ksi_stats_stacks_after_fork(bool child);
/* The caller's stack: 1 + its number; 0: no room. site: where it called the library. */
KSI_COLD uint32_t ksi_stats_stack_here(uint32_t class, const void *site);
void ksi_stats_stack_waited(uint32_t stack, uint64_t ticks);
/* How many there are, and each; what had no room is in the last one, without frames. */
uint32_t ksi_stats_stack_count(void);
const struct ksi_stats_stack *ksi_stats_stack_at(uint32_t i);

/* --- threads that have exited (stats_past.c) ---------------------------------------- */

struct ksi_stats_line {
    int tid;
    uint32_t threads; /* more than 1: so many in one line */
    bool alive;
    char name[KSI_NAME_MAX];
    uint64_t c[KSI_STATS]; /* ticks are ticks */
    uint64_t own[KSI_STATS_IRQ];
};
bool ksi_stats_past_make(void);
/* A maximum, not a sum. */
bool ksi_stats_is_maximum(unsigned stat);
/* The line of a block as it is now. */
void ksi_stats_line_of(struct ksi_stats_line *line, const struct ksi_stats_block *b);
/* For the sink. */
void ksi_stats_past_add(const struct ksi_stats_line *line);
/* Copies of all, at most KSI_STATS_PAST + 1; returns how many. */
uint32_t ksi_stats_past_copy(struct ksi_stats_line *to);
void ksi_stats_past_before_fork(void);
void ksi_stats_past_after_fork(bool child);

/* --- stats.c, stats_direct.c -------------------------------------------------------- */

void ksi_stats_event(ksl_thread *t, const struct ksi_event *e);

/*
 * The events of a lock that is taken and given back, while nobody but `stats` is told:
 * by the caller t, in any context. AT_ONCE: by a call that may wait, found free at once,
 * without a BEFORE (ksi_stats_taken_at_once, in hooks.h with ksi_stats_given).
 */
enum ksi_stats_how { KSI_STATS_BY_CALL, KSI_STATS_BY_TRY, KSI_STATS_AT_ONCE };
void ksi_stats_before(ksl_thread *t, enum ksi_kind kind, const void *lock,
                      const void *site);
void ksi_stats_taken(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                     const void *lock, const void *site, enum ksi_stats_how how);

/* t exits: its line is kept. */
void ksi_stats_leave(ksl_thread *t);

/* --- the switch and the reports (stats_report.c) ------------------------------------ */

/* Makes the tables and sets the sink; false: no memory. */
bool ksi_stats_enable(void);
/* Where the report at exit goes; -1: to ksi_diag_fd(), as text. Of this process. */
void ksi_stats_at_exit(int fd, int format);
void ksi_stats_write_at_exit(void);
/* The format that the suffix of a file name means. */
int ksi_stats_format_of(const char *file);
void ksi_stats_before_fork(void);
void ksi_stats_after_fork(bool child);

#endif
