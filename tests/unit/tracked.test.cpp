// SPDX-License-Identifier: BSL-1.0
#define GUP_LINEAR_AT_RUN_TIME // the checks of a test may throw
#include "gup/tracked.hpp"

#include "gup/linear.hpp"
#include "gup/local.hpp"
#include "gup/with_user_page.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/skip.hpp"
#include "gup_test/tracked.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace gup_test;

namespace {

using pin = gup::user_page_ref<tracked_domain>;

/// The lines at which the references that are out were got, in order.
template <class Pool>
std::vector<unsigned> lines_of(Pool& pool) {
    std::vector<unsigned> lines;
    for (const auto& reference : gup::outstanding_references(pool)) lines.push_back(reference.got.line);
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::vector<std::string> heard;
void hear(const gup::outstanding_reference& reference) noexcept {
    heard.push_back(std::string(reference.what) + " of line " + std::to_string(reference.got.line));
}

} // namespace

TEST_CASE("a tracked reference is 8 bytes and leads to the page's bytes at another address") {
    STATIC_REQUIRE(sizeof(pin) == 8);
    auto pool = tracked_pool_of(2, 8192);
    auto page = gup::get_user_page(pool);
    REQUIRE(page.size() == 8192);
    page.bytes()[8191] = std::byte{7};

    const auto direct = gup::outstanding_references(pool).at(0).page;

    CHECK(direct.data() != page.bytes().data());
    CHECK(direct.size() == 8192);
    CHECK(direct[8191] == std::byte{7});
    CHECK(gup::page_to_pfn(page) == reinterpret_cast<std::uintptr_t>(direct.data()) / 4096);
    CHECK(pool.find(direct.data()) == &gup::page_descriptor(page));
    CHECK(pool.find(page.bytes().data() + 8191) == &gup::page_descriptor(page));
    gup::put_user_page(std::move(page), gup::clean);
    CHECK(pool.stats().free == 2);
}

TEST_CASE("every verb that gives a reference remembers where it was called") {
    auto pool = tracked_pool_of(8);
    const unsigned first = __LINE__;
    auto pinned = gup::get_user_page(pool);                                      // first + 1
    auto maybe = gup::try_get_user_page(pool);                                   // first + 2
    auto several = gup::get_user_pages(pool, 2);                                 // first + 3, twice
    auto again = gup::ref_user_page(pinned);                                     // first + 4
    auto narrow = gup::ref_user_page<gup::dma_access::read>(pinned);             // first + 5
    auto plain = gup::get_page(pool);                                            // first + 6
    auto maybe_plain = gup::try_get_page(pool);                                  // first + 7
    auto plain_again = gup::get_page(plain);                                     // first + 8
    auto pinned_plain = gup::get_user_page(plain);                               // first + 9
    auto found = gup::find_get_page(pool, pinned.bytes().data());                // first + 10
    gup::linear proven{gup::get_user_page(pool)};                                // first + 11
    auto proven_again = gup::ref_user_page(proven);                              // first + 12
    auto proven_narrow = gup::ref_user_page<gup::dma_access::to_device>(proven); // first + 13

    std::vector<unsigned> expected{first + 3};
    for (unsigned i = 1; i <= 13; ++i) expected.push_back(first + i);
    std::sort(expected.begin(), expected.end());
    CHECK(lines_of(pool) == expected);
    CHECK(std::string(gup::outstanding_references(pool).at(0).got.file).find("tracked.test.cpp") !=
          std::string::npos);

    gup::put_user_page(std::move(proven), gup::clean);
    gup::put_user_page(std::move(proven_again), gup::clean);
    gup::put_user_page(std::move(proven_narrow), gup::clean);
}

TEST_CASE("put references are forgotten, whichever verb put them") {
    auto pool = tracked_pool_of(4);
    gup::put_user_page(gup::get_user_page(pool), gup::dirty);
    gup::put_page(gup::get_page(pool));
    gup::put_user_pages(gup::get_user_pages(pool, 4), gup::clean);
    { const auto dropped = gup::get_user_page(pool); }
    auto read = gup::get_user_page(pool);
    gup::put_user_page(gup::ref_user_page<gup::dma_access::read>(read));
    auto moved = std::move(read);
    gup::put_user_page(std::move(moved), gup::clean);
    gup::with_user_page(pool, [&](const pin&) {
        CHECK(gup::outstanding_references(pool).size() == 1);
        return gup::clean;
    });
    gup::with_user_pages(pool, 3, [&](std::span<const pin>) {
        CHECK(gup::outstanding_references(pool).size() == 3);
        return gup::clean;
    });

    CHECK(gup::outstanding_references(pool).empty());
    CHECK(pool.stats().free == 4);
    CHECK(gettable(pool) == 4);
}

TEST_CASE("a function that is lent pages is where they were got") {
    auto pool = tracked_pool_of(1);
    const unsigned line = __LINE__ + 1;
    gup::with_user_page(pool, [&](const pin&) {
        CHECK(lines_of(pool).at(0) >= line);
        CHECK(lines_of(pool).at(0) <= line + 5);
        CHECK(std::string(gup::outstanding_references(pool).at(0).got.file).find("tracked.test.cpp") !=
              std::string::npos);
        return gup::clean;
    });
}

TEST_CASE("a pool that is closed lists the references that are out, and lives on") {
    auto* const before = gup::on_outstanding_reference(&hear);
    heard.clear();
    std::optional pool(tracked_pool_of(2));
    const unsigned line = __LINE__;
    auto pinned = gup::get_user_page(*pool);
    auto read = gup::ref_user_page<gup::dma_access::read>(pinned);
    auto plain = gup::get_page(*pool);

    pool.reset();

    std::sort(heard.begin(), heard.end());
    CHECK(heard == std::vector<std::string>{"a page_ref of line " + std::to_string(line + 3),
                                            "a pin that only reads of line " + std::to_string(line + 2),
                                            "a pin through which a device may write of line " +
                                                std::to_string(line + 1)});
    pinned.bytes()[0] = std::byte{1};
    CHECK(read.bytes()[0] == std::byte{1});
    gup::put_user_page(std::move(pinned), gup::dirty);
    gup::put_user_page(std::move(read));
    gup::put_page(std::move(plain));
    heard.clear();
    { const auto quiet = tracked_pool_of(1); }
    CHECK(heard.empty());
    CHECK(gup::on_outstanding_reference(before) == &hear);
}

TEST_CASE("without a hook the list goes to stderr") {
    const auto child = in_child([] {
        std::optional pool(tracked_pool_of(1));
        auto page = gup::get_page(*pool);
        pool.reset();
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(child.said_that("gup: a page pool is closed while a page_ref is out, got at "));
    CHECK(child.said_that("tracked.test.cpp:"));
}

TEST_CASE("a view is good as long as anybody holds the page, and again when it is got again") {
    auto pool = tracked_pool_of(1);
    auto page = gup::get_user_page(pool);
    auto kept = gup::ref_user_page(page);
    const auto view = page.bytes();
    gup::put_user_page(std::move(page), gup::dirty);
    view[0] = std::byte{1};
    gup::put_user_page(std::move(kept), gup::dirty);

    const auto next = gup::get_page(pool);
    next.bytes()[0] = std::byte{2};

    CHECK(next.bytes().data() == view.data());
}

TEST_CASE("a view that is used after the last put faults, with a report of where it was got and put") {
    const auto child = in_faulting_child([] {
        auto pool = tracked_pool_of(3, 8192);
        auto other = gup::get_user_page(pool);
        auto page = gup::get_user_page(pool);
        const auto view = page.bytes();
        gup::put_user_page(std::move(page), gup::dirty);
        read(other.bytes()[0]);
        read(view[100]);
    });
    CHECK_FALSE(child.exited_with(0));
    INFO(child.said);
    CHECK(child.said_that("gup: a page's bytes were used while nobody held the page: byte 100 of page 1"));
    CHECK(child.said_that("tracked.test.cpp:"));
    const auto got = child.said.find("\n  got at ");
    const auto put = child.said.find("\n  put at ");
    CHECK(got != std::string::npos);
    CHECK(put != std::string::npos);
#ifndef __SANITIZE_ADDRESS__
    CHECK(died_of_fault(child));
#endif
}

TEST_CASE("the report tells of a destructor, and of a page that nobody has got yet") {
    const auto dropped = in_faulting_child([] {
        auto pool = tracked_pool_of(1);
        std::span<std::byte> view;
        {
            const auto page = gup::get_user_page(pool);
            view = page.bytes();
        }
        view[0] = std::byte{1};
    });
    CHECK_FALSE(dropped.exited_with(0));
    CHECK(dropped.said_that("put by its destructor"));
    const auto never_got = in_faulting_child([] {
        auto pool = tracked_pool_of(2);
        const auto page = gup::get_user_page(pool);
        read(page.bytes().data()[4096]);
    });
    CHECK_FALSE(never_got.exited_with(0));
    CHECK(never_got.said_that("byte 0 of page 1"));
    CHECK_FALSE(never_got.said_that("got at"));
}

TEST_CASE("a report of any length is written whole") {
    const auto child = in_child([] {
        gup::detail::signal_text text;
        for (int i = 0; i < 300; ++i) text << "0123456789";
        text.write();
        return 0;
    });
    CHECK(child.said.size() == 3000);
}

TEST_CASE("a fault elsewhere goes to the handler that was there before") {
    const auto child = in_child([] {
        gup::detail::handle_faults();
        gup::detail::action_before_gup = {};
        gup::detail::action_before_gup.sa_handler = [](int) { ::_exit(42); };
        const volatile std::uintptr_t nowhere = 8; // the compiler must not know
        read(*reinterpret_cast<const std::byte*>(nowhere));
        return 0;
    });
    CHECK(child.exited_with(42));
}

TEST_CASE("a signal that somebody sent does what it did before") {
    const auto killed = in_faulting_child([] { ::raise(SIGSEGV); });
    CHECK_FALSE(killed.exited_with(0));
    const auto ignored = in_faulting_child([] {
        gup::detail::action_before_gup.sa_handler = SIG_IGN;
        ::raise(SIGSEGV);
        auto pool = tracked_pool_of(1);
        auto page = gup::get_user_page(pool);
        const auto view = page.bytes();
        gup::put_user_page(std::move(page), gup::clean);
        read(view[0]); // still reported
    });
    CHECK(ignored.said_that("gup: a page's bytes were used while nobody held the page"));
}

TEST_CASE("a fault ends the program although the handler was installed twice") {
    const auto child = in_faulting_child([] {
        gup::detail::handle_faults();
        auto pool = tracked_pool_of(1);
        std::span<std::byte> view;
        {
            const auto page = gup::get_user_page(pool);
            view = page.bytes();
        }
        read(view[0]);
    });
    CHECK_FALSE(child.exited_with(0));
    CHECK(child.said.size() < 1000);
}

TEST_CASE("pages of a tracked local domain stay on their thread") {
    using domain = gup::tracked<gup::local<pretended>>;
    STATIC_REQUIRE(std::is_same_v<gup::detail::counting_t<domain>, gup::detail::local_counting>);
    gup::page_pool pool{domain{}, {.pages = 2}};
    auto page = gup::get_user_page(pool);
    auto second = gup::ref_user_page(page);
    CHECK(gup::outstanding_references(pool).size() == 2);
    gup::put_user_page(std::move(page), gup::clean);
    gup::put_user_page(std::move(second), gup::clean);
    CHECK(pool.stats().free == 2);
    const auto child = in_child([] {
        gup::page_pool other{domain{}, {.pages = 1}};
        auto mine = gup::get_user_page(other);
        on_another_thread([&] { gup::put_user_page(std::move(mine), gup::clean); });
        return 0;
    });
    CHECK(child.said_that("was used on another thread"));
}

TEST_CASE("the dirty pages of a tracked pool are references like others") {
    auto pool = tracked_pool_of(3);
    auto page = gup::get_user_page(pool);
    gup::set_page_dirty(page);
    std::size_t dirty = 0;
    for (const gup::page_ref<tracked_domain> found : pool.dirty_pages()) {
        ++dirty;
        CHECK(&gup::page_descriptor(found) == &gup::page_descriptor(page));
        CHECK(gup::outstanding_references(pool).size() == 3); // the page, the loop's place, and this one
    }
    CHECK(dirty == 1);
    CHECK(gup::outstanding_references(pool).size() == 1);
}

TEST_CASE("threads get and put tracked pages of one pool") {
    auto pool = tracked_pool_of(8);
    const auto work = [&] {
        for (int i = 0; i < 300; ++i) {
            auto page = gup::try_get_user_page(pool);
            if (!page) continue;
            page->bytes()[0] = std::byte{1};
            auto second = gup::ref_user_page(*page);
            gup::put_user_page(std::move(*page), gup::dirty);
            second.bytes()[1] = std::byte{2};
            gup::put_user_page(std::move(second), gup::clean);
        }
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(gup::outstanding_references(pool).empty());
    CHECK(pool.stats().free == 8);
}

TEST_CASE("a forked child puts nothing back and lists nothing") {
    std::optional pool(tracked_pool_of(1));
    auto page = gup::get_user_page(*pool);
    page.bytes()[0] = std::byte{5};
    const auto child = in_child([&] {
        gup::put_user_page(std::move(page), gup::dirty);
        pool.reset();
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(child.said.empty());
    CHECK(page.bytes()[0] == std::byte{5});
    CHECK(gup::outstanding_references(*pool).size() == 1);
}

TEST_CASE("a forked child goes on although a thread of its parent held the lock of the tracker") {
    std::optional pool(tracked_pool_of(1));
    auto page = gup::get_user_page(*pool);
    std::optional<child_result> child;
    gup::detail::pool_access::state(*pool, {}).tracker().for_each([&](const auto&) { // holds the lock
        child = in_child([&] {
            auto again = gup::ref_user_page(page);
            again.bytes()[0] = std::byte{1};
            gup::put_user_page(std::move(page), gup::dirty);
            again.bytes()[1] = std::byte{2};
            gup::put_user_page(std::move(again), gup::dirty);
            pool.reset();
            return 0;
        });
    });
    CHECK(child->exited_with(0));
    CHECK(gup::outstanding_references(*pool).size() == 1);
}

TEST_CASE(
    "memory that is given back to the kernel under a reference is told when it is touched, and is there") {
    for (const std::size_t page_size : {4096U, 16384U}) {
        const auto child = in_child([page_size] {
            auto pool = tracked_pool_of(2, page_size);
            gup::put_user_page(gup::get_user_page(pool), gup::clean); // so that there is a history
            auto page = gup::get_user_page(pool);
            std::fill(page.bytes().begin(), page.bytes().end(), std::byte{7});
            if (::madvise(page.bytes().data(), page.size(), MADV_DONTNEED) != 0) return 1;
            for (const std::byte b : page.bytes())
                if (b != std::byte{7}) return 2;
            gup::put_user_page(std::move(page), gup::dirty);
            return 0;
        });
        CHECK(child.exited_with(0));
        if (!have_optional(!child.said.empty(), "userfaultfd is forbidden here, or knows no such faults"))
            return;
        CHECK(child.said_that("given back to the kernel"));
        CHECK(child.said_that("byte 0 of page"));
        CHECK(child.said_that("tracked.test.cpp:"));
        CHECK(child.said.find("given back", child.said.find("given back") + 1) == std::string::npos); // once
    }
}

TEST_CASE("memory that nobody gives back is never told of") {
    const auto child = in_child([] {
        auto pool = tracked_pool_of(8, 8192);
        for (int round = 0; round < 3; ++round) {
            auto pages = gup::get_user_pages(pool, 8);
            for (auto& page : pages) std::fill(page.bytes().begin(), page.bytes().end(), std::byte{1});
            if (round == 1 && !in_child([&] { // a child has its own way to the memory
                                   pages[0].bytes()[1] = std::byte{2};
                                   return 0;
                               })
                                   .exited_with(0))
                return 1;
            gup::put_user_pages(std::move(pages), gup::dirty);
        }
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(child.said.empty());
}

TEST_CASE("a fault that is not the pool's goes to the handler of SIGBUS that was there before") {
    const auto child = in_child([] {
        struct sigaction mine = {};
        mine.sa_handler = [](int) { ::_exit(42); };
        ::sigaction(SIGBUS, &mine, nullptr);
        auto pool = tracked_pool_of(1);
        const auto page = gup::get_user_page(pool);
        const memory_file file(1);
        const mapping beyond(file.fd(), 0, 2);
        *beyond.page(1) = std::byte{1};
        return 0;
    });
    CHECK(child.exited_with(42));
}
