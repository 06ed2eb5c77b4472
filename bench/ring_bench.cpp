// The ring between two processes on two CPUs, by payload size and by batch, and what the kernel
// offers for the same messages: a pipe, a Unix seqpacket socket.
#include "bench/carriers.hpp"
#include "bench/two_processes.hpp"

#include <benchmark/benchmark.h>

#include <array>

#include <sys/socket.h>
#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::uint64_t kMessages = 4'000'000;
constexpr std::uint64_t kSlowMessages = 400'000;

void BM_RingOneWay(benchmark::State& state) {
  const auto payload_bytes = static_cast<std::size_t>(state.range(0));
  const auto batch = static_cast<std::uint64_t>(state.range(1));
  while (state.KeepRunning()) {
    const Shared<RingMemory> memory;
    const double seconds = run_pair(
        [&] {
          auto producer = *shm::RingProducer::open(memory->bytes);
          const std::vector<std::byte> payload(payload_bytes);
          send_ring(producer, payload, kMessages, batch);
        },
        [&] {
          auto consumer = *shm::RingConsumer::open(memory->bytes);
          receive_ring(consumer, kMessages);
        });
    report_rate(state, kMessages, seconds);
  }
}

void run_descriptors(benchmark::State& state, int input, int output) {
  const double seconds = run_pair(
      [&] {
        const Message message{};
        for (std::uint64_t i = 0; i < kSlowMessages; ++i) {
          if (::write(output, &message, sizeof message) != sizeof message) return;
        }
      },
      [&] {
        Message message{};
        for (std::uint64_t i = 0; i < kSlowMessages; ++i) {
          if (::read(input, &message, sizeof message) != sizeof message) return;
        }
      });
  ::close(input);
  ::close(output);
  report_rate(state, kSlowMessages, seconds);
}

void BM_PipeOneWay(benchmark::State& state) {
  while (state.KeepRunning()) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    run_descriptors(state, ends[0], ends[1]);
  }
}

void BM_UnixSeqpacketOneWay(benchmark::State& state) {
  while (state.KeepRunning()) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) != 0) return;
    run_descriptors(state, ends[0], ends[1]);
  }
}

BENCHMARK(BM_RingOneWay)
    ->ArgNames({"payload", "batch"})
    ->Args({56, 1})
    ->Args({56, 16})
    ->Args({56, 64})
    ->Args({8, 64})
    ->Args({256, 64})
    ->Args({1016, 64})
    ->UseManualTime()
    ->Iterations(3);
BENCHMARK(BM_PipeOneWay)->UseManualTime()->Iterations(3);
BENCHMARK(BM_UnixSeqpacketOneWay)->UseManualTime()->Iterations(3);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();
