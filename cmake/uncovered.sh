#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# uncovered.sh UNCOVERED REASONS [--add]
# Compares what coverage.sh has listed as not executed in src/lock, src/wait, src/thread
# and what headers inline with REASONS, which has groups of lines under a reason:
#
#   == reason
#   B src/lock/rw.c: while (!ksi_cas(word, &w, now));      some branch of the line
#   L src/lock/rw.c: return false;                          the line itself
#
# White space does not count, nor do line numbers. Prints what has no reason, and entries
# whose line is no longer there; and says how many entries were executed in this run,
# because some are a matter of chance. --add prints only the entries that are missing, as
# they would stand in REASONS.
# Exit status: 0 if all has a reason, 1 if not, 2 for a wrong command line.
set -eu

[ $# -ge 2 ] && [ -r "$1" ] && [ -r "$2" ] || {
    echo "usage: uncovered.sh UNCOVERED REASONS [--add]" >&2
    exit 2
}

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

awk -v add="${3:-}" -v top="$top/" '
    # Lines of a file of the sources, once.
    function read_lines(file,    text) {
        if (file in was_read) return
        was_read[file] = 1
        while ((getline text < (top file)) > 0) there[file ": " plain(text)] = 1
        close(top file)
    }
    function look_for_old(    key, file, text) {
        for (key in known) {
            if (key in met) continue
            text = substr(key, 3)
            file = text
            sub(/:.*/, "", file)
            read_lines(file)
            if (!(text in there)) print "uncovered: there is no such line: " key
        }
    }
    function plain(text) {
        gsub(/[ \t]+/, " ", text)
        sub(/^ /, "", text)
        sub(/ $/, "", text)
        return text
    }
    FNR == NR {
        if ($1 ~ /^[BL]$/) {
            if (!reasoned) { print "uncovered: no reason above: " $0; bad = 1 }
            known[plain($0)] = 1
            entries++
        } else if ($1 == "==") reasoned = NF > 1
        next
    }
    !/^(src\/(lock|wait|thread)|include\/kslock)\// { next }
    {
        file = $0
        sub(/:.*/, "", file)
        text = $0
        sub(/^[^:]*:[0-9]*: (line|branch [0-9]+) */, "", text)
        mark = $2 == "line" ? "L" : "B"
        at = $1
        key = plain(mark " " file ": " text)
        places[++n] = at; marks[n] = mark; keys[n] = key; full[n] = $0
        if (mark == "L") whole[at] = 1
    }
    END {
        for (i = 1; i <= n; i++) {
            if (marks[i] == "B" && places[i] in whole) continue
            if (keys[i] in known) {
                if (!(keys[i] in met)) used++
                met[keys[i]] = 1
            } else if (add != "") {
                if (!(keys[i] in told)) print keys[i]
                told[keys[i]] = 1
                missing++
            } else {
                print "uncovered, without a reason: " full[i]
                missing++
            }
        }
        if (add == "") {
            look_for_old()
            printf "uncovered: %d entries, %d of them executed this time, %d without a reason\n",
                entries, entries - used, missing
        }
        exit bad || missing > 0
    }' "$2" "$1"
