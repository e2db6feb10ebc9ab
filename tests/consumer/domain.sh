# SPDX-License-Identifier: BSL-1.0
# Builds and runs a program with a domain of its own, which uses the installed package and nothing that gup hides.
set -eu
work=$WORK/domain
here=$SOURCE/tests/consumer/domain
rm -rf "$work" && mkdir -p "$work"
if grep -n 'detail' "$here"/*.hpp "$here"/*.cpp; then
    echo "a domain outside of gup must not need what is in gup::detail" >&2
    exit 1
fi

"$CMAKE" -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$PACKAGE" -DCMAKE_CXX_FLAGS='-Wall -Wextra -Werror'
"$CMAKE" --build "$work/build"
"$work/build/domain"
