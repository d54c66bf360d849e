/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each rule against each type of lock that it applies to, from two tables: patterns
 * (rules_table.def) and types (any_lock_*.c). Each bad pattern is reported with its rule,
 * the locks and the places; its twin, which does the same rightly, is silent.
 */

#include "any_lock.h"
#include "order_test.h"

#include <kslock/irq.h>
#include <kslock/stage.h>

#include <stdio.h>

typedef const struct any_lock *type;

/* --- what was reported -------------------------------------------------------------- */

enum { KEPT = 8, ROOM = 8192 };

static struct {
    unsigned n;
    char rule[KEPT][32];
    char message[KEPT][ROOM];
    const void *lock[KEPT];
} seen;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(const ksl_violation *v, void *arg)
{
    (void)arg;
    pthread_mutex_lock(&seen_lock);
    unsigned i = seen.n < KEPT ? seen.n++ : KEPT - 1;
    (void)snprintf(seen.rule[i], sizeof seen.rule[i], "%s", v->rule);
    (void)snprintf(seen.message[i], sizeof seen.message[i], "%s", v->message);
    seen.lock[i] = v->lock;
    pthread_mutex_unlock(&seen_lock);
}

/* --- what patterns are made of ------------------------------------------------------ */

static const char *const names[ANY_LOCKS] = {"the first", "the second", "the third",
                                             "the fourth"};

static void nest(type a, unsigned i, type b, unsigned k)
{
    a->take(i);
    b->take(k);
    b->give(k);
    a->give(i);
}

static void nest_try(type a, unsigned i, type b, unsigned k)
{
    if (!a->try_take(i))
        return;
    b->take(k);
    b->give(k);
    a->give(i);
}

static void take_and_give(type a, unsigned i)
{
    a->take(i);
    a->give(i);
}

/* On another thread, which then exits. */
struct errand {
    type a;
    type b;
    void (*fn)(type a, type b);
};

static void run_errand(void *arg)
{
    struct errand *e = arg;
    e->fn(e->a, e->b);
}

static void elsewhere(void (*fn)(type, type), type a, type b)
{
    struct errand e = {a, b, fn};
    struct actor thread;
    actor_start(&thread, run_errand, &e);
    actor_join(&thread);
}

enum { IRQ = 7, LEVEL = 5, OPEN = 1 /* row of a lock that does not mask */ };

static struct errand in_handler_errand;

static void handle(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    run_errand(&in_handler_errand);
}

static void in_handler(void (*fn)(type, type), type a, type b)
{
    in_handler_errand = (struct errand){a, b, fn};
    (void)ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, handle, NULL);
    (void)ksl_irq_raise_on(ksl_thread_self(), IRQ);
    (void)ksl_irq_free(IRQ);
}

static void once(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
}

static void take_first(type a, type b)
{
    (void)b;
    a->take(0);
}

static void give_first(type a, type b)
{
    (void)b;
    a->give(0);
}

static void ab(type a, type b)
{
    nest(a, 0, b, 1);
}

static void ba(type a, type b)
{
    nest(b, 1, a, 0);
}

/* --- the patterns: bad, and good ---------------------------------------------------- */

static void aa_bad(type a, type b)
{
    (void)b;
    a->take(0);
    a->take(0);
}

static void aa_good(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    take_and_give(a, 0);
}

static void abba_bad(type a, type b)
{
    ab(a, b);
    ba(a, b);
}

static void abba_good(type a, type b)
{
    ab(a, b);
    ab(a, b);
}

static void abba_two_bad(type a, type b)
{
    elsewhere(ab, a, b);
    elsewhere(ba, a, b);
}

static void abba_two_good(type a, type b)
{
    elsewhere(ab, a, b);
    elsewhere(ab, a, b);
}

static void try_bad(type a, type b)
{
    nest_try(a, 0, b, 1);
    ba(a, b);
}

/* A try waits for nobody. */
static void try_good(type a, type b)
{
    ab(a, b);
    b->take(1);
    if (a->try_take(0))
        a->give(0);
    b->give(1);
}

static void abbcca_bad(type a, type b)
{
    nest(a, 0, b, 1);
    nest(b, 1, a, 2);
    nest(a, 2, a, 0);
}

static void abbcca_good(type a, type b)
{
    nest(a, 0, b, 1);
    nest(b, 1, a, 2);
    nest(a, 0, a, 2);
}

static void under_bad(type a, type b)
{
    b->take(1);
    a->take(0);
    a->give(0);
    b->give(1);
}

static void under_good(type a, type b)
{
    ab(a, b);
}

static void duplicate_bad(type a, type b)
{
    (void)b;
    a->fresh_same(0);
    a->fresh_same(1);
    nest(a, 0, a, 1);
}

static void duplicate_good(type a, type b)
{
    (void)b;
    a->fresh_same(0);
    a->fresh_same(1);
    take_and_give(a, 0);
    take_and_give(a, 1);
}

static void not_owner_bad(type a, type b)
{
    a->take(0);
    elsewhere(give_first, a, b);
}

static void not_locked_bad(type a, type b)
{
    give_first(a, b);
}

static void exit_bad(type a, type b)
{
    elsewhere(take_first, a, b);
}

static void exit_good(type a, type b)
{
    elsewhere(once, a, b);
}

static void destroy_held_bad(type a, type b)
{
    (void)b;
    a->take(0);
    a->end(0);
}

static void destroy_held_good(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    a->end(0);
}

static void destroyed_bad(type a, type b)
{
    (void)b;
    a->end(0);
    a->take(0);
}

static void destroyed_good(type a, type b)
{
    (void)b;
    a->end(0);
    a->fresh(0, names[0]);
    take_and_give(a, 0);
}

static void irq_sleep_bad(type a, type b)
{
    in_handler(take_first, a, b);
}

static void irq_unsafe_bad(type a, type b)
{
    in_handler(once, a, b);
    a->take(0);
    (void)ksl_irq_set_level(0);
    take_and_give(any_lock_at(OPEN), 3); /* then what is held is looked at again */
}

static void irq_unsafe_good(type a, type b)
{
    unsigned before = ksl_irq_set_level(LEVEL);
    in_handler(once, a, b);
    take_and_give(a, 0);
    (void)ksl_irq_set_level(before);
    in_handler(once, a, b);
}

static void masked_bad(type a, type b)
{
    struct errand e = {a, b, take_first};
    struct actor holder;
    if ((a->can & ANY_SHARED) != 0)
        e.a = a - 1; /* the same type alone */
    a->fresh(0, names[0]);
    actor_start(&holder, run_errand, &e);
    actor_join(&holder);
    (void)ksl_irq_set_level(11);
    a->take(0);
}

static void masked_good(type a, type b)
{
    (void)b;
    (void)ksl_irq_set_level(11);
    take_and_give(a, 0);
}

static void release_bad(type a, type b)
{
    (void)b;
    a->take(0);
    a->take(1);
    a->give(0);
    a->give(1);
}

static void release_good(type a, type b)
{
    (void)b;
    nest(a, 0, a, 1);
}

static void hierarchy_bad(type a, type b)
{
    any_level(a->at[0], 4);
    any_level(b->at[1], 1);
    ab(a, b);
}

static void hierarchy_good(type a, type b)
{
    any_level(a->at[0], 1);
    any_level(b->at[1], 4);
    ab(a, b);
}

static void kernel_lock_bad(type a, type b)
{
    (void)b;
    a->take(0);
    any_kernel_lock_take();
    any_kernel_lock_give();
    a->give(0);
}

static void kernel_lock_good(type a, type b)
{
    (void)b;
    any_kernel_lock_take();
    take_and_give(a, 0);
    any_kernel_lock_give();
}

static void regime_bad(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    (void)ksl_irq_set_level(LEVEL);
    take_and_give(a, 0);
}

static void regime_good(type a, type b)
{
    (void)b;
    take_and_give(a, 0);
    (void)ksl_irq_set_level(LEVEL);
    take_and_give(a, 1);
}

static void stage_bad(type a, type b)
{
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    once(a, b);
}

static void stage_good(type a, type b)
{
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    once(a, b);
}

static void kept_bad(type a, type b)
{
    (void)b;
    a->take(0);
    (void)ksl_stage_switch(KSL_STAGE_OOB);
}

static void kept_good(type a, type b)
{
    once(a, b);
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    once(a, b);
}

/* --- the tables --------------------------------------------------------------------- */

static bool same_rank(type a, type b)
{
    const unsigned rank = ANY_SPINS | ANY_SLEEPS;
    return (a->can & rank) == (b->can & rank) && ((a->can | b->can) & ANY_NO_ORDER) == 0;
}

static bool neighbours(type a, type b)
{
    return same_rank(a, b) && (b == a || b == a + 1);
}

static bool itself(type a, type b)
{
    return a == b;
}

/* b must not be held while a sleeps; lockl is the exception of T25. */
static bool sleeps_under(type a, type b)
{
    bool spins = (b->can & ANY_SPINS) != 0;
    bool bounded = (b->can & (ANY_SPINS | ANY_SLEEPS)) == 0;
    if (strcmp(a->type, "lockl") == 0 && strcmp(b->type, "simple lock, disabled") == 0)
        return false;
    return ((a->can & ANY_SPINS) == 0 && spins) ||
           ((a->can & ANY_SLEEPS) != 0 && bounded);
}

struct pattern {
    const char *name;
    const char *rule;
    unsigned needs;
    unsigned not ; /* what the type must not be able to do */
    bool (*pairs)(type a, type b);
    void (*bad)(type a, type b);
    void (*good)(type a, type b);
    unsigned locks;   /* that the report names: 1, or 2 */
    unsigned places;  /* of calls that it names */
    const char *also; /* a rule that may be told, too */
};

static const struct pattern patterns[] = {
#define PATTERN(name, rule, needs, not, pairs, bad, good, locks, places, also)           \
    {name, rule, needs, not, pairs, bad, good, locks, places, also},
#include "rules_table.def"
#undef PATTERN
};
enum { PATTERNS = sizeof patterns / sizeof patterns[0], CASES = 4096 };

static struct {
    const struct pattern *pattern;
    type a;
    type b;
} cases[CASES];
static int ncases;

static void make_cases(void)
{
    for (unsigned p = 0; p < PATTERNS; p++) {
        const struct pattern *x = &patterns[p];
        for (unsigned i = 0; i < any_locks(); i++) {
            type a = any_lock_at(i);
            bool tries = x->bad != try_bad || a->try_take != NULL;
            if ((a->can & x->needs) != x->needs || (a->can & x->not ) != 0 || !tries)
                continue;
            for (unsigned k = 0; k < any_locks(); k++) {
                type b = any_lock_at(k);
                if (!x->pairs(a, b) || ncases == CASES)
                    continue;
                cases[ncases].pattern = x;
                cases[ncases].a = a;
                cases[ncases].b = b;
                ncases++;
            }
        }
    }
}

/* --- looking at them ---------------------------------------------------------------- */

static void begin(int i)
{
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    ksl_set_violation_handler(keep, NULL);
    for (unsigned k = 0; k < ANY_LOCKS; k++)
        cases[i].a->fresh(k, names[k]);
    if (cases[i].a != cases[i].b)
        cases[i].b->fresh(1, names[1]);
}

static const char *title(int i)
{
    static char text[256];
    (void)snprintf(text, sizeof text, "%s: %s, %s", cases[i].pattern->name,
                   cases[i].a->type, cases[i].b->type);
    return text;
}

/* By its name, or its address. */
static bool names_lock(const char *message, const void *lock, const char *name)
{
    char address[32];
    (void)snprintf(address, sizeof address, "%p", lock);
    return strstr(message, address) != NULL || strstr(message, name) != NULL;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

/* Of an inlined call the line, of others an address in this program. */
static unsigned places(const char *message)
{
    return count(message, "any_lock_") + count(message, "order_rules_test(");
}

START_TEST(part2_bad_pattern_is_reported)
{
    const struct pattern *p = cases[_i].pattern;
    type a = cases[_i].a;
    type b = cases[_i].b;
    unsigned found = 0;
    unsigned at = 0;
    begin(_i);
    p->bad(a, b);
    ksl_set_violation_handler(NULL, NULL);
    for (unsigned i = 0; i < seen.n; i++) {
        bool is = strcmp(seen.rule[i], p->rule) == 0;
        bool also = p->also != NULL && strcmp(seen.rule[i], p->also) == 0;
        ck_assert_msg(is || also, "%s: %s: %s", title(_i), seen.rule[i], seen.message[i]);
        if (is && found++ == 0)
            at = i;
    }
    ck_assert_msg(found > 0, "%s: no %s", title(_i), p->rule);
    const char *said = seen.message[at];
    ck_assert_msg(names_lock(said, a->at[0], names[0]) && strstr(said, a->kind) != NULL,
                  "%s: the first lock is not in: %s", title(_i), said);
    ck_assert_msg(p->locks < 2 || (names_lock(said, b->at[1], names[1]) &&
                                   strstr(said, b->kind) != NULL),
                  "%s: the second lock is not in: %s", title(_i), said);
    ck_assert_msg(places(said) >= p->places, "%s: not %u places in: %s", title(_i),
                  p->places, said);
}
END_TEST

START_TEST(part2_good_twin_is_silent)
{
    if (cases[_i].pattern->good == NULL)
        return;
    begin(_i);
    cases[_i].pattern->good(cases[_i].a, cases[_i].b);
    ksl_set_violation_handler(NULL, NULL);
    ck_assert_msg(seen.n == 0, "%s: %s: %s", title(_i), seen.rule[0], seen.message[0]);
}
END_TEST

/* Every rule of the order checker, and every type, has a case. */
START_TEST(part2_the_tables_are_complete)
{
    static const char *const rules[] = {
#define RULE(name, id, severity) id,
#include "../../src/diag/rules.def"
#undef RULE
    };
    for (unsigned r = 0; r < sizeof rules / sizeof rules[0]; r++) {
        bool found = strcmp(rules[r], "assertion") == 0 || /* have tests of their own */
                     strcmp(rules[r], "bad-argument") == 0 ||
                     strcmp(rules[r], "recursive-flag") == 0;
        for (int i = 0; i < ncases; i++)
            found = found || strcmp(rules[r], cases[i].pattern->rule) == 0;
        ck_assert_msg(found, "no case of %s", rules[r]);
    }
    for (unsigned t = 0; t < any_locks(); t++) {
        bool found = false;
        for (int i = 0; i < ncases; i++)
            found = found || cases[i].a == any_lock_at(t);
        ck_assert_msg(found, "no case of %s", any_lock_at(t)->type);
    }
    ck_assert_int_lt(ncases, CASES);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_rules");
    TCase *t = tcase_create("tables");
    make_cases();
    tcase_add_test(t, part2_the_tables_are_complete);
    tcase_add_loop_test(t, part2_bad_pattern_is_reported, 0, ncases);
    tcase_add_loop_test(t, part2_good_twin_is_silent, 0, ncases);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return support_run(suite());
}
