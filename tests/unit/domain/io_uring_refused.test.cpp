// SPDX-License-Identifier: BSL-1.0
// Operations that cannot be prepared, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace {

using gup::subrange;
using gup_test::contains;
using gup_test::made_up;
using gup_test::stub_ring;
using gup_test::what_of;

using ref = gup_test::stub_ref;
using scene = gup_test::stub_scene;

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

/// A silent one would spoil IOSQE_IO_DRAIN for the ring.
bool does_nothing(const io_uring_sqe& entry) {
    return entry.opcode == IORING_OP_NOP && entry.flags == 0 && entry.user_data == of_no_operation &&
           gup::detail::is_idle(entry);
}

} // namespace

TEST_CASE("a part that is not in the page is refused") {
    const auto fault = [](subrange part) {
        scene s;
        auto page = gup::get_user_page(s.pages);
        std::error_code error;
        gup::prep_write_fixed(s.ring.entry(), 3, std::move(page), 0, {.part = part}, error);
        CHECK(static_cast<bool>(page) == static_cast<bool>(error));
        const bool refused = error == std::errc::invalid_argument;
        if (!refused) static_cast<void>(gup::complete(s.made, made_up(s.ring.handle().sq.sqes[0].user_data)));
        return refused;
    };
    CHECK_FALSE(fault({.offset = 0, .length = 8192}));
    CHECK_FALSE(fault({.offset = 8191, .length = 1}));
    CHECK(fault({.offset = 8192}));
    CHECK(fault({.offset = 8193}));
    CHECK(fault({.offset = 8193, .length = 1}));
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
              gup::prep_read_fixed(s.ring.entry(), 3, std::move(page), 0, {.part = {.length = 0}});
          }) == EINVAL);
    CHECK(code_of([](scene& s) {
              ref empty;
              gup::prep_read_fixed(s.ring.entry(), 3, std::move(empty), 0);
          }) == EINVAL);
    CHECK(code_of([](scene& s) {
              ref empty;
              static_cast<void>(
                  gup::prep_write_fixed(s.ring.entry(), 3, std::move(empty), 0, {.user_data = 1}));
          }) == EINVAL);
    CHECK(code_of([](scene& s) {
              stub_ring foreign;
              gup::prep_read_fixed(foreign.entry(), 3, gup::get_user_page(s.pages), 0);
          }) == EINVAL);
    scene s;
    auto page = gup::get_user_page(s.pages);
    stub_ring foreign;
    CHECK_THROWS_AS(gup::prep_write_fixed(foreign.entry(), 3, std::move(page), 0, {.user_data = 1}),
                    gup::pin_error);
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
    auto token =
        gup::prep_write_fixed(s.ring.entry(), 3, std::move(third), 0, {.user_data = 1}); // needs no record

    for (const auto one : user_data) CHECK(gup::try_complete(s.made, made_up(one)));
    CHECK(gup::try_complete(token, made_up(1)));
    gup::prep_write_fixed(s.ring.entry(), 3, gup::ref_user_page(page), 0, {}, error);
    CHECK_FALSE(error);
    static_cast<void>(gup::take_back(s.made, s.ring.handle().sq.sqes[5]));
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
        gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0, {.part = part}, error);
        CHECK(error);
        CHECK(does_nothing(entry));
    }
    entry = before;
    static_cast<void>(gup::prep_read_fixed(entry, 3, gup::get_user_page(s.pages), 0,
                                           {.part = {.offset = 9000}, .user_data = 1}, error));
    CHECK(does_nothing(entry));
    entry = before;
    gup::prep_read_fixed(entry, 3, ref{}, 0, {}, error);
    CHECK(does_nothing(entry));
    static_cast<void>(gup::complete(s.made, made_up(other.user_data)));
}

TEST_CASE("a full submission queue is refused, and the page stays with the caller") {
    scene s;
    io_uring_sqe* const none = nullptr;
    auto page = gup::get_user_page(s.pages);
    CHECK(contains(what_of([&] { gup::prep_read_fixed(none, 3, std::move(page), 0); }),
                   "the submission queue is full: submit first"));
    CHECK(contains(what_of([&] {
                       static_cast<void>(
                           gup::prep_write_fixed(none, 3, std::move(page), 0, {.user_data = 1}));
                   }),
                   "the submission queue is full: submit first"));
    std::error_code error;
    gup::prep_send_zc_fixed(none, 3, std::move(page), 0, {}, error);
    CHECK(error == std::errc::resource_unavailable_try_again);
    const auto token = gup::prep_read_fixed(none, 3, std::move(page), 0, {.user_data = 1}, error);
    CHECK(error == std::errc::resource_unavailable_try_again);
    CHECK_FALSE(token);
    CHECK(page);
    CHECK(s.pages.stats().in_flight == 0);
}
