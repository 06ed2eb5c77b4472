// The ring and what is compared with it, between two processes: what several benchmarks drive.
#pragma once

#include "bench/two_processes.hpp"
#include "shm/spsc_ring.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mabeam::bench {

struct RingMemory {
  alignas(128) std::array<std::byte, sizeof(shm::RingHeader) + (1U << 20U)> bytes;

  RingMemory() { shm::create_ring(bytes); }
};

/// As large as a 56-byte payload behind an 8-byte record header.
struct Message {
  std::array<std::uint64_t, 8> words;
};

/// The floor: what any message between two CPUs costs at least, there and back.
struct TwoLines {
  alignas(128) std::atomic<std::uint64_t> there;
  alignas(128) std::atomic<std::uint64_t> back;
};

using BoostSpscQueue = boost::lockfree::spsc_queue<Message, boost::lockfree::capacity<16384>>;

/// `samples.size()` round trips of one cache line, from and to a value that only rises.
void ping(TwoLines& lines, std::uint64_t first, std::span<std::uint32_t> samples);
void pong(TwoLines& lines, std::uint64_t first, std::size_t count);

/// Sends `count` messages and publishes them `batch` at a time.
void send_ring(shm::RingProducer& producer, std::span<const std::byte> payload, std::uint64_t count,
               std::uint64_t batch);
/// Receives them, and reads every byte.
void receive_ring(shm::RingConsumer& consumer, std::uint64_t count);

void call_ring(shm::RingProducer& producer, shm::RingConsumer& consumer,
               std::span<std::uint32_t> samples);
void answer_ring(shm::RingProducer& producer, shm::RingConsumer& consumer, std::size_t count);

void push_all(BoostSpscQueue& queue, std::uint64_t count);
void pop_all(BoostSpscQueue& queue, std::uint64_t count);

void send_all(boost::interprocess::message_queue& queue, std::uint64_t count);
void receive_all(boost::interprocess::message_queue& queue, std::uint64_t count);

}  // namespace mabeam::bench
