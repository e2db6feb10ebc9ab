// SPDX-License-Identifier: BSL-1.0
// Random sequences of every verb on a small pool, compared step by step with a model that only counts.
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/pools.hpp"

#include <algorithm>
#include <array>
#include <rapidcheck.h>
#include <set>
#include <variant>

using namespace gup_test;
using gup::dma_access;

namespace {

constexpr std::size_t pages = 7;

/// What the model knows of a page.
struct model_page {
    int writers = 0; ///< pins through which a device may write
    int readers = 0; ///< other pins
    int plain = 0;
    bool dirty = false;

    bool held() const { return writers + readers + plain > 0; }
};

/// A pool and its model, changed together.
template <class Domain>
class comparison {
    using writer = gup::user_page_ref<Domain>;
    using sender = gup::user_page_ref<Domain, dma_access::to_device>;
    using reader = gup::user_page_ref<Domain, dma_access::read>;
    using plain = gup::page_ref<Domain>;
    using any_ref = std::variant<writer, sender, reader, plain>;

public:
    /// Pages are looked up from the step with this number on.
    explicit comparison(std::size_t lookups_begin) : lookups_begin_(lookups_begin) {
        const auto all = gup::get_user_pages(pool_, pages);
        base_ = all[0].bytes().data();
        for (const auto& ref : all) base_ = std::min(base_, ref.bytes().data());
    }

    /// Does the step that the numbers stand for.
    void step(unsigned what, unsigned which, unsigned how) {
        with_lookups_ = steps_++ >= lookups_begin_;
        switch (what % 13) {
        case 0:
            return keep(gup::try_get_user_page(pool_), writers);
        case 1:
            return get_page();
        case 2:
            return get_many(1 + how % (pages + 1));
        case 3:
            return put_writers(how % 2 == 0 ? gup::clean : gup::dirty);
        case 4:
            return find(how);
        default:
            if (refs_.empty()) return;
            std::swap(refs_[which % refs_.size()], refs_.back());
        }
        switch (what % 13) {
        case 5:
            return another();
        case 6:
            return narrow(how);
        case 7:
            return put(gup::clean);
        case 8:
            return put(gup::dirty);
        case 9:
            return drop(how % 2 == 0);
        case 10:
            return write_back();
        case 11:
            return put_elsewhere(how % 2 == 0 ? gup::clean : gup::dirty);
        default:
            return mark();
        }
    }

    /// Everything that can be asked agrees with the model.
    void check() {
        const auto stats = pool_.stats();
        std::size_t free = 0;
        std::size_t pinned = 0;
        for (std::size_t i = 0; i < pages; ++i) {
            free += !model_[i].held();
            pinned += model_[i].writers + model_[i].readers > 0;
            const gup::page* const page = pool_.find(base_ + i * 4096 + i);
            RC_ASSERT(page != nullptr);
            RC_ASSERT(gup::page_maybe_dma_pinned(*page) == (model_[i].writers + model_[i].readers > 0));
        }
        RC_ASSERT(stats.free == free);
        RC_ASSERT(stats.pinned == pinned);
        for (const auto& ref : refs_) RC_ASSERT(dirty(ref) == model_of(ref).dirty);
        if (with_lookups_) check_dirty_pages();
    }

    /// After the last put every page can be got again.
    void finish() {
        refs_.clear();
        RC_ASSERT(pool_.stats().free == pages);
        RC_ASSERT(gettable(pool_) == pages);
    }

private:
    static constexpr auto writers = &model_page::writers;
    static constexpr auto readers = &model_page::readers;
    static constexpr auto plains = &model_page::plain;

    static const std::byte* address(const any_ref& ref) {
        return std::visit([](const auto& r) -> const std::byte* { return r.bytes().data(); }, ref);
    }
    static bool dirty(const any_ref& ref) {
        return std::visit([](const auto& r) { return gup::page_dirty(r); }, ref);
    }
    model_page& model_of(const any_ref& ref) {
        return model_[static_cast<std::size_t>(address(ref) - base_) / 4096];
    }
    template <class Ref>
    void keep(Ref ref, int model_page::*count) {
        refs_.emplace_back(std::move(ref));
        ++(model_of(refs_.back()).*count);
    }
    template <class Ref>
    void keep(gup::maybe<Ref> ref, int model_page::*count) {
        RC_ASSERT(ref.has_value() == (free_pages() > 0));
        if (!ref) return;
        RC_ASSERT(!model_[static_cast<std::size_t>(ref->bytes().data() - base_) / 4096].held());
        keep(std::move(*ref), count);
    }
    std::size_t free_pages() const {
        return static_cast<std::size_t>(
            std::count_if(model_.begin(), model_.end(), [](const model_page& p) { return !p.held(); }));
    }
    static int model_page::*count_of(const any_ref& ref) {
        constexpr std::array counts{writers, readers, readers, plains};
        return counts[ref.index()];
    }

    void get_page() {
        if (free_pages() > 0) return keep(gup::get_page(pool_), plains);
        RC_ASSERT_THROWS_AS(static_cast<void>(gup::get_page(pool_)), gup::pin_error);
    }
    void get_many(std::size_t wanted) {
        std::vector<writer> got(wanted);
        const bool served{gup::try_get_user_pages(pool_, std::span(got))};
        RC_ASSERT(served == (wanted <= free_pages()));
        if (served)
            for (auto& ref : got) keep(std::move(ref), writers);
    }
    void put_writers(gup::put_as decision) {
        std::vector<writer> going;
        for (auto& ref : refs_)
            if (auto* const w = std::get_if<writer>(&ref)) {
                release(ref, decision == gup::dirty);
                going.push_back(std::move(*w));
            }
        std::erase_if(refs_, [](const any_ref& ref) { return ref.index() == 0; });
        going.emplace_back(); // an empty one is passed over
        gup::put_user_pages(std::move(going), decision);
    }
    void find(unsigned where) {
        if (!with_lookups_) return;
        const std::size_t place = where % (pages + 1);
        auto found = gup::find_get_page(pool_, base_ + place * 4096 + where % 4096);
        RC_ASSERT(found.has_value() == (place < pages && model_[place].held()));
        if (found) keep(std::move(*found), plains);
    }
    void another() {
        if (auto* const w = std::get_if<writer>(&refs_.back())) return keep(gup::ref_user_page(*w), writers);
        if (auto* const s = std::get_if<sender>(&refs_.back())) return keep(gup::ref_user_page(*s), readers);
        if (auto* const r = std::get_if<reader>(&refs_.back())) return keep(gup::ref_user_page(*r), readers);
        keep(gup::get_page(std::get<plain>(refs_.back())), plains);
    }
    void narrow(unsigned how) {
        if (auto* const w = std::get_if<writer>(&refs_.back())) {
            if (how % 2 == 0) return keep(gup::ref_user_page<dma_access::to_device>(*w), readers);
            return keep(gup::ref_user_page<dma_access::read>(*w), readers);
        }
        if (auto* const s = std::get_if<sender>(&refs_.back()))
            return keep(gup::ref_user_page<dma_access::read>(*s), readers);
        if (auto* const p = std::get_if<plain>(&refs_.back())) {
            if (how % 2 == 0) return keep(gup::get_user_page(*p), writers);
            return keep(gup::get_user_page<dma_access::read>(*p), readers);
        }
    }
    /// The model's side of a put.
    void release(const any_ref& ref, bool dirties) {
        model_page& page = model_of(ref);
        --(page.*count_of(ref));
        if (dirties && ref.index() < 2) page.dirty = true;
        if (!page.held()) page.dirty = false;
    }
    void put(gup::put_as decision) {
        release(refs_.back(), decision == gup::dirty);
        any_ref ref = std::move(refs_.back());
        refs_.pop_back();
        if (auto* const w = std::get_if<writer>(&ref)) return gup::put_user_page(std::move(*w), decision);
        if (auto* const s = std::get_if<sender>(&ref)) return gup::put_user_page(std::move(*s), decision);
        if (auto* const r = std::get_if<reader>(&ref)) return gup::put_user_page(std::move(*r));
        gup::put_page(std::move(std::get<plain>(ref)));
    }
    /// On a thread without a cache; a local pool has one thread.
    void put_elsewhere(gup::put_as decision) {
        if constexpr (std::is_same_v<Domain, pretended>)
            on_another_thread([&] { put(decision); });
        else
            put(decision);
    }
    void drop(bool by_assignment) {
        release(refs_.back(), true);
        if (by_assignment)
            std::visit([](auto& ref) { ref = std::remove_reference_t<decltype(ref)>(); }, refs_.back());
        refs_.pop_back();
    }
    void write_back() {
        model_page& page = model_of(refs_.back());
        const bool expected = page.dirty && page.writers == 0;
        const bool cleared =
            std::visit([](const auto& ref) { return gup::clear_page_dirty_for_io(ref); }, refs_.back());
        RC_ASSERT(cleared == expected);
        if (cleared) page.dirty = false;
    }
    void mark() {
        if (std::holds_alternative<reader>(refs_.back())) return;
        model_of(refs_.back()).dirty = true;
        if (auto* const w = std::get_if<writer>(&refs_.back())) return gup::set_page_dirty(*w);
        if (auto* const s = std::get_if<sender>(&refs_.back())) return gup::set_page_dirty(*s);
        gup::set_page_dirty(std::get<plain>(refs_.back()));
    }
    void check_dirty_pages() {
        std::set<std::size_t> expected;
        for (std::size_t i = 0; i < pages; ++i)
            if (model_[i].dirty) expected.insert(i);
        std::set<std::size_t> seen;
        for (auto page : pool_.dirty_pages())
            seen.insert(static_cast<std::size_t>(page.bytes().data() - base_) / 4096);
        RC_ASSERT(seen == expected);
    }

    gup::page_pool<Domain> pool_{Domain{}, small(pages)};
    std::byte* base_ = nullptr;
    std::array<model_page, pages> model_{};
    std::vector<any_ref> refs_;
    std::size_t lookups_begin_;
    std::size_t steps_ = 0;
    bool with_lookups_ = false;
};

template <class Domain>
bool agrees_with_the_model(bool with_lookups) {
    using numbers = std::tuple<unsigned, unsigned, unsigned>;
    return rc::check("pool against counts", [with_lookups](const std::vector<numbers>& steps) {
        const std::size_t begin = *rc::gen::inRange<std::size_t>(0, steps.size() + 1);
        comparison<Domain> both(with_lookups ? begin : steps.size());
        for (const auto& [what, which, how] : steps) {
            both.step(what, which, how);
            both.check();
        }
        both.finish();
    });
}

} // namespace

TEST_CASE("a pool agrees with a model that only counts") {
    CHECK(agrees_with_the_model<pretended>(false));
    CHECK(agrees_with_the_model<pretended>(true));
}

TEST_CASE("a local pool agrees with a model that only counts") {
    CHECK(agrees_with_the_model<gup::local<pretended>>(true));
}
