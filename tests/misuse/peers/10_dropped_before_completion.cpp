// SPDX-License-Identifier: BSL-1.0
// misuse: peer 10 freed on cancel, drop or timeout
// expect-run-error: dropping an in_flight before its completion
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 1}};
        {
            auto reading = gup::prep_read_fixed(io_uring_get_sqe(&io.ring), 0, gup::get_user_page(pages), 0,
                                                {.user_data = 42});
        }
        check(!gup::try_get_user_page(pages), "the page is not given to anybody else");
        std::exit(1);
    });
}
