# SPDX-License-Identifier: BSL-1.0
# Objects built with NDEBUG and without it make one program, linked in either order: those without it find a page of a
# local pool on the wrong thread, and empty references.
set -eu
here=$SOURCE/tests/consumer/mixed_builds
rm -rf "$WORK/mixed_builds" && mkdir -p "$WORK/mixed_builds" && cd "$WORK/mixed_builds"

for level in -O0 -O2; do
    compile() { "$CXX" -std=c++20 -Wall -Wextra -Werror $level -I"$SOURCE/include" -pthread -c "$@"; }
    compile "$here/main.cpp" -o main.o
    compile "$here/verbs.cpp" -o with.o
    compile "$here/verbs.cpp" -DNDEBUG -o without.o
    for order in 'with.o without.o' 'without.o with.o'; do
        # shellcheck disable=SC2086 # a list of files
        "$CXX" -pthread $order main.o -o program
        ./program || { echo "linked in the order $order, at $level" >&2 && exit 1; }
    done
done
