/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each rule against each type of lock that it applies to, from two tables: patterns
 * (rules_table.def) and types (any_lock_*.c). Each bad pattern is reported with its rule,
 * the locks and the places; its twin, which does the same rightly, is silent.
 */

#include "order_test.h"
#include "rules_patterns.h"
#include "sanitized.h"

#include <stdio.h>

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

/* --- the tables --------------------------------------------------------------------- */

/* All pairs; where a process takes long to make, some of them. */
static bool same_rank(type a, type b)
{
    if ((SANITIZED || ON_VALGRIND) && b != a && b != a + 1)
        return false;
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

/* T25: a raised priority does not forbid lockl. */
static bool permits_lockl(type b)
{
    return strcmp(b->type, "simple lock, disabled") == 0 ||
           strcmp(b->kind, "disabled read-write lock") == 0;
}

/* b must not be held while a sleeps; lockl is the exception. */
static bool sleeps_under(type a, type b)
{
    bool spins = (b->can & ANY_SPINS) != 0;
    bool bounded = (b->can & (ANY_SPINS | ANY_SLEEPS)) == 0;
    if (strcmp(a->type, "lockl") == 0 && permits_lockl(b))
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
