# SPDX-License-Identifier: BSL-1.0
# The installed clang-tidy fragment and clang-query script find what they are for, and nothing in a correct program.
set -eu
. "$SOURCE/tests/support/skip.sh"
for tool in clang-tidy-19 clang-query-19; do
    command -v "$tool" >/dev/null || skip "no $tool"
done
here=$SOURCE/tests/consumer
rules=$PACKAGE/share/gup
mkdir -p "$WORK/lint" && cd "$WORK/lint"

fail() {
    cat log >&2
    echo "$*" >&2
    exit 1
}

# tidy FILE, query FILE: its status, and what it says in log
tidy() { clang-tidy-19 --quiet --config-file="$rules/enforce.clang-tidy" "$1" -- -std=c++20 -I"$PACKAGE/include" >log 2>&1; }
query() { clang-query-19 -f "$rules/raw-pins.clang-query" "$1" -- -std=c++20 -I"$PACKAGE/include" >log 2>&1; }

tidy "$here/main.cpp" || fail 'clang-tidy objects to a correct program'
! tidy "$here/lint/moved.cpp" || fail 'clang-tidy misses the misuses'
grep -q "'first' used after it was moved" log || fail 'clang-tidy misses the second put'
grep -q "'given' is never moved from" log || fail 'clang-tidy misses the reference that is taken and dropped'

# matches FILE: the number of matches of each query
matches() { query "$1" && sed -n 's/^\([0-9]*\) match.*/\1/p' log | tr '\n' ' '; }

[ "$(matches "$here/main.cpp")" = '0 0 0 0 0 0 ' ] || fail 'clang-query finds raw pins in a correct program'
[ "$(matches "$here/lint/raw_pins.cpp")" = '2 2 1 1 1 1 ' ] || fail 'clang-query does not find each raw pin'
# nor is a program taken for gup because of the folder that it is in
mkdir -p gup/program && cp "$here/lint/raw_pins.cpp" gup/program
[ "$(matches gup/program/raw_pins.cpp)" = '2 2 1 1 1 1 ' ] || fail 'clang-query misses raw pins in a folder named gup'
