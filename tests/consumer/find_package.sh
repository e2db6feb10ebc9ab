# SPDX-License-Identifier: BSL-1.0
# Builds and runs a CMake project that finds the installed package. What cannot be found is refused with a reason, and
# the core alone needs no liburing.
set -eu
work=$WORK/find_package
here=$SOURCE/tests/consumer
rm -rf "$work" && mkdir -p "$work/project" "$work/other"
cp "$here/find_package/CMakeLists.txt" "$here/main.cpp" "$work/project"

"$CMAKE" -S "$work/project" -B "$work/build" -DCMAKE_PREFIX_PATH="$PACKAGE"
"$CMAKE" --build "$work/build"
"$work/build/consumer"

# finds ARGUMENTS [OPTION]: a project with find_package(gup ARGUMENTS) can be configured; the output is in other/log.
finds() {
    {
        echo 'cmake_minimum_required(VERSION 3.25)'
        echo 'project(other CXX)'
        echo "find_package(gup $1)"
        echo 'get_target_property(type gup::gup TYPE)'
    } >"$work/other/CMakeLists.txt"
    rm -rf "$work/other/build"
    "$CMAKE" -S "$work/other" -B "$work/other/build" -DCMAKE_PREFIX_PATH="$PACKAGE" ${2:+"$2"} >"$work/other/log" 2>&1
}

# refused ARGUMENTS WORDS [OPTION]: it cannot, and CMake says so in these words.
refused() {
    if finds "$1" ${3:+"$3"}; then
        echo "find_package(gup $1) must fail" >&2
        exit 1
    fi
    tr -s ' \n' ' ' <"$work/other/log" | grep -qF "$2" || { cat "$work/other/log" >&2 && exit 1; }
}

no_liburing=-DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON
refused '0.2 REQUIRED' 'compatible with requested version "0.2"'
refused '0.1 REQUIRED COMPONENTS teleport' "gup has no component 'teleport'"
refused '0.1 REQUIRED COMPONENTS io_uring' 'gup::io_uring needs liburing' "$no_liburing"
finds '0.1 REQUIRED' "$no_liburing"
finds '0.1 REQUIRED OPTIONAL_COMPONENTS io_uring' "$no_liburing"
