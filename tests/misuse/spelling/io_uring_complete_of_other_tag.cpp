// SPDX-License-Identifier: BSL-1.0
// misuse: io uring complete of other tag
// expect-error: domains do not share pins, ref_user_page<access>\(ref\) narrows an access, and nothing widens
// it
#include "gup/domain/io_uring.hpp"

using log_page = gup::user_page_ref<gup::io_uring_domain<struct log_ring>>;

log_page finish(gup::io_uring_domain<struct data_ring>& domain, const io_uring_cqe& cqe) {
    return gup::complete(domain, cqe);
}
