// SPDX-License-Identifier: BSL-1.0
// Random operations on two pretended rings against a naive oracle: a map from user_data to the page.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/completion.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/pretend_rings.hpp"
#include "gup_test/stub_scene.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <rapidcheck.h>
#include <utility>
#include <vector>

namespace {

using gup::dma_access;
using gup_test::completion;
using gup_test::made_up;
using gup_test::stub_ring;

using domain = gup_test::stub_domain;
using pool = gup_test::stub_pool;
using ref = gup_test::stub_ref;

/// What the oracle knows of an operation in flight.
struct expected {
    const std::byte* page;
    std::size_t ring;
    io_uring_sqe* entry; ///< null once it is submitted
};

/// The domain under test beside the oracle. Every step says whether both agree.
class model {
public:
    ~model() {
        while (!in_flight_.empty()) complete(0);
    }

    void prepare(std::size_t ring) {
        if (unsubmitted(ring) == stub_ring::entries) submit(ring);
        auto page = gup::try_get_user_page(pages_);
        if (!page) return;
        const std::byte* const address = page->bytes().data();
        io_uring_sqe& entry = rings_[ring].entry();
        ++prepared_[ring];
        std::error_code error;
        gup::prep_read_fixed(entry, 3, std::move(*page), 0, {}, error);
        RC_ASSERT(static_cast<bool>(error) == (in_flight_on(ring) == operations));
        if (!error) RC_ASSERT(in_flight_.emplace(entry.user_data, expected{address, ring, &entry}).second);
    }
    void submit(std::size_t ring) {
        rings_[ring].submit();
        prepared_[ring] = 0;
        for (auto& [user_data, operation] : in_flight_)
            if (operation.ring == ring) operation.entry = nullptr;
    }
    /// The operation with this place in the map, modulo their number.
    void complete(std::size_t which) {
        if (in_flight_.empty()) return;
        const auto chosen = std::next(in_flight_.begin(), static_cast<int>(which % in_flight_.size()));
        const auto [user_data, operation] = *chosen;
        RC_ASSERT(!gup::try_complete(made_, made_up(user_data, 1, IORING_CQE_F_MORE)));
        RC_ASSERT(!gup::try_complete<dma_access::to_device>(made_, made_up(user_data)));
        const auto back = gup::try_complete(made_, made_up(user_data));
        RC_ASSERT(back.has_value());
        RC_ASSERT(back->bytes().data() == operation.page);
        over_.push_back(user_data);
        in_flight_.erase(chosen);
    }
    void take_back(std::size_t which) {
        if (in_flight_.empty()) return;
        const auto chosen = std::next(in_flight_.begin(), static_cast<int>(which % in_flight_.size()));
        const auto [user_data, operation] = *chosen;
        if (operation.entry == nullptr) return;
        const ref back = gup::take_back(made_, *operation.entry);
        RC_ASSERT(back.bytes().data() == operation.page);
        over_.push_back(user_data);
        in_flight_.erase(chosen);
    }
    void foreign(std::uint64_t user_data) {
        if (in_flight_.contains(user_data)) return;
        RC_ASSERT(!gup::try_complete(made_, made_up(user_data)));
        RC_ASSERT(!gup::owns(made_, made_up(user_data)));
    }
    /// A completion that is over, or one that differs from one in flight in a single bit.
    void nearly(std::size_t which, unsigned bit) {
        if (!over_.empty()) foreign(over_[which % over_.size()]);
        if (in_flight_.empty()) return;
        const auto near = std::next(in_flight_.begin(), static_cast<int>(which % in_flight_.size()));
        foreign(near->first ^ (std::uint64_t{1} << bit));
    }
    void check() { RC_ASSERT(pages_.stats().in_flight == in_flight_.size()); }

private:
    static constexpr unsigned operations = 5;

    std::size_t in_flight_on(std::size_t ring) const {
        std::size_t count = 0;
        for (const auto& [user_data, operation] : in_flight_) count += operation.ring == ring;
        return count;
    }
    unsigned unsubmitted(std::size_t ring) const { return prepared_[ring]; }

    std::array<stub_ring, 2> rings_;
    domain made_{rings_[0].handle(), rings_[1].handle(), {.operations = operations}};
    pool pages_{made_, gup_test::small(12)};
    std::array<unsigned, 2> prepared_{};
    std::map<std::uint64_t, expected> in_flight_;
    std::vector<std::uint64_t> over_;
};

} // namespace

TEST_CASE("records give back what a map would, whatever comes in whatever order") {
    const bool holds = rc::check([] {
        gup_test::pretend_rings::reset();
        model m;
        using step = std::pair<int, std::uint64_t>;
        const auto steps = *rc::gen::container<std::vector<step>>(
            rc::gen::pair(rc::gen::inRange(0, 12), rc::gen::arbitrary<std::uint64_t>()));
        for (const auto& [what, word] : steps) {
            if (what < 4)
                m.prepare(word % 2);
            else if (what == 4)
                m.submit(word % 2);
            else if (what < 7)
                m.complete(word);
            else if (what == 7)
                m.take_back(word);
            else if (what < 10)
                m.nearly(word, word % 64);
            else
                m.foreign(word);
            m.check();
        }
    });
    CHECK(holds);
}

TEST_CASE("no foreign word is taken for an operation") {
    gup_test::pretend_rings::reset();
    model m;
    for (int i = 0; i < 10; ++i) m.prepare(static_cast<std::size_t>(i % 2));
    const int on_stack = 0;
    for (const std::uint64_t word : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1},
                                     static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&on_stack)),
                                     std::uint64_t{1} << 48, std::uint64_t{0xFFFFFF}})
        CHECK_NOTHROW(m.foreign(word));
    CHECK(rc::check([&] { m.foreign(*rc::gen::arbitrary<std::uint64_t>()); }));
    // RapidCheck prefers small numbers: also all of the range
    CHECK(rc::check(
        [&] { m.foreign(*rc::gen::inRange(std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max())); }));
}

TEST_CASE("the operations of one domain are foreign to another, also on the same ring") {
    gup_test::pretend_rings::reset();
    stub_ring ring;
    stub_ring other_ring;
    domain made(ring.handle());
    domain other(other_ring.handle());
    pool pages(made, gup_test::small(1));
    io_uring_sqe& entry = ring.entry();
    gup::prep_read_fixed(entry, 3, gup::get_user_page(pages), 0);
    CHECK_FALSE(gup::try_complete(other, made_up(entry.user_data)));
    CHECK_THROWS_AS(gup::take_back(other, entry), gup::pin_error);
    CHECK(gup::try_complete(made, made_up(entry.user_data)));
}
