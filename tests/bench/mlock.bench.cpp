// SPDX-License-Identifier: BSL-1.0
// A second pin of a page that is locked already: alone, and beside a thread that pins much.
#include "gup/domain/mlock.hpp"
#include "support/mapping.hpp"
#include "support/pair.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t page_bytes = 4096;

using pages = std::span<const std::byte>;

pages page_of(const gup_bench::mapping& memory, std::size_t number) {
    return memory.bytes().subspan(number * page_bytes, page_bytes);
}

/// What the first pin of a page says if it cannot be had; empty if it can.
std::string refused(pages page) {
    gup::pin_failure failure;
    return gup::mlock_domain().try_pin(page, gup::dma_access::read, failure) ? "" : failure.message();
}

const bool nested_mlock = gup_bench::compare(
    301,
    {.name = "nested_mlock",
     .reference = "two locks and unlocks of a std::mutex that nobody else wants, in a program with threads",
     .unit = "ns per pin and unpin",
     .target = 2},
    [](gup_bench::measurement& m) {
        const gup_bench::mapping memory(std::size_t{64} << 20);
        if (memory.bytes().empty()) return m.skip("no memory for a mapping of 64 MiB");
        const pages page = page_of(memory, 8192);
        if (const std::string why = refused(page); !why.empty()) return m.skip(why);
        gup::mlock_domain domain;
        const auto first = domain.pin(page);
        constexpr std::size_t batch = 2000;
        std::mutex mutex;
        std::promise<void> over; // without another thread the C library leaves the atomics out
        const std::jthread other([&] { over.get_future().wait(); });
        m.batches(
            batch,
            [&] {
                for (std::size_t i = 0; i < batch; ++i) {
                    const auto second = domain.pin(page);
                    benchmark::ClobberMemory();
                }
            },
            [&] {
                for (std::size_t i = 0; i < 2 * batch; ++i) {
                    const std::lock_guard lock(mutex);
                    benchmark::ClobberMemory();
                }
            });
        over.set_value();
    });

/// Nested pins of the domain, and the same counts under a std::mutex.
struct by_domain {
    gup::mlock_domain domain{};
    std::vector<gup::mlock_domain::registration> held{};

    void keep(pages range) { held.push_back(domain.pin(range)); }
    void pin_and_release(pages range) { const auto pinned = domain.pin(range); }
};

class by_mutex {
public:
    void keep(pages range) {
        const auto wanted = pages_of(range);
        std::vector<gup::detail::lock_gap> gaps;
        std::vector<gup::detail::lock_piece> pieces;
        for (std::uintptr_t next = wanted.begin; next != wanted.end;)
            ranges_.find_gaps(wanted, next, false, gaps);
        for (const auto& gap : gaps)
            pieces.push_back({gap.pages, {.held = true, .foreign = false, .on_fault = false}});
        gup::detail::node_chain<gup::detail::locked_range> nodes;
        while (const auto more = ranges_.promise(pieces.size() + gaps.size(), nodes)) nodes.grow(more);
        std::span<const gup::detail::lock_piece> rest = pieces;
        for (std::uintptr_t next = wanted.begin; next != wanted.end;) ranges_.add(wanted, next, rest, false);
        ranges_.withdraw();
    }
    void pin_and_release(pages range) {
        const auto wanted = pages_of(range);
        std::size_t held = 0;
        for (std::uintptr_t next = wanted.begin; next != wanted.end;) {
            const std::lock_guard lock(mutex_);
            ranges_.add_nested(wanted, next, false, held);
        }
        for (std::uintptr_t next = wanted.begin; next != wanted.end;) {
            const std::lock_guard lock(mutex_);
            ranges_.remove_nested(wanted, next);
        }
    }

private:
    static gup::detail::page_range pages_of(pages range) {
        return gup::detail::touched_pages(range, page_bytes);
    }

    std::mutex mutex_{};
    gup::detail::locked_ranges ranges_{};
};

/// Of many nested pins of a page the one that takes longest, while another thread pins and releases memory
/// around a thousand small pins.
template <class Pins>
class beside_large_pins {
public:
    beside_large_pins(const gup_bench::mapping& memory, pages page) : memory_(memory), page_(page) {
        pins_.keep(memory.bytes());
        pins_.keep(page);
        for (std::size_t n = 0; n < memory.bytes().size() / page_bytes; n += 2)
            pins_.keep(page_of(memory, n));
    }

    double worst() {
        std::atomic<bool> begun{false}, done{false};
        std::thread other([&] {
            while (!done.load()) {
                pins_.pin_and_release(memory_.bytes());
                begun = true;
            }
        });
        while (!begun.load()) std::this_thread::yield();
        double longest = 0;
        for (int i = 0; i < 20'000; ++i)
            longest = std::max(longest, gup_bench::seconds([&] { pins_.pin_and_release(page_); }));
        done = true;
        other.join();
        return longest;
    }

private:
    const gup_bench::mapping& memory_;
    pages page_;
    Pins pins_{};
};

const bool nested_mlock_wait =
    gup_bench::compare(101,
                       {.name = "nested_mlock_wait",
                        .reference = "the same with a std::mutex in the place of gup's lock",
                        .unit = "us, the worst of 20000",
                        .target = 1},
                       [](gup_bench::measurement& m) {
                           const gup_bench::mapping memory(std::size_t{2000} * page_bytes);
                           const gup_bench::mapping beside(page_bytes);
                           if (memory.bytes().empty() || beside.bytes().empty())
                               return m.skip("no memory for a mapping of 8 MiB");
                           if (const std::string why = refused(memory.bytes()); !why.empty())
                               return m.skip(why);
                           if (std::thread::hardware_concurrency() < 2) return m.skip("needs two processors");
                           beside_large_pins<by_domain> domain(memory, beside.bytes());
                           beside_large_pins<by_mutex> mutex(memory, beside.bytes());
                           m.costs(
                               1e6, [&] { return domain.worst(); }, [&] { return mutex.worst(); });
                       });

} // namespace
