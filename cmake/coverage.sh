#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh GCOV SOURCE_DIR BUILD_DIR [LIST]
# Prints the line and branch coverage of each file in src/, of each floor, of what the
# headers inline, and of all, after the tests have run. A line or branch counts as executed
# if it was in any of the objects built from it, of the shipped or of the testing library;
# what headers inline, also in the programs of the tests.
# Left out: branches on lines with planted faults, points, or words about the impossible.
# LIST is a file that gets each line and branch that was not executed; what of it has no
# reason in tests/uncovered.txt is printed, too (cmake/uncovered.sh).
# Exit status: 0; 1 if there is nothing to count, a goal is missed, or an entry of that file
# excuses several lines or has no reason itself. A missing reason does not matter: which of
# two threads is first in a few instructions is a matter of chance.
set -eu

gcov=$1
source=$2
objects=$3/src
list=${4:-$3/uncovered.txt}

[ -n "$(find "$objects" -name '*.gcda' | head -n 1)" ] || {
    echo "coverage: no counts below $objects; run the tests first" >&2
    exit 1
}

# One call for each object: of two objects of one source gcov drops the branches.
counts() # FOLDER
{
    find "$1" -name '*.gcda' -exec "$gcov" --stdout --branch-probabilities --branch-counts {} \; \
        2>/dev/null
}

status=0
{
    counts "$objects"
    echo "-:0:Tests"
    counts "$3/tests"
} |
    awk -v root="$source/" -v list="$list" '
        function percent(part, all) {
            return all == 0 ? "     - " : sprintf("%5.1f%%", 100 * part / all)
        }
        function row(name) {
            printf "%-28s lines %s %5d of %5d   branches %s %5d of %5d\n", name,
                percent(hit[name], lines[name]), hit[name], lines[name],
                percent(taken[name], branches[name]), taken[name], branches[name]
        }
        function count(name, is_line, executed) {
            if (is_line) { lines[name]++; hit[name] += executed }
            else { branches[name]++; taken[name] += executed }
        }
        function divisor(a, b,    rest) {
            while (b != 0) { rest = a % b; a = b; b = rest }
            return a
        }
        # A line of a header has its branches once for each place that it is inlined into;
        # an object has as many of them one after the other, always in the same order.
        function end_of_line() {
            if (copies > 0) times_seen[place] = divisor(copies, times_seen[place])
            copies = 0
        }
        /^(call|function) / { next }
        /^branch / {
            if (!wanted || plain) next
            number = inlined ? copies++ : $2
            key = place SUBSEP "branch " number
            seen[key] = 1
            if ($3 == "taken" && $4 > 0) executed[key] = 1
            next
        }
        {
            end_of_line()
            split($0, field, ":")
            times = field[1]; number = field[2]
            gsub(/[ *]/, "", times); gsub(/ /, "", number)
        }
        number == "0" && field[3] == "Tests" { programs = 1; wanted = 0; next }
        number == "0" && field[3] == "Source" {
            file = $0
            sub(/^[^:]*:[^:]*:Source:/, "", file)
            if (index(file, root) == 1) file = substr(file, length(root) + 1)
            inlined = file ~ /^include\/kslock\/[a-z_]*\.h$/
            wanted = inlined || (!programs && file ~ /^src\//)
            next
        }
        !wanted || number !~ /^[1-9][0-9]*$/ { next }
        {
            text = $0
            sub(/^[^:]*:[^:]*:/, "", text)
            place = file SUBSEP number
            plain = text ~ /KSI_(FAULT|POINT|DELAY_POINT|LONG_WAY|DIE|SPIN_CAP|RAW_COUNT|LACKS_MEMBARRIER)/
            if (times == "-") next
            key = place SUBSEP "line"
            seen[key] = 1
            what[place] = text
            if (times !~ /^[#=]/) executed[key] = 1
        }
        END {
            end_of_line()
            for (key in seen) {
                split(key, part, SUBSEP)
                place = part[1] SUBSEP part[2]
                once = times_seen[place]
                if (once == 0 || part[3] == "line") continue
                number = substr(part[3], 8) + 0 # or it is compared as text
                if (key in executed) executed[place SUBSEP "branch " number % once] = 1
                if (number >= once) delete seen[key]
            }
            for (key in seen) {
                split(key, part, SUBSEP)
                floor = part[1]
                sub(/^src\//, "", floor); sub(/^include\/kslock\/.*/, "inlined", floor)
                sub(/\/.*/, "", floor)
                is_line = part[3] == "line"
                files[part[1]] = 1
                count(part[1], is_line, key in executed)
                count(floor, is_line, key in executed)
                count("all", is_line, key in executed)
                if (!(key in executed))
                    printf "%s:%05d: %-9s %s\n", part[1], part[2], part[3],
                        what[part[1] SUBSEP part[2]] | ("sort > " list)
            }
            if (!("all" in lines)) {
                print "coverage: gcov named no file in src" > "/dev/stderr"
                exit 1
            }
            n = 0
            for (name in files) names[++n] = name
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && names[j] < names[j - 1]; j--) {
                    swap = names[j]; names[j] = names[j - 1]; names[j - 1] = swap
                }
            for (i = 1; i <= n; i++) row(names[i])
            print ""
            n = split("inlined platform thread diag wait lock native all", order, " ")
            for (i = 1; i <= n; i++)
                if (order[i] in lines) row(order[i])
            print "\nNot executed: " list
            n = split("inlined thread wait lock", order, " ")
            for (i = 1; i <= n; i++) {
                name = order[i]
                if (hit[name] >= 0.95 * lines[name] && taken[name] >= 0.85 * branches[name])
                    continue
                print "coverage: " name " misses its goal, 95 % of lines and 85 % of branches"
                missed = 1
            }
            exit missed
        }' || status=1
sh "$source/cmake/uncovered.sh" "$list" "$source/tests/uncovered.txt" || [ $? -eq 1 ] || status=1
exit $status
