// SPDX-License-Identifier: BSL-1.0
#include "gup/page.hpp"

#include "gup_test/catch.hpp"

#include <array>
#include <cstdint>

namespace {

using gup::detail::page_access;
using gup::detail::reference_kind;
using gup::detail::shared_counting;

/// Descriptors as they lie in a page array: zeroed memory.
struct descriptors {
    alignas(16) std::array<std::uint64_t, 4> words{};
    gup::page& operator[](std::size_t i) { return *reinterpret_cast<gup::page*>(words.data() + 2 * i); }
};

} // namespace

TEST_CASE("a page is pinned if and only if a pinned reference of any access is out") {
    for (int plain = 0; plain <= 2; ++plain)
        for (int readers = 0; readers <= 2; ++readers)
            for (int writers = 0; writers <= 2; ++writers) {
                descriptors memory;
                gup::page& page = memory[0];
                auto& counts = page_access::counts(page);
                for (int i = 0; i < plain; ++i) counts.add<shared_counting>(reference_kind::plain);
                for (int i = 0; i < readers; ++i) counts.add<shared_counting>(reference_kind::reader);
                for (int i = 0; i < writers; ++i) counts.add<shared_counting>(reference_kind::writer);

                CHECK(gup::page_maybe_dma_pinned(page) == (readers + writers > 0));
                CHECK(counts.device_may_write() == (writers > 0));
                CHECK(counts.add_unless_free(reference_kind::plain) == (plain + readers + writers > 0));
            }
}

TEST_CASE("a descriptor of zeroes is a clean page that nobody holds") {
    descriptors memory;

    CHECK_FALSE(page_access::counts(memory[0]).add_unless_free(reference_kind::plain));
    CHECK_FALSE(page_access::dirty(memory[0]));
    CHECK(page_access::link(memory[0]) == nullptr);
}

TEST_CASE("the dirty flag is set and taken away once") {
    descriptors memory;
    page_access::set_dirty(memory[0]);
    page_access::set_dirty(memory[0]);

    CHECK(page_access::dirty(memory[0]));
    CHECK_FALSE(page_access::dirty(memory[1]));
    CHECK(page_access::clear_dirty(memory[0]));
    CHECK_FALSE(page_access::clear_dirty(memory[0]));
    CHECK_FALSE(page_access::dirty(memory[0]));
}

TEST_CASE("a page tied into a free list loses its dirty flag and keeps its link") {
    descriptors memory;
    page_access::set_dirty(memory[0]);

    page_access::set_link(memory[0], &memory[1]);

    CHECK_FALSE(page_access::dirty(memory[0]));
    CHECK(page_access::link(memory[0]) == &memory[1]);
    page_access::set_link(memory[0], nullptr);
    CHECK(page_access::link(memory[0]) == nullptr);
}

TEST_CASE("counting and dirtying leave each other alone") {
    descriptors memory;
    auto& counts = page_access::counts(memory[0]);
    counts.start(reference_kind::writer);
    page_access::set_dirty(memory[0]);

    CHECK(counts.drop<shared_counting>(reference_kind::writer));
    CHECK(page_access::dirty(memory[0]));
}
