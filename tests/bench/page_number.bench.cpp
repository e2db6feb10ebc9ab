// SPDX-License-Identifier: BSL-1.0
// What it costs that a reference may lead to a page of a pool, to a proxy or to the caller's memory. The
// number of the page as a latency: which reference is asked next depends on the number found before. In the
// first-level cache, and with the descriptors of 64 Ki pages in random order, which no core's own cache
// holds.
#include "gup/caller_memory.hpp"
#include "gup/page_pool.hpp"
#include "gup/proxy_source.hpp"
#include "support/pair.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t in_cache = 64;
constexpr std::size_t out_of_cache = 65536;
constexpr std::size_t page_size = 4096;

/// Pins nothing: what is pinned makes no difference here, and nobody need be allowed to lock so much.
struct free_domain {
    using kernel = gup::system_kernel;
    struct registration {
        registration() = default;
        registration(registration&&) = default;
        registration& operator=(registration&&) = default;
        void release(std::unique_ptr<gup::pinned_memory>) noexcept {}
        std::size_t bytes() const noexcept { return 0; }
    };
    registration pin(std::span<const std::byte>, gup::dma_access) { return {}; }
    std::optional<registration> try_pin(std::span<const std::byte>, gup::dma_access, gup::pin_failure&) {
        return registration();
    }
    friend bool operator==(const free_domain&, const free_domain&) = default;
};

using pool_type = gup::page_pool<free_domain>;
using pinned = gup::user_page_ref<free_domain>;

template <class Items>
Items in_random_order(Items items) {
    std::shuffle(items.begin(), items.end(), std::mt19937(1)); // NOLINT: the same every time
    return items;
}

/// Proxies that do nothing else.
struct names : gup::proxy_owner<names, free_domain> {
    gup::page_ref<free_domain> make(std::uint64_t) { return {}; }
    gup::page_ref<free_domain> make(const pinned& page, std::uint64_t index) {
        return make_proxy(page, {.mapping = gup::typed_pointer(this), .index = index});
    }
    void on_idle(gup::page_proxy&) noexcept {}
    void release(gup::page_proxy&) noexcept {}
};

/// Pinned pages, as many proxies, and as much memory that is no pool's.
struct references {
    explicit references(std::size_t pages)
        : pool(free_domain{},
               {.page_size = page_size, .pages = pages, .memory = gup::memory_kind::small_pages}),
          memory(new (std::align_val_t(page_size)) std::byte[pages * page_size]),
          plain(gup::get_user_pages(pool, pages)) {
        for (std::size_t i = 0; i < pages; ++i) {
            const auto proxy = source->make(plain[i], i);
            proxied.push_back(gup::get_user_page(proxy));
        }
        plain = in_random_order(std::move(plain));
        proxied = in_random_order(std::move(proxied));
    }
    /// Not always made: pinning one by one takes its time.
    void pin_memory() {
        for (std::size_t i = 0; i < plain.size(); ++i)
            dynamic.push_back(
                gup::get_user_pages(domain, std::span(memory.get() + i * page_size, page_size)));
        dynamic = in_random_order(std::move(dynamic));
    }

    struct release_memory {
        void operator()(std::byte* bytes) const { ::operator delete[](bytes, std::align_val_t(page_size)); }
    };

    pool_type pool;
    free_domain domain{};
    gup::source_handle<names> source = gup::make_source<names>();
    std::unique_ptr<std::byte[], release_memory> memory;
    std::vector<pinned> plain;
    std::vector<pinned> proxied{};
    std::vector<pinned> dynamic{};
};

/// The third idea: a structure for each page, which the page points to.
struct private_data {
    std::uint64_t pfn;
    std::uint64_t more[7]; ///< a cache line of its own, as the provider of a page would have
};
struct page_with_pointer {
    std::uint64_t count;
    const private_data* data;
};

std::vector<const page_with_pointer*> pointed_to(std::vector<page_with_pointer>& pages,
                                                 std::vector<private_data>& data) {
    std::vector<const page_with_pointer*> all;
    for (std::size_t i = 0; i < pages.size(); ++i) {
        pages[i] = {1, &data[i]};
        data[i].pfn = i;
        all.push_back(&pages[i]);
    }
    return in_random_order(std::move(all));
}

/// Asks each for its number, one after the other, round by round.
template <class Item, class Number>
void chase(const std::vector<Item>& items, Number number) {
    std::uintptr_t zero = 0;
    asm volatile("" : "+r"(zero)); // hides from the compiler that nothing depends on the number
    const std::size_t rounds = out_of_cache / items.size();
    for (std::size_t round = 0; round < rounds; ++round) {
        const Item* at = items.data();
        for (std::size_t i = 0; i < items.size(); ++i) at += 1 + (number(*at) & zero);
        benchmark::DoNotOptimize(at);
    }
}

constexpr auto tested = [](const pinned& ref) { return gup::page_to_pfn(ref); };
constexpr auto untested = [](const pinned& ref) { return gup::unchecked_page_to_pfn(ref); };
/// As if only a flag in the page told what it is: the page must be read first.
constexpr auto by_flag = [](const pinned& ref) {
    const gup::page& page = *reinterpret_cast<const gup::page*>(gup::detail::reference_access::word(ref));
    if (gup::detail::page_access::dynamic(page)) [[unlikely]]
        return gup::unchecked_dynamic_page(ref).pfn();
    return gup::unchecked_page_to_pfn(ref);
};
constexpr auto by_pointer = [](const page_with_pointer* page) { return page->data->pfn; };

constexpr const char* reference = "page_to_pfn without a test of tag or flag, as many pages of a pool";

gup_bench::row row(const char* name, std::optional<double> target = std::nullopt) {
    return {.name = name, .reference = reference, .unit = "ns per number", .target = target};
}

template <class Measure>
bool compare_both(const char* name, const char* name_out_of_cache, std::optional<double> target,
                  Measure measure) {
    gup_bench::compare(501, row(name, target),
                       [=](gup_bench::measurement& m) { measure(m, std::size_t{in_cache}); });
    return gup_bench::compare(101, row(name_out_of_cache),
                              [=](gup_bench::measurement& m) { measure(m, std::size_t{out_of_cache}); });
}

const bool ref_put_proxy = gup_bench::compare(
    501,
    {.name = "ref_put_proxy",
     .reference = "ref_user_page and put_user_page on pages of a pool",
     .unit = "ns per ref and put",
     .target = 1.05},
    [](gup_bench::measurement& m) {
        references all(in_cache);
        const auto ref_and_put = [](const std::vector<pinned>& refs) {
            for (std::size_t round = 0; round < 200; ++round)
                for (const pinned& ref : refs) {
                    auto again = gup::ref_user_page(ref);
                    benchmark::ClobberMemory();
                    gup::put_user_page(std::move(again), gup::clean);
                }
        };
        m.batches(
            in_cache * 200, [&] { ref_and_put(all.proxied); }, [&] { ref_and_put(all.plain); });
    });

const bool base_tagged = compare_both(
    "pfn_base_tagged", "pfn_base_tagged_64Ki", 1.1, [](gup_bench::measurement& m, std::size_t pages) {
        const references all(pages);
        m.batches(
            out_of_cache, [&] { chase(all.plain, tested); }, [&] { chase(all.plain, untested); });
    });

const bool base_flagged = compare_both(
    "pfn_base_flag", "pfn_base_flag_64Ki", std::nullopt, [](gup_bench::measurement& m, std::size_t pages) {
        const references all(pages);
        m.batches(
            out_of_cache, [&] { chase(all.plain, by_flag); }, [&] { chase(all.plain, untested); });
    });

const bool proxy = compare_both(
    "pfn_proxy", "pfn_proxy_64Ki", std::nullopt, [](gup_bench::measurement& m, std::size_t pages) {
        const references all(pages);
        m.batches(
            out_of_cache, [&] { chase(all.proxied, tested); }, [&] { chase(all.plain, untested); });
    });

const bool dynamic = compare_both(
    "pfn_dynamic", "pfn_dynamic_64Ki", std::nullopt, [](gup_bench::measurement& m, std::size_t pages) {
        references all(pages);
        all.pin_memory();
        m.batches(
            out_of_cache, [&] { chase(all.dynamic, tested); }, [&] { chase(all.plain, untested); });
    });

const bool by_private_pointer = compare_both(
    "pfn_private", "pfn_private_64Ki", std::nullopt, [](gup_bench::measurement& m, std::size_t pages) {
        const references all(pages);
        std::vector<page_with_pointer> pointing(pages);
        std::vector<private_data> data(pages);
        const auto refs = pointed_to(pointing, data);
        m.batches(
            out_of_cache, [&] { chase(refs, by_pointer); }, [&] { chase(all.plain, untested); });
    });

} // namespace
