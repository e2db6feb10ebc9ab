// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Nodes allocated ahead of need, so that what must not fail allocates nothing. Not thread-safe.

#include "gup/version.hpp"

#include <cstddef>
#include <utility>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

/// `Node` has a member `Node* next`, which is the stock's while the node is in it.
template <class Node>
class node_stock {
public:
    node_stock() = default;
    node_stock(const node_stock&) = delete;
    node_stock& operator=(const node_stock&) = delete;

    /// Frees what is in the stock; nodes taken out are the owner's.
    ~node_stock() { shrink(0); }

    /// Grows to `nodes` in all, those taken out included. Throws std::bad_alloc.
    void grow(std::size_t nodes) {
        for (; nodes_ < nodes; ++nodes_) give_back(*new Node);
    }

    /// Frees nodes of the stock until there are `nodes` in all, or none left in it.
    void shrink(std::size_t nodes) noexcept {
        for (; nodes_ > nodes && first_ != nullptr; --nodes_) delete &take();
    }

    /// Nodes in all, those taken out included.
    std::size_t nodes() const noexcept { return nodes_; }

    /// Only while there is one in the stock.
    Node& take() noexcept { return *std::exchange(first_, first_->next); }

    void give_back(Node& node) noexcept { node.next = std::exchange(first_, &node); }

private:
    friend struct frozen_layout;

    Node* first_ = nullptr;
    std::size_t nodes_ = 0;
};

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::node_stock;
} // namespace gup::inline GUP_NAMESPACE::detail
