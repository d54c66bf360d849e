/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "report.h"
#include "report_json.h"

#include <kslock/thread.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *csv_file;
static const char *csv_name;
static bool quiet;
static bool titled;

const char *report_library(void)
{
    /* Through an object pointer: a function's may not be converted. */
    Dl_info info;
    ksl_thread *(*function)(void) = ksl_thread_self;
    if (dladdr(*(void **)&function, &info) == 0 || info.dli_fname == NULL)
        return "unknown";
    return info.dli_fname;
}

void report_failed(const char *name)
{
    fprintf(stderr, "bench: ");
    perror(name);
    exit(1);
}

void report_open(const char *json, const char *csv, int argc, char **argv)
{
    if (json != NULL)
        json_open(json, argc, argv);
    csv_name = csv;
    if (csv == NULL)
        return;
    csv_file = fopen(csv, "w");
    if (csv_file == NULL)
        report_failed(csv);
    fprintf(csv_file,
            "kind,test,x,threads,inside_ns,outside_ns,lock,ours,rounds,ns,ns_q1,ns_q3,"
            "cpu_ns,baseline,ratio,ratio_q1,ratio_q3,best_peer,best_peer_ratio,"
            "self_ratio,fairness,voluntary_per_s,involuntary_per_s,longest_wait_us,"
            "interrupts_per_s\n");
}

void report_quietly(void)
{
    quiet = true;
}

static void print_title(void)
{
    titled = true;
    printf("%-34s %-28s %10s %6s %-5s %6s %5s  %-22s %6s  %-18s %6s %6s %7s %9s %9s %9s "
           "%9s\n",
           "test", "lock", "median", "+-", "unit", "ratio", "+-", "of", "peer",
           "best peer", "self", "fair", "cpu ns", "volunt/s", "invol/s", "wait us",
           "irq/s");
}

static void print_number(int width, int digits, double value)
{
    if (value < 0)
        printf(" %*s", width, "");
    else
        printf(" %*.*f", width, digits, value);
}

/* Half the distance of the quartiles, in percent of the median. */
static double percent(const struct spread *s)
{
    return s->median > 0 ? (s->q3 - s->q1) / 2 / s->median * 100 : 0;
}

static void print_row(const struct row *row, const struct test *t)
{
    const struct row *peer = row->best_peer;
    printf("%-34s %-28s %10.2f %5.1f%% %-5s", t->name, row->adapter->name,
           row_figure(row, t), percent(&row->ns),
           kind_is_throughput(t->kind) ? "op/us" : "ns");
    if (row->baseline != NULL)
        printf(" %6.2f %4.0f%%  %-22s", row->ratio.median, percent(&row->ratio),
               row->baseline->adapter->name);
    else
        printf(" %6s %5s  %-22s", "", "", "");
    if (peer != NULL && peer != row->baseline)
        printf(" %6.2f  %-18s", row->peer_ratio.median, peer->adapter->name);
    else
        printf(" %6s  %-18s", "", "");
    print_number(6, 2, row->self_ratio.median > 0 ? row->self_ratio.median : -1);
    print_number(6, 2, row->fairness.median);
    print_number(7, 1, row->cpu_ns.median);
    print_number(9, 0, row->voluntary);
    print_number(9, 0, row->involuntary);
    if (row->wait_us >= 0)
        printf(" %s%8.0f", row->cut ? ">" : " ", row->wait_us);
    else
        printf(" %9s", "");
    print_number(9, 0, row->interrupts);
    printf("\n");
}

static void csv_number(double value)
{
    if (value < 0)
        fprintf(csv_file, ",");
    else
        fprintf(csv_file, ",%.6g", value);
}

/* Names have commas, never quotes. */
static void csv_row(const struct row *row, const struct test *t, unsigned rounds)
{
    const struct row *base = row->baseline;
    const struct row *peer = row->best_peer;
    fprintf(csv_file, "%s,\"%s\",%g,%u,%u,%u,\"%s\",%d,%u", kind_name(t->kind), t->name,
            t->x, t->load.threads, t->load.inside_ns, t->load.outside_ns,
            row->adapter->name, row->adapter->ours, rounds);
    csv_number(row->ns.median);
    csv_number(row->ns.q1);
    csv_number(row->ns.q3);
    csv_number(row->cpu_ns.median);
    fprintf(csv_file, ",\"%s\"", base != NULL ? base->adapter->name : "");
    csv_number(base != NULL ? row->ratio.median : -1);
    csv_number(base != NULL ? row->ratio.q1 : -1);
    csv_number(base != NULL ? row->ratio.q3 : -1);
    fprintf(csv_file, ",\"%s\"", peer != NULL ? peer->adapter->name : "");
    csv_number(peer != NULL ? row->peer_ratio.median : -1);
    csv_number(row->self_ratio.median > 0 ? row->self_ratio.median : -1);
    csv_number(row->fairness.median);
    csv_number(row->voluntary);
    csv_number(row->involuntary);
    csv_number(row->wait_us);
    csv_number(row->interrupts);
    fprintf(csv_file, "\n");
}

size_t report_test(const struct test *t, unsigned rounds, double seconds)
{
    size_t n = 0;
    if (!titled && !quiet)
        print_title();
    for (size_t i = 0; i < rows_count(); i++) {
        const struct row *row = row_at(i);
        if (!row->wanted)
            continue;
        n++;
        if (!quiet)
            print_row(row, t);
        if (csv_file != NULL)
            csv_row(row, t, rounds);
        json_row(row, t, rounds, seconds);
    }
    fflush(stdout);
    return n;
}

void report_close(void)
{
    json_close();
    if (csv_file != NULL && (ferror(csv_file) != 0 || fclose(csv_file) != 0))
        report_failed(csv_name);
}
