// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Nodes allocated ahead of need, so that what must not fail allocates nothing. Not thread-safe.

#include "gup/version.hpp"

#include <cstddef>
#include <utility>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

/// Nodes that are to come into a stock: allocated by who must not do so while he holds the stock's lock.
template <class Node>
struct node_chain {
    Node* first = nullptr;
    Node* last = nullptr;
    std::size_t nodes = 0;

    node_chain() = default;
    node_chain(const node_chain&) = delete;
    node_chain& operator=(const node_chain&) = delete;
    ~node_chain() {
        while (first != nullptr) delete std::exchange(first, first->next);
    }

    /// Throws std::bad_alloc.
    void grow(std::size_t more) {
        for (; more != 0; --more, ++nodes) {
            Node* const made = new Node;
            made->next = std::exchange(first, made);
            if (made->next == nullptr) last = made;
        }
    }
};

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

    /// Takes all nodes of a chain, in constant time.
    void take_over(node_chain<Node>& chain) noexcept {
        if (chain.first == nullptr) return;
        chain.last->next = std::exchange(first_, std::exchange(chain.first, nullptr));
        nodes_ += std::exchange(chain.nodes, 0);
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
using process_wide_v1::node_chain;
using process_wide_v1::node_stock;
} // namespace gup::inline GUP_NAMESPACE::detail
