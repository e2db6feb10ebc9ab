// SPDX-License-Identifier: BSL-1.0
// misuse: a completed page that is not put
// expect-consumed-warning: method '~user_page_ref' on object 'page' while it is in the 'unconsumed' state
#include "../program.hpp"

void finish(domain& ring, const io_uring_cqe& cqe) {
    auto page = gup::complete(ring, cqe);
    use(page.bytes());
}
