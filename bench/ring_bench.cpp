// The ring between two processes on two CPUs, beside what else could carry the same messages: a
// bare cache-line ping-pong (the floor), Boost's spsc_queue in shared memory and its message_queue,
// a pipe, a Unix seqpacket socket. One binary, one run: compare ratios, not runs.
#include "bench/two_processes.hpp"
#include "shm/spsc_ring.hpp"

#include <benchmark/benchmark.h>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include <array>
#include <cstring>

#include <sys/socket.h>
#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::uint64_t kMessages = 4'000'000;
constexpr std::uint64_t kSlowMessages = 400'000;
constexpr std::uint64_t kRoundTrips = 400'000;
constexpr std::size_t kCapacity = 1U << 20U;

struct RingMemory {
  alignas(128) std::array<std::byte, sizeof(shm::RingHeader) + kCapacity> bytes;

  RingMemory() { shm::create_ring(bytes); }
};

/// As large as a 56-byte payload behind an 8-byte record header.
struct Message {
  std::array<std::uint64_t, 8> words;
};

// ---- the floor -------------------------------------------------------------------------------

struct TwoLines {
  alignas(128) std::atomic<std::uint64_t> there;
  alignas(128) std::atomic<std::uint64_t> back;
};

void BM_CacheLinePingPong(benchmark::State& state) {
  std::vector<std::uint32_t> samples(kRoundTrips);
  for (auto _ : state) {
    const Shared<TwoLines> lines;
    const double seconds = run_pair(
        [&] {
          for (std::uint64_t i = 1; i <= kRoundTrips; ++i) {
            const std::uint64_t began = ticks();
            lines->there.store(i, std::memory_order_release);
            while (lines->back.load(std::memory_order_acquire) != i) {
            }
            samples[i - 1] = static_cast<std::uint32_t>(ticks() - began);
          }
        },
        [&] {
          for (std::uint64_t i = 1; i <= kRoundTrips; ++i) {
            while (lines->there.load(std::memory_order_acquire) != i) {
            }
            lines->back.store(i, std::memory_order_release);
          }
        });
    state.SetIterationTime(seconds);
  }
  report_round_trips(state, samples);
}

// ---- the ring --------------------------------------------------------------------------------

void claim_or_spin(shm::RingProducer& producer, std::span<const std::byte> payload) {
  for (;;) {
    const auto room = producer.claim(static_cast<std::uint32_t>(payload.size()), 1);
    if (room) {
      std::memcpy(room->data(), payload.data(), payload.size());
      return;
    }
    if (producer.claimed() != producer.published()) producer.publish();
    pause_cpu();
  }
}

void BM_RingOneWay(benchmark::State& state) {
  const auto payload_bytes = static_cast<std::size_t>(state.range(0));
  const auto batch = static_cast<std::uint64_t>(state.range(1));
  for (auto _ : state) {
    const Shared<RingMemory> memory;
    const double seconds = run_pair(
        [&] {
          auto producer = *shm::RingProducer::open(memory->bytes);
          std::vector<std::byte> payload(payload_bytes);
          std::uint64_t pending = 0;
          for (std::uint64_t i = 0; i < kMessages; ++i) {
            std::memcpy(payload.data(), &i, sizeof i);
            claim_or_spin(producer, payload);
            if (++pending == batch) {
              producer.publish();
              pending = 0;
            }
          }
          producer.publish();
        },
        [&] {
          auto consumer = *shm::RingConsumer::open(memory->bytes);
          std::uint64_t got = 0;
          std::uint64_t sum = 0;
          while (got < kMessages) {
            const auto polled = consumer.poll(
                [&](const shm::Record& record) {
                  std::uint64_t word = 0;
                  for (std::size_t at = 0; at + 8 <= record.body.size(); at += 8) {
                    std::memcpy(&word, record.body.data() + at, 8);
                    sum += word;
                  }
                },
                256);
            if (!polled) ::_exit(1);
            got += *polled;
            if (*polled == 0) pause_cpu();
          }
          benchmark::DoNotOptimize(sum);
        });
    report_rate(state, kMessages, seconds);
  }
}

std::uint64_t receive_one(shm::RingConsumer& consumer) {
  std::uint64_t value = 0;
  shm::Record record;
  for (;;) {
    const Result<bool> found = consumer.peek(record);
    if (!found) ::_exit(1);
    if (*found) break;
  }
  std::memcpy(&value, record.body.data(), sizeof value);
  consumer.advance(record.end);
  consumer.release();
  return value;
}

void BM_RingRoundTrip(benchmark::State& state) {
  std::vector<std::uint32_t> samples(kRoundTrips);
  std::array<std::byte, 56> payload{};
  for (auto _ : state) {
    const Shared<RingMemory> there;
    const Shared<RingMemory> back;
    const double seconds = run_pair(
        [&] {
          auto producer = *shm::RingProducer::open(there->bytes);
          auto consumer = *shm::RingConsumer::open(back->bytes);
          for (std::uint64_t i = 0; i < kRoundTrips; ++i) {
            const std::uint64_t began = ticks();
            claim_or_spin(producer, payload);
            producer.publish();
            benchmark::DoNotOptimize(receive_one(consumer));
            samples[i] = static_cast<std::uint32_t>(ticks() - began);
          }
        },
        [&] {
          auto producer = *shm::RingProducer::open(back->bytes);
          auto consumer = *shm::RingConsumer::open(there->bytes);
          for (std::uint64_t i = 0; i < kRoundTrips; ++i) {
            benchmark::DoNotOptimize(receive_one(consumer));
            claim_or_spin(producer, payload);
            producer.publish();
          }
        });
    state.SetIterationTime(seconds);
  }
  report_round_trips(state, samples);
}

// ---- the alternatives ------------------------------------------------------------------------

void BM_BoostSpscQueueOneWay(benchmark::State& state) {
  using Queue = boost::lockfree::spsc_queue<Message, boost::lockfree::capacity<16384>>;
  for (auto _ : state) {
    const Shared<Queue> queue;
    const double seconds = run_pair(
        [&] {
          Message message{};
          for (std::uint64_t i = 0; i < kMessages; ++i) {
            message.words[0] = i;
            while (!queue->push(message))
              pause_cpu();
          }
        },
        [&] {
          Message message{};
          std::uint64_t sum = 0;
          for (std::uint64_t got = 0; got < kMessages;) {
            if (!queue->pop(message)) {
              pause_cpu();
              continue;
            }
            for (const std::uint64_t word : message.words)
              sum += word;
            ++got;
          }
          benchmark::DoNotOptimize(sum);
        });
    report_rate(state, kMessages, seconds);
  }
}

void BM_BoostMessageQueueOneWay(benchmark::State& state) {
  namespace bip = boost::interprocess;
  const std::string name = "mabeam-bench-" + std::to_string(::getpid());
  for (auto _ : state) {
    bip::message_queue::remove(name.c_str());
    bip::message_queue queue{bip::create_only, name.c_str(), 4096, sizeof(Message)};
    const double seconds = run_pair(
        [&] {
          const Message message{};
          for (std::uint64_t i = 0; i < kSlowMessages; ++i)
            queue.send(&message, sizeof message, 0);
        },
        [&] {
          bip::message_queue input{bip::open_only, name.c_str()};
          Message message{};
          std::size_t bytes = 0;
          unsigned priority = 0;
          for (std::uint64_t i = 0; i < kSlowMessages; ++i) {
            input.receive(&message, sizeof message, bytes, priority);
          }
        });
    bip::message_queue::remove(name.c_str());
    report_rate(state, kSlowMessages, seconds);
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
  for (auto _ : state) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    run_descriptors(state, ends[0], ends[1]);
  }
}

void BM_UnixSeqpacketOneWay(benchmark::State& state) {
  for (auto _ : state) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) != 0) return;
    run_descriptors(state, ends[0], ends[1]);
  }
}

BENCHMARK(BM_CacheLinePingPong)->UseManualTime()->Iterations(3);
BENCHMARK(BM_RingRoundTrip)->UseManualTime()->Iterations(3);
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
BENCHMARK(BM_BoostSpscQueueOneWay)->UseManualTime()->Iterations(3);
BENCHMARK(BM_BoostMessageQueueOneWay)->UseManualTime()->Iterations(3);
BENCHMARK(BM_PipeOneWay)->UseManualTime()->Iterations(3);
BENCHMARK(BM_UnixSeqpacketOneWay)->UseManualTime()->Iterations(3);

}  // namespace
}  // namespace mabeam::bench

BENCHMARK_MAIN();
