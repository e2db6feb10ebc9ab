// SPDX-License-Identifier: BSL-1.0
// A program with names of its own that gup's headers use, too, and typical uses of all that is instantiated
// for it.
extern int access_mode, address, base, begin, bytes, cookie, count, data, device, dirty, domain, end, entry,
    error, failure, fd, first, flags, found, handle, i, index_, iova, kernel, kind, last, length, lock, made,
    memory, name, next, number, offset, options, owner, page, page_size, pages, part, pool, process, range,
    record, ref, refs, registration, result, ring, rings, shared, size, slot, source, space, state, store,
    text, thread, token, value, where, word, zone;

#include "every_header.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

void use_pools(std::span<std::byte> bytes_of_mine);
void use_rings(io_uring& mine, int file);
void use_names();
void use_devices();

namespace {

template <class Domain>
void write_back(gup::page_pool<Domain>& my_pool) {
    for (auto written : my_pool.dirty_pages()) gup::put_page(std::move(written));
}

template <class Domain>
void use_a_pool(Domain where_it_is_pinned) {
    gup::page_pool my_pool{where_it_is_pinned, {.pages = 64, .fallback = gup::pin_fallback::unpinned}};
    auto one = gup::get_user_page(my_pool);
    auto again = gup::ref_user_page(one);
    auto plain = gup::get_page(my_pool);
    if (auto other = gup::try_get_user_page(my_pool)) gup::put_user_page(*std::move(other), gup::clean);
    auto many = gup::get_user_pages(my_pool, 4);
    gup::put_user_pages(std::move(many), gup::dirty);
    write_back(my_pool);
    gup::put_user_page(std::move(again), gup::clean);
    gup::put_user_page(std::move(one), gup::dirty);
    gup::put_page(std::move(plain));
    static_cast<void>(my_pool.stats());
}

} // namespace

void use_pools(std::span<std::byte> bytes_of_mine) {
    use_a_pool(gup::mlock_domain());
    use_a_pool(gup::local(gup::mlock_domain()));
    use_a_pool(gup::tracked(gup::mlock_domain()));
    gup::mlock_domain here;
    auto mine = gup::get_user_pages(here, bytes_of_mine);
    gup::put_user_page(std::move(mine), gup::dirty);
    gup::on_release_failure(nullptr);
}

void use_rings(io_uring& mine, int file) {
    gup::io_uring_domain here{mine};
    use_a_pool(here);
    gup::page_pool my_pool{here, {.pages = 4}};
    gup::prep_read_fixed(io_uring_get_sqe(&mine), file, gup::get_user_page(my_pool), 0);
    gup::submit(here, mine);
    io_uring_cqe* cqe = nullptr;
    if (io_uring_wait_cqe(&mine, &cqe) == 0) {
        auto back = gup::complete(here, cqe);
        gup::put_user_page(std::move(back), gup::dirty);
    }
    auto mine_too = gup::prep_write_fixed(io_uring_get_sqe(&mine), file, gup::get_user_page(my_pool), 0,
                                          {.user_data = 7});
    gup::put_user_page(gup::take_back(std::move(mine_too), io_uring_get_sqe(&mine)), gup::clean);
}

void use_names() {
    gup::page_pool my_pool{gup::mlock_domain(), {.pages = 4}};
    gup::address_space names{my_pool};
    auto named = gup::get_user_page(my_pool);
    names.insert(7, named);
    gup::put_user_page(std::move(named), gup::clean);
    if (auto seen = gup::find_get_page(names, 7)) gup::put_page(*std::move(seen));
    if (auto held = gup::find_get_user_page(names, 7)) gup::put_user_page(*std::move(held), gup::dirty);
    static_cast<void>(names.dirty_pages());
}

void use_devices() {
    gup::vfio_container container;
    gup::vfio_domain here{container};
    use_a_pool(here);
    gup::vfio_device disk{container, "0000:00:05.0"};
    auto window = disk.map_bar(0);
    gup::domains both{gup::mlock_domain(), here};
    use_a_pool(both);
}
