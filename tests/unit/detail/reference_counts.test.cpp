// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/reference_counts.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"

#include <cstdint>
#include <cstring>
#include <thread>

using namespace gup_test;
using gup::detail::local_counting;
using gup::detail::reference_counts;
using gup::detail::reference_kind;
using gup::detail::shared_counting;

namespace {

constexpr reference_kind kinds[] = {reference_kind::plain, reference_kind::reader, reference_kind::writer};

/// Counts as they lie in a descriptor: zeroed memory, here with a number of references of one kind.
reference_counts counts_of(reference_kind kind, std::uint64_t references) {
    const std::uint64_t word = static_cast<std::uint64_t>(kind) * references;
    reference_counts counts;
    std::memcpy(static_cast<void*>(&counts), &word, sizeof word);
    return counts;
}

constexpr std::uint64_t most = (std::uint64_t{1} << 21) - 1;

} // namespace

TEST_CASE("a reference of a kind is held if it is among those counted") {
    for (const auto kind : kinds)
        for (const auto counted : kinds) {
            CHECK_FALSE(counts_of(counted, 0).holds(kind));
            CHECK(counts_of(counted, 1).holds(kind) == (kind == counted || kind == reference_kind::plain));
            CHECK(counts_of(counted, most).holds(counted));
        }
}

TEMPLATE_TEST_CASE("only the last drop of any kind says that nobody holds the page", "", shared_counting,
                   local_counting) {
    for (const auto first : kinds)
        for (const auto second : kinds) {
            reference_counts counts = counts_of(first, 0);
            counts.start(first);
            counts.add<TestType>(second);
            counts.add<TestType>(first);

            CHECK_FALSE(counts.drop<TestType>(first));
            CHECK_FALSE(counts.drop<TestType>(second));
            CHECK(counts.drop<TestType>(first));
            CHECK_FALSE(counts.add_unless_free(first));
            CHECK_FALSE(counts.pinned());
        }
}

TEST_CASE("only the only reference is ended as such") {
    for (const auto kind : kinds)
        for (const auto other : kinds) {
            reference_counts counts = counts_of(kind, 1);
            counts.add<shared_counting>(other);
            CHECK_FALSE(counts.drop_if_only(kind));
            CHECK_FALSE(counts.drop_if_only(other));

            CHECK_FALSE(counts.drop<shared_counting>(other)); // nothing was done
            CHECK(counts.drop_if_only(kind));
            CHECK(counts.none());
            CHECK_FALSE(counts.drop_if_only(kind));
            CHECK_FALSE(counts.add_unless_free(kind));
        }
}

TEST_CASE("a reference is added only where there is one already") {
    for (const auto kind : kinds) {
        reference_counts counts = counts_of(kind, 0);
        CHECK_FALSE(counts.add_unless_free(kind));
        CHECK_FALSE(counts.add_unless_free(kind)); // the first try left nothing

        counts.start(kind);
        CHECK(counts.add_unless_free(reference_kind::plain));
        CHECK_FALSE(counts.drop<shared_counting>(kind));
        CHECK(counts.drop<shared_counting>(reference_kind::plain));
    }
}

TEST_CASE("as many references as fit leave every other count exact") {
    const reference_counts readers = counts_of(reference_kind::reader, most);
    CHECK(readers.pinned());
    CHECK_FALSE(readers.device_may_write());
    const reference_counts writers = counts_of(reference_kind::writer, most);
    CHECK(writers.device_may_write());
    reference_counts plains = counts_of(reference_kind::plain, most);
    CHECK_FALSE(plains.pinned());
    CHECK_FALSE(plains.device_may_write());
    CHECK_FALSE(plains.drop<shared_counting>(reference_kind::plain));
}

TEMPLATE_TEST_CASE("one reference more than fits terminates and says what is wrong", "", shared_counting,
                   local_counting) {
    for (const auto kind : kinds) {
        const auto last = in_child([kind] {
            counts_of(kind, most - 1).template add<TestType>(kind);
            return 0;
        });
        const auto too_many = in_child([kind] {
            counts_of(kind, most).template add<TestType>(kind);
            return 0;
        });

        CHECK(last.exited_with(0));
        CHECK(too_many.terminated());
        CHECK(too_many.said_that("more than two million references to one page: a loop forgets to put"));
    }
}

TEST_CASE("one look-up more than fits terminates") {
    const auto child = in_child([] {
        static_cast<void>(counts_of(reference_kind::plain, most).add_unless_free(reference_kind::plain));
        return 0;
    });
    CHECK(child.terminated());
}

TEST_CASE("two threads that add and drop lose no reference") {
    reference_counts counts = counts_of(reference_kind::plain, 0);
    counts.start(reference_kind::plain);
    const auto count = [&counts](reference_kind kind) {
        for (int i = 0; i < 20000; ++i) {
            counts.add<shared_counting>(kind);
            if (counts.drop<shared_counting>(kind)) std::abort();
        }
    };
    std::thread other(count, reference_kind::reader);
    count(reference_kind::writer);
    other.join();

    CHECK_FALSE(counts.pinned());
    CHECK(counts.drop<shared_counting>(reference_kind::plain));
}

TEMPLATE_TEST_CASE("adding to what may have no reference says whether it is the first", "", shared_counting,
                   local_counting) {
    for (const auto kind : kinds) {
        reference_counts counts = counts_of(kind, 0);
        CHECK(counts.none());
        CHECK(counts.add_maybe_first<TestType>(kind));
        CHECK_FALSE(counts.none());
        CHECK_FALSE(counts.add_maybe_first<TestType>(kind));
        CHECK_FALSE(counts.drop<TestType>(kind));
        CHECK(counts.drop<TestType>(kind));
    }
    const auto child = in_child([] {
        reference_counts counts = counts_of(reference_kind::writer, most);
        return counts.add_maybe_first<TestType>(reference_kind::writer) ? 1 : 0;
    });
    CHECK(child.terminated());
}

TEMPLATE_TEST_CASE("the last pin that becomes a plain reference says so", "", shared_counting,
                   local_counting) {
    for (const auto pin : {reference_kind::reader, reference_kind::writer}) {
        reference_counts counts = counts_of(pin, 2);
        CHECK_FALSE(counts.unpin<TestType>(pin));
        CHECK(counts.pinned());
        CHECK(counts.unpin<TestType>(pin));
        CHECK_FALSE(counts.pinned());
        CHECK_FALSE(counts.drop<TestType>(reference_kind::plain));
        CHECK(counts.drop<TestType>(reference_kind::plain));
    }
    reference_counts counts = counts_of(reference_kind::writer, 1);
    counts.add<TestType>(reference_kind::reader);
    CHECK_FALSE(counts.unpin<TestType>(reference_kind::reader));
}

TEST_CASE("what data can drive is refused long before a count runs over") {
    constexpr std::uint64_t crowd = 3U << 19;
    for (const auto kind : kinds) {
        CHECK_FALSE(counts_of(kind, 0).add_unless_free_or_crowded(kind));
        CHECK(counts_of(kind, 1).add_unless_free_or_crowded(kind));
        reference_counts almost = counts_of(kind, crowd - 1);
        CHECK_FALSE(almost.crowded());
        CHECK(almost.add_unless_free_or_crowded(kind));
        CHECK(almost.crowded());
        CHECK_FALSE(almost.add_unless_free_or_crowded(kind));
        almost.add<shared_counting>(kind); // the program's own
        CHECK(almost.crowded());
    }
}
