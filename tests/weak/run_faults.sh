#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run_faults.sh MACHINE FAULT[:SCENARIO]...: each planted fault must be found.
set -eu
machine=$1
shift
for fault; do
    scenario=
    case $fault in
    *:*) scenario=${fault#*:} ;;
    esac
    status=0
    # shellcheck disable=SC2086 # none, or one word
    found=$("$machine" -f "${fault%%:*}" -n 100000 $scenario) || status=$?
    [ "$status" -eq 1 ] || {
        echo "$fault: not found"
        exit 1
    }
    echo "$fault: $(echo "$found" | tail -n 1)"
done
