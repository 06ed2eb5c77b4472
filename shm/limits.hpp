// Limits: what the supervisor keeps the runtime to, and what it has measured: for workers, clients
// and observers to read. Every word is the supervisor's, but for the tokens of the rates.
#pragma once

#include "shm/layout.hpp"
#include "shm/limiter.hpp"
#include "shm/type_table.hpp"
#include "shm/words.hpp"

#include "mabeam/limits.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace mabeam::shm {

enum class RateKind : std::uint32_t { agent_creation, action_execution, event_emission };
inline constexpr std::size_t kRates = 3;

/// As in the configuration's section [rates].
std::string_view rate_name(RateKind kind);

/// What is allowed of one kind, side by side: who is held to nothing reads one line, which nobody
/// writes. RateSettings each, by the supervisor.
struct RateSettings {
  Word runtime;      ///< of all together
  Word each_client;  ///< of a client for itself
  Word each_type;    ///< of all agents of a type together
  Word reserved;
};

static_assert(sizeof(RateSettings) == 32);

/// What clients were granted and refused by rates of their own. Each keeps its time to itself.
struct ClientRate {
  alignas(kLinePair) RateTally tally;
};

struct RuntimeLimits {
  alignas(kLinePair) std::atomic<std::uint32_t> memory_mechanism;  ///< LimitMechanism
  std::atomic<std::uint32_t> process_mechanism;                    ///< LimitMechanism
  Word memory_bytes;                                               ///< of all workers, measured
  Word memory_limit_bytes;                                         ///< 0: none
};

struct WorkerLimits {
  alignas(kLinePair) std::atomic<std::uint32_t> is_closed;  ///< 1: it takes no new agents
  Word memory_bytes;                                        ///< measured; 0: not
  Word memory_soft_bytes;                                   ///< 0: none
  Word memory_limit_bytes;                                  ///< 0: none
  Word processes;                                           ///< measured; 0: not
  Word processes_limit;                                     ///< 0: none
  Word files_limit;                                         ///< 0: as its supervisor's
};

static_assert(sizeof(WorkerLimits) == kLinePair);

struct LimitsRegion {
  RuntimeLimits runtime;
  alignas(kLinePair) std::array<RateSettings, kRates> settings;
  std::array<RateBucket, kRates> rates;
  std::array<ClientRate, kRates> client_rates;
  std::array<std::array<RateBucket, TypeTable::kSlots>, kRates> type_rates;  ///< by slot
  std::array<WorkerLimits, kMaxWorkers> workers;
};

}  // namespace mabeam::shm
