#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_points.sh DIR
# Where threads can meet, the torture has to be able to come in between: each source
# file of the floors that synchronise (DIR/floor/file.c) that changes a word in an atomic
# step, takes a raw lock or a bucket has a KSI_POINT or KSI_DELAY_POINT. What stands in the
# body of `if (KSI_FAULT(...))` does not count, on either side: only a planted fault goes there.
set -eu

[ -d "$1" ] || {
    echo "no folder $1"
    exit 1
}

for floor in thread wait lock native; do
    find "$1/$floor" -name '*.c' -type f 2>/dev/null || :
done | sort | awk -v top="$1/" '
    function indent(text) {
        match(text, /^ */)
        return RLENGTH
    }

    # Sources are formatted: a block ends with the brace that stands as far left as its if.
    function check(file,    line, number, left, block, first, steps, points) {
        left = -1
        while ((getline line < file) > 0) {
            number++
            if (left >= 0) {
                if (block == "" && line ~ /\{$/)
                    block = "{"
                else if (block == "{" ? line ~ /^ *\}/ && indent(line) == left : line ~ /;/)
                    left = -1
                if (left >= 0 || line !~ /^ *\} else if \(KSI_FAULT\(/)
                    continue
            }
            if (line ~ /^ *(\} *)?(else *)?if \(KSI_FAULT\([A-Z0-9_]+\)/ && line !~ /\|\|/) {
                left = indent(line)
                block = line ~ /\{$/ ? "{" : ""
                continue
            }
            if (line ~ /KSI_(DELAY_)?POINT\("/)
                points++
            if (line ~ /ksi_(cas|cas_acq|cas_rel|xchg|fetch_[a-z]+|store_seq|raw_lock|lot_lock|lot_lock_two)\(/) {
                if (first == 0)
                    first = number
                steps++
            }
        }
        close(file)
        files++
        if (steps > 0 && points == 0) {
            printf "%s:%d: no point where a test can come in between\n", substr(file, length(top) + 1), first
            bad++
        }
    }

    { check($0) }

    END {
        if (files == 0) {
            print "no sources found"
            exit 1
        }
        printf "%d files, %d without a point\n", files, bad
        exit bad > 0
    }'
