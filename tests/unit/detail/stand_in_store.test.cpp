// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/stand_in_store.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/failing_kernel.hpp"

#include <cerrno>
#include <set>
#include <vector>

namespace {

using gup::detail::zone_access;
using kernel = gup_test::failing_kernel<>;
using store = gup::detail::stand_in_store<gup::detail::dynamic_stand_in, kernel>;

struct owner {
    static void released(gup::zone& z, gup::detail::counted& c) noexcept {
        static_cast<owner*>(zone_access::owner(z))->last = &c;
    }
    gup::detail::counted* last = nullptr;
    store stand_ins{this, &released, this};
};

} // namespace

TEST_CASE("each part of a stand-in leads to the stand-in, and to the zone of its owner") {
    owner o;
    gup::pin_failure failure;
    std::set<gup::detail::stand_in*> seen;
    for (int i = 0; i < 3000; ++i) { // more than a chunk
        gup::detail::dynamic_stand_in* const f = o.stand_ins.take(failure);
        REQUIRE(f != nullptr);
        REQUIRE(seen.insert(f).second);
        gup::detail::counted* const parts[] = {&gup::detail::page_access::counted_of(f->own), &f->reading,
                                               &f->writing};
        for (gup::detail::counted* part : parts) {
            REQUIRE(&gup::detail::stand_in::of(part) == f);
            const gup::zone& z = gup::zone::of(part);
            REQUIRE(zone_access::owner(z) == &o);
            REQUIRE(zone_access::thread(z) == &o);
            zone_access::release(*part);
            REQUIRE(o.last == part);
        }
    }
}

TEST_CASE("a stand-in is used again before new memory is") {
    owner o;
    gup::pin_failure failure;
    gup::detail::dynamic_stand_in* const first = o.stand_ins.take(failure);
    gup::detail::dynamic_stand_in* const second = o.stand_ins.take(failure);
    const std::size_t bytes = o.stand_ins.bytes();

    o.stand_ins.give_back(*first);
    o.stand_ins.give_back(*second);
    CHECK(o.stand_ins.take(failure) == second);
    CHECK(o.stand_ins.take(failure) == first);
    CHECK(o.stand_ins.bytes() == bytes);
}

TEST_CASE("a store without memory says so and keeps what it has") {
    const std::size_t mapped = kernel::mapped.bytes();
    {
        owner o;
        gup::pin_failure failure;
        kernel::plan(1, ENOMEM);
        CHECK(o.stand_ins.take(failure) == nullptr);
        kernel::plan_nothing();
        CHECK(failure.code == std::errc::not_enough_memory);
        CHECK(o.stand_ins.bytes() == 0);
        CHECK(o.stand_ins.take(failure) != nullptr);
        CHECK(kernel::mapped.bytes() > mapped);
    }
    CHECK(kernel::mapped.bytes() == mapped);
}
