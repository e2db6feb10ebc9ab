# SPDX-License-Identifier: BSL-1.0
# A project that links gup::enforce builds if it is correct; what its compiler can find of misused references does not
# build. -Wconsumed warns from clang 19 on, and stays a warning under -Werror.
set -eu
. "$SOURCE/tests/support/skip.sh"
here=$SOURCE/tests/consumer

for compiler in g++ clang++-14 clang++-19; do
    command -v "$compiler" >/dev/null || skip "no $compiler"
    work=$WORK/enforce/$compiler
    rm -rf "$work" && mkdir -p "$work/project"
    cp "$here"/enforce/* "$here/main.cpp" "$work/project"
    "$CMAKE" -S "$work/project" -B "$work/build" -DCMAKE_PREFIX_PATH="$PACKAGE" -DCMAKE_CXX_COMPILER="$compiler"

    # says TARGET WORDS: whatever becomes of this target, the compiler says this of it
    says() {
        "$CMAKE" --build "$work/build" --target "$1" >"$work/$1.log" 2>&1 && status=0 || status=$?
        grep -q "$2" "$work/$1.log" || { cat "$work/$1.log" >&2 && exit 1; }
    }
    says consumer 'Built target consumer\|Linking CXX executable consumer' && [ "$status" = 0 ]
    says discarded 'error: ignoring return.*\(the page must be put\|a pinned page that is thrown away\)' && [ "$status" != 0 ]
    case $compiler in
        clang*) says dangling 'error: .*stack memory associated with parameter' && [ "$status" != 0 ] ;;
    esac
    case $compiler in
        clang++-19) says forgotten 'warning: .*~user_page_ref.*on object .page' && [ "$status" = 0 ] ;;
        *) "$CMAKE" --build "$work/build" --target forgotten ;;
    esac
done
