// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What an address space's handle points to: the table of names, and the source of the proxies that stand for
/// them. Outlives the handle until the last proxy is back. How its parts play together: address_space.hpp.

#include "gup/detail/frozen_page.hpp"
#include "gup/detail/name_table.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/space_failure.hpp"
#include "gup/detail/spin_lock.hpp"
#include "gup/maybe.hpp"
#include "gup/proxy_source.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// A pool, whatever its type; get is null if the space must not copy.
template <class Domain>
struct copy_source {
    void* pool = nullptr;
    maybe<page_ref<Domain>> (*get)(void*) noexcept = nullptr;

    /// A new page with this content; empty if there is none of that size.
    maybe<page_ref<Domain>> copy(std::span<const std::byte> content) const noexcept {
        if (get == nullptr) return {};
        auto fresh = get(pool);
        if (!fresh) return {};
        const std::span<std::byte> memory = fresh.value().bytes(by_library<Domain>());
        if (memory.size() != content.size()) return {};
        std::memcpy(memory.data(), content.data(), content.size());
        return fresh;
    }
};

template <class Domain>
class space_state final : public proxy_owner<space_state<Domain>, Domain> {
    using counting = counting_t<Domain>;
    using plain = page_ref<Domain>;

public:
    // A name, its proxy and the pin of that are references: as many as fit beside others.
    static constexpr std::uint64_t most_names = std::uint64_t{1} << 19;

    explicit space_state(copy_source<Domain> copies) : copies_(copies) {}

    // A source of proxies.
    plain make(std::uint64_t index) {
        const plain page = base_of(index);
        return page ? make_for(index, page) : plain();
    }
    void on_idle(page_proxy&) noexcept {}
    void release(page_proxy&) noexcept {}

    typed_pointer mapping() const noexcept { return typed_pointer(this); }
    bool of_this_process() const noexcept { return process_ == this_process(); }
    std::size_t names() const {
        if (!of_this_process()) return 0; // the lock may be held by a thread that was not forked
        const std::lock_guard lock(lock_);
        return table_.size();
    }

    /// Names the page of a reference word.
    void insert(std::uint64_t index, std::uintptr_t word) {
        check_process("address_space::insert");
        const std::lock_guard lock(lock_);
        if (table_.find(index) != nullptr) throw_name_taken("address_space::insert", index);
        add_name(table_, index, page_of(word), "address_space::insert");
    }
    /// Names the page of `index` in another space, or in this one.
    void share(std::uint64_t index, space_state& other, std::uint64_t other_index) {
        for (const space_state* const space : {this, &other}) space->check_process("address_space::share");
        std::unique_lock mine(lock_, std::defer_lock);
        std::unique_lock theirs(other.lock_, std::defer_lock);
        if (this == &other)
            mine.lock();
        else
            std::lock(mine, theirs);
        const name_entry* const entry = table_.find(index);
        if (entry == nullptr) throw_no_name("address_space::share", index);
        if (other.table_.find(other_index) != nullptr) throw_name_taken("address_space::share", other_index);
        add_name(other.table_, other_index, page_of(entry->page), "address_space::share");
    }
    bool remove(std::uint64_t index) {
        check_process("address_space::remove");
        taken_out out;
        const std::lock_guard lock(lock_);
        name_entry* const entry = table_.find(index);
        if (entry == nullptr) return false;
        empty(*entry, out);
        table_.remove(*entry);
        return true;
    }
    /// Removes all names; no call follows.
    void close() noexcept {
        if (!of_this_process()) return;
        std::vector<source_base<Domain>*> sources;
        {
            const std::lock_guard lock(lock_);
            sources.swap(sources_);
        }
        // nobody else is here any more: the pages go one by one, without the lock that their sources may want
        table_.for_each([&](name_entry& entry) {
            taken_out out;
            empty(entry, out);
            table_.remove(entry);
        });
        for (source_base<Domain>* const source : sources) source->let_go();
    }

    /// An ordinary reference to the page of a name, through its proxy; `make(index)` is asked for one if none
    /// is published. Empty if there is no such name.
    template <class Make>
    plain find(std::uint64_t index, Make make) {
        if (!of_this_process()) return {};
        if (plain found = try_find(index)) return found;
        for (;;) {
            const plain base = base_of(index);
            if (!base) return {};
            plain made = make(index, base); // the source may take its time: without the lock
            if (plain winner = publish(index, base, made)) return winner;
        }
    }
    plain find(std::uint64_t index) {
        return find(index, [this](auto i, const plain& base) { return make_for(i, base); });
    }
    /// As find, if a proxy is published. Takes no lock.
    plain try_find(std::uint64_t index) noexcept {
        return try_published<plain>(index, &proxy_access::try_get<Domain>);
    }
    /// See get_user_page_fast.
    template <dma_access Access>
    user_page_ref<Domain, Access> try_find_pinned(std::uint64_t index) noexcept {
        if (!of_this_process()) return {};
        return try_published<user_page_ref<Domain, Access>>(index, &proxy_access::try_pin<Domain, Access>);
    }

    /// A pin of the page of a name, of its own copy if the access is to write; `find_one(index)` gives an
    /// ordinary reference. Empty if there is no such name.
    template <dma_access Access, class Find>
    user_page_ref<Domain, Access> find_pinned(std::uint64_t index, Find find_one) {
        check_process("find_get_user_page");
        constexpr int most_tries = 1000; // against pins that were not taken by name: they may stay
        for (int tries = 0;; ++tries) {
            if (auto pinned = try_find_pinned<Access>(index)) return pinned;
            const plain found = find_one(index);
            if (!found) return {};
            const std::uintptr_t word = reference_access::word(found);
            if (!narrows_to(access_of(word), Access)) throw_access("find_get_user_page", index);
            check_thread<counting>(word);
            if (stand_in_of(word).slot_of(kind_of(Access)).counts.crowded())
                throw_crowded("find_get_user_page", index);
            auto pinned = reference_access::make<user_page_ref<Domain, Access>>(
                add_pin<counting>(word, kind_of(Access)));
            if constexpr (!cpu_may_write(Access)) return pinned;
            if (may_use(pinned) && publishes(index, word)) return pinned;
            give_back(std::move(pinned));
            if (page_access::only_name(page_of(word))) continue; // the name was given another page
            if (tries >= most_tries) throw_written("find_get_user_page", index);
            copy(index, page_of(word));
        }
    }

    /// Marks a frozen page that was not written back, and the copy if its name has been given one since.
    void set_dirty(std::uint64_t index, page& frozen) noexcept {
        const std::lock_guard lock(lock_);
        page_access::set_dirty(frozen);
        if (const name_entry* const entry = table_.find(index); entry != nullptr)
            page_access::set_dirty(page_of(entry->page));
    }

    /// The indices of the names whose pages are dirty, in no order.
    auto dirty_indices() const {
        std::vector<std::uint64_t> found;
        for_each_dirty([&](auto index, const page&) { found.push_back(index); });
        return found;
    }
    /// Calls `visit(index, page)` for each name whose page is dirty, under the lock.
    template <class Visit>
    void for_each_dirty(Visit visit) const {
        if (!of_this_process()) return;
        const std::lock_guard lock(lock_);
        table_.for_each([&](const name_entry& entry) {
            if (const page& p = page_of(entry.page); page_access::dirty(p))
                visit(entry.index.load(std::memory_order_relaxed), p);
        });
    }

private:
    /// What an entry held, to be dropped without the lock: the last put calls a source.
    struct taken_out {
        plain proxy{};
        plain page{};
    };

    void check_process(const char* call) const {
        if (!of_this_process()) throw_foreign_process(call);
    }
    /// The word of a reference that leads to a page directly.
    static std::uintptr_t word_of(page& p) noexcept {
        return reinterpret_cast<std::uintptr_t>(&p) |
               (page_access::dynamic(p) ? reference_word::dynamic_tag : 0);
    }
    static plain another(std::uintptr_t word) noexcept {
        check_thread<counting>(word);
        add_reference<counting>(word, reference_kind::plain);
        return reference_access::make<plain>(word);
    }
    plain make_for(std::uint64_t index, const plain& page) {
        return this->make_proxy(page, {.mapping = mapping(), .index = index});
    }
    plain base_of(std::uint64_t index) {
        const std::lock_guard lock(lock_);
        const name_entry* const entry = table_.find(index);
        return entry != nullptr ? another(entry->page) : plain();
    }

    /// Under the lock of the table's space. Nothing has changed if it throws.
    static void add_name(name_table& table, std::uint64_t index, page& p, const char* call) {
        table.make_room();
        // the name first, then the look for writers: who pins does the same the other way round
        const std::uint64_t names = page_access::add_name(p);
        const bool crowded = names > most_names || page_access::counts(p).crowded();
        if (crowded || (names > 1 && page_access::counts(p).device_may_write())) {
            page_access::drop_name(p);
            crowded ? throw_crowded(call, index) : throw_written(call, index);
        }
        plain kept = another(word_of(p));
        table.add(index, reference_access::release(kept));
    }
    /// Takes name and references out of an entry: first what others may find, then the name, so that who
    /// finds the page with a name less finds this proxy no more.
    static void empty(name_entry& entry, taken_out& out) noexcept {
        out.proxy = reference_access::make<plain>(entry.published.exchange(0, std::memory_order_seq_cst));
        out.page = reference_access::make<plain>(std::exchange(entry.page, 0));
        page_access::drop_name(page_of(reference_access::word(out.page)));
    }

    template <class Ref, class Take>
    Ref try_published(std::uint64_t index, Take take) noexcept {
        name_entry* const entry = table_.find_unlocked(index);
        if (entry == nullptr) return {};
        const std::uintptr_t word = entry->published.load(std::memory_order_acquire);
        if (word == 0) return {};
        page_proxy& proxy = proxy_access::of_word(word); // may be another name's by now, but is one
        Ref taken = take(proxy);
        if (!taken) return {};
        if (may_use(taken) && entry->published.load(std::memory_order_seq_cst) == word &&
            proxy.index() == index)
            return taken;
        give_back(std::move(taken));
        return {};
    }
    /// Whether the access that was taken is one that may be had. Before the second look at the entry.
    static bool may_use(const plain&) noexcept { return true; }
    template <dma_access Access>
    static bool may_use(const user_page_ref<Domain, Access>& taken) noexcept {
        if constexpr (!cpu_may_write(Access)) return true;
        const std::uintptr_t word = reference_access::word(taken);
        return narrows_to(access_of(word), Access) && page_access::only_name(page_of(word));
    }
    static void give_back(plain&& taken) noexcept { put_page(std::move(taken), by_library<Domain>()); }
    template <dma_access Access>
    static void give_back(user_page_ref<Domain, Access>&& taken) noexcept {
        if constexpr (cpu_may_write(Access))
            put_user_page(std::move(taken), put_as::clean, by_library<Domain>());
        else
            put_user_page(std::move(taken), by_library<Domain>());
    }

    bool publishes(std::uint64_t index, std::uintptr_t word) const {
        const std::lock_guard lock(lock_);
        const name_entry* const entry = table_.find(index);
        return entry != nullptr && entry->published.load(std::memory_order_relaxed) == word;
    }
    /// Publishes `made` for a name that still stands for the page of `base`, unless another proxy is there
    /// already; returns a reference to the one that is published. Empty if the name is another page's now.
    plain publish(std::uint64_t index, const plain& base, plain& made) {
        const std::uintptr_t word = made ? reference_access::word(made) : 0;
        const bool fits = word != 0 && page_proxied(made) && unchecked_page_index(made) == index &&
                          &page_of(word) == &page_of(reference_access::word(base));
        const std::lock_guard lock(lock_);
        name_entry* const entry = table_.find(index);
        if (entry == nullptr || entry->page != reference_access::word(base)) return {};
        if (!fits) throw_wrong_proxy("find_get_page", index);
        keep_source(zone_access::of(&counted_of(word)));
        std::uintptr_t published = 0;
        if (!entry->published.compare_exchange_strong(published, word, std::memory_order_seq_cst)) {
            if (stand_in_of(published).counts().crowded()) throw_crowded("find_get_page", index);
            return another(published); // and `made` goes back to its source
        }
        reference_access::release(made); // the entry's now
        return another(word);
    }
    /// Whose proxy has been published stays until the space closes: a reader may come late.
    void keep_source(zone& chunk) {
        auto* const source = static_cast<source_base<Domain>*>(zone_access::owner(chunk));
        if (source == &this->holder()) return;
        for (const auto* const kept : sources_)
            if (kept == source) return;
        sources_.push_back(source);
        source->hold();
    }

    /// Gives a name whose page has others, or is frozen, a copy of its own, unless that is settled already.
    void copy(std::uint64_t index, page& shared) {
        // frozen, or others could take the page for theirs alone meanwhile, write to it and share it again
        const frozen_page frozen(shared);
        if (!frozen) return yield_processor(); // to who looks whether he may write, and may not
        maybe<plain> fresh = copies_.copy(memory_of(word_of(shared)));
        taken_out out;
        const std::lock_guard lock(lock_);
        name_entry* const entry = table_.find(index);
        if (entry == nullptr || &page_of(entry->page) != &shared || page_access::only_name(shared, 1)) return;
        if (!fresh) throw_no_copy("find_get_user_page", index);
        if (page_access::dirty(shared)) set_page_dirty(fresh.value(), by_library<Domain>());
        if (const auto old = entry->published.load()) page_access::set_outdated(stand_in_of(old).own);
        empty(*entry, out);
        page_access::add_name(page_of(reference_access::word(fresh.value())));
        entry->page = reference_access::release(fresh.value());
    }

    const copy_source<Domain> copies_;
    const process_identity process_ = this_process();
    mutable std::mutex lock_; // guards the table, except for searches without it, and the sources
    name_table table_;
    std::vector<source_base<Domain>*> sources_;
};

} // namespace gup::inline GUP_NAMESPACE::detail
