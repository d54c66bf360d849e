/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *sorted_copy(const void *v, size_t n, size_t size,
                         int (*order)(const void *, const void *))
{
    void *copy = malloc(n * size);
    if (copy == NULL) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    memcpy(copy, v, n * size);
    qsort(copy, n, size, order);
    return copy;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which the part `part` of n sorted values lies. */
static double quantile(const double *v, size_t n, double part)
{
    double place = part * (double)(n - 1);
    size_t i = (size_t)place;
    if (i + 1 >= n)
        return v[n - 1];
    return v[i] + (place - (double)i) * (v[i + 1] - v[i]);
}

struct spread spread_of(const double *v, size_t n)
{
    struct spread s = {0};
    if (n == 0)
        return s;
    double *sorted = sorted_copy(v, n, sizeof *v, by_value);
    s.least = sorted[0];
    s.q1 = quantile(sorted, n, 0.25);
    s.median = quantile(sorted, n, 0.5);
    s.q3 = quantile(sorted, n, 0.75);
    s.most = sorted[n - 1];
    for (size_t i = 0; i < n; i++)
        s.mean += sorted[i] / (double)n;
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (sorted[i] - s.mean) * (sorted[i] - s.mean);
    s.deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    free(sorted);
    return s;
}

struct ranked {
    double value;
    int second; /* of set b */
};

static int by_rank(const void *a, const void *b)
{
    return by_value(&((const struct ranked *)a)->value,
                    &((const struct ranked *)b)->value);
}

double rank_test(const double *a, size_t na, const double *b, size_t nb)
{
    size_t n = na + nb;
    if (na == 0 || nb == 0)
        return 1;
    struct ranked all[n];
    for (size_t i = 0; i < n; i++)
        all[i] = (struct ranked){i < na ? a[i] : b[i - na], i >= na};
    struct ranked *sorted = sorted_copy(all, n, sizeof all[0], by_rank);
    double ranks = 0; /* of set a */
    double ties = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value <= sorted[i].value; end++) {
        }
        double equal = (double)(end - i);
        ties += equal * equal * equal - equal;
        for (size_t k = i; k < end; k++) /* equal values share the mean of their ranks */
            ranks += sorted[k].second ? 0 : (double)(i + end + 1) / 2;
    }
    free(sorted);
    double x = (double)na;
    double y = (double)nb;
    double all_n = x + y;
    double u = ranks - x * (x + 1) / 2;
    double variance = x * y / 12 * (all_n + 1 - ties / (all_n * (all_n - 1)));
    double apart = fabs(u - x * y / 2) - 0.5;
    if (variance <= 0 || apart <= 0)
        return 1;
    return erfc(apart / sqrt(variance) / sqrt(2));
}
