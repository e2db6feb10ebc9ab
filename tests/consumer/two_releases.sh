# SPDX-License-Identifier: BSL-1.0
# Two shared objects built with two releases of gup, which differ in private members, work in one process, and count
# what both lock together.
set -eu
here=$SOURCE/tests/consumer/two_releases
rm -rf "$WORK/two_releases" && mkdir -p "$WORK/two_releases" && cd "$WORK/two_releases"

# The next release: another version, and another member at the beginning of these classes.
cp -r "$SOURCE/include" next
sed -i 's/^#define GUP_VERSION_PATCH .*/#define GUP_VERSION_PATCH 99/' next/gup/version.hpp
for class in zone page_pool pool_state dynamic_registry pin_error; do
    begins="^class .*\b$class\b.*{\$"
    header=$(grep -rl "$begins" next) || { echo "no header defines a class $class" >&2 && exit 1; }
    sed -i "/$begins/ a [[maybe_unused]] unsigned long long of_the_next_release_ = 7;" "$header"
done

for flags in '-fvisibility=default -O1' '-fvisibility=hidden -O2'; do
    compile="$CXX -std=c++20 $flags -pthread"
    $compile -fPIC -shared -DENTRY=first_release -I"$SOURCE/include" "$here/release.cpp" -luring -o libfirst.so
    $compile -fPIC -shared -DENTRY=second_release -Inext "$here/release.cpp" -luring -o libsecond.so
    $compile -DOPENED_AT_RUN_TIME "$here/main.cpp" -ldl -o opening
    for order in 'first second' 'second first'; do
        # shellcheck disable=SC2086 # two words
        set -- $order
        $compile "$here/main.cpp" -L. "-l$1" "-l$2" -Wl,-rpath,"$PWD" -o linked
        ./linked || { echo "linked: $order, $flags" >&2 && exit 1; }
        ./opening "$PWD/lib$1.so" "$PWD/lib$2.so" || { echo "opened: $order, $flags" >&2 && exit 1; }
    done
done
