// SPDX-License-Identifier: BSL-1.0
// Random gets and puts of ranges of private memory and of two mappings of one file, compared step by step
// with a model that looks through a list.
#include "gup/caller_memory.hpp"

#include "gup_test/mappings.hpp"
#include "gup_test/pools.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <list>
#include <optional>
#include <rapidcheck.h>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace gup_test;
using gup::dma_access;

namespace {

constexpr std::size_t pages = 6; ///< of each area
constexpr unsigned private_area = 0;

/// Pages that are pinned as one.
struct model_range {
    unsigned area; ///< private memory, or the first or second mapping of the file
    std::size_t first, count;
    bool writable;
    model_range* base; ///< another range of the same pages, whose pin and dirty state are used
    int writers = 0, readers = 0;
    int second_mappings = 0;
    bool dirty = false;

    bool over() const { return writers + readers + second_mappings == 0; }
    bool same_pages(const model_range& other) const { return first == other.first && count == other.count; }
    bool overlaps(const model_range& other) const {
        return first < other.first + other.count && other.first < first + count;
    }
    model_range& pin() { return base != nullptr ? *base : *this; }
};

/// A kernel that cannot be asked for one mapping.
struct old_kernel : gup::system_kernel {
    static int query_maps(gup::detail::page_range, std::string&) noexcept { return -ENOTTY; }
};

template <class Kernel>
class comparison {
    using domain_type = pretend_domain<Kernel>;
    using writer_ref = gup::user_page_ref<domain_type, dma_access::read_write>;
    using reader_ref = gup::user_page_ref<domain_type, dma_access::read>;
    using any_ref = std::variant<writer_ref, reader_ref>;

    struct held {
        model_range* range;
        any_ref ref;
    };

public:
    void step(unsigned what, unsigned where, unsigned how) {
        const model_range wanted{.area = what / 4 % 3,
                                 .first = where % pages,
                                 .count = 1 + where / pages % (pages - where % pages),
                                 .writable = how % 2 == 0,
                                 .base = nullptr};
        if (what % 4 < 2) return get(wanted);
        if (refs_.empty()) return;
        std::swap(refs_[where % refs_.size()], refs_.back());
        if (what % 4 == 3) return put(how % 3 == 0);
        another();
    }

    void check() {
        const auto bases = std::count_if(model_.begin(), model_.end(),
                                         [](const model_range& r) { return r.base == nullptr; });
        RC_ASSERT(domain_.log->pins - domain_.log->releases == static_cast<int>(bases));
        for (const held& h : refs_) std::visit([&](const auto& ref) { check(*h.range, ref); }, h.ref);
        for (unsigned area = 0; area < 3; ++area)
            for (std::size_t page = 0; page < pages; ++page) {
                const auto found = gup::find_get_page(domain_, areas_[area]->page(page) + 5);
                const model_range one{
                    .area = area, .first = page, .count = 1, .writable = false, .base = nullptr};
                const model_range* const expected = overlapping(one);
                RC_ASSERT(found.has_value() == (expected != nullptr));
                if (found) RC_ASSERT(found->bytes().data() == areas_[area]->page(expected->first));
            }
    }

    void finish() {
        refs_.clear();
        RC_ASSERT(domain_.log->pins == domain_.log->releases);
        RC_ASSERT(domain_.log.use_count() == 1);
    }

private:
    template <class Ref>
    void check(model_range& range, const Ref& ref) {
        RC_ASSERT(ref.bytes().data() == areas_[range.area]->page(range.first));
        RC_ASSERT(ref.size() == range.count * page_bytes());
        RC_ASSERT(gup::page_dirty(ref) == range.pin().dirty);
        RC_ASSERT(gup::find_dynamic_page(ref)->second_mapping() == (range.base != nullptr));
        const std::byte* const pinned = areas_[range.pin().area]->page(range.pin().first);
        RC_ASSERT(gup::page_to_pfn(ref) == reinterpret_cast<std::uintptr_t>(pinned) >> 12);
        int writers = 0;
        for (const model_range& r : model_)
            if (&r == &range.pin() || r.base == &range.pin()) writers += r.writers;
        const auto& counts = gup::detail::page_access::counts(gup::page_descriptor(ref));
        RC_ASSERT(counts.device_may_write() == (writers > 0));
        RC_ASSERT(counts.pinned());
    }

    model_range* overlapping(const model_range& wanted) {
        const auto found = std::find_if(model_.begin(), model_.end(), [&](const model_range& r) {
            return r.area == wanted.area && r.overlaps(wanted);
        });
        return found == model_.end() ? nullptr : &*found;
    }
    /// The range that the wanted one becomes or is; empty if it is refused.
    std::optional<model_range*> expected(model_range wanted) {
        if (model_range* const r = overlapping(wanted); r != nullptr) {
            if (!r->same_pages(wanted) || (wanted.writable && !r->writable)) return std::nullopt;
            return r;
        }
        if (wanted.area != private_area)
            for (model_range& r : model_) {
                if (r.area == private_area || r.base != nullptr || !r.overlaps(wanted)) continue;
                if (!r.same_pages(wanted) || (wanted.writable && !r.writable)) return std::nullopt;
                wanted.base = &r;
            }
        if (wanted.base != nullptr) ++wanted.base->second_mappings;
        model_.push_back(wanted);
        return &model_.back();
    }
    void get(const model_range& wanted) {
        const auto range = expected(wanted);
        const std::span<std::byte> memory = areas_[wanted.area]->range(wanted.first, wanted.count);
        gup::pin_failure failure;
        if (wanted.writable) {
            auto ref = gup::try_get_user_pages(domain_, memory, failure);
            keep(range, std::move(ref), &model_range::writers);
        } else {
            auto ref = gup::try_get_user_pages<dma_access::read>(domain_, memory, failure);
            keep(range, std::move(ref), &model_range::readers);
        }
        RC_ASSERT(range.has_value() || failure.code == std::errc::device_or_resource_busy);
    }
    template <class Ref>
    void keep(std::optional<model_range*> range, gup::maybe<Ref> ref, int model_range::*count) {
        RC_ASSERT(ref.has_value() == range.has_value());
        if (!ref) return;
        ++((*range)->*count);
        refs_.push_back({*range, any_ref(std::move(*ref))});
    }
    void another() {
        model_range& range = *refs_.back().range;
        if (auto* const w = std::get_if<writer_ref>(&refs_.back().ref)) {
            ++range.readers;
            refs_.push_back({&range, any_ref(gup::ref_user_page<dma_access::read>(*w))});
        }
    }
    void put(bool dirties) {
        held going = std::move(refs_.back());
        refs_.pop_back();
        model_range& range = *going.range;
        if (auto* const w = std::get_if<writer_ref>(&going.ref)) {
            --range.writers;
            range.pin().dirty = range.pin().dirty || dirties;
            gup::put_user_page(std::move(*w), dirties ? gup::dirty : gup::clean);
        } else {
            --range.readers;
            gup::put_user_page(std::move(std::get<reader_ref>(going.ref)));
        }
        if (!range.over()) return;
        model_range* const base = range.base;
        forget(range);
        if (base != nullptr && (--base->second_mappings, base->over())) forget(*base);
    }
    void forget(const model_range& range) {
        model_.remove_if([&](const model_range& r) { return &r == &range; });
    }

    domain_type domain_{};
    memory_file file_{pages};
    private_pages own_{pages};
    mapping first_{file_.fd(), 0, pages};
    mapping second_{file_.fd(), 0, pages};
    const std::array<const mapping*, 3> areas_{&own_, &first_, &second_};
    std::list<model_range> model_{};
    std::vector<held> refs_{};
};

template <class Kernel>
bool agrees_with_model() {
    using numbers = std::tuple<unsigned, unsigned, unsigned>;
    return rc::check("pinned ranges against a list", [](const std::vector<numbers>& steps) {
        comparison<Kernel> both;
        for (const auto& [what, where, how] : steps) {
            both.step(what, where, how);
            both.check();
        }
        both.finish();
    });
}

} // namespace

TEST_CASE("ranges of the caller's memory agree with a model that looks through a list") {
    CHECK(agrees_with_model<gup::system_kernel>());
    CHECK(agrees_with_model<old_kernel>());
}
