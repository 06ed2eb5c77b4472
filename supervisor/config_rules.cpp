// What no single key can know: settings that contradict each other.
#include "supervisor/config_draft.hpp"

#include <algorithm>

namespace mabeam::supervisor {
namespace {

/// Two keys, of which `small` must not exceed `large`.
struct Pair {
  const KeyInfo& small;
  const KeyInfo& large;
};

const KeyInfo& key_of(std::string_view section, std::string_view key) {
  return *find_key(section, key);
}

bool is_sound(const KeyInfo& key, Draft& draft) {
  return !draft.setting(key).is_refused;
}

std::string setting_text(const KeyInfo& key, Draft& draft) {
  return key.full_name() + " = " + value_text(key, draft.config) +
         (draft.setting(key).place ? "" : " (the default)");
}

/// Refuses where the smaller one was set, or else the larger: one of them was.
void refuse_order(Pair pair, Draft& draft) {
  const auto& small_place = draft.setting(pair.small).place;
  const auto place = small_place ? small_place : draft.setting(pair.large).place;
  draft.refuse(place.value_or(Place{}), setting_text(pair.small, draft) + ": allowed is at most " +
                                            setting_text(pair.large, draft));
}

void check_backoff(Draft& draft) {
  const Pair pair{key_of("restart", "backoff_min"), key_of("restart", "backoff_max")};
  if (!is_sound(pair.small, draft) || !is_sound(pair.large, draft)) return;
  const auto& restart = draft.config.restart;
  if (restart.backoff_min > restart.backoff_max) refuse_order(pair, draft);
}

void check_soft_limit(Draft& draft) {
  const Pair pair{key_of("limits", "worker_memory_soft"), key_of("limits", "worker_memory")};
  if (!is_sound(pair.small, draft) || !is_sound(pair.large, draft)) return;
  const auto& limits = draft.config.limits;
  if (limits.worker_memory == 0) return;
  if (draft.config.worker_memory_soft_bytes() > limits.worker_memory) refuse_order(pair, draft);
}

/// A spinning worker that shares its core starves the one it waits for.
void check_busy_spin(Draft& draft) {
  const auto& idle = key_of("runtime", "idle");
  const auto& config = draft.config;
  if (config.runtime.idle != IdleStrategy::busy_spin) return;
  for (const auto* key : {&idle, &key_of("runtime", "workers"), &key_of("worker", "cpus")}) {
    if (!is_sound(*key, draft)) return;
  }
  const auto listed = static_cast<std::uint32_t>(config.worker.cpus.size());
  const auto cores = listed == 0 ? config.cores : std::min(listed, config.cores);
  if (config.worker_count() <= cores) return;
  draft.refuse(draft.setting(idle).place.value_or(Place{}),
               "runtime.idle = \"busy_spin\": allowed only with a core for each worker, and there "
               "are " +
                   std::to_string(config.worker_count()) + " workers for " + std::to_string(cores) +
                   " cores");
}

}  // namespace

void check_rules(Draft& draft) {
  check_backoff(draft);
  check_soft_limit(draft);
  check_busy_spin(draft);
}

}  // namespace mabeam::supervisor
