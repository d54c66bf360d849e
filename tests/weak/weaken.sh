#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# weaken.sh MACHINE [EXECUTIONS [PLACES [SCENARIO...]]]
# For each atomic access of the shipped code that takes place: its order is made weaker,
# and the scenarios (all, unless some are named) run again. Prints a line for each: place,
# operation, order, weaker order, and `found` with the scenario, or `-` if no execution
# went wrong. PLACES: a regular expression of grep for those to try, as they are printed.
set -eu
machine=$1 executions=${2:-4000} places=${3:-.}
shift
[ $# -lt 1 ] || shift
[ $# -lt 1 ] || shift
command -v addr2line >/dev/null 2>&1 || {
    echo "skipped: addr2line not found"
    exit 77
}

name() {
    case $1 in
    0) echo relaxed ;;
    2) echo acquire ;;
    3) echo release ;;
    4) echo acq_rel ;;
    esac
}

"$machine" -l -n "$executions" "$@" | grep '^0x' | grep -v relaxed | sort | while read -r site op order; do
    case "$op $order" in
    *\ acquire | *\ release) weaker=0 ;;
    load\ seq_cst) weaker='2 0' ;;
    store\ seq_cst) weaker='3 0' ;;
    *) weaker='4 2 3 0' ;;
    esac
    place=$(addr2line -e "$machine" "$(printf '%#x' $((site - 1)))" | sed 's#.*/src/##; s#.*/include/##; s# .*##')
    echo "$place" | grep -q -e "$places" || continue
    for w in $weaker; do
        found=$("$machine" -w "$site,$w" -n "$executions" "$@" | grep ': execution' |
            sed 's/^/found: /; s/, in the code.*//; s/ at 0x[0-9a-f]*//') || true
        echo "$place $op $order -> $(name "$w"): ${found:--}"
    done
done
