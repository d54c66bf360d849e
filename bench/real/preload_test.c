/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run with libkslock_preload.so: what pthreads promises is kept by the locks that are
 * carried by the library and by those that stay. Exit status 1 with a message for what is
 * not, 77 if the object is not preloaded.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, TURNS = 5000 };

#define CHECK(expression_)                                                               \
    do {                                                                                 \
        if (!(expression_)) {                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #expression_);    \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

/* --- what other threads do ------------------------------------------------------------
 */

/* One call by another thread: its result. */
struct call {
    int (*function)(void *lock);
    int (*undo)(void *lock); /* after a success; NULL: nothing */
    void *lock;
    int result;
};

static void *make_call(void *arg)
{
    struct call *c = arg;
    c->result = c->function(c->lock);
    if (c->result == 0 && c->undo != NULL)
        (void)c->undo(c->lock);
    return NULL;
}

static int elsewhere(int (*function)(void *), int (*undo)(void *), void *lock)
{
    struct call c = {function, undo, lock, -1};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, make_call, &c) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return c.result;
}

static int try_mutex(void *m)
{
    return pthread_mutex_trylock(m);
}

static int give_mutex(void *m)
{
    return pthread_mutex_unlock(m);
}

static int try_read(void *l)
{
    return pthread_rwlock_tryrdlock(l);
}

static int try_write(void *l)
{
    return pthread_rwlock_trywrlock(l);
}

static int give_rwlock(void *l)
{
    return pthread_rwlock_unlock(l);
}

/* --- mutexes --------------------------------------------------------------------------
 */

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t made_normal;
static pthread_mutex_t made_recursive;
static pthread_mutex_t inherit;
static pthread_mutex_t robust;

static struct {
    pthread_mutex_t *mutex;
    bool nested;
    bool carried;
} const mutexes[] = {
    {&normal, false, true},      {&adaptive, false, true},      {&recursive, true, true},
    {&made_normal, false, true}, {&made_recursive, true, true}, {&checked, false, false},
    {&inherit, false, false},    {&robust, false, false},
};
enum { MUTEXES = sizeof mutexes / sizeof mutexes[0] };

static void make_mutex(pthread_mutex_t *m, int type, int protocol, int robustness)
{
    pthread_mutexattr_t a;
    CHECK(pthread_mutexattr_init(&a) == 0);
    CHECK(pthread_mutexattr_settype(&a, type) == 0);
    CHECK(pthread_mutexattr_setprotocol(&a, protocol) == 0);
    CHECK(pthread_mutexattr_setrobust(&a, robustness) == 0);
    CHECK(pthread_mutex_init(m, &a) == 0);
    CHECK(pthread_mutexattr_destroy(&a) == 0);
}

/* glibc writes the thread's id there; the library has an address in these places. */
static bool is_carried(pthread_mutex_t *m)
{
    pthread_mutex_lock(m);
    bool theirs = m->__data.__owner == gettid();
    pthread_mutex_unlock(m);
    return !theirs;
}

static unsigned long counter; /* under the mutex of the test */

static void *count_up(void *arg)
{
    size_t i = (size_t)arg;
    for (unsigned n = 0; n < TURNS; n++) {
        unsigned levels = mutexes[i].nested ? 2 : 1;
        for (unsigned l = 0; l < levels; l++)
            pthread_mutex_lock(mutexes[i].mutex);
        counter++;
        for (unsigned l = 0; l < levels; l++)
            pthread_mutex_unlock(mutexes[i].mutex);
    }
    return NULL;
}

static void test_mutexes(void)
{
    make_mutex(&made_normal, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE,
               PTHREAD_MUTEX_STALLED);
    make_mutex(&made_recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE,
               PTHREAD_MUTEX_STALLED);
    make_mutex(&inherit, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT,
               PTHREAD_MUTEX_STALLED);
    make_mutex(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
    for (size_t i = 0; i < MUTEXES; i++) {
        pthread_mutex_t *m = mutexes[i].mutex;
        pthread_t thread[THREADS];
        CHECK(is_carried(m) == mutexes[i].carried);
        counter = 0;
        for (unsigned t = 0; t < THREADS; t++)
            CHECK(pthread_create(&thread[t], NULL, count_up, (void *)i) == 0);
        for (unsigned t = 0; t < THREADS; t++)
            CHECK(pthread_join(thread[t], NULL) == 0);
        CHECK(counter == (unsigned long)THREADS * TURNS);

        CHECK(pthread_mutex_trylock(m) == 0);
        CHECK(elsewhere(try_mutex, give_mutex, m) == EBUSY);
        if (mutexes[i].nested) {
            CHECK(pthread_mutex_trylock(m) == 0);
            CHECK(pthread_mutex_unlock(m) == 0);
            CHECK(elsewhere(try_mutex, give_mutex, m) == EBUSY);
        }
        CHECK(pthread_mutex_unlock(m) == 0);
        CHECK(elsewhere(try_mutex, give_mutex, m) == 0);
    }
    CHECK(pthread_mutex_lock(&checked) == 0);
    CHECK(pthread_mutex_lock(&checked) == EDEADLK);
    CHECK(pthread_mutex_unlock(&checked) == 0);
    CHECK(pthread_mutex_unlock(&checked) == EPERM);
}

/* --- condition variables
 * ---------------------------------------------------------------- */

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned turns; /* all under the mutex of the test */
static unsigned waiting;
static unsigned woken;
static bool go;

static void take_turns(pthread_mutex_t *m, unsigned mine)
{
    pthread_mutex_lock(m);
    for (unsigned n = 0; n < TURNS / 10; n++) {
        while (turns % 2 != mine)
            pthread_cond_wait(&cond, m);
        turns++;
        pthread_cond_signal(&cond);
    }
    pthread_mutex_unlock(m);
}

static void *other_turns(void *mutex)
{
    take_turns(mutex, 1);
    return NULL;
}

static void *wait_for_go(void *mutex)
{
    pthread_mutex_lock(mutex);
    waiting++;
    while (!go)
        pthread_cond_wait(&cond, mutex);
    woken++;
    pthread_mutex_unlock(mutex);
    return NULL;
}

static void test_broadcast(pthread_mutex_t *m)
{
    pthread_t thread[THREADS];
    bool all = false;
    waiting = woken = 0;
    go = false;
    for (unsigned t = 0; t < THREADS; t++)
        CHECK(pthread_create(&thread[t], NULL, wait_for_go, m) == 0);
    while (!all) {
        pthread_mutex_lock(m);
        all = waiting == THREADS; /* and all of them wait, or wait for the mutex */
        if (all) {
            go = true;
            pthread_cond_broadcast(&cond);
        }
        pthread_mutex_unlock(m);
    }
    for (unsigned t = 0; t < THREADS; t++)
        CHECK(pthread_join(thread[t], NULL) == 0);
    CHECK(woken == THREADS);
}

static bool reached(clockid_t clock, const struct timespec *date)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > date->tv_sec ||
           (now.tv_sec == date->tv_sec && now.tv_nsec >= date->tv_nsec);
}

/* Nobody signals: a wait ends by its date, not before it, with the mutex held. */
static void test_dates(pthread_mutex_t *m)
{
    enum { REAL, MONOTONIC, BY_CALL, KINDS };
    pthread_condattr_t a;
    pthread_cond_t c[KINDS];
    CHECK(pthread_condattr_init(&a) == 0);
    CHECK(pthread_cond_init(&c[REAL], NULL) == 0 &&
          pthread_cond_init(&c[BY_CALL], NULL) == 0);
    CHECK(pthread_condattr_setclock(&a, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&c[MONOTONIC], &a) == 0);
    for (unsigned n = 0; n < 2 * KINDS; n++) {
        unsigned kind = n / 2;
        clockid_t clock = kind == REAL ? CLOCK_REALTIME : CLOCK_MONOTONIC;
        struct timespec date;
        int error;
        clock_gettime(clock, &date);
        date.tv_sec -= n % 2; /* in the past, too */
        date.tv_nsec += 2000000;
        if (date.tv_nsec >= 1000000000) {
            date.tv_sec++;
            date.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(m);
        do /* a spurious wake-up */
            error = kind == BY_CALL ? pthread_cond_clockwait(&c[kind], m, clock, &date)
                                    : pthread_cond_timedwait(&c[kind], m, &date);
        while (error == 0);
        CHECK(error == ETIMEDOUT && reached(clock, &date));
        CHECK(elsewhere(try_mutex, give_mutex, m) == EBUSY);
        date.tv_nsec = 1000000000;
        CHECK(pthread_cond_timedwait(&c[kind], m, &date) == EINVAL);
        CHECK(pthread_mutex_unlock(m) == 0);
    }
    for (unsigned kind = 0; kind < KINDS; kind++)
        CHECK(pthread_cond_destroy(&c[kind]) == 0);
    CHECK(pthread_condattr_destroy(&a) == 0);
}

static void test_conditions(void)
{
    for (size_t i = 0; i < MUTEXES; i++) {
        pthread_mutex_t *m = mutexes[i].mutex;
        pthread_t thread;
        turns = 0;
        CHECK(pthread_create(&thread, NULL, other_turns, m) == 0);
        take_turns(m, 0);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(turns == 2 * (TURNS / 10));
        test_broadcast(m);
        test_dates(m);
    }
}

/* --- reader/writer locks
 * ----------------------------------------------------------------- */

static pthread_rwlock_t first_readers = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t first_writers = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static void *count_and_read(void *lock)
{
    unsigned long odd = 0;
    for (unsigned n = 0; n < TURNS; n++) {
        if (n % 8 == 0) {
            pthread_rwlock_wrlock(lock);
            counter++;
            counter++;
        } else {
            pthread_rwlock_rdlock(lock);
            odd += counter % 2;
        }
        pthread_rwlock_unlock(lock);
    }
    return (void *)odd;
}

static void test_rwlock(pthread_rwlock_t *l)
{
    pthread_t thread[THREADS];
    counter = 0;
    for (unsigned t = 0; t < THREADS; t++)
        CHECK(pthread_create(&thread[t], NULL, count_and_read, l) == 0);
    for (unsigned t = 0; t < THREADS; t++) {
        void *odd;
        CHECK(pthread_join(thread[t], &odd) == 0);
        CHECK(odd == NULL);
    }
    CHECK(counter == (unsigned long)THREADS * 2 * (TURNS / 8));

    CHECK(pthread_rwlock_rdlock(l) == 0);
    CHECK(elsewhere(try_read, give_rwlock, l) == 0);
    CHECK(elsewhere(try_write, give_rwlock, l) == EBUSY);
    CHECK(pthread_rwlock_tryrdlock(l) == 0);
    CHECK(pthread_rwlock_unlock(l) == 0);
    CHECK(elsewhere(try_write, give_rwlock, l) == EBUSY);
    CHECK(pthread_rwlock_unlock(l) == 0);
    CHECK(elsewhere(try_write, give_rwlock, l) == 0);
    CHECK(pthread_rwlock_wrlock(l) == 0);
    CHECK(elsewhere(try_read, give_rwlock, l) == EBUSY);
    CHECK(elsewhere(try_write, give_rwlock, l) == EBUSY);
    CHECK(pthread_rwlock_unlock(l) == 0);
    CHECK(pthread_rwlock_destroy(l) == 0);
}

static void test_rwlocks(void)
{
    pthread_rwlock_t made;
    test_rwlock(&first_readers);
    test_rwlock(&first_writers);
    CHECK(pthread_rwlock_init(&made, NULL) == 0);
    test_rwlock(&made);
}

/* --- what stays, what is refused
 * ----------------------------------------------------------- */

static void test_shared(void)
{
    struct place {
        pthread_mutex_t mutex;
        unsigned long count;
    } *place = mmap(NULL, sizeof *place, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t a;
    CHECK(place != MAP_FAILED);
    CHECK(pthread_mutexattr_init(&a) == 0);
    CHECK(pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutex_init(&place->mutex, &a) == 0);
    CHECK(!is_carried(&place->mutex));
    pid_t child = fork();
    CHECK(child >= 0);
    for (unsigned n = 0; n < TURNS; n++) {
        pthread_mutex_lock(&place->mutex);
        place->count++;
        pthread_mutex_unlock(&place->mutex);
    }
    if (child == 0)
        _exit(0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(place->count == 2 * TURNS);
}

static void wait_too_long(void)
{
    struct timespec date = {0};
    (void)pthread_mutex_timedlock(&normal, &date);
}

static void write_too_long(void)
{
    struct timespec date = {0};
    (void)pthread_rwlock_timedwrlock(&first_readers, &date);
}

static void cancel(void)
{
    (void)pthread_cancel(pthread_self());
}

static void lock_twice(void)
{
    (void)pthread_mutex_lock(&normal);
    (void)pthread_mutex_lock(&normal);
}

static void test_refused(void (*what)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        what();
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    if (!is_carried(&normal)) {
        fprintf(stderr, "skipped: libkslock_preload.so is not preloaded\n");
        return 77;
    }
    test_mutexes();
    test_conditions();
    test_rwlocks();
    test_shared();
    test_refused(wait_too_long);
    test_refused(write_too_long);
    test_refused(cancel);
    test_refused(lock_twice);
    return 0;
}
