// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: not looked at, of an index that names no page
// expect-run-error: a gup::maybe without a reference was used
#include "../running.hpp"

int main() {
    return run([] {
        gup::address_space<gup_test::pretended> names;
        gup::put_page(*gup::find_get_page(names, 7));
    });
}
