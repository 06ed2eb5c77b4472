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

}  // namespace mabeam::tests
