// SPDX-License-Identifier: BSL-1.0
// What operations write into an entry, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using gup::dma_access;
using gup::subrange;
using gup_test::made_up;
using gup_test::stub_ring;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using ref = gup_test::stub_ref;
using scene = gup_test::stub_scene;

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
    gup::prep_write_fixed(write, 6, gup::ref_user_page(page), 512, {.part = {.offset = 100, .length = 30}});
    CHECK(write.opcode == IORING_OP_WRITE_FIXED);
    CHECK(write.addr == address + 100);
    CHECK(write.len == 30);

    io_uring_sqe& send = s.ring.entry();
    gup::prep_send_zc_fixed(send, 7, std::move(page), MSG_NOSIGNAL | MSG_MORE, {.part = {.offset = 8000}});
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
    auto token =
        gup::prep_write_fixed(entry, 6, gup::ref_user_page<dma_access::read>(page), 0, {.user_data = 77});
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

    gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, {.part = part}, error);
    CHECK(gup::try_complete(s.made, done()));
    gup::prep_write_fixed(s.ring.entry(), 3, get(), 0, {.part = part}, error);
    CHECK(gup::try_complete(s.made, done()));
    gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, {.part = part}, error);
    CHECK(gup::try_complete(s.made, done()));
    CHECK_FALSE(error);

    auto one = gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, {.user_data = 1});
    CHECK(gup::try_complete(one, made_up(1)));
    auto two = gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, {.part = part, .user_data = 2});
    CHECK(gup::try_complete(two, made_up(2)));
    auto three = gup::prep_read_fixed(s.ring.entry(), 3, get(), 0, {.part = part, .user_data = 3}, error);
    CHECK(gup::try_complete(three, made_up(3)));
    auto four = gup::prep_write_fixed(s.ring.entry(), 3, get(), 0, {.part = part, .user_data = 4});
    CHECK(gup::try_complete(four, made_up(4)));
    auto five = gup::prep_write_fixed(s.ring.entry(), 3, get(), 0, {.part = part, .user_data = 5}, error);
    CHECK(gup::try_complete(five, made_up(5)));
    auto six = gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, {.user_data = 6});
    CHECK(gup::try_complete(six, made_up(6)));
    auto seven = gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, {.part = part, .user_data = 7});
    CHECK(gup::try_complete(seven, made_up(7)));
    auto eight = gup::prep_send_zc_fixed(s.ring.entry(), 3, get(), 0, {.part = part, .user_data = 8}, error);
    CHECK(gup::try_complete(eight, made_up(8)));
    CHECK_FALSE(error);
    CHECK(s.pages.stats().free == 4);
}

TEST_CASE("an entry is what liburing would have made of it, whatever it held before") {
    for (const bool fixed : {true, false}) {
        stub_ring ring;
        domain made(ring.handle());
        pool pages = fixed ? pool(made, gup_test::small(1)) : gup_test::unpinned_pool(made);
        const auto entry_of = [&](auto prepare) {
            io_uring_sqe& entry = ring.entry();
            std::memset(&entry, 0xFF, sizeof entry);
            prepare(entry);
            std::vector<unsigned char> bytes(sizeof entry);
            std::memcpy(bytes.data(), &entry, sizeof entry);
            return bytes;
        };
        const auto same = [&](auto ours, auto liburings) {
            auto page = gup::get_user_page(pages);
            void* const address = page.bytes().data();
            std::uint64_t user_data = 0;
            const auto mine = entry_of([&](io_uring_sqe& entry) {
                ours(entry, std::move(page));
                user_data = entry.user_data;
            });
            CHECK(gup::complete(made, made_up(user_data)));
            return mine == entry_of([&](io_uring_sqe& entry) {
                       liburings(&entry, address);
                       entry.user_data = user_data;
                   });
        };
        constexpr std::uint64_t offset = 0xFEDC'BA98'7654'3210;
        CHECK(same([](auto& entry, ref page) { gup::prep_read_fixed(entry, -3, std::move(page), offset); },
                   [&](auto* entry, void* address) {
                       fixed ? io_uring_prep_read_fixed(entry, -3, address, 4096, offset, 0)
                             : io_uring_prep_read(entry, -3, address, 4096, offset);
                   }));
        CHECK(same([](auto& entry, ref page) { gup::prep_write_fixed(entry, 3, std::move(page), offset); },
                   [&](auto* entry, void* address) {
                       fixed ? io_uring_prep_write_fixed(entry, 3, address, 4096, offset, 0)
                             : io_uring_prep_write(entry, 3, address, 4096, offset);
                   }));
        constexpr int flags = MSG_MORE | ~0x7FFF'FFFF;
        CHECK(same([](auto& entry, ref page) { gup::prep_send_zc_fixed(entry, 3, std::move(page), flags); },
                   [&](auto* entry, void* address) {
                       fixed ? io_uring_prep_send_zc_fixed(entry, 3, address, 4096, flags, 0, 0)
                             : io_uring_prep_send_zc(entry, 3, address, 4096, flags, 0);
                   }));
    }
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
        gup::prep_write_fixed(entry, 3, std::move(page), 0, {.part = {.offset = (1U << 29) - 1}});
        slots.push_back(entry.buf_index);
        page = gup::complete(made, made_up(entry.user_data));
    }
    CHECK(slots == std::vector{1, 1, 2});
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

TEST_CASE("a pool whose pin was refused does plain I/O in every operation, if that was allowed") {
    stub_ring ring;
    domain made(ring.handle());
    pool pages = gup_test::unpinned_pool(made);
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
