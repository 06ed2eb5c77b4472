// The event log: one writer, 1, 2 and 4 readers, each a process. With more readers than CPUs the
// figure says what sharing two CPUs costs, not what the log does.
#include "bench/two_processes.hpp"
#include "shm/event_log.hpp"
#include "shm/wire.hpp"

#include <benchmark/benchmark.h>

#include <array>

#include <sched.h>
#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::uint64_t kEvents = 2'000'000;
constexpr std::size_t kCapacity = 1U << 20U;
constexpr std::uint32_t kReaders = 4;

struct LogMemory {
  alignas(128) std::array<std::byte, shm::log_bytes_for(kReaders, kCapacity)> bytes;

  LogMemory() { shm::create_log(bytes, kReaders); }
};

void write_events(LogMemory& memory) {
  auto writer = *shm::EventLogWriter::open(memory.bytes, kReaders);
  const std::array<std::byte, 56> payload{};
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    shm::MessageHeader header{};
    header.id = writer.sequence();
    auto room = writer.claim(sizeof header + payload.size(), 1);
    while (!room) {
      writer.publish();
      ::sched_yield();
      room = writer.claim(sizeof header + payload.size(), 1);
    }
    shm::compose(*room, header, payload);
    if (i % 16 == 15) writer.publish();
  }
  writer.publish();
}

void read_events(LogMemory& memory, std::uint32_t number) {
  auto reader = *shm::EventLogReader::open(memory.bytes, kReaders, number);
  std::uint64_t sum = 0;
  shm::Record record;
  for (std::uint64_t got = 0; got < kEvents;) {
    std::uint32_t batch = 0;
    for (; batch < 256; ++batch) {
      const Result<bool> found = reader.peek(record);
      if (!found) ::_exit(1);
      if (!*found) break;
      const auto message = shm::parse(record);
      sum += message->header.id;
      reader.advance(record.end, message->header.id + 1);
    }
    got += batch;
    if (batch != 0) {
      reader.release();
    } else {
      ::sched_yield();
    }
  }
  benchmark::DoNotOptimize(sum);
}

void BM_EventLog(benchmark::State& state) {
  const auto readers = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    const Shared<LogMemory> memory;
    std::vector<std::function<void()>> children;
    for (std::uint32_t i = 0; i < readers; ++i) {
      shm::EventLogReader::open(memory->bytes, kReaders, i)->join();
      children.emplace_back([&memory, i] { read_events(*memory, i); });
    }
    const double seconds = run_many([&] { write_events(*memory); }, children);
    report_rate(state, kEvents, seconds);
  }
}

BENCHMARK(BM_EventLog)->ArgName("readers")->Arg(1)->Arg(2)->Arg(4)->UseManualTime()->Iterations(3);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();
