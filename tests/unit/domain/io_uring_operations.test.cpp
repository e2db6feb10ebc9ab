// SPDX-License-Identifier: BSL-1.0
// What operations write into an entry, and when they are refused, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using gup::dma_access;
using gup::subrange;
using gup_test::contains;
using gup_test::made_up;
using gup_test::pretend_rings;
using gup_test::stub_ring;
using gup_test::what_of;

using domain = gup::io_uring_domain<void, pretend_rings>;
using pool = gup::page_pool<domain>;
using ref = gup::user_page_ref<domain>;

/// A ring, a domain with a few operation records and a pool of pages of 8 KiB.
struct scene {
    explicit scene(unsigned operations = 4)
        : made(ring.handle(), {.operations = operations}), pages(made, gup_test::small(4, 8192)) {}

    stub_ring ring;
    domain made;
    pool pages;
};

int code_of(void (*body)(scene&)) {
    scene s;
    try {
        body(s);
    } catch (const gup::pin_error& error) {
        CHECK_FALSE(error.failure().remedy.empty());
        return error.code().value();
    }
    return 0;
}

constexpr std::uint64_t of_no_operation = ~std::uint64_t{0};

bool is_silent_no_op(const io_uring_sqe& entry) {
    return entry.opcode == IORING_OP_NOP && entry.flags == IOSQE_CQE_SKIP_SUCCESS &&
           entry.user_data == of_no_operation;
}

} // namespace

TEST_CASE("a read names the slot, the address and the length of its page") {
    scene s;
    auto page = gup::get_user_page(s.pages);
    const auto bytes = page.bytes();
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_read_fixed(entry, 5, std::move(page), 0x1'0000'0001);

    CHECK_FALSE(page);
    CHECK(entry.opcode == IORING_OP_READ_FIXED);
    CHECK(entry.fd == 5);
    CHECK(entry.off == 0x1'0000'0001);
    CHECK(entry.addr == reinterpret_cast<std::uintptr_t>(bytes.data()));
    CHECK(entry.len == 8192);
    CHECK(entry.buf_index == 0);
    CHECK(entry.flags == 0);
    CHECK(gup::owns(s.made, made_up(entry.user_data)));
    gup::put_user_page(gup::complete(s.made, made_up(entry.user_data)), gup::clean);
}

TEST_CASE("writes and sends take a part of a page, and flags") {
    scene s;
    auto page = gup::get_user_page(s.pages);
    const auto address = reinterpret_cast<std::uintptr_t>(page.bytes().data());
    io_uring_sqe& write = s.ring.entry();
    gup::prep_write_fixed(write, 6, gup::ref_user_page(page), 512, {.offset = 100, .length = 30});
    CHECK(write.opcode == IORING_OP_WRITE_FIXED);
    CHECK(write.addr == address + 100);
    CHECK(write.len == 30);

    io_uring_sqe& send = s.ring.entry();
    gup::prep_send_zc_fixed(send, 7, std::move(page), MSG_NOSIGNAL | MSG_MORE, {.offset = 8000});
    CHECK(send.opcode == IORING_OP_SEND_ZC);
    CHECK(send.fd == 7);
    CHECK(send.addr == address + 8000);
    CHECK(send.len == 192);
    CHECK(send.msg_flags == (MSG_NOSIGNAL | MSG_MORE));
    CHECK((send.ioprio & IORING_RECVSEND_FIXED_BUF) != 0);
    for (const auto* entry : {&write, &send}) {
        auto back = gup::complete(s.made, made_up(entry->user_data));
        gup::put_user_page(std::move(back), gup::clean);
    }
}

TEST_CASE("a token keeps the program's user_data and gives back a reference of the same type") {
    scene s;
    const auto page = gup::get_user_page(s.pages);
    io_uring_sqe& entry = s.ring.entry();
    auto token = gup::prep_write_fixed(entry, 6, gup::ref_user_page<dma_access::read>(page), 0, 77);
    CHECK(entry.user_data == 77);
    CHECK(token.user_data() == 77);

    gup::user_page_ref<domain, dma_access::read> back = gup::complete(std::move(token), made_up(77));
    CHECK_FALSE(token);
    CHECK(back.bytes().data() == page.bytes().data());
}

TEST_CASE("every operation has all its forms") {
    scene s;
    std::error_code error = std::make_error_code(std::errc::io_error);
    const auto get = [&] { return gup::get_user_page(s.pages); };
    const auto done = [&] {
        return made_up(s.ring.handle().sq.sqes[(s.ring.handle().sq.sqe_tail - 1) & 7].user_data);
    };
    const subrange part{.offset = 1, .length = 2};

    gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, part, error);
    CHECK(gup::try_complete(s.made, done()));
    gup::prep_write_fixed(s.ring.entry(), 3, get(), 0, part, error);
    CHECK(gup::try_complete(s.made, done()));
    gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, part, error);
    CHECK(gup::try_complete(s.made, done()));
    CHECK_FALSE(error);

    auto one = gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, 1);
    CHECK(gup::try_complete(one, made_up(1)));
    auto two = gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, part, 2);
    CHECK(gup::try_complete(two, made_up(2)));
    auto three = gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, part, 3, error);
    CHECK(gup::try_complete(three, made_up(3)));
    auto four = gup::prep_write_fixed(s.ring.entry(), 3, get(), 0, part, 4);
    CHECK(gup::try_complete(four, made_up(4)));
    auto five = gup::prep_write_fixed(s.ring.entry(), 3, get(), 0, part, 5, error);
    CHECK(gup::try_complete(five, made_up(5)));
    auto six = gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, 6);
    CHECK(gup::try_complete(six, made_up(6)));
    auto seven = gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, part, 7);
    CHECK(gup::try_complete(seven, made_up(7)));
    auto eight = gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, part, 8, error);
    CHECK(gup::try_complete(eight, made_up(8)));
    CHECK_FALSE(error);
    CHECK(s.pages.stats().free == 4);
}

TEST_CASE("a page beyond the first GiB is in the next slot") {
    stub_ring ring;
    domain made(ring.handle());
    const auto before = made.pin({reinterpret_cast<const std::byte*>(0x1000), 4096}, dma_access::read_write);
    // never touched: the gigabytes cost nothing
    pool pages(made, {.page_size = 1U << 29, .pages = 3, .memory = gup::memory_kind::small_pages});
    auto refs = gup::get_user_pages(pages, 3);
    std::sort(refs.begin(), refs.end(),
              [](const ref& a, const ref& b) { return a.bytes().data() < b.bytes().data(); });
    std::vector<int> slots;
    for (auto& page : refs) {
        io_uring_sqe& entry = ring.entry();
        gup::prep_write_fixed(entry, 3, std::move(page), 0, {.offset = (1U << 29) - 1});
        slots.push_back(entry.buf_index);
        page = gup::complete(made, made_up(entry.user_data));
    }
    CHECK(slots == std::vector{1, 1, 2});
}

TEST_CASE("a part that is not in the page is refused") {
    const auto fault = [](subrange part) {
        scene s;
        auto page = gup::get_user_page(s.pages);
        std::error_code error;
        gup::prep_write_fixed(s.ring.entry(), 3, std::move(page), 0, part, error);
        CHECK(static_cast<bool>(page) == static_cast<bool>(error));
        const bool refused = error == std::errc::invalid_argument;
        if (!refused) static_cast<void>(gup::complete(s.made, made_up(s.ring.handle().sq.sqes[0].user_data)));
        return refused;
    };
    CHECK_FALSE(fault({.offset = 0, .length = 8192}));
    CHECK_FALSE(fault({.offset = 8191, .length = 1}));
    CHECK(fault({.offset = 8192}));
    CHECK(fault({.offset = 8192, .length = 0}));
    CHECK(fault({.offset = 0, .length = 0}));
    CHECK(fault({.offset = 0, .length = 8193}));
    CHECK(fault({.offset = 8191, .length = 2}));
    CHECK(fault({.offset = 2, .length = subrange::rest - 1}));
    CHECK(fault({.offset = subrange::rest, .length = 2}));
    CHECK(fault({.offset = subrange::rest, .length = subrange::rest}));
}

TEST_CASE("an operation that cannot be prepared throws, and the reference is still held") {
    CHECK(code_of([](scene& s) {
              auto page = gup::get_user_page(s.pages);
              gup::prep_read_fixed(s.ring.entry(), 3, std::move(page), 0, {.length = 0});
          }) == EINVAL);
    CHECK(code_of([](scene& s) {
              ref empty;
              gup::prep_read_fixed(s.ring.entry(), 3, std::move(empty), 0);
          }) == EINVAL);
    CHECK(code_of([](scene& s) {
              ref empty;
              static_cast<void>(gup::prep_write_fixed(s.ring.entry(), 3, std::move(empty), 0, 1));
          }) == EINVAL);
    CHECK(code_of([](scene& s) {
              stub_ring foreign;
              gup::prep_read_fixed(foreign.entry(), 3, gup::get_user_page(s.pages), 0);
          }) == EINVAL);
    scene s;
    auto page = gup::get_user_page(s.pages);
    stub_ring foreign;
    CHECK_THROWS_AS(gup::prep_write_fixed(foreign.entry(), 3, std::move(page), 0, 1), gup::pin_error);
    CHECK(page);
    CHECK(s.pages.stats().in_flight == 0);
}

TEST_CASE("a full operation table refuses the next operation and harms none") {
    scene s(2);
    const auto page = gup::get_user_page(s.pages);
    std::array<std::uint64_t, 2> user_data{};
    for (auto& one : user_data) {
        io_uring_sqe& entry = s.ring.entry();
        gup::prep_write_fixed(entry, 3, gup::ref_user_page(page), 0);
        one = entry.user_data;
    }
    auto third = gup::ref_user_page(page);
    const std::string what = what_of([&] { gup::prep_write_fixed(s.ring.entry(), 3, std::move(third), 0); });
    CHECK(contains(what, "io_uring_options::operations"));
    CHECK(third);
    std::error_code error;
    gup::prep_write_fixed(s.ring.entry(), 3, std::move(third), 0, {}, error);
    CHECK(error == std::errc::no_buffer_space);
    CHECK(third);
    auto token = gup::prep_write_fixed(s.ring.entry(), 3, std::move(third), 0, 1); // needs no record

    for (const auto one : user_data) CHECK(gup::try_complete(s.made, made_up(one)));
    CHECK(gup::try_complete(token, made_up(1)));
    gup::prep_write_fixed(s.ring.entry(), 3, gup::ref_user_page(page), 0, {}, error);
    CHECK_FALSE(error);
    static_cast<void>(gup::take_back(s.made, s.ring.handle().sq.sqes[5]));
}

TEST_CASE("as many operations as the completion queue has entries, if the options do not say otherwise") {
    const stub_ring small_ring;
    stub_ring ring(0, 3);
    domain made(ring.handle());
    pool pages(made, gup_test::small(4));
    std::error_code error;
    std::vector<std::uint64_t> user_data;
    while (!error) {
        io_uring_sqe& entry = ring.entry();
        gup::prep_write_fixed(entry, 3, gup::get_user_page(pages), 0, {}, error);
        if (!error) user_data.push_back(entry.user_data);
    }
    CHECK(user_data.size() == 3);
    for (const auto one : user_data) CHECK(gup::try_complete(made, made_up(one)));
}

TEST_CASE("an entry whose operation is refused does not repeat what it held before") {
    scene s(1);
    io_uring_sqe& entry = s.ring.entry();
    gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0);
    const io_uring_sqe before = entry; // liburing hands entries out with what they held
    static_cast<void>(gup::complete(s.made, made_up(entry.user_data)));

    io_uring_sqe& other = s.ring.entry();
    gup::prep_read_fixed(other, 3, gup::get_user_page(s.pages), 0);
    std::error_code error;
    for (const subrange part : {subrange{}, subrange{.length = 0}}) {
        entry = before;
        gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, part, error);
        CHECK(error);
        CHECK(is_silent_no_op(entry));
    }
    entry = before;
    static_cast<void>(
        gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.offset = 9000}, 1, error));
    CHECK(is_silent_no_op(entry));
    entry = before;
    gup::prep_read_fixed(entry, 3, ref{}, 0, {}, error);
    CHECK(entry.opcode == IORING_OP_NOP);
    CHECK(entry.user_data == of_no_operation);
    static_cast<void>(gup::complete(s.made, made_up(other.user_data)));
}

TEST_CASE("a pool whose pin was refused does plain I/O in every operation, if that was allowed") {
    stub_ring ring;
    domain made(ring.handle());
    pretend_rings::refuse = EFAULT;
    auto options = gup_test::small(1);
    options.fallback = gup::pin_fallback::unpinned;
    pool pages(made, options);
    pretend_rings::refuse = 0;
    CHECK_FALSE(pages.registered());
    CHECK(pages.why_not_registered()->code.value() == EFAULT);
    CHECK(pages.stats().bytes_registered == 0);
    CHECK(pages.stats().slots == 0);

    auto page = gup::get_user_page(pages);
    const auto address = reinterpret_cast<std::uintptr_t>(page.bytes().data());
    const auto plain = [&](io_uring_op opcode, auto prepare) {
        io_uring_sqe& entry = ring.entry();
        prepare(entry);
        CHECK(pages.stats().in_flight == 1);
        CHECK(entry.opcode == opcode);
        CHECK(entry.addr == address);
        CHECK(entry.len == 4096);
        CHECK(entry.buf_index == 0);
        CHECK(entry.ioprio == 0);
        page = gup::complete(made, made_up(entry.user_data));
    };
    plain(IORING_OP_READ, [&](io_uring_sqe& entry) { gup::prep_read_fixed(entry, 3, std::move(page), 0); });
    plain(IORING_OP_WRITE, [&](io_uring_sqe& entry) { gup::prep_write_fixed(entry, 3, std::move(page), 0); });
    plain(IORING_OP_SEND_ZC,
          [&](io_uring_sqe& entry) { gup::prep_send_zc_fixed(entry, 3, std::move(page), 0); });
}
