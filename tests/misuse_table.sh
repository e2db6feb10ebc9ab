# SPDX-License-Identifier: BSL-1.0
# sh misuse_table.sh PROJECT_DIR FILE: writes to FILE the table of the misuse suite, misuse by layer and compiler, with
# its totals, as the programs state it and their tests prove it; fails if README.md does not show the same totals.
set -eu
cd "$1"

# shellcheck disable=SC2016 # the dollars are awk's
awk '
function cell(row, layer, compiler,    state) {
    state = verdict[row, layer, compiler]
    return state == "" ? "" : state == "clean" ? "." : state
}
# What stops a misuse first, in the order in which a user meets it.
function stopped_by(row, compiler) {
    if (verdict[row, "default", compiler] == "rejected") return "default"
    if (compiler == "clang19" && verdict[row, "consumed", compiler] == "rejected") return "consumed"
    if (verdict[row, "linear", compiler] == "rejected") return "linear"
    if (verdict[row, "run", compiler] == "caught") return "run"
    if (verdict[row, "run", compiler] == "harmless") return "harmless"
    return "nothing"
}
function total(title, by) {
    print "| " title " | " count[by, "gcc"] + 0 " | " count[by, "clang14"] + 0 " | " count[by, "clang19"] + 0 " |"
}
BEGIN { compilers = split("gcc clang14 clang19", compiler, " ") }
FNR == 1 { row = "" }
/^ *\/\/ misuse: / {
    row = $0
    sub(/^.*misuse: /, "", row)
    if (!(row in known)) { known[row]; order[++rows] = row }
}
row != "" && /^ *\/\/ expect/ {
    statement = $2
    layer = "default"
    if (match(statement, /^expect-(consumed|linear|run)-/)) layer = substr(statement, 8, RLENGTH - 8)
    kind = statement ~ /-clean$/ ? "clean" : "rejected"
    if (layer == "run") kind = kind == "clean" ? "harmless" : "caught"
    for (i = 1; i <= compilers; i++) {
        if (layer == "consumed" && compiler[i] == "gcc") continue
        if (statement ~ /-gcc-/ && compiler[i] != "gcc") continue
        if (statement ~ /-clang-/ && compiler[i] == "gcc") continue
        if (statement ~ /-clang14-/ && compiler[i] != "clang14") continue
        if (statement ~ /-clang19-/ && compiler[i] != "clang19") continue
        if (kind != "clean" || verdict[row, layer, compiler[i]] == "") verdict[row, layer, compiler[i]] = kind
    }
}
END {
    print "| misuse | g++ 12 | clang 14 | clang 19 | -Wconsumed, clang 19 | linear, g++ 12 | linear, clang | run time |"
    print "|---|---|---|---|---|---|---|---|"
    for (r = 1; r <= rows; r++) {
        row = order[r]
        print "| " row " | " cell(row, "default", "gcc") " | " cell(row, "default", "clang14") " | " \
            cell(row, "default", "clang19") " | " cell(row, "consumed", "clang19") " | " cell(row, "linear", "gcc") " | " \
            cell(row, "linear", "clang19") " | " cell(row, "run", "gcc") " |"
        for (i = 1; i <= compilers; i++) count[stopped_by(row, compiler[i]), compiler[i]]++
    }
    print ""
    print "| of " rows " misuses, stopped first by | g++ 12 | clang 14 | clang 19 |"
    print "|---|---|---|---|"
    total("the default layer: it does not compile without a diagnostic", "default")
    total("`-Wconsumed`", "consumed")
    total("`gup::linear`, where the program uses it", "linear")
    total("a check at run time", "run")
    total("nothing, and it does no harm: the test runs it", "harmless")
    total("nothing", "nothing")
}' tests/misuse/*/*.cpp >"$2"

# The totals are the second table.
sed -n '/^$/,$p' "$2" | sed 1d | {
    status=0
    while IFS= read -r line; do
        grep -Fqx -- "$line" README.md || { echo "README.md lacks this line of the totals: $line" && status=1; }
    done
    exit $status
}
