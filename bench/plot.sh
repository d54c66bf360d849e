#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# plot.sh FILE.csv FOLDER
# Draws what kslock_bench --csv has written, one SVG a question, by gnuplot. Exit status: 0;
# 77 if there is no gnuplot; 2 for a wrong command line or a file that is not such a CSV.
set -eu

if [ $# -ne 2 ] || [ ! -f "$1" ]; then
    echo "usage: sh plot.sh FILE.csv FOLDER" >&2
    exit 2
fi
case $(head -n 1 "$1") in
kind,test,x,*) ;;
*)
    echo "plot.sh: $1 is not written by kslock_bench --csv" >&2
    exit 2
    ;;
esac
command -v gnuplot >/dev/null 2>&1 || {
    echo "plot.sh: no plots: gnuplot is missing (Debian: gnuplot-nox)" >&2
    exit 77
}
mkdir -p "$2"

# Turns the lines of one plot each into a gnuplot script.
script=$2/plots.gnuplot
awk -v folder="$2" '
    # Splits a line into f[]; fields may be in quotes, which hold commas.
    function split_line(line, i, c, quoted) {
        fields = 1
        for (i = 1; i <= 40; i++) f[i] = ""
        for (i = 1; i <= length(line); i++) {
            c = substr(line, i, 1)
            if (c == "\"") quoted = !quoted
            else if (c == "," && !quoted) fields++
            else f[fields] = f[fields] c
        }
    }
    function add(plot, lock, x, y, low, high) {
        if (!(plot in locks)) order[++plots] = plot
        if (!((plot, lock) in points)) {
            locks[plot]++
            name[plot, locks[plot]] = lock
        }
        if (!((plot, x) in seen)) { seen[plot, x] = 1; xs[plot]++ }
        points[plot, lock] = points[plot, lock] x " " y " " low " " high "\n"
    }
    NR == 1 { next }
    {
        split_line($0)
        kind = f[1]; ns = f[10]
        if (ns <= 0) next
        plot = kind
        if (kind == "mix") plot = "mix-" f[5] "-of-" (f[5] + f[6]) "ns-" f[4] "-threads"
        if (kind == "contended" || kind == "readers" || kind == "mix" || kind == "many" ||
            kind == "interrupts" || kind == "promoted") {
            unit[plot] = "operations per microsecond, all threads (more is better)"
            add(plot, f[7], f[3], 1000 / ns, 1000 / f[12], 1000 / f[11])
        } else if (f[20] != "" && kind != "distinct") {
            unit[plot] = "time of a pair by that without the others (1 is best)"
            add(plot, f[7], f[3], f[20], f[20], f[20])
        } else {
            unit[plot] = "ns (less is better)"
            add(plot, f[7], f[3], ns, f[11], f[12])
        }
        label[plot] = "locks"
        if (kind == "mix") label[plot] = "writes, percent"
        if (kind == "interrupts") label[plot] = "interrupts per second"
        if (kind == "hand-over") label[plot] = "processors"
        if (kind == "chain") label[plot] = "links"
        if (kind == "contended" || kind == "promoted" || kind ~ /-threads$/)
            label[plot] = "threads"
    }
    END {
        print "set terminal svg size 1100,620 dynamic background \"white\" font \"sans,11\" noenhanced"
        print "set grid ytics"
        for (p = 1; p <= plots; p++) {
            plot = order[p]
            printf "set output \"%s/%s.svg\"\nset title \"%s\"\nset ylabel \"%s\"\n", folder, plot, plot, unit[plot]
            if (xs[plot] > 1) lines(plot)
            else bars(plot)
        }
    }
    function lines(plot, i) {
        print "set style data linespoints\nset key outside right top\nset xtics norotate autofreq"
        printf "set xlabel \"%s\"\n", label[plot]
        print "set autoscale x\nset autoscale y\nunset logscale"
        if (plot ~ /^mix/) print "set logscale x\nset xrange [0.03:70]\nset xtics (\"0\" 0.04, 0.1, 1, 10, 50)"
        else if (plot != "hand-over") print "set logscale x"
        if (plot == "distinct" || plot == "hand-over" || plot == "chain") print "set logscale y"
        else print "set yrange [0:*]"
        for (i = 1; i <= locks[plot]; i++)
            printf "$d%d << EOD\n%sEOD\n", i, points[plot, name[plot, i]]
        printf "plot "
        for (i = 1; i <= locks[plot]; i++)
            printf "%s$d%d using (%s):2 title \"%s\" dashtype %d pointtype %d", (i > 1 ? ", \\\n  " : ""), i,
                (plot ~ /^mix/ ? "$1 > 0 ? $1 : 0.04" : "$1"), name[plot, i], int((i - 1) / 8) % 5 + 1, (i - 1) % 15 + 1
        print "\nset xtics norotate autofreq"
    }
    function bars(plot, i, d) {
        print "unset key\nunset logscale\nset xlabel \"\"\nset style fill solid 0.5\nset boxwidth 0.7"
        print "set xtics rotate by -55 nomirror scale 0\nset autoscale x\nset yrange [*:*]"
        print (unit[plot] ~ /^ns/ ? "set logscale y" : "set yrange [0:*]")
        print "$d << EOD"
        for (i = 1; i <= locks[plot]; i++) {
            split(points[plot, name[plot, i]], d, /[ \n]/)
            printf "%d \"%s\" %s %s %s\n", i, name[plot, i], d[2], d[3], d[4]
        }
        print "EOD\nplot $d using 1:3:xtic(2) with boxes, $d using 1:3:4:5 with yerrorbars pointtype 0 linecolor rgb \"black\""
    }' "$1" >"$script"
gnuplot "$script"
sed -n 's/^set output "\(.*\)"$/\1/p' "$script"
