// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The entries of an NVMe controller's queues: commands and completions, and the commands that we give.

#include <cstdint>
#include <string>

namespace nvme {

/// Consecutive blocks of a namespace.
struct extent {
    std::uint64_t first;
    std::uint64_t blocks;
};

inline std::string to_string(const extent& which) {
    return "blocks " + std::to_string(which.first) + " to " + std::to_string(which.first + which.blocks - 1);
}

/// An entry of a submission queue.
struct command {
    std::uint8_t opcode = 0;
    std::uint8_t flags = 0;
    std::uint16_t id = 0;
    std::uint32_t name_space = 0;
    std::uint64_t reserved = 0;
    std::uint64_t metadata = 0;
    std::uint64_t prp1 = 0;
    std::uint64_t prp2 = 0;
    std::uint32_t dwords[6] = {}; ///< 10 to 15, by command
};
static_assert(sizeof(command) == 64);

/// An entry of a completion queue.
struct completion {
    std::uint32_t result;
    std::uint32_t reserved;
    std::uint16_t submission_head;
    std::uint16_t submission_queue;
    std::uint32_t id_and_status; ///< 16 bits each; the lowest of the status is the phase
};
static_assert(sizeof(completion) == 16);

/// Commands of a queue for input and output, by opcode.
enum class io : std::uint8_t { flush = 0, write = 1, read = 2 };
/// Whether a write is on the medium when it completes (FUA), or when a flush after it does.
enum class durable { when_flushed, at_once };

/// Of as many blocks as one command can transfer.
inline command transfer_blocks(io what, std::uint32_t name_space, const extent& part,
                               durable when = durable::when_flushed) {
    constexpr std::uint32_t force_unit_access = 1U << 30;
    command asked{.opcode = static_cast<std::uint8_t>(what), .name_space = name_space};
    asked.dwords[0] = static_cast<std::uint32_t>(part.first);
    asked.dwords[1] = static_cast<std::uint32_t>(part.first >> 32);
    asked.dwords[2] =
        static_cast<std::uint32_t>(part.blocks - 1) | (when == durable::at_once ? force_unit_access : 0);
    return asked;
}
inline command flush_caches(std::uint32_t name_space) {
    return {.opcode = static_cast<std::uint8_t>(io::flush), .name_space = name_space};
}

/// Commands of the administrator's queue, by opcode.
enum class admin : std::uint8_t {
    create_submission_queue = 1,
    create_completion_queue = 5,
    identify = 6,
    abort = 8,
    set_features = 9,
};
/// What Identify is asked about.
enum class about : std::uint32_t { name_space = 0, controller = 1, active_name_spaces = 2 };

inline command administer(admin what, std::uint32_t dword10 = 0, std::uint32_t dword11 = 0) {
    command asked{.opcode = static_cast<std::uint8_t>(what)};
    asked.dwords[0] = dword10;
    asked.dwords[1] = dword11;
    return asked;
}

/// For messages: what a command was to do.
inline std::string describe(bool administrators, const command& asked) {
    if (administrators) switch (static_cast<admin>(asked.opcode)) {
        case admin::create_submission_queue:
            return "creating a submission queue";
        case admin::create_completion_queue:
            return "creating a completion queue";
        case admin::identify:
            return "identifying the controller or a namespace";
        case admin::abort:
            return "aborting a command";
        case admin::set_features:
            return "setting the number of queues";
        }
    const extent part{asked.dwords[1] * (std::uint64_t{1} << 32) + asked.dwords[0],
                      (asked.dwords[2] & 0xffff) + std::uint64_t{1}};
    switch (static_cast<io>(asked.opcode)) {
    case io::flush:
        return "flushing the disk's caches";
    case io::write:
        return "writing " + to_string(part);
    case io::read:
        return "reading " + to_string(part);
    }
    return "a command";
}

} // namespace nvme
