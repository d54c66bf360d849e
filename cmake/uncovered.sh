#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# uncovered.sh UNCOVERED REASONS [--add] [--top FOLDER]
# Compares what coverage.sh has listed as not executed in src/lock, src/wait, src/thread
# and what headers inline with REASONS, which has groups of lines under a reason:
#
#   == reason
#   B src/lock/rw.c: while (!ksi_cas(word, &w, now));      some branch of the line
#   L src/lock/rw.c: ksi_lot_remove(w);                     the line itself
#   L src/lock/rw.c: if (KSI_FAULT(NAME)) => return;        the line after that one
#
# An entry names one line of its file: where several have the same text, the line before
# stands in front of it, or as many as it takes. White space and empty lines do not count,
# nor do line numbers. Prints what has no reason, and entries whose line is no longer there
# or that name several; and says how many entries were executed in this run, because some
# are a matter of chance. --add prints only the entries that are missing, as they would
# stand in REASONS. The sources are in FOLDER, by default this project.
# Exit status: 0 if all has a reason, 1 if not, 2 for a wrong command line, 3 if an entry
# of REASONS has no reason above it or names several lines.
set -eu

usage()
{
    echo "usage: uncovered.sh UNCOVERED REASONS [--add] [--top FOLDER]" >&2
    exit 2
}

[ $# -ge 2 ] && [ -r "$1" ] && [ -r "$2" ] || usage
uncovered=$1
reasons=$2
shift 2
add=
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
while [ $# -gt 0 ]; do
    case $1 in
    --add) add=yes ;;
    --top)
        [ $# -ge 2 ] || usage
        top=$2
        shift
        ;;
    *) usage ;;
    esac
    shift
done

awk -v add="$add" -v top="$top/" '
    BEGIN { MOST = 8 } # lines before one
    function plain(text) {
        gsub(/[ \t]+/, " ", text)
        sub(/^ /, "", text)
        sub(/ $/, "", text)
        return text
    }
    # Counts all that names a line of the file, once: it, and it after those before.
    function read_lines(file,    text, number, n, last, name, i) {
        if (file in was_read) return
        was_read[file] = 1
        while ((getline text < (top file)) > 0) {
            number++
            text = plain(text)
            if (text == "") continue
            last[++n] = text
            name = text
            for (i = 0; i <= MOST && i < n; i++) {
                if (i > 0) name = last[n - i] " => " name
                named[file, number, i] = name
                times[file ": " name]++
            }
        }
        close(top file)
    }
    function file_of(entry) {
        sub(/^[BL] /, "", entry)
        sub(/:.*/, "", entry)
        return entry
    }
    # How a line is named in the list: by as many lines as it takes, or as it is there.
    function key_of(mark, file, number, text,    i, name, found) {
        read_lines(file)
        number += 0
        if (named[file, number, 0] != text) return mark " " file ": " text
        found = ""
        for (i = 0; i <= MOST && (file, number, i) in named; i++) {
            name = file ": " named[file, number, i]
            if (times[name] > 1) continue
            if ((mark " " name) in known) return mark " " name
            if (found == "") found = mark " " name
        }
        return found != "" ? found : mark " " file ": " text
    }
    function look_at_entries(    i, name) {
        for (i = 1; i <= entries; i++) {
            read_lines(file_of(entry[i]))
            name = substr(entry[i], 3)
            if (times[name] > 1) {
                if (add == "") print "uncovered: names " times[name] " lines: " entry[i]
                delete known[entry[i]]
                bad = 1
            } else if (times[name] == 0 && add == "") {
                print "uncovered: there is no such line: " entry[i]
            }
        }
    }
    FNR == NR {
        if ($1 ~ /^[BL]$/) {
            if (!reasoned) { print "uncovered: no reason above: " $0; bad = 1 }
            entry[++entries] = plain($0)
            known[entry[entries]] = 1
        } else if ($1 == "==") reasoned = NF > 1
        next
    }
    !/^(src\/(lock|wait|thread)|include\/kslock)\// { next }
    {
        text = $0
        sub(/^[^:]*:[0-9]*: (line|branch [0-9]+) */, "", text)
        split($1, place, ":")
        at[++n] = $1; marks[n] = $2 == "line" ? "L" : "B"
        files[n] = place[1]; numbers[n] = place[2]; texts[n] = plain(text); full[n] = $0
        if (marks[n] == "L") whole[$1] = 1
    }
    END {
        look_at_entries()
        for (i = 1; i <= n; i++) {
            if (marks[i] == "B" && at[i] in whole) continue
            key = key_of(marks[i], files[i], numbers[i], texts[i])
            if (key in known) {
                if (!(key in met)) used++
                met[key] = 1
            } else if (add != "") {
                if (!(key in told)) print key
                told[key] = 1
                missing++
            } else {
                print "uncovered, without a reason: " full[i]
                missing++
            }
        }
        if (add == "")
            printf "uncovered: %d entries, %d of them executed this time, %d without a reason\n",
                entries, entries - used, missing
        exit bad ? 3 : missing > 0
    }' "$reasons" "$uncovered"
