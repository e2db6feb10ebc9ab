// SPDX-License-Identifier: BSL-1.0
// What the verbs take, give and promise.
#include "gup/domain/io_uring.hpp"
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

#include <utility>
#include <vector>

using gup::dma_access;
using domain = gup::mlock_domain;
using writer_pool = gup::page_pool<domain>;
using writer = gup::user_page_ref<domain>;
using sender = gup::user_page_ref<domain, dma_access::to_device>;
using reader = gup::user_page_ref<domain, dma_access::read>;
using plain = gup::page_ref<domain>;

template <class T>
T&& some() noexcept;

// a pool gives references of its access
static_assert(std::is_same_v<decltype(gup::get_user_page(some<writer_pool&>())), writer>);
static_assert(
    std::is_same_v<decltype(gup::get_user_page(some<gup::page_pool<domain, dma_access::read>&>())), reader>);
static_assert(std::is_same_v<decltype(gup::try_get_user_page(some<writer_pool&>())), gup::maybe<writer>>);
static_assert(std::is_same_v<decltype(gup::get_user_pages(some<writer_pool&>(), 3)), std::vector<writer>>);
static_assert(std::is_same_v<decltype(gup::get_page(some<writer_pool&>())), plain>);
static_assert(std::is_same_v<decltype(gup::try_get_page(some<writer_pool&>())), gup::maybe<plain>>);
static_assert(std::is_same_v<decltype(gup::find_get_page(some<writer_pool&>(), nullptr)), gup::maybe<plain>>);
static_assert(std::is_same_v<writer_pool::reference, writer> &&
              std::is_same_v<writer_pool::domain_type, domain>);
static_assert(writer_pool::access == dma_access::read_write && sender::access == dma_access::to_device);

// a reference gives another of its access or less
static_assert(std::is_same_v<decltype(gup::ref_user_page(some<const sender&>())), sender>);
static_assert(std::is_same_v<decltype(gup::ref_user_page<dma_access::read>(some<const writer&>())), reader>);
static_assert(std::is_same_v<decltype(gup::get_page(some<const plain&>())), plain>);
static_assert(std::is_same_v<decltype(gup::get_user_page(some<const plain&>())), writer>);
static_assert(std::is_same_v<decltype(gup::get_user_page<dma_access::read>(some<const plain&>())), reader>);

// what the CPU sees
static_assert(std::is_same_v<decltype(some<const writer&>().bytes()), std::span<std::byte>>);
static_assert(std::is_same_v<decltype(some<const sender&>().bytes()), std::span<std::byte>>);
static_assert(std::is_same_v<decltype(some<const reader&>().bytes()), std::span<const std::byte>>);
static_assert(std::is_same_v<decltype(some<const plain&>().bytes()), std::span<std::byte>>);

// the hot path never throws
static_assert(noexcept(gup::try_get_user_page(some<writer_pool&>())));
static_assert(noexcept(gup::try_get_user_pages(some<writer_pool&>(), some<std::span<writer>>())));
static_assert(noexcept(gup::try_get_page(some<writer_pool&>())));
static_assert(noexcept(gup::find_get_page(some<writer_pool&>(), nullptr)));
static_assert(noexcept(gup::ref_user_page(some<const writer&>())));
static_assert(noexcept(gup::ref_user_page<dma_access::read>(some<const writer&>())));
static_assert(noexcept(gup::get_user_page(some<const plain&>())));
static_assert(noexcept(gup::get_page(some<const plain&>())));
static_assert(noexcept(gup::put_user_page(some<writer>(), gup::dirty)));
static_assert(noexcept(gup::put_user_page(some<reader>())));
static_assert(noexcept(gup::put_user_pages(some<std::vector<writer>>(), gup::clean)));
static_assert(noexcept(gup::put_page(some<plain>())));
static_assert(noexcept(gup::set_page_dirty(some<const plain&>())));
static_assert(noexcept(gup::clear_page_dirty_for_io(some<const plain&>())));
static_assert(noexcept(gup::page_maybe_dma_pinned(some<const reader&>())));
static_assert(noexcept(gup::page_maybe_dma_pinned(some<const gup::page&>())));
static_assert(noexcept(gup::page_to_pfn(some<const plain&>())));
static_assert(noexcept(some<writer_pool&>().find(nullptr)) && noexcept(some<writer_pool&>().dirty_pages()));
static_assert(!noexcept(gup::get_user_page(some<writer_pool&>())), "an exhausted pool throws");
static_assert(!noexcept(gup::get_page(some<writer_pool&>())), "an exhausted pool throws");

// an operation gives back what it was given, and has a form that never throws
using ring_domain = gup::io_uring_domain<>;
using ring_writer = gup::user_page_ref<ring_domain>;
using ring_reader = gup::user_page_ref<ring_domain, dma_access::read>;
static_assert(std::is_same_v<decltype(gup::try_complete<dma_access::read>(some<ring_domain&>(),
                                                                          some<const io_uring_cqe&>())),
                             gup::maybe<ring_reader>>);
static_assert(
    std::is_same_v<decltype(gup::take_back<dma_access::read>(some<ring_domain&>(), some<io_uring_sqe&>())),
                   ring_reader>);
static_assert(std::is_same_v<decltype(gup::try_take_back(some<ring_domain&>(), some<io_uring_sqe&>())),
                             gup::maybe<ring_writer>>);
static_assert(
    std::is_same_v<decltype(gup::try_take_back(some<gup::in_flight<ring_reader>&>(), some<io_uring_sqe&>())),
                   gup::maybe<ring_reader>>);
static_assert(noexcept(gup::prep_write_fixed(some<io_uring_sqe&>(), 3, some<ring_writer>(), 0, {},
                                             some<std::error_code&>())));
static_assert(noexcept(gup::prep_write_fixed(some<io_uring_sqe&>(), 3, some<ring_writer>(), 0,
                                             {.user_data = 1}, some<std::error_code&>())));
static_assert(noexcept(gup::try_complete(some<ring_domain&>(), some<const io_uring_cqe&>())));
static_assert(noexcept(gup::try_complete(some<gup::in_flight<ring_writer>&>(), some<const io_uring_cqe&>())));
static_assert(noexcept(gup::try_take_back(some<ring_domain&>(), some<io_uring_sqe&>())));
static_assert(noexcept(gup::try_take_back(some<gup::in_flight<ring_writer>&>(), some<io_uring_sqe&>())));
static_assert(noexcept(gup::owns(some<const ring_domain&>(), some<const io_uring_cqe&>())));
static_assert(noexcept(gup::submit(some<ring_domain&>(), some<io_uring&>(), some<std::error_code&>())));

// a failed release has nobody to throw to
static_assert(std::is_nothrow_invocable_v<gup::release_failure_hook, const gup::release_failure&>);
