// SPDX-License-Identifier: BSL-1.0
// correct: memory of the caller's, for reading and for writing
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void work(domain& ring, std::span<std::byte> memory, std::span<const std::byte> constant, io_uring_sqe& entry) {
    auto pin = gup::get_user_pages(ring, memory);
    auto seen = gup::get_user_pages(ring, constant);
    use(seen.bytes());
    gup::put_user_page(std::move(seen));
    gup::prep_read_fixed(entry, 3, gup::ref_user_page(pin), 0);
    fill(pin.bytes());
    gup::put_user_page(std::move(pin), gup::dirty);
}
