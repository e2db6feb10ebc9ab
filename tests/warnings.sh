# SPDX-License-Identifier: BSL-1.0
# sh warnings.sh PROJECT_DIR: fails if a compiler warns of anything in gup's headers, included as a program's own are, or of
# a correct program that uses them: with all warnings that g++ and clang have, but for those about other languages.
set -eu
# shellcheck source=tests/support/skip.sh
. "$1/tests/support/skip.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

(cd "$1/include" && find gup -name '*.hpp' | sort | sed 's|.*|#include "&"|') >"$work/every_header.hpp"
gcc_warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wuseless-cast
-Wcast-align -Wcast-qual -Wduplicated-branches -Wduplicated-cond -Wlogical-op -Wnull-dereference -Wundef -Wredundant-decls
-Wnon-virtual-dtor -Woverloaded-virtual -Weffc++ -Wfloat-equal -Wswitch-default -Wswitch-enum -Winline -Wpadded -Wnoexcept
-Wdouble-promotion -Wformat=2 -Wzero-as-null-pointer-constant -Wextra-semi -Wsuggest-override -Wunused-macros'
# C++20 is what gup is written in; the rest is about how a program is written, not gup
clang_warnings='-Weverything -Wno-c++98-compat -Wno-c++98-compat-pedantic -Wno-pre-c++14-compat -Wno-pre-c++17-compat
-Wno-pre-c++20-compat -Wno-c++20-compat'
failed=0
for compiler in g++ clang++-14 clang++-19; do
    command -v "$compiler" >/dev/null || skip "no $compiler"
    case $compiler in
        g++) options="-O2 -S $gcc_warnings" ;; # some warnings are the optimiser's
        *) options="-fsyntax-only $clang_warnings" ;;
    esac
    # shellcheck disable=SC2086 # a list of words
    "$compiler" -std=c++20 $options -Werror -I"$work" -I"$1/include" "$1/tests/warnings/program.cpp" -o "$work/program.s" ||
        failed=1
done
exit $failed
