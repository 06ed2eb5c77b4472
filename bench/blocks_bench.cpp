// A payload of 1 MiB, client to shard: copied once into a block, read in place by its receiver;
// against memcpy of as much, in the same run. Either way its reader looks at every cache line, and
// the memory that is written goes round 16 MiB, more than what caches hold.
#include "bench/unique_name.hpp"
#include "shm/block_writer.hpp"
#include "shm/segment.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

namespace mabeam::bench {
namespace {

constexpr std::size_t kPayload = 1U << 20U;
constexpr std::size_t kArena = 16U << 20U;

/// What a receiver does at least: it looks at all that was sent.
std::uint64_t look_at(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + sizeof sum <= bytes.size(); i += 64) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    sum += word;
  }
  return sum;
}

// NOLINTNEXTLINE(readability-identifier-naming): as benchmarks are called
void BM_Memcpy1MiB(benchmark::State& state) {
  const std::vector<std::byte> source(kPayload, std::byte{1});
  std::vector<std::byte> memory(kArena, std::byte{2});
  std::size_t at = 0;
  for (auto _ : state) {
    std::memcpy(memory.data() + at, source.data(), kPayload);
    benchmark::DoNotOptimize(look_at({memory.data() + at, kPayload}));
    at = (at + kPayload) % kArena;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPayload));
}

BENCHMARK(BM_Memcpy1MiB);

/// A segment of its own, and the two ends of one ring in it.
class Channel {
 public:
  Channel() : segment_(shm::Segment::create(unique_name(), dimensions()).value()) {
    log_ = shm::EventLogWriter::open(segment_.log(kClient), segment_.endpoints()).value();
    blocks_.open(log_).value();
  }

  ~Channel() { segment_.remove(); }

  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  bool send(std::span<const std::byte> payload) {
    const auto room =
        producer_.claim(sizeof(shm::MessageHeader) + sizeof(shm::BlockHandle),
                        static_cast<std::uint16_t>(shm::Kind::signal) | shm::kInBlock);
    if (!room) return false;
    const auto handle = blocks_.write(payload, {kPath, producer_.claimed()});
    if (!handle) return false;
    shm::compose(*room, {}, std::as_bytes(std::span{&*handle, 1}));
    blocks_.publish();
    producer_.publish();
    return true;
  }

  std::uint64_t receive() {
    std::uint64_t seen = 0;
    const auto polled = consumer_.poll(
        [&](const shm::Record& record) {
          shm::Received message;
          if (!shm::parse(record, message)) return;
          if (!shm::find_payload(segment_.blocks(kClient), {kPath, record.end}, message)) return;
          seen = look_at(message.payload);
        },
        1);
    return polled ? seen : 0;
  }

 private:
  static constexpr std::uint32_t kShard = 1;
  static constexpr std::uint32_t kClient = 2;
  static constexpr std::uint32_t kPath = shm::ring_path(kShard, 1);

  static shm::Dimensions dimensions() {
    shm::DimensionRequest request;
    request.workers = request.shards = request.clients = 1;
    request.block_bytes = kArena;
    return shm::choose_dimensions(request, 1).value();
  }

  shm::Segment segment_;
  shm::EventLogWriter log_;
  shm::BlockWriter blocks_{segment_, kClient};
  shm::RingProducer producer_ =
      shm::RingProducer::open(segment_.ring(kClient, kShard, Priority::normal)).value();
  shm::RingConsumer consumer_ =
      shm::RingConsumer::open(segment_.ring(kClient, kShard, Priority::normal)).value();
};

// NOLINTNEXTLINE(readability-identifier-naming): as benchmarks are called
void BM_Payload1MiB(benchmark::State& state) {
  const std::vector<std::byte> source(kPayload, std::byte{1});
  Channel channel;
  for (auto _ : state) {
    if (!channel.send(source)) {
      state.SkipWithError("the channel is full");
      break;
    }
    benchmark::DoNotOptimize(channel.receive());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPayload));
}

BENCHMARK(BM_Payload1MiB);

}  // namespace
}  // namespace mabeam::bench
