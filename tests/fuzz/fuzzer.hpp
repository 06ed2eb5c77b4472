// What a fuzz target consists of: an X_fuzzer.cpp that takes any bytes and returns, or aborts where
// something is wrong. Built two ways (CMakeLists.txt): with libFuzzer, which looks for such bytes,
// and with corpus_main.cpp, which replays those that are kept in corpus/X.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace mabeam::fuzz {

/// Aborts, so that the fuzzer keeps the input, if `holds` is not true.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/// Reads every byte: the address sanitizer sees one that is not there.
inline void touch(std::span<const std::byte> bytes) {
  volatile unsigned sum = 0;
  for (const std::byte b : bytes)
    sum = sum + std::to_integer<unsigned>(b);
}

/// An input, taken from its front; what is not there is 0.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : bytes_(std::as_bytes(std::span{data, size})) {}

  [[nodiscard]] bool is_over() const { return bytes_.empty(); }

  template <class T>
  T number() {
    T value{};
    const std::span<const std::byte> taken = bytes(sizeof value);
    if (!taken.empty()) std::memcpy(&value, taken.data(), taken.size());
    return value;
  }

  std::uint8_t byte() { return number<std::uint8_t>(); }

  /// Mostly a small number, any after a byte 255: where a small buffer's positions are.
  std::uint64_t position() {
    return byte() == 255 ? number<std::uint64_t>() : number<std::uint16_t>();
  }

  /// So many, or what is left.
  std::span<const std::byte> bytes(std::size_t count) {
    const auto taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

  /// A length in a byte, then as many characters.
  std::string_view text() {
    const std::span<const std::byte> taken = bytes(byte());
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace mabeam::fuzz
