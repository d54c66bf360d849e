#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_exports.sh NM shared|static LIBRARY
# shared: every symbol that a program can see is ksl_* of version KSLOCK_0, and
#         the version node itself.
# static: every global symbol is ksl_* or the library's own ksi_*.
set -eu

nm=$1
kind=$2
library=$3

case $kind in
shared) list=$("$nm" -D --defined-only --with-symbol-versions "$library") ;;
static) list=$("$nm" -g --defined-only "$library") ;;
*)
    echo "unknown kind $kind"
    exit 1
    ;;
esac

printf '%s\n' "$list" | awk -v kind="$kind" '
    NF < 3 { next }
    kind == "shared" && $3 ~ /^KSLOCK_0(@@?KSLOCK_0)?$/ && $2 == "A" { node = 1; next }
    kind == "shared" && $3 ~ /^ksl_[a-z0-9_]+@@KSLOCK_0$/ { good++; next }
    kind == "static" && $3 == "_.stapsdt.base" { next } # of <sys/sdt.h>, hidden
    kind == "static" && $3 ~ /^ks[li]_[a-z0-9_]+$/ { good++; next }
    { printf "foreign symbol: %s %s\n", $2, $3; bad++ }
    END {
        printf "%d symbols, %d foreign\n", good + bad, bad
        if (good == 0)
            print "none of ours"
        if (kind == "shared" && !node)
            print "no version node"
        exit bad > 0 || good == 0 || (kind == "shared" && !node)
    }'
