// SPDX-License-Identifier: BSL-1.0
// misuse: a handle copied by its bytes, given to an operation of a tracked pool after the other was put
// expect-run-error: a reference was put that nobody counted
#include "../running.hpp"

#include "gup/tracked.hpp"

#include <cstring>

int main() {
    return run([] {
        using tracked = gup::tracked<gup::io_uring_domain<>>;
        ring_handle r;
        tracked domain{gup::io_uring_domain<>(r.ring)};
        gup::page_pool pages{domain, {.pages = 1}};
        auto page = gup::get_user_page(pages);
        gup::user_page_ref<tracked> same;
        std::memcpy(static_cast<void*>(&same), &page, sizeof page);
        gup::put_user_page(std::move(page), gup::clean);
        gup::prep_write_fixed(io_uring_get_sqe(&r.ring), 1, std::move(same), 0);
    });
}
