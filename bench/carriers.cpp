#include "bench/carriers.hpp"

#include <benchmark/benchmark.h>

#include <cstring>

#include <unistd.h>

namespace mabeam::bench {
namespace {

/// Writes in place, as the ring is meant to be used: `number`, and the payload behind it.
void claim_or_spin(shm::RingProducer& producer, std::span<const std::byte> payload,
                   std::uint64_t number) {
  for (;;) {
    const auto room = producer.claim(static_cast<std::uint32_t>(payload.size()), 1);
    if (room) {
      std::memcpy(room->data(), &number, sizeof number);
      std::memcpy(room->data() + sizeof number, payload.data() + sizeof number,
                  payload.size() - sizeof number);
      return;
    }
    if (producer.claimed() != producer.published()) producer.publish();
    pause_cpu();
  }
}

std::uint64_t receive_one(shm::RingConsumer& consumer) {
  std::uint64_t value = 0;
  shm::Record record;
  while (consumer.look(record) != shm::RingConsumer::Look::found)
    consumer.await();
  std::memcpy(&value, record.body.data(), sizeof value);
  consumer.advance(record.end);
  consumer.release();
  return value;
}

}  // namespace

void ping(TwoLines& lines, std::uint64_t first, std::span<std::uint32_t> samples) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::uint64_t began = ticks();
    lines.there.store(first + i, std::memory_order_release);
    while (lines.back.load(std::memory_order_acquire) != first + i) {
    }
    samples[i] = static_cast<std::uint32_t>(ticks() - began);
  }
}

void pong(TwoLines& lines, std::uint64_t first, std::size_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    while (lines.there.load(std::memory_order_acquire) != i) {
    }
    lines.back.store(i, std::memory_order_release);
  }
}

void send_ring(shm::RingProducer& producer, std::span<const std::byte> payload, std::uint64_t count,
               std::uint64_t batch) {
  std::uint64_t pending = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    claim_or_spin(producer, payload, i);
    if (++pending == batch) {
      producer.publish();
      pending = 0;
    }
  }
  producer.publish();
}

void receive_ring(shm::RingConsumer& consumer, std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t got = 0; got < count;) {
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
}

void call_ring(shm::RingProducer& producer, shm::RingConsumer& consumer,
               std::span<std::uint32_t> samples) {
  const std::array<std::byte, 56> payload{};
  for (std::uint32_t& sample : samples) {
    const std::uint64_t began = ticks();
    claim_or_spin(producer, payload, 0);
    producer.publish();
    benchmark::DoNotOptimize(receive_one(consumer));
    sample = static_cast<std::uint32_t>(ticks() - began);
  }
}

void answer_ring(shm::RingProducer& producer, shm::RingConsumer& consumer, std::size_t count) {
  const std::array<std::byte, 56> payload{};
  for (std::size_t i = 0; i < count; ++i) {
    benchmark::DoNotOptimize(receive_one(consumer));
    claim_or_spin(producer, payload, i);
    producer.publish();
  }
}

void push_all(BoostSpscQueue& queue, std::uint64_t count) {
  Message message{};
  for (std::uint64_t i = 0; i < count; ++i) {
    message.words[0] = i;
    while (!queue.push(message))
      pause_cpu();
  }
}

void pop_all(BoostSpscQueue& queue, std::uint64_t count) {
  Message message{};
  std::uint64_t sum = 0;
  for (std::uint64_t got = 0; got < count;) {
    if (!queue.pop(message)) {
      pause_cpu();
      continue;
    }
    for (const std::uint64_t word : message.words)
      sum += word;
    ++got;
  }
  benchmark::DoNotOptimize(sum);
}

void send_all(boost::interprocess::message_queue& queue, std::uint64_t count) {
  const Message message{};
  for (std::uint64_t i = 0; i < count; ++i)
    queue.send(&message, sizeof message, 0);
}

void receive_all(boost::interprocess::message_queue& queue, std::uint64_t count) {
  Message message{};
  std::size_t bytes = 0;
  unsigned priority = 0;
  for (std::uint64_t i = 0; i < count; ++i)
    queue.receive(&message, sizeof message, bytes, priority);
}

}  // namespace mabeam::bench
