# SPDX-License-Identifier: BSL-1.0
# sh hello_pin.sh PROGRAM: reads pages of real files and fails as it says.
set -eu
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "hello_pin.sh: $*" >&2
    exit 1
}
# refuses STATUS TEXT ARGUMENT...: the program ends with STATUS and says TEXT on standard error.
refuses() {
    status=$1 text=$2 && shift 2
    outcome=0
    "$program" "$@" >"$work/out" 2>"$work/err" || outcome=$?
    [ "$outcome" = "$status" ] || fail "exit $outcome instead of $status for: $*"
    grep -q "$text" "$work/err" || fail "no '$text' in: $(cat "$work/err")"
}

head -c 4096 "$program" >"$work/page"
"$program" "$program" | cmp - "$work/page" || fail "the first page of a long file differs"
echo short >"$work/short"
"$program" "$work/short" | cmp - "$work/short" || fail "a short file differs"
"$program" --help | grep -q FILE || fail "no help"
refuses 2 usage
refuses 2 usage one two
refuses 1 'No such file' "$work/none"
refuses 1 'Is a directory' "$work"
