#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh GCOV SOURCE_DIR OBJECT_DIR
# Prints the line coverage of every file in src/ and the sum. A line counts
# as executed if it was in any of the objects built from it.
set -eu

gcov=$1
source=$2
objects=$3

counts=$(find "$objects" -name '*.gcda')
if [ -z "$counts" ]; then
    echo "coverage: no counts below $objects; run the tests first" >&2
    exit 1
fi

find "$objects" -name '*.gcda' -exec "$gcov" --stdout {} + 2>/dev/null |
    awk -F: -v root="$source/" '
        {
            count = $1
            line = $2
            gsub(/[ *]/, "", count)
            gsub(/ /, "", line)
        }
        line == "0" && $3 == "Source" {
            file = $0
            sub(/^[^:]*:[^:]*:Source:/, "", file)
            if (index(file, root) == 1)
                file = substr(file, length(root) + 1)
            wanted = file ~ /^src\//
            next
        }
        !wanted || count == "-" || line == "0" || line == "" { next }
        {
            key = file ":" line
            if (!(key in seen)) {
                seen[key] = 1
                lines[file]++
            }
            if (count !~ /^[#=]/ && !(key in hit)) {
                hit[key] = 1
                executed[file]++
            }
        }
        END {
            for (file in lines) {
                printf "%6.1f%% %5d of %5d  %s\n", 100 * executed[file] / lines[file],
                    executed[file], lines[file], file | "sort -k5"
                all += lines[file]
                done += executed[file]
            }
            close("sort -k5")
            if (all == 0) {
                print "coverage: gcov named no file in src" > "/dev/stderr"
                exit 1
            }
            printf "%6.1f%% %5d of %5d  total\n", 100 * done / all, done, all
        }'
