// SPDX-License-Identifier: BSL-1.0
// Random sequences of every verb on one page and its proxies, compared step by step with a model that only
// counts.
#include "gup/page_proxy.hpp"

#include "gup/local.hpp"
#include "gup_test/proxies.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <rapidcheck.h>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace gup_test;
using gup::dma_access;

namespace {

constexpr std::size_t names = 4; ///< the page's own and those of three proxies

/// What the model knows of a name.
struct model_name {
    int writers = 0;
    int readers = 0;
    int plain = 0;

    bool pinned() const { return writers + readers > 0; }
    bool held() const { return pinned() || plain > 0; }
};

template <class Domain>
class comparison {
    using writer = gup::user_page_ref<Domain>;
    using sender = gup::user_page_ref<Domain, dma_access::to_device>;
    using reader = gup::user_page_ref<Domain, dma_access::read>;
    using plain = gup::page_ref<Domain>;
    using any_ref = std::variant<writer, sender, reader, plain>;

    struct held {
        std::size_t name;
        any_ref ref;
    };

public:
    void step(unsigned what, unsigned which, unsigned how) {
        if (what % 6 == 0) return start(how % names);
        if (refs_.empty()) return;
        std::swap(refs_[which % refs_.size()], refs_.back());
        switch (what % 6) {
        case 1:
            return another();
        case 2:
            return narrow(how);
        case 3:
            return write_back();
        default:
            return put(how % 3);
        }
    }

    void check() {
        int writers = 0;
        int readers = 0;
        for (const model_name& name : model_) {
            writers += name.writers;
            readers += name.readers;
        }
        const auto& counts = gup::detail::page_access::counts(gup::page_descriptor(page_));
        RC_ASSERT(counts.device_may_write() == (writers > 0));
        RC_ASSERT(counts.pinned() == (writers + readers > 0));
        RC_ASSERT(gup::page_dirty(page_) == dirty_);
        for (const held& h : refs_) std::visit([&](const auto& ref) { check(h.name, ref); }, h.ref);
        RC_ASSERT(log_.idle == idle_);
        RC_ASSERT(log_.released == released_);
    }

    void finish() {
        refs_.clear();
        source_.reset();
        RC_ASSERT(log_.destroyed == 1);
        RC_ASSERT(log_.made == log_.released);
        RC_ASSERT_FALSE(gup::page_maybe_dma_pinned(page_));
        page_ = {};
        RC_ASSERT(gettable(pool_) == 1U);
    }

private:
    template <class Ref>
    void check(std::size_t name, const Ref& ref) const {
        RC_ASSERT(ref.bytes().data() == page_.bytes().data());
        RC_ASSERT(gup::page_proxied(ref) == (name > 0));
        if (name == 0) return;
        RC_ASSERT(gup::page_index(ref) == name);
        RC_ASSERT(gup::find_page_proxy(ref)->pinned() == model_[name].pinned());
    }

    template <class Ref>
    void keep(std::size_t name, Ref ref, int model_name::*count) {
        ++(model_[name].*count);
        refs_.push_back({name, any_ref(std::move(ref))});
    }
    /// A first reference to a proxy that is not there, else one more by the page's own name.
    void start(std::size_t name) {
        if (name == 0 || model_[name].held()) return keep(0, gup::get_page(page_), &model_name::plain);
        keep(name, (*source_)->make(name), &model_name::plain);
    }
    void another() {
        const std::size_t name = refs_.back().name;
        any_ref& ref = refs_.back().ref;
        if (auto* const w = std::get_if<writer>(&ref))
            return keep(name, gup::ref_user_page(*w), &model_name::writers);
        if (auto* const s = std::get_if<sender>(&ref))
            return keep(name, gup::ref_user_page(*s), &model_name::readers);
        if (auto* const r = std::get_if<reader>(&ref))
            return keep(name, gup::ref_user_page(*r), &model_name::readers);
        keep(name, gup::get_page(std::get<plain>(ref)), &model_name::plain);
    }
    void narrow(unsigned how) {
        const std::size_t name = refs_.back().name;
        any_ref& ref = refs_.back().ref;
        if (auto* const w = std::get_if<writer>(&ref)) {
            if (how % 2 == 0)
                return keep(name, gup::ref_user_page<dma_access::to_device>(*w), &model_name::readers);
            return keep(name, gup::ref_user_page<dma_access::read>(*w), &model_name::readers);
        }
        if (auto* const s = std::get_if<sender>(&ref))
            return keep(name, gup::ref_user_page<dma_access::read>(*s), &model_name::readers);
        if (auto* const p = std::get_if<plain>(&ref)) {
            if (how % 2 == 0) return keep(name, gup::get_user_page(*p), &model_name::writers);
            return keep(name, gup::get_user_page<dma_access::to_device>(*p), &model_name::readers);
        }
    }
    void write_back() {
        bool device_may_write = false;
        for (const model_name& name : model_) device_may_write = device_may_write || name.writers > 0;
        const bool cleared =
            std::visit([](const auto& ref) { return gup::clear_page_dirty_for_io(ref); }, refs_.back().ref);
        RC_ASSERT(cleared == (dirty_ && !device_may_write));
        if (cleared) dirty_ = false;
    }
    /// Puts the last reference: clean, dirty, or by dropping it.
    void put(unsigned how) {
        held going = std::move(refs_.back());
        refs_.pop_back();
        constexpr std::array counts{&model_name::writers, &model_name::readers, &model_name::readers,
                                    &model_name::plain};
        model_name& name = model_[going.name];
        const bool was_pinned = name.pinned();
        --(name.*counts[going.ref.index()]);
        if (going.name > 0 && was_pinned && !name.pinned()) ++idle_;
        if (going.name > 0 && !name.held()) ++released_;
        if (going.ref.index() < 2 && how > 0) dirty_ = true;
        if (how == 2) return; // the destructor puts
        const gup::put_as decision = how == 1 ? gup::dirty : gup::clean;
        if (auto* const w = std::get_if<writer>(&going.ref))
            return gup::put_user_page(std::move(*w), decision);
        if (auto* const s = std::get_if<sender>(&going.ref))
            return gup::put_user_page(std::move(*s), decision);
        if (auto* const r = std::get_if<reader>(&going.ref)) return gup::put_user_page(std::move(*r));
        gup::put_page(std::move(std::get<plain>(going.ref)));
    }

    gup::page_pool<Domain> pool_{Domain{}, small(1)};
    plain page_ = gup::get_page(pool_);
    source_log log_{};
    std::optional<gup::source_handle<one_page_source<Domain>>> source_{
        gup::make_source<one_page_source<Domain>>(page_, log_)};
    std::vector<held> refs_{};
    std::array<model_name, names> model_{};
    bool dirty_ = false;
    int idle_ = 0;
    int released_ = 0;
};

template <class Domain>
bool agrees_with_the_model() {
    using numbers = std::tuple<unsigned, unsigned, unsigned>;
    return rc::check("proxies against counts", [](const std::vector<numbers>& steps) {
        comparison<Domain> both;
        for (const auto& [what, which, how] : steps) {
            both.step(what, which, how);
            both.check();
        }
        both.finish();
    });
}

} // namespace

TEST_CASE("a page and its proxies agree with a model that only counts") {
    CHECK(agrees_with_the_model<pretended>());
    CHECK(agrees_with_the_model<gup::local<pretended>>());
}
