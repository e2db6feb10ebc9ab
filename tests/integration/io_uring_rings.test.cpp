// SPDX-License-Identifier: BSL-1.0
// One domain over several rings of the real kernel, tables of the caller's, and rings that go before the
// pool.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ring_scene.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <sys/uio.h>
#include <utility>
#include <vector>

namespace {

using gup_test::completion;
using gup_test::eventually;
using gup_test::pattern;
using gup_test::pinned_memory;
using gup_test::ring;
using gup_test::ring_scene;
using gup_test::same;
using gup_test::scratch_file;
using gup_test::slots_of;
using slots = std::map<unsigned, std::size_t>;

using domain = gup::io_uring_domain<>;

/// A kernel in which one ring refuses, and which may be too old to clone.
struct choosy_kernel : gup::system_kernel {
    static inline int registered = 0; ///< buffers, clones not counted
    static inline int refuse = -1;    ///< the number of the buffer to refuse, from 0
    static inline bool can_clone = true;

    static void reset() {
        registered = 0;
        refuse = -1;
        can_clone = true;
    }
    static int io_uring_register(int fd, unsigned opcode, const void* argument, unsigned count) {
        constexpr unsigned clone_buffers = 30;
        if (opcode == clone_buffers && !can_clone) return -EINVAL;
        if (opcode == IORING_REGISTER_BUFFERS_UPDATE) {
            const auto& request = *static_cast<const io_uring_rsrc_update2*>(argument);
            const auto& buffer = *reinterpret_cast<const iovec*>(request.data);
            if (buffer.iov_base != nullptr && registered++ == refuse) return -ENOMEM;
        }
        return gup::system_kernel::io_uring_register(fd, opcode, argument, count);
    }
};
using choosy_domain = gup::io_uring_domain<void, choosy_kernel>;

bool can_clone() {
    ring one;
    ring two;
    if (!gup_test::have(one.ok(), one.why_not())) return false;
    choosy_kernel::reset();
    choosy_domain both(one.handle(), two.handle());
    const gup::page_pool pool(both, gup_test::small(1));
    return gup_test::have(choosy_kernel::registered == 1, "buffers cannot be cloned: Linux 6.13 is needed");
}

/// Reads the file through this ring into a page; true if its content arrived.
template <class Domain>
bool reads(Domain& d, ring& r, gup::page_pool<Domain>& pool, const scratch_file& file) {
    gup::prep_read_fixed(r.entry(), file.fd(), gup::get_user_page(pool), 0);
    const auto page = gup::complete(d, r.submit_and_wait());
    return same(page.bytes(), file.content(0, page.size()));
}

} // namespace

TEST_CASE("a page is used on every ring of its domain, and pinned once") {
    if (!can_clone()) return;
    std::array<ring, 3> rings;
    domain d(rings[0].handle(), rings[1].handle(), rings[2].handle());
    const std::size_t before = pinned_memory();
    {
        gup::page_pool pool(d, gup_test::small(4));
        CHECK(pinned_memory() == before + 4 * 4096);
        const scratch_file file(pattern(4096));
        for (ring& r : rings) {
            CHECK(slots_of(r) == slots{{0, 4 * 4096}});
            CHECK(reads(d, r, pool, file));
        }
    }
    CHECK(eventually([&] { return pinned_memory() == before; }));
    for (const ring& r : rings) CHECK(slots_of(r).empty());
}

TEST_CASE("where buffers cannot be cloned they are registered on every ring") {
    std::array<ring, 2> rings;
    if (!gup_test::have(rings[0].ok(), rings[0].why_not())) return;
    choosy_kernel::reset();
    choosy_kernel::can_clone = false;
    choosy_domain d(rings[0].handle(), rings[1].handle());
    const std::size_t before = pinned_memory();
    {
        gup::page_pool pool(d, gup_test::small(4));
        CHECK(pinned_memory() == before + 2 * 4 * 4096);
        const scratch_file file(pattern(4096));
        for (ring& r : rings) CHECK(reads(d, r, pool, file));
    }
    CHECK(eventually([&] { return pinned_memory() == before; }));
}

TEST_CASE("a pin that fails on a later ring leaves none behind") {
    std::array<ring, 3> rings;
    if (!gup_test::have(rings[0].ok(), rings[0].why_not())) return;
    choosy_kernel::reset();
    choosy_kernel::can_clone = false;
    choosy_domain d(rings[0].handle(), rings[1].handle(), rings[2].handle());
    const std::size_t before = pinned_memory();
    for (int refusing = 0; refusing < 3; ++refusing) {
        choosy_kernel::registered = 0;
        choosy_kernel::refuse = refusing;
        gup::pin_failure failure;
        CHECK_FALSE(gup::page_pool<choosy_domain>::try_make(d, gup_test::small(4), failure));
        CHECK(failure.code.value() == ENOMEM);
        CHECK(eventually([&] { return pinned_memory() == before; }));
        for (const ring& r : rings) CHECK(slots_of(r).empty());
    }
    choosy_kernel::reset();
    CHECK_NOTHROW(gup::page_pool(d, gup_test::small(4)));
}

TEST_CASE("several pools share a table beside each other") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    {
        gup::page_pool other(*s.d, gup_test::small(2, 4096));
        CHECK(slots_of(s.r) == slots{{0, 8 * 8192}, {1, 2 * 4096}});
        CHECK(reads(*s.d, s.r, other, file));
        CHECK(reads(*s.d, s.r, *s.p, file));
    }
    gup::page_pool third(*s.d, gup_test::small(3, 4096));
    CHECK(slots_of(s.r) == slots{{0, 8 * 8192}, {1, 3 * 4096}});
}

TEST_CASE("a table of the caller's keeps working around the domain's slots, on every ring") {
    std::array<ring, 2> rings;
    if (!gup_test::have(rings[0].ok(), rings[0].why_not())) return;
    std::vector<std::byte> own(4096);
    const iovec buffer{own.data(), own.size()};
    for (ring& r : rings) {
        REQUIRE(::io_uring_register_buffers_sparse(&r.handle(), 8) == 0);
        REQUIRE(::io_uring_register_buffers_update_tag(&r.handle(), 1, &buffer, nullptr, 1) == 1);
    }
    const scratch_file file(pattern(4096));
    const auto own_slot_works = [&] {
        for (ring& r : rings) {
            std::fill(own.begin(), own.end(), std::byte{0});
            io_uring_prep_read_fixed(&r.entry(), file.fd(), own.data(), 4096, 0, 1);
            CHECK(r.submit_and_wait().res == 4096);
            CHECK(same(own, file.content()));
        }
    };
    {
        domain d(rings[0].handle(), rings[1].handle(), {.slots = 4, .first_slot = 3});
        gup::page_pool pool(d, gup_test::small(2));
        for (ring& r : rings) {
            CHECK(slots_of(r) == slots{{1, 4096}, {3, 8192}});
            CHECK(reads(d, r, pool, file));
        }
        own_slot_works();
    }
    for (ring& r : rings) CHECK(slots_of(r) == slots{{1, 4096}});
    own_slot_works();
    for (ring& r : rings)
        CHECK(::io_uring_unregister_buffers(&r.handle()) == 0); // or the next test begins with what it pins
}

TEST_CASE("a table of the caller's must be there and large enough") {
    ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    const auto refusal = [&] {
        try {
            domain(r.handle(), {.slots = 4, .first_slot = 3});
        } catch (const gup::pin_error& error) {
            return error.code().value();
        }
        return 0;
    };
    CHECK(refusal() == ENXIO);
    REQUIRE(::io_uring_register_buffers_sparse(&r.handle(), 6) == 0);
    CHECK(refusal() == EINVAL);
    REQUIRE(::io_uring_unregister_buffers(&r.handle()) == 0);
    REQUIRE(::io_uring_register_buffers_sparse(&r.handle(), 7) == 0);
    CHECK(refusal() == 0);
}

TEST_CASE("a domain leaves its ring as it found it, ready for another") {
    ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    const std::size_t open = gup_test::open_descriptors();
    for (int i = 0; i < 2; ++i) {
        const domain d(r.handle());
        CHECK(gup_test::open_descriptors() == open);
    }
    CHECK(gup_test::open_descriptors() == open);
    CHECK(::io_uring_register_buffers_sparse(&r.handle(), 6) == 0);
}

TEST_CASE("a ring may be closed before the pool, even if its number is another ring's by then") {
    const gup_test::pins_before before;
    std::optional<ring> first(std::in_place);
    if (!gup_test::have(first->ok(), first->why_not())) return;
    const std::size_t open = gup_test::open_descriptors();
    const int number = first->fd();
    auto d = std::make_unique<domain>(first->handle());
    auto pool = std::make_unique<gup::page_pool<domain>>(*d, gup_test::small(4));
    first.reset();

    ring second; // with a table of its own at the same number
    REQUIRE(second.fd() == number);
    std::vector<std::byte> own(4096);
    const iovec buffer{own.data(), own.size()};
    REQUIRE(::io_uring_register_buffers(&second.handle(), &buffer, 1) == 0);
    d.reset();
    pool.reset();

    CHECK(slots_of(second) == slots{{0, 4096}});
    CHECK(gup_test::open_descriptors() == open);
    CHECK(before.gone(2 * 4096));                                // the vector lies in two pages
    CHECK(::io_uring_unregister_buffers(&second.handle()) == 0); // or the next test begins with what it pins
}

TEST_CASE("a pool lives on for its last page after domain, pool and ring are gone") {
    const gup_test::pins_before before;
    std::optional<ring> r(std::in_place);
    if (!gup_test::have(r->ok(), r->why_not())) return;
    std::optional<domain> d(r->handle());
    std::optional<gup::page_pool<domain>> pool(std::in_place, *d, gup_test::small(4));
    auto page = gup::get_user_page(*pool);
    pool.reset();
    d.reset();
    CHECK(pinned_memory() == before.bytes + 4 * 4096);
    r.reset();
    CHECK(before.gone()); // nobody can give it to the kernel now
    CHECK(gup_test::is_mapped(page.bytes().data()));
    const void* const address = page.bytes().data();
    gup::put_user_page(std::move(page), gup::clean);
    CHECK_FALSE(gup_test::is_mapped(address));
}

TEST_CASE("an entry of a ring that is not the domain's is refused") {
    ring_scene s;
    ring other;
    if (!s.ok() || !gup_test::have(other.ok(), other.why_not())) return;
    auto page = gup::get_user_page(*s.p);
    CHECK_THROWS_AS(gup::prep_read_fixed(other.entry(), 0, std::move(page), 0), gup::pin_error);
    CHECK(page);
}
