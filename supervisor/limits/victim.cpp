#include "supervisor/limits/victim.hpp"

#include <algorithm>
#include <tuple>

namespace mabeam::supervisor {
namespace {

constexpr std::uint64_t kMebibyte = 1U << 20U;

/// What is compared, the first that differs decides: is over, by how much, how new.
auto rank(const MemoryUser& user) {
  const bool is_over = user.soft != 0 && user.used >= user.soft;
  const std::uint64_t amount = is_over ? user.used - user.soft : user.used;
  return std::tuple{is_over, amount / kMebibyte, user.started_ns};
}

}  // namespace

std::optional<std::uint32_t> choose_victim(std::span<const MemoryUser> users) {
  const auto found = std::max_element(
      users.begin(), users.end(),
      [](const MemoryUser& one, const MemoryUser& two) { return rank(one) < rank(two); });
  if (found == users.end()) return std::nullopt;
  return found->worker;
}

}  // namespace mabeam::supervisor
