#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# irq_strace_test.sh PROGRAM
# Masking interrupts makes no system call: between the two marks of PROGRAM
# its trace is empty. 77: tracing is not possible here.
set -u

command -v strace >/dev/null 2>&1 || {
    echo "skipped: no strace"
    exit 77
}
trace=$(mktemp) || exit 1
trap 'rm -f "$trace"' EXIT

strace -f -o "$trace" true >/dev/null 2>&1 || {
    echo "skipped: strace may not trace here"
    exit 77
}
strace -f -o "$trace" "$1" || {
    echo "$1 failed"
    exit 1
}
awk '
    /getpgid\(/ { marks++; next }
    marks == 1 { calls++; if (calls <= 10) print }
    END {
        printf "%d marks, %d system calls between them\n", marks, calls
        exit marks != 2 || calls > 0
    }' "$trace"
