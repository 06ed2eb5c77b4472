// Verify: the breakers' words.
#include "shm/breaker.hpp"
#include "shm/verify_pass.hpp"

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kMostCalls = 65'535;

template <class Where>
void verify_breaker(VerifyPass& pass, const BreakerSlot& slot, const Where& where) {
  const std::uint64_t word = slot.state.load(std::memory_order_acquire);
  pass.expect(word >> 62U != 3, where, "its breaker's mode is no mode", word >> 62U);
  pass.expect((word >> 60U & 3U) != 3, where, "its breaker's state is no state", word >> 60U & 3U);
  const std::uint64_t given = slot.trial.load(std::memory_order_acquire) >> 23U & 0xFFFFFFU;
  pass.expect(given <= kMostCalls, where, "its breaker has given out more permits than it may",
              given);
}

}  // namespace

void verify_breakers(VerifyPass& pass) {
  const Segment& segment = pass.segment();
  for (std::uint32_t index = 0; index < kMaxWorkers; ++index) {
    verify_breaker(pass, segment.breaker_of_worker(index),
                   [&] { return "worker " + std::to_string(index); });
  }
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    verify_breaker(pass, segment.breaker_of_shard(shard),
                   [&] { return "shard " + std::to_string(shard); });
  }
  const Symbols symbols = segment.symbols();
  std::uint32_t number = 0;
  for (const BreakerSlot& slot : segment.named_breakers()) {
    const auto where = [&] { return "named breaker " + std::to_string(number); };
    const std::uint64_t name = slot.name.load(std::memory_order_acquire);
    pass.expect(name == 0 || (name <= UINT32_MAX && is_known(symbols, static_cast<Symbol>(name))),
                where, "its name is no symbol", name);
    verify_breaker(pass, slot, where);
    ++number;
  }
  pass.count_bytes(segment.layout()[Region::breakers].bytes);
}

}  // namespace mabeam::shm
