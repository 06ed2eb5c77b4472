// Which sanitizer a test is built with, for the few that one of them cannot run.
#pragma once

namespace mabeam::tests {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif
#else
inline constexpr bool kThreadSanitizer = false;  // g++: the tsan preset builds with clang
#endif

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitizer = true;
#else
inline constexpr bool kSanitizer = kThreadSanitizer;
#endif

}  // namespace mabeam::tests
