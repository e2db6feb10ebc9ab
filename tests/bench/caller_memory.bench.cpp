// SPDX-License-Identifier: BSL-1.0
// A pin of memory that is not pinned yet, and its put: beside many pinned ranges, among many mappings, by two
// threads. The domain does nothing, or takes its time.
#include "gup/caller_memory.hpp"
#include "support/pair.hpp"
#include "support/threads.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t page_bytes = 4096;

/// A domain that pins nothing, after so many microseconds.
template <int Microseconds>
class idle_domain {
public:
    using kernel = gup::system_kernel;

    class registration {
    public:
        registration() = default;
        explicit registration(std::size_t bytes) noexcept : bytes_(bytes) {}
        registration(registration&& other) noexcept : bytes_(std::exchange(other.bytes_, 0)) {}
        registration& operator=(registration&& other) noexcept {
            bytes_ = std::exchange(other.bytes_, 0);
            return *this;
        }
        void release(std::unique_ptr<gup::pinned_memory>) noexcept { bytes_ = 0; }
        std::size_t bytes() const noexcept { return bytes_; }

    private:
        std::size_t bytes_ = 0;
    };

    std::optional<registration> try_pin(std::span<const std::byte> range, gup::dma_access,
                                        gup::pin_failure&) {
        if constexpr (Microseconds != 0) std::this_thread::sleep_for(std::chrono::microseconds(Microseconds));
        return registration(range.size());
    }
    registration pin(std::span<const std::byte> range, gup::dma_access) { return registration(range.size()); }
    friend bool operator==(const idle_domain& a, const idle_domain& b) noexcept {
        return a.state_ == b.state_;
    }

private:
    std::shared_ptr<int> state_ = std::make_shared<int>();
};

/// Memory that goes with it.
class mapped_pages {
public:
    mapped_pages(std::size_t pages, int flags) noexcept
        : bytes_(pages * page_bytes),
          at_(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0)) {}
    mapped_pages(const mapped_pages&) = delete;
    mapped_pages& operator=(const mapped_pages&) = delete;
    ~mapped_pages() {
        if (ok()) ::munmap(at_, bytes_);
    }
    bool ok() const noexcept { return at_ != MAP_FAILED; }
    std::span<std::byte> page(std::size_t number) const noexcept {
        return {static_cast<std::byte*>(at_) + number * page_bytes, page_bytes};
    }
    /// Makes a mapping of its own of every page.
    bool split() const noexcept {
        for (std::size_t i = 1; i * page_bytes < bytes_; i += 2)
            if (::mprotect(page(i).data(), page_bytes, PROT_READ) != 0) return false;
        return true;
    }

private:
    std::size_t bytes_;
    void* at_;
};

template <class Domain>
void pin_and_put(Domain& domain, std::span<std::byte> memory) {
    gup::put_user_page(gup::get_user_pages(domain, memory), gup::clean);
}

constexpr std::size_t operations = 100;

template <class Domain>
void pin_and_put_some(Domain& domain, std::span<std::byte> memory) {
    for (std::size_t i = 0; i < operations; ++i) pin_and_put(domain, memory);
}

/// A row of pins beside 100,000 ranges over pins beside one.
void beside_many(gup_bench::measurement& m, int flags) {
    constexpr std::size_t ranges = 100'000;
    using domain = idle_domain<0>;
    const mapped_pages many(ranges, flags), one(1, flags), fresh(1, flags);
    if (!many.ok() || !one.ok() || !fresh.ok()) return m.skip("no memory for 100,000 pages");
    domain crowded, quiet;
    std::vector<gup::user_page_ref<domain, gup::dma_access::read_write>> held;
    held.reserve(ranges + 1);
    for (std::size_t i = 0; i < ranges; ++i) held.push_back(gup::get_user_pages(crowded, many.page(i)));
    held.push_back(gup::get_user_pages(quiet, one.page(0)));
    m.batches(
        operations, [&] { pin_and_put_some(crowded, fresh.page(0)); },
        [&] { pin_and_put_some(quiet, fresh.page(0)); });
}

const bool fresh_100k = gup_bench::compare(
    101,
    {.name = "get_user_pages_fresh_100k",
     .reference = "the same beside 1 range: private memory beside 100,000 ranges of private memory",
     .unit = "ns per pin and put",
     .target = 1.5},
    [](gup_bench::measurement& m) { beside_many(m, MAP_PRIVATE); });

const bool shared_100k = gup_bench::compare(
    101,
    {.name = "get_user_pages_shared_100k",
     .reference = "the same beside 1 range: shared memory beside 100,000 ranges of shared memory",
     .unit = "ns per pin and put",
     .target = 1.5},
    [](gup_bench::measurement& m) { beside_many(m, MAP_SHARED); });

const bool maps_10k = gup_bench::compare(
    31,
    {.name = "get_user_pages_maps_10k",
     .reference = "the same among 10 mappings more than the program has of its own",
     .unit = "ns per pin and put",
     .target = 1.5},
    [](gup_bench::measurement& m) {
        std::string maps;
        if (gup::system_kernel::query_maps({0, 1}, maps) == -ENOTTY)
            return m.skip("PROCMAP_QUERY came with Linux 6.11: the text of all mappings is read");
        idle_domain<0> domain;
        const mapped_pages fresh(1, MAP_PRIVATE), first(1, MAP_PRIVATE);
        const auto pinned = gup::get_user_pages(domain, first.page(0)); // the first of a domain costs more
        const auto among = [&](std::size_t mappings) {
            const mapped_pages area(mappings, MAP_PRIVATE);
            static_cast<void>(area.ok() && area.split());
            return gup_bench::seconds([&] { pin_and_put_some(domain, fresh.page(0)); });
        };
        m.costs(
            1e9 / operations, [&] { return among(10'000); }, [&] { return among(10); });
    });

const bool two_threads =
    gup_bench::compare(9,
                       {.name = "get_user_pages_two_threads",
                        .reference = "one thread: ranges that do not overlap, in a domain that takes 500 us",
                        .unit = "pins per second",
                        .target = 1.8,
                        .direction = gup_bench::better::higher},
                       [](gup_bench::measurement& m) {
                           idle_domain<500> domain;
                           const mapped_pages memory(4, MAP_PRIVATE), first(1, MAP_PRIVATE);
                           const auto pinned = gup::get_user_pages(domain, first.page(0));
                           const auto rate = [&](std::size_t threads) {
                               return gup_bench::rate(threads, 5, 10, [&](std::size_t thread) {
                                   for (int i = 0; i < 10; ++i) pin_and_put(domain, memory.page(2 * thread));
                               });
                           };
                           m.costs(
                               1, [&] { return rate(2); }, [&] { return rate(1); });
                       });

} // namespace
