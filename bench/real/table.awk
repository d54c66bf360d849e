# SPDX-License-Identifier: BSD-2-Clause
# Lines "result PROGRAM LOCKS OPS/S P50 P99 P99.9 CPU" of rounds -> the table of run.sh.

function sort_into(list, n,    i, j, x) {
    for (i = 2; i <= n; i++) {
        x = list[i]
        for (j = i - 1; j >= 1 && list[j] > x; j--) list[j + 1] = list[j]
        list[j + 1] = x
    }
}

# The value below which this share of the sorted list lies, interpolated.
function at(list, n, share,    x, low) {
    x = 1 + (n - 1) * share
    low = int(x)
    if (low >= n) return list[n]
    return list[low] + (x - low) * (list[low + 1] - list[low])
}

function median(program, locks, column,    i, n, list) {
    n = count[program, locks]
    for (i = 1; i <= n; i++) list[i] = value[program, locks, i, column]
    sort_into(list, n)
    return at(list, n, 0.5)
}

# Ours divided by theirs, round by round.
function ratio(program, column,    i, n, list, theirs) {
    n = count[program, "pthread"]
    if (count[program, "kslock"] < n) n = count[program, "kslock"]
    used = 0
    for (i = 1; i <= n; i++) {
        theirs = value[program, "pthread", i, column]
        if (theirs > 0) list[++used] = value[program, "kslock", i, column] / theirs
    }
    if (used == 0) return "-"
    sort_into(list, used)
    return sprintf("%.2f (%.2f..%.2f)", at(list, used, 0.5), at(list, used, 0.25),
                   at(list, used, 0.75))
}

$1 == "result" && NF == 8 {
    if (!(($2) in known)) {
        known[$2] = 1
        order[++programs] = $2
    }
    i = ++count[$2, $3]
    for (column = 4; column <= 8; column++) value[$2, $3, i, column] = $column
}

END {
    form = "%-18s %-8s %10s %9s %9s %10s %9s\n"
    printf form, "program", "locks", "ops/s", "p50 us", "p99 us", "p99.9 us", "cpu us"
    split("pthread kslock", kinds, " ")
    for (p = 1; p <= programs; p++) {
        for (k = 1; k <= 2; k++) {
            locks = kinds[k]
            if (!((order[p], locks) in count)) continue
            printf form, order[p], locks,
                sprintf("%.0f", median(order[p], locks, 4)),
                sprintf("%.2f", median(order[p], locks, 5)),
                sprintf("%.2f", median(order[p], locks, 6)),
                sprintf("%.1f", median(order[p], locks, 7)),
                sprintf("%.3f", median(order[p], locks, 8))
        }
    }
    printf "\nkslock / pthread, of each round: median (quartiles)\n"
    form = "%-18s %-19s %-19s %-19s %-19s\n"
    printf form, "program", "ops/s", "p50", "p99", "cpu"
    for (p = 1; p <= programs; p++)
        printf form, order[p], ratio(order[p], 4), ratio(order[p], 5), ratio(order[p], 6),
            ratio(order[p], 8)
}
