#include "shm/rates.hpp"

#include "shm/retry_after.hpp"

#include <algorithm>
#include <utility>

namespace mabeam::shm {
namespace {

std::int64_t now() {
  return monotonic_ns();
}

}  // namespace

/// The share in a type's rate; last_slot_ is then the type's slot. Null for a type without one.
RateLease* Rates::lease_of(RateKind kind, Symbol type) {
  if (type == Symbol::none) return nullptr;
  if (type != last_type_) {
    const std::optional<std::uint32_t> slot = segment_->types().find(type);
    if (!slot) return nullptr;
    type_leases_.resize(TypeTable::kSlots);
    last_type_ = type;
    last_slot_ = *slot;
  }
  return &type_leases_[last_slot_].leases[static_cast<std::size_t>(kind)];
}

// A client's own comes first, and costs nobody else a cache miss; then what fewer share.
Result<> Rates::take_limited(RateKind kind, std::uint64_t count, const InForce& in_force,
                             Symbol type) {
  const auto i = static_cast<std::size_t>(kind);
  LimitsRegion& limits = segment_->limits();
  RateVerdict verdict = own_leases_[i].take(in_force.client, own_next_ns_[i],
                                            limits.client_rates[i].tally, count, now);
  if (!verdict.is_allowed) return fail(Errc::rate_limited, retry_after_ms(verdict.retry_after_ns));
  RateLease* of_type = in_force.type == 0 ? nullptr : lease_of(kind, type);
  if (of_type != nullptr) {
    verdict = of_type->take(in_force.type, limits.type_rates[i][last_slot_], count, now);
  }
  if (verdict.is_allowed) {
    verdict = leases_[i].take(in_force.runtime, limits.rates[i], count, now);
    if (verdict.is_allowed) return {};
    if (of_type != nullptr) of_type->give_back(count);
  }
  if (in_force.client != 0) own_leases_[i].give_back(count);
  return fail(Errc::rate_limited, retry_after_ms(verdict.retry_after_ns));
}

Result<> Rates::take_together(RateKind kind, std::uint64_t count, InForce in_force,
                              std::span<Symbol> types) {
  const InForce of_type{.type = std::exchange(in_force.type, 0)};
  std::sort(types.begin(), types.end());
  auto first = types.begin();
  Result<> may;
  while (may && first != types.end()) {
    const auto last = std::upper_bound(first, types.end(), *first);
    may = take_limited(kind, static_cast<std::uint64_t>(last - first), of_type, *first);
    if (may) first = last;
  }
  if (may) may = take_limited(kind, count, in_force, Symbol::none);
  if (may) return may;
  for (auto granted = types.begin(); granted != first; ++granted) {
    if (RateLease* lease = lease_of(kind, *granted)) lease->give_back(1);
  }
  return may;
}

}  // namespace mabeam::shm
