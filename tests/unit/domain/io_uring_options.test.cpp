// SPDX-License-Identifier: BSL-1.0
// Rings and options that a domain cannot be made of, on pretended rings.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/errand_thread.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

namespace {

using gup_test::contains;
using gup_test::failure_of;
using gup_test::fresh_kernel;
using gup_test::pretend_rings;
using gup_test::stub_ring;

using domain = gup_test::stub_domain;

} // namespace

TEST_CASE("options that make no sense are refused before the kernel is asked") {
    const fresh_kernel kernel;
    stub_ring ring;
    const auto refused = [&](gup::io_uring_options options) {
        const gup::pin_failure failure = failure_of([&] { domain(ring.handle(), options); });
        CHECK(failure.code == std::errc::invalid_argument);
        CHECK(std::string(failure.call) == "io_uring_domain");
        return failure.remedy;
    };
    CHECK(contains(refused({.slots = 0}), "1 to 16384 slots"));
    CHECK(contains(refused({.slots = 16385}), "1 to 16384 slots"));
    CHECK(contains(refused({.slots = 1, .first_slot = 16384}), "1 to 16384 slots"));
    CHECK(contains(refused({.slots = 2, .first_slot = ~0U}), "1 to 16384 slots"));
    CHECK(contains(refused({.operations = (1U << 20) + 1}), "1048576 operation records"));
    CHECK(pretend_rings::asked.empty());
    CHECK(pretend_rings::duplicates() == 0);
}

TEST_CASE("rings that make no sense are refused before the kernel is asked") {
    const fresh_kernel kernel;
    stub_ring ring;
    stub_ring descriptor_only(1U << 15);
    const auto refused = [&](std::vector<io_uring*> rings) {
        gup::pin_failure failure;
        CHECK_FALSE(domain::try_make(rings, {}, failure));
        CHECK(failure.code == std::errc::invalid_argument);
        return failure.remedy;
    };
    CHECK(contains(refused({}), "1 to 16 rings"));
    CHECK(contains(refused(std::vector<io_uring*>(17, &ring.handle())), "1 to 16 rings"));
    CHECK(contains(refused({&ring.handle(), nullptr}), "null pointer"));
    CHECK(contains(refused({&ring.handle(), &ring.handle()}), "named twice"));
    CHECK(contains(refused({&descriptor_only.handle()}), "REGISTERED_FD_ONLY"));
    CHECK(pretend_rings::asked.empty());
    CHECK(pretend_rings::duplicates() == 0);
}

TEST_CASE("a ring with a table of its own keeps it, and a pool hears of the way out") {
    const fresh_kernel kernel;
    stub_ring free_ring;
    stub_ring ring;
    pretend_rings::rings[ring.fd()]->table.emplace(3);
    domain made(free_ring.handle(), ring.handle());
    const auto failure = failure_of([&] { gup_test::stub_pool(made, gup_test::small(1)); });

    CHECK(failure.code.value() == EBUSY);
    CHECK(failure.range.size() == 4096);
    CHECK(contains(failure.remedy, "io_uring_options::first_slot"));
    CHECK(pretend_rings::rings[ring.fd()]->table->size() == 3);
    CHECK_FALSE(pretend_rings::rings[free_ring.fd()]->table);
}

TEST_CASE("a pool that may go on without a pin does so whatever refuses the table, and says what did") {
    for (const bool lent : {false, true})
        for (const int error : {EPERM, ENOSYS, EACCES, EBUSY, ENOMEM}) {
            const fresh_kernel kernel;
            stub_ring first;
            stub_ring second;
            pretend_rings::no_table = error;
            domain made(first.handle(), second.handle(),
                        {.first_slot = lent ? std::optional(2U) : std::nullopt});
            auto options = gup_test::small(2);
            options.fallback = gup::pin_fallback::unpinned;
            gup_test::stub_pool pages(made, options);

            REQUIRE_FALSE(pages.registered());
            CHECK(pages.why_not_registered()->code.value() == error);
            CHECK(contains(pages.why_not_registered()->call, "io_uring_register"));
            CHECK_FALSE(pages.why_not_registered()->remedy.empty());
            for (stub_ring* const ring : {&first, &second}) {
                io_uring_sqe& entry = ring->entry();
                gup::prep_read_fixed(entry, 3, gup::get_user_page(pages), 0);
                CHECK(entry.opcode == IORING_OP_READ);
                gup::put_user_page(gup::complete(made, gup_test::made_up(entry.user_data)), gup::dirty);
            }
        }
}

TEST_CASE("a mistake of the program's is refused at once all the same") {
    const fresh_kernel kernel;
    stub_ring ring;
    pretend_rings::rings[ring.fd()]->submitter = gup_test::errand_thread().id();
    const auto wrong_thread = failure_of([&] { domain{ring.handle()}; });
    CHECK(wrong_thread.code.value() == EEXIST);
    CHECK(contains(wrong_thread.remedy, "make the domain on the thread that submits"));
    pretend_rings::rings[ring.fd()]->submitter = {};
    pretend_rings::no_table = EOPNOTSUPP;
    CHECK(failure_of([&] { domain{ring.handle()}; }).code.value() == EOPNOTSUPP); // no ring at all
}

TEST_CASE("a ring that was never made is told from a lack of descriptors") {
    const fresh_kernel kernel;
    stub_ring ring;
    pretend_rings::rings.erase(ring.fd());
    const auto failure = failure_of([&] { domain{ring.handle()}; });
    CHECK(failure.code.value() == EBADF);
    CHECK(contains(failure.remedy, "io_uring_queue_init"));
}

TEST_CASE("slots lent from a table that is missing or too small are refused at once") {
    const fresh_kernel kernel;
    stub_ring ring;
    const auto refused = [&] {
        return failure_of([&] { domain(ring.handle(), {.slots = 4, .first_slot = 2}); });
    };
    CHECK(refused().code.value() == ENXIO);
    CHECK(contains(refused().remedy, "has no buffer table"));
    pretend_rings::rings[ring.fd()]->table.emplace(5);
    CHECK(refused().code.value() == EINVAL);
    CHECK(contains(refused().remedy, "register a larger one"));
    CHECK(pretend_rings::duplicates() == 0);
    pretend_rings::rings[ring.fd()]->table.emplace(6);
    CHECK_NOTHROW(domain(ring.handle(), {.slots = 4, .first_slot = 2}));
}
