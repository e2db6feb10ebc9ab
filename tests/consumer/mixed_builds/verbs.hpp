// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What verbs.cpp is, built with NDEBUG and without.

#include "gup/domain/mlock.hpp"
#include "gup/local.hpp"
#include "gup/maybe.hpp"
#include "gup/page_pool.hpp"

#include <optional>

using local_domain = gup::local<gup::mlock_domain>;
using local_pool = gup::page_pool<local_domain>;
using pinned = gup::user_page_ref<local_domain>;
using plain = gup::page_ref<local_domain>;

/// Pages of a local pool, for verbs on whatever thread calls them. None of them is a page's last put.
struct verbs {
    void (*ref)(const pinned&);
    void (*put)(pinned&&);
    void (*put_all)(pinned&&);
    void (*pin)(const plain&);
    void (*get)(local_pool&);
    void (*drop)(std::optional<pinned>&);
    void (*look)(const pinned&);
    void (*use)(gup::maybe<pinned>&);
};
extern const verbs with_checks;    ///< built without NDEBUG
extern const verbs without_checks; ///< built with NDEBUG
