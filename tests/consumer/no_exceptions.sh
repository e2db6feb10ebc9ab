# SPDX-License-Identifier: BSL-1.0
# Objects built with exceptions and without, and without run-time types, make one program, linked in either order: each
# fails in its own way, and what is one for a process is one for both.
set -eu
here=$SOURCE/tests/consumer/no_exceptions
rm -rf "$WORK/no_exceptions" && mkdir -p "$WORK/no_exceptions" && cd "$WORK/no_exceptions"

for level in -O0 -O2; do
    compile() { "$CXX" -std=c++20 -Wall -Wextra -Werror $level -I"$SOURCE/include" -I"$SOURCE/tests/support" -pthread -c "$@"; }
    compile "$here/main.cpp" -o main.o
    compile "$here/half.cpp" -o with.o
    compile "$here/half.cpp" -fno-exceptions -fno-rtti -o without.o
    for order in 'with.o without.o' 'without.o with.o'; do
        # shellcheck disable=SC2086 # a list of files
        "$CXX" -pthread $order main.o -luring -o program
        ./program || { echo "linked in the order $order, at $level" >&2 && exit 1; }
    done
done
