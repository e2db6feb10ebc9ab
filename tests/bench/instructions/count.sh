#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# sh count.sh COMPILER INCLUDE_DIRECTORY...
# Counts the instructions and conditional branches of gup's hot verbs and of the same by hand, as COMPILER makes them at
# -O2, prints both, and fails if gup's has more than the mask of the tag, two instructions where a page is reached and no
# branch, or, where its memory is asked for, than the test of the tag: three on the way of an ordinary page, with one
# branch, and the call on the other, which for the I/O address is a jump that counts among the three. Of shared counting
# also the hint of a first reference: a second one is made without it, which is one more; a put tests it, two with one
# branch, and the way on which it saves the locked instruction has five that call the pool.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
compiler=$1 && shift
includes=
for directory in "$@"; do
    includes="$includes -isystem $directory"
done

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
trap 'exit 1' HUP INT TERM

# count SOURCE: a line "function instructions branches" for each function of its anonymous-to-gup namespace by_*. The part
# that the compiler moved out of line counts, too; padding does not.
count() {
    # shellcheck disable=SC2086 # a list of words
    "$compiler" -std=c++20 -O2 -DNDEBUG -I"$here/.." $includes -c "$here/$1.cpp" -o "$objects/$1.o"
    objdump -d -C --no-show-raw-insn "$objects/$1.o" | awk '
        />:$/ {
            name = ""
            if (match($0, /<by_[a-z]*::[a-z_]*\(/)) {
                name = substr($0, RSTART + 1, RLENGTH - 2)
                sub(/^by_[a-z]*::/, "", name)
            }
            next
        }
        name == "" || !/^ *[0-9a-f]+:/ { next }
        {
            if ($0 ~ /[ \t](nop|nopw|nopl)([ \t]|$)/ || $0 ~ /xchg +%ax,%ax/) next
            instructions[name]++
            branches[name] += $2 ~ /^j/ && $2 !~ /^jmp/
        }
        END { for (name in instructions) print name, instructions[name], branches[name] + 0 }'
}

count gup >"$objects/gup"
count hand >"$objects/hand"

echo "$("$compiler" --version | head -n 1), -O2: instructions and conditional branches"
awk '
    FNR == NR { instructions[$1] = $2; branches[$1] = $3; next }
    { own[$1] = $2; own_branches[$1] = $3 }
    END {
        printf "%-12s %12s %12s %12s   %s\n", "", "gup", "by hand", "allowed", "without the test for overflow"
        names = split("ref put move bytes iova local_ref local_put", order)
        for (i = 1; i <= names; i++) {
            name = order[i]
            if (!(name in instructions) || !(name in own)) {
                print name ": not found in the disassembly"
                failed = 1
                continue
            }
            mask = name == "move" ? 0 : name == "bytes" ? 8 : name == "put" ? 9 : name == "iova" || name == "ref" ? 3 : 2
            tests = name == "bytes" || name == "iova" || name == "put"
            worse = own[name] > instructions[name] + mask || own_branches[name] > branches[name] + tests
            if (own[name] < instructions[name]) {
                print name ": fewer instructions than by hand: it is not inlined"
                failed = 1
            }
            unchecked = name "_unchecked"
            printf "%-12s %9d, %d %9d, %d %9d, %d   %s%s\n", name, own[name], own_branches[name], instructions[name], \
                branches[name], instructions[name] + mask, branches[name] + tests, \
                unchecked in instructions ? instructions[unchecked] ", " branches[unchecked] : "", worse ? "   TOO MANY" : ""
            failed += worse
        }
        exit failed != 0
    }' "$objects/hand" "$objects/gup"
