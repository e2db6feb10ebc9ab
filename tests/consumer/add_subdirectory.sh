# SPDX-License-Identifier: BSL-1.0
# Builds and runs a CMake project that has gup's source tree as a folder: it builds none of gup's own programs, needs
# none of the tests' libraries, and gets none of gup's own warning flags.
set -eu
work=$WORK/add_subdirectory
here=$SOURCE/tests/consumer
rm -rf "$work" && mkdir -p "$work/project"
cp "$here/add_subdirectory/CMakeLists.txt" "$here/main.cpp" "$work/project"
ln -s "$SOURCE" "$work/project/gup"

"$CMAKE" -S "$work/project" -B "$work/build" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    -DCMAKE_DISABLE_FIND_PACKAGE_Catch2=ON -DCMAKE_DISABLE_FIND_PACKAGE_rapidcheck=ON
"$CMAKE" --build "$work/build"
"$work/build/consumer"

if [ "$(grep -c '"file"' "$work/build/compile_commands.json")" != 1 ] ||
    grep -e -Wshadow -e -Werror "$work/build/compile_commands.json"; then
    echo "gup builds programs of its own, or passes its warning flags on, as part of another project" >&2
    exit 1
fi
[ ! -e "$work/build/gup/cmake_install.cmake" ] || "$CMAKE" --install "$work/build" --prefix "$work/prefix"
if [ -e "$work/prefix/include" ]; then
    echo "gup installs itself as part of another project" >&2
    exit 1
fi
