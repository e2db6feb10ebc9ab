// SPDX-License-Identifier: BSL-1.0
// misuse: empty: named in an address space
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        gup::address_space<gup_test::pretended> names;
        names.insert(0, gup_test::plain_ref());
    });
}
