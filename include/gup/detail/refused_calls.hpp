// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The last overload of each verb: what a call finds that no other takes, with how it is written. Arguments
/// in another order, one more, an optional, pointer or container in place of what it holds. What gives a
/// reference gives anything here, so that no variable of type void is complained of first.

#include "gup/detail/refused.hpp"
#include "gup/dma_access.hpp"

namespace gup::inline GUP_NAMESPACE {

// References, one at a time.

template <dma_access = dma_access::read_write>
detail::anything get_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                          detail::anything = {})
    GUP_REFUSED(
        "get_page takes a pool, or an ordinary reference of which it makes another, by name: write "
        "get_page(pool) or get_page(ref). Of a pointer, optional or maybe pass what it holds, *ref, if it "
        "holds any; a const pool gives no page, and a domain has none: make a page_pool in it");

template <dma_access = dma_access::read_write>
void put_page(detail::anything = {}, detail::anything = {}, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("put_page takes over one ordinary reference and nothing else: write put_page(std::move(ref))."
                " Of a pointer, optional or maybe pass what it holds, std::move(*ref), if it holds any; of a "
                "container each reference by itself; neither pool nor decision is named");

template <dma_access = dma_access::read_write>
detail::anything get_user_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                               detail::anything = {})
    GUP_REFUSED(
        "get_user_page takes a pool, or an ordinary reference whose page it pins, by name: write "
        "get_user_page(pool), with the pool's access, or get_user_page<access>(ref). Of a pointer, optional "
        "or maybe pass what it holds, *ref, if it holds any; a const pool gives no page, and a domain "
        "has none: make a page_pool in it, or pin memory with get_user_pages(domain, span)");

template <dma_access = dma_access::read_write>
detail::anything ref_user_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                               detail::anything = {})
    GUP_REFUSED(
        "ref_user_page takes a pinned reference, by name, and makes a second one: write "
        "ref_user_page(ref), or ref_user_page<gup::dma_access::read>(ref) for less access. Of a "
        "pointer, optional or maybe pass what it holds, *ref, if it holds any; a page or page_proxy is no "
        "reference, and no pool is named");

template <dma_access = dma_access::read_write>
void put_user_page(detail::anything = {}, detail::anything = {}, detail::anything = {}, detail::anything = {})
    GUP_REFUSED(
        "put_user_page takes over one pinned reference, and a decision if it may be written through: "
        "write put_user_page(std::move(ref), gup::dirty) or gup::clean. Of a pointer, optional or maybe pass "
        "what it holds, std::move(*ref), if it holds any; a container goes with put_user_pages; "
        "neither pool nor domain is named");

template <dma_access = dma_access::read_write>
detail::anything try_get_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                              detail::anything = {})
    GUP_REFUSED("try_get_page takes a pool that is not const, by name: write try_get_page(pool)");

template <dma_access = dma_access::read_write>
detail::anything try_get_user_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                   detail::anything = {})
    GUP_REFUSED("try_get_user_page takes a pool that is not const, by name: write try_get_user_page(pool), "
                "with the pool's access; an ordinary reference is pinned with get_user_page(ref)");

template <dma_access = dma_access::read_write>
detail::anything find_get_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                               detail::anything = {})
    GUP_REFUSED("find_get_page takes where to look, by name, and then for what: write find_get_page(pool, "
                "address), find_get_page(domain, address) or find_get_page(space, index), with a source of "
                "the same domain's proxies behind it if there is one");

template <dma_access = dma_access::read_write>
detail::anything find_get_user_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                    detail::anything = {})
    GUP_REFUSED("find_get_user_page takes an address space, by name, and an index: write "
                "find_get_user_page<access>(space, index)");

template <dma_access = dma_access::read_write>
detail::anything get_user_page_fast(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                    detail::anything = {})
    GUP_REFUSED("get_user_page_fast takes an address space, by name, and an index: write "
                "get_user_page_fast<access>(space, index)");

// Many at once, and memory of the program's.

template <dma_access = dma_access::read_write>
detail::anything get_user_pages(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                detail::anything = {})
    GUP_REFUSED("get_user_pages takes a pool, by name, and how many pages or the references to fill: write "
                "get_user_pages(pool, n) or get_user_pages(pool, std::span(refs)); or a domain and memory of "
                "the program's as a span of std::byte: get_user_pages(domain, "
                "std::as_writable_bytes(std::span(memory)))");

template <dma_access = dma_access::read_write>
detail::anything try_get_user_pages(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                    detail::anything = {}, detail::anything = {})
    GUP_REFUSED("try_get_user_pages takes a pool, by name, and the pinned references to fill, which it does "
                "not make: write try_get_user_pages(pool, std::span(refs)); or a domain, memory of the "
                "program's as a span of std::byte, and where to say why not: try_get_user_pages(domain, "
                "std::as_writable_bytes(std::span(memory)), failure)");

template <dma_access = dma_access::read_write>
void put_user_pages(detail::anything = {}, detail::anything = {}, detail::anything = {},
                    detail::anything = {})
    GUP_REFUSED(
        "put_user_pages takes over pinned references, as a vector or a span that is not of const, and "
        "a decision if they may be written through: write put_user_pages(std::move(vector), "
        "gup::dirty) or put_user_pages(std::span(array), gup::clean). Of an optional or maybe pass what it "
        "holds; one page goes with put_user_page, ordinary references with put_page; neither pool "
        "nor number is named");

template <dma_access = dma_access::read_write>
void with_user_page(detail::anything = {}, detail::anything = {}, detail::anything = {},
                    detail::anything = {})
    GUP_REFUSED("with_user_page takes a pool, by name, and a function that is lent a page: write "
                "with_user_page(pool, [](const auto& page) { ...; return gup::dirty; })");

template <dma_access = dma_access::read_write>
void with_user_pages(detail::anything = {}, detail::anything = {}, detail::anything = {},
                     detail::anything = {})
    GUP_REFUSED(
        "with_user_pages takes a pool, by name, how many pages, and a function that is lent a span of "
        "them: write with_user_pages(pool, n, [](auto pages) { ...; return gup::dirty; })");

// What operations give back.

template <dma_access = dma_access::read_write>
detail::anything complete(detail::anything = {}, detail::anything = {}, detail::anything = {},
                          detail::anything = {}, detail::anything = {})
    GUP_REFUSED("complete takes whose operation it is, by name, and then what has come: write "
                "complete(domain, cqe), also with variables for a cookie and a std::error_code, or "
                "complete(token, cqe), of a ring's, or complete(token, number), of a device's. Of a pointer, "
                "optional or maybe pass what it holds; a ring is no domain");

template <dma_access = dma_access::read_write>
detail::anything try_complete(detail::anything = {}, detail::anything = {}, detail::anything = {},
                              detail::anything = {})
    GUP_REFUSED(
        "try_complete takes whose operation it is, by name, and then what has come: write "
        "try_complete(domain, cqe), also with the variable for a cookie, or try_complete(token, cqe). "
        "Of a pointer, optional or maybe pass what it holds; a ring is no domain");

template <dma_access = dma_access::read_write>
detail::anything take_back(detail::anything = {}, detail::anything = {}, detail::anything = {},
                           detail::anything = {})
    GUP_REFUSED(
        "take_back takes whose operation it is, by name, and its entry: write take_back(domain, sqe) "
        "or take_back(token, sqe), of a ring's, or take_back(token), of a device's. Of a pointer, optional "
        "or maybe pass what it holds; a ring is no domain");

template <dma_access = dma_access::read_write>
detail::anything try_take_back(detail::anything = {}, detail::anything = {}, detail::anything = {},
                               detail::anything = {})
    GUP_REFUSED("try_take_back takes whose operation it is, by name, and its entry: write "
                "try_take_back(domain, sqe), also with the variable for a cookie, or try_take_back(token, "
                "sqe). Of a pointer, optional or maybe pass what it holds; a ring is no domain");

} // namespace gup::inline GUP_NAMESPACE
