// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// All of gup that needs no library beside Boost's headers. Domains that need one have headers of their own:
/// gup/domain/io_uring.hpp needs liburing.

#include "gup/address_space.hpp"
#include "gup/annotations.hpp"
#include "gup/dma_access.hpp"
#include "gup/domain/mlock.hpp"
#include "gup/dynamic_page.hpp"
#include "gup/error.hpp"
#include "gup/in_flight.hpp"
#include "gup/kernel.hpp"
#include "gup/linear.hpp"
#include "gup/local.hpp"
#include "gup/memlock_budget.hpp"
#include "gup/memory_kind.hpp"
#include "gup/page.hpp"
#include "gup/page_flags.hpp"
#include "gup/page_pool.hpp"
#include "gup/page_proxy.hpp"
#include "gup/page_ref.hpp"
#include "gup/pin_domain.hpp"
#include "gup/pool_options.hpp"
#include "gup/proxy_source.hpp"
#include "gup/subrange.hpp"
#include "gup/tracked.hpp"
#include "gup/typed_pointer.hpp"
#include "gup/user_page_ref.hpp"
#include "gup/with_user_page.hpp"
#include "gup/zone.hpp"
