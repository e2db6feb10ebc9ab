// SPDX-License-Identifier: BSL-1.0
// misuse: E 873aefb376bb vfio/type1: released what was never pinned
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup_test::pretended ranges;
        ranges.log->refuse = true;
        {
            gup_test::pretended_pool pages(ranges, {.pages = 1, .fallback = gup::pin_fallback::unpinned});
            check(!pages.registered(), "the pool says that it is not pinned");
            gup::put_user_page(gup::get_user_page(pages), gup::clean);
        }
        check(ranges.log->pins == 0 && ranges.log->releases == 0, "nothing was pinned, nothing released");
    });
}
