// What text from anywhere consists of, one character after the other.
#pragma once

#include <cstddef>
#include <string_view>

namespace mabeam::shm {

/// Bytes of the UTF-8 sequence at the front of `text`; 0 if it is none. `text` is not empty.
std::size_t utf8_length(std::string_view text) noexcept;

/// Bytes of the control character at the front of `text`: below U+0020, U+007F, or U+0080 to
/// U+009F, which some terminals obey as they obey ESC. 0 if it is none. `text` is not empty.
std::size_t control_length(std::string_view text) noexcept;

}  // namespace mabeam::shm
