#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_layers.sh DIR...
# Reads every include line of the sources below each DIR (DIR/floor/file.c). An
# include in quotes names its floor and goes sideways or down, never up.
set -eu

for dir in "$@"; do
    [ -d "$dir" ] || {
        echo "no folder $dir"
        exit 1
    }
done

for dir in "$@"; do
    find "$dir" -name '*.[ch]' -type f | sort | while IFS= read -r file; do
        printf '%s\n' "$dir|$file"
    done
done | awk -F'|' '
    BEGIN {
        count = split("platform thread diag wait lock native", order, " ")
        for (i = 1; i <= count; i++)
            rank[order[i]] = i
    }

    function broken(rule) {
        printf "%s:%d: %s\n    %s\n", file, number, rule, line
        bad++
    }

    function check_quoted(name,    parts) {
        if (split(name, parts, "/") < 2 || !(parts[1] in rank))
            broken("names-floor: an include in quotes is \"FLOOR/file.h\"")
        else if (name ~ /(^|\/)\.\.?(\/|$)/)
            broken("names-floor: no . or .. in an include")
        else if (rank[parts[1]] > rank[floor])
            broken("never-up: " floor " may not know " parts[1])
    }

    function check_angled(name,    parts) {
        split(name, parts, "/")
        if (parts[1] in rank && name ~ /\//)
            broken("names-floor: a header of a floor is included in quotes")
    }

    {
        file = $2
        relative = substr(file, length($1) + 2)
        number = 0
        line = ""
        floor = relative
        sub(/\/.*/, "", floor)
        files++
        if (relative !~ /\// || !(floor in rank)) {
            broken("on-a-floor: every source lies in the folder of a floor")
            next
        }
        while ((getline line < file) > 0) {
            number++
            if (line !~ /^[ \t]*#[ \t]*include/)
                continue
            name = line
            sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
            mark = substr(name, 1, 1)
            name = substr(name, 2)
            if (mark == "\"") {
                sub(/".*/, "", name)
                check_quoted(name)
            } else if (mark == "<") {
                sub(/>.*/, "", name)
                check_angled(name)
            } else {
                broken("names-floor: an include is in quotes or angle brackets")
            }
        }
        close(file)
    }

    END {
        if (files == 0) {
            print "no sources found"
            exit 1
        }
        printf "%d files, %d broken rules\n", files, bad
        exit bad > 0
    }'
