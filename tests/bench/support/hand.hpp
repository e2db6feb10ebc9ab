// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The hand-written code that gup is measured against: a counted page, an 8-byte reference to it, a free list
/// per thread and records of operations, with nothing that the comparison does not name. The numbers in the
/// count are gup's, so that both hold the same three counts.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

namespace hand {

/// One writing pin: a count of all references above a count of the pins of its kind.
inline constexpr std::uint64_t one_pin = std::uint64_t{1} << 42 | std::uint64_t{1} << 21;

[[noreturn, gnu::cold, gnu::noinline]] inline void overflow() noexcept { std::abort(); }

/// Counts that any thread changes.
struct shared_count {
    std::atomic<std::uint64_t> value{0};

    template <bool Checked>
    void add() noexcept {
        const std::uint64_t before = value.fetch_add(one_pin, std::memory_order_relaxed);
        if (Checked && static_cast<std::int64_t>(before + one_pin) < 0) overflow();
    }
    bool drop() noexcept { return value.fetch_sub(one_pin, std::memory_order_acq_rel) == one_pin; }
    void start() noexcept { value.store(one_pin, std::memory_order_relaxed); }
};

/// Counts of one thread.
struct local_count {
    std::uint64_t value = 0;

    template <bool Checked>
    void add() noexcept {
        value += one_pin;
        if (Checked && static_cast<std::int64_t>(value) < 0) overflow();
    }
    bool drop() noexcept { return (value -= one_pin) == 0; }
};

template <class Count>
struct alignas(16) page {
    Count count;
    page* next = nullptr;
};

/// How a device's addresses lead to memory.
struct mapping {
    std::uint64_t bias;
};

/// Where pages lie: a header at a multiple of 8 MiB, its pages behind it.
struct header {
    static constexpr std::uintptr_t mask = (std::uintptr_t{8} << 20) - 1;
    std::uintptr_t bias;
    unsigned shift;
    const mapping* mapped;
};

/// Keeps what has no references any more; never inline, as gup's way back to the pool.
[[gnu::noinline]] inline void release(void* page) noexcept { asm volatile("" : : "r"(page) : "memory"); }

/// A move-only reference that drops its page.
template <class Count>
class ref {
public:
    explicit ref(page<Count>* p) noexcept : page_(p) {}
    ref(ref&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}
    ref& operator=(ref&&) = delete;
    ~ref() {
        if (page_ != nullptr) drop();
    }

    template <bool Checked>
    ref again() const noexcept {
        page<Count>* const p = page_; // read once: a compiler reads it again after the atomic addition
        p->count.template add<Checked>();
        return ref(p);
    }
    void put() noexcept { drop(); }

    std::span<std::byte> bytes() const noexcept {
        return {reinterpret_cast<std::byte*>(address()), std::size_t{1} << at().shift};
    }
    std::uint64_t iova() const noexcept { return address() + at().mapped->bias; }

private:
    const header& at() const noexcept {
        return *reinterpret_cast<const header*>(reinterpret_cast<std::uintptr_t>(page_) & ~header::mask);
    }
    std::uintptr_t address() const noexcept {
        return at().bias + ((reinterpret_cast<std::uintptr_t>(page_) & header::mask) << (at().shift - 4));
    }
    void drop() noexcept {
        page<Count>* const p = std::exchange(page_, nullptr);
        if (p->count.drop()) release(p);
    }
    page<Count>* page_;
};

/// A page with a flag that a write-back clears, on whatever thread.
struct marked_page : page<shared_count> {
    std::atomic<bool> dirty{false};
};

/// Free pages of one thread. Get and put have no lock, no test for the end of the list and no way to other
/// threads.
class free_list {
public:
    using page_type = marked_page;

    void push(page_type& p) noexcept {
        p.next = first_;
        first_ = &p;
    }
    page_type* get() noexcept {
        page_type* const p = first_;
        first_ = static_cast<page_type*>(p->next);
        p->count.start();
        return p;
    }
    void put(page_type* p) noexcept {
        if (p->count.drop()) push(*p);
    }
    void put_dirty(page_type* p) noexcept {
        p->dirty.exchange(true, std::memory_order_release);
        put(p);
    }

private:
    page_type* first_ = nullptr;
};

inline constinit thread_local free_list this_thread_pages{};

/// What a program keeps of each operation in flight: its page. In an array, the free ones chained. An
/// operation's number is the place of its record and, above it, how many operations that had before. Checked,
/// no number of an operation that is over, or of none, leads to a page; otherwise completions are trusted.
template <class Page>
class records {
public:
    explicit records(std::uint32_t size) : all_(size) {
        for (std::uint32_t i = 0; i < size; ++i) all_[i].next = i + 1;
    }

    /// The number of a new operation. Checked, the program ends if there is no free record.
    template <bool Checked>
    std::uint64_t start(Page* page) noexcept {
        const std::uint32_t place = free_;
        if (Checked && place == all_.size()) overflow();
        record& r = all_[place];
        free_ = r.next;
        r.page = page;
        return Checked ? std::uint64_t{r.generation} << 32 | place : place;
    }
    /// The page of an operation that is over. Checked, null if there is none with this number.
    template <bool Checked>
    Page* finish(std::uint64_t number) noexcept {
        const auto place = static_cast<std::uint32_t>(number);
        if (Checked && place >= all_.size()) return nullptr;
        record& r = all_[place];
        Page* const page = r.page;
        if (Checked && (page == nullptr || r.generation != number >> 32)) return nullptr;
        if (Checked) {
            r.page = nullptr;
            ++r.generation;
        }
        r.next = free_;
        free_ = place;
        return page;
    }

private:
    struct record {
        Page* page = nullptr;
        std::uint32_t next = 0;
        std::uint32_t generation = 0;
    };
    std::vector<record> all_;
    std::uint32_t free_ = 0;
};

} // namespace hand
