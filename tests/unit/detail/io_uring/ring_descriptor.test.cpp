// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/io_uring/ring_descriptor.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pretend_rings.hpp"

#include <cerrno>

namespace {

using gup_test::fresh_kernel;
using gup_test::pretend_rings;
using gup_test::stub_ring;
using ring_descriptor = gup::detail::ring_descriptor<pretend_rings>;
using in_use = ring_descriptor::in_use;

/// Makes a table on the ring; the kernel's answer.
int call(const in_use& ring) { return ring.call(IORING_REGISTER_BUFFERS, nullptr, 4); }

/// A kernel that stops answering what a file is.
struct mute_kernel : pretend_rings {
    static inline bool mute = false;
    static int fstat(int fd, struct stat& file) { return mute ? -EACCES : pretend_rings::fstat(fd, file); }
};

} // namespace

TEST_CASE("a ring that is open is used, and kept open for that long only") {
    const fresh_kernel kernel;
    stub_ring ring;
    ring_descriptor watched;
    REQUIRE(watched.watch(ring.handle()) == 0);
    CHECK(pretend_rings::duplicates() == 0);
    {
        const in_use now(watched);
        CHECK_FALSE(now.closed());
        CHECK(pretend_rings::duplicates() == 1);
        pretend_rings::replace(ring.fd()); // in the middle of it
        CHECK(call(now) == 0);
    }
    CHECK(pretend_rings::duplicates() == 0);
    CHECK_FALSE(pretend_rings::rings[ring.fd()]->table);
}

TEST_CASE("a ring that was closed is told, whoever has its number now") {
    const fresh_kernel kernel;
    stub_ring ring;
    ring_descriptor watched;
    REQUIRE(watched.watch(ring.handle()) == 0);
    pretend_rings::replace(ring.fd());
    CHECK(in_use(watched).closed());
    CHECK(call(in_use(watched)) == -EBADF);
    CHECK_FALSE(pretend_rings::rings[ring.fd()]->table);
    CHECK(pretend_rings::duplicates() == 0);
    pretend_rings::rings.erase(ring.fd());
    CHECK(in_use(watched).closed());
    CHECK(call(in_use(watched)) == -EBADF);
}

TEST_CASE("without a free descriptor a ring is used, and told from others, by its number") {
    const fresh_kernel kernel;
    for (const int error : {EMFILE, ENOMEM}) {
        stub_ring ring;
        ring_descriptor watched;
        REQUIRE(watched.watch(ring.handle()) == 0);
        pretend_rings::no_duplicate = error;
        CHECK(call(in_use(watched)) == 0);
        CHECK(pretend_rings::rings.contains(ring.fd())); // the program's, not closed
        pretend_rings::replace(ring.fd());
        CHECK(in_use(watched).closed());
        pretend_rings::no_duplicate = 0;
    }
}

TEST_CASE("a ring that looks older than what tells rings apart is kept open") {
    const fresh_kernel kernel;
    stub_ring ring;
    ring.handle().features = 0;
    {
        ring_descriptor watched;
        REQUIRE(watched.watch(ring.handle()) == 0);
        CHECK(pretend_rings::duplicates() == 1);
        pretend_rings::replace(ring.fd());
        CHECK_FALSE(in_use(watched).closed());
        CHECK(call(in_use(watched)) == 0);
        CHECK_FALSE(pretend_rings::rings[ring.fd()]->table);
    }
    CHECK(pretend_rings::rings.size() == 1);
    pretend_rings::no_duplicate = EMFILE;
    CHECK(ring_descriptor().watch(ring.handle()) == -EMFILE);
}

TEST_CASE("a ring that is not there cannot be watched") {
    const fresh_kernel kernel;
    stub_ring ring;
    pretend_rings::rings.erase(ring.fd());
    CHECK(ring_descriptor().watch(ring.handle()) == -EBADF);
}

TEST_CASE("a kernel that does not say what a file is makes no ring a closed one") {
    const fresh_kernel kernel;
    stub_ring ring;
    mute_kernel::mute = true;
    {
        gup::detail::ring_descriptor<mute_kernel> kept;
        REQUIRE(kept.watch(ring.handle()) == 0);
        CHECK(pretend_rings::duplicates() == 1);
    }
    mute_kernel::mute = false;
    gup::detail::ring_descriptor<mute_kernel> watched;
    REQUIRE(watched.watch(ring.handle()) == 0);
    mute_kernel::mute = true;
    const gup::detail::ring_descriptor<mute_kernel>::in_use now(watched);
    CHECK_FALSE(now.closed());
    CHECK(now.call(IORING_REGISTER_BUFFERS, nullptr, 4) == -EACCES);
}
