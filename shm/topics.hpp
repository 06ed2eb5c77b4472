// Topics and patterns, in NATS's grammar: tokens split by '.', `*` is one token, `>` is one or more
// tokens at the end.
#pragma once

#include "mabeam/result.hpp"

#include <string_view>

namespace mabeam::shm {

/// Errors: bad_topic with subject = the number of the bad token from 1 on (empty, or a wildcard);
/// subject 0: empty or over 255 bytes.
Result<> check_topic(std::string_view topic) noexcept;

/// Errors: bad_topic, as check_topic(); `*` and `>` must be whole tokens, `>` the last.
Result<> check_pattern(std::string_view pattern) noexcept;

/// True if a well-formed pattern matches a well-formed topic. Linear; allocates nothing.
bool matches(std::string_view pattern, std::string_view topic) noexcept;

}  // namespace mabeam::shm
