#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# one_cpu.sh COMMAND...
# Executes it on one processor, the first of those that are allowed, from its start.
# Status 77 if that cannot be had.
set -eu

skip()
{
    echo "skipped: $*"
    exit 77
}

command -v taskset >/dev/null 2>&1 || skip "there is no taskset"
cpu=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
[ -n "$cpu" ] || skip "the host does not tell which processors are allowed"
seen=$(taskset -c "$cpu" sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/self/status 2>&1) ||
    skip "taskset: $seen"
[ "$seen" = "$cpu" ] || skip "bound to processor $cpu, a program has $seen"
exec taskset -c "$cpu" "$@"
