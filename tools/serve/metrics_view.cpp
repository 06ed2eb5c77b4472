#include "shm/breaker.hpp"
#include "shm/observer_impl.hpp"
#include "tools/serve/metrics.hpp"

#include <utility>

namespace mabeam::tools {

MetricsView look_for_metrics(const Observer& observer, HealthView health) {
  const shm::Segment& segment = Observer::Impl::segment_of(observer);
  MetricsView view;
  view.runtime = observer.runtime();
  view.stats = observer.stats();
  view.health = std::move(health);
  view.limits = observer.limits();
  view.letters = observer.dead_letters({.limit = 1});
  view.channels = observer.channels();
  const shm::Symbols names = segment.symbols();
  view.names = {names.count(), names.capacity()};
  view.name_text = {names.text_used(), names.text_bytes()};
  const auto openings = [](const shm::BreakerSlot& slot) {
    return slot.openings.load(std::memory_order_relaxed);
  };
  for (const WorkerView& worker : view.runtime.workers)
    view.worker_openings.push_back(openings(segment.breaker_of_worker(worker.index)));
  view.agent_breakers.resize(3);
  for (shm::BreakerSlot& slot : segment.named_breakers()) {
    if (slot.name.load(std::memory_order_acquire) == 0) continue;
    const auto state = shm::Breaker::acting(shm::Breaker{slot}.word());
    ++view.agent_breakers[static_cast<std::size_t>(state) % view.agent_breakers.size()];
    view.agent_breaker_openings += openings(slot);
  }
  return view;
}

}  // namespace mabeam::tools
