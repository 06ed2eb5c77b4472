// Rates: what one client, or one shard, may still do of what the configuration's [rates] allow.
// Asked where something begins: by clients, and by the handlers of agents.
//
// Up to three rates apply to each thing: the runtime's, a client's own, and that of an agent type,
// which all its agents share: the type of what is created, of who is called, of who emits. It is
// done if all of them allow it. What one has granted and another refuses goes back into the lease.
//
// A client's own rate begins anew with each attachment, and no other process keeps it, so its time
// is private; only what comes of it is counted in the segment.
#pragma once

#include "shm/clock.hpp"
#include "shm/limits.hpp"
#include "shm/segment.hpp"

#include "mabeam/ids.hpp"
#include "mabeam/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mabeam::shm {

class Rates {
 public:
  enum class Holder : std::uint8_t { client, shard };

  /// `segment` outlives this.
  Rates(const Segment& segment, Holder holder) : segment_(&segment), holder_(holder) {}

  /// May that happen `count` times now? `type_of` gives the type that it counts for, or none; it is
  /// asked where types are limited. Where nothing is limited this costs loads of one line.
  /// Errors: rate_limited, with the milliseconds after which it may.
  template <class TypeOf>
  Result<> take(RateKind kind, std::uint64_t count, TypeOf&& type_of) {
    const InForce in_force = settings_of(kind);
    if (!in_force.any()) [[likely]]
      return {};
    return take_limited(kind, count, in_force, in_force.type == 0 ? Symbol::none : type_of());
  }

  Result<> take(RateKind kind, std::uint64_t count = 1) {
    return take(kind, count, [] { return Symbol::none; });
  }

  /// May all of that happen now, once for each of those types? Errors: as take().
  template <class TypeOf>
  Result<> take_all(RateKind kind, std::size_t count, TypeOf&& type_of) {
    const InForce in_force = settings_of(kind);
    if (!in_force.any()) [[likely]]
      return {};
    std::vector<Symbol> types;
    for (std::size_t i = 0; i < count && in_force.type != 0; ++i)
      types.push_back(type_of(i));
    return take_together(kind, count, in_force, types);
  }

 private:
  /// Words of RateSettings that hold for this one.
  struct InForce {
    std::uint64_t runtime = 0;
    std::uint64_t client = 0;
    std::uint64_t type = 0;

    [[nodiscard]] bool any() const { return (runtime | client | type) != 0; }
  };

  struct OfType {
    std::array<RateLease, kRates> leases;
  };

  [[nodiscard]] InForce settings_of(RateKind kind) const noexcept {
    const RateSettings& words = segment_->limits().settings[static_cast<std::size_t>(kind)];
    const std::uint64_t client = words.each_client.load(std::memory_order_relaxed);
    return {words.runtime.load(std::memory_order_relaxed), holder_ == Holder::client ? client : 0,
            words.each_type.load(std::memory_order_relaxed)};
  }

  Result<> take_limited(RateKind kind, std::uint64_t count, const InForce& in_force, Symbol type);
  Result<> take_together(RateKind kind, std::uint64_t count, InForce in_force,
                         std::span<Symbol> types);
  RateLease* lease_of(RateKind kind, Symbol type);

  const Segment* segment_;
  Holder holder_;
  std::array<RateLease, kRates> leases_;
  std::array<RateLease, kRates> own_leases_;  // of a client
  std::array<Word, kRates> own_next_ns_{};
  std::vector<OfType> type_leases_;  // by slot of the table of types; empty until one is limited
  Symbol last_type_{};               // looked up last, and its slot
  std::uint32_t last_slot_ = 0;
};

}  // namespace mabeam::shm
