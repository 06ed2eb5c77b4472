// Load: what goes on while blows fall on a runtime, each from a thread of its own: numbers sent to
// a counter and down a chain, numbers called, numbers emitted. Every one of them counts once, in
// order.
#pragma once

#include "mabeam/client.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace mabeam::tests {

/// What became of the messages.
struct Tally {
  std::int64_t messages = 0;  ///< that were to be taken, by counters, links and listeners
  std::int64_t lost = 0;
  std::int64_t twice = 0;
  std::int64_t out_of_order = 0;

  void add(std::int64_t expected, std::int64_t found);

  [[nodiscard]] bool is_clean() const { return lost == 0 && twice == 0 && out_of_order == 0; }

  /// "messages 9, lost 0, twice 0, out of order 0"
  [[nodiscard]] std::string text() const;
};

/// A client with a thread of its own that does something time and again, until it is stopped.
class Loader {
 public:
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// What is refused ends it, and is an error.
  std::string stop();

  /// How often it was done: numbers are from 1 to this one.
  [[nodiscard]] std::int64_t done() const { return done_; }

 protected:
  /// `period` from one to the next, 0 as fast as it can.
  Loader(const std::string& runtime, std::chrono::nanoseconds period);
  /// A loader stops before its members go.
  ~Loader() = default;

  void start();
  void shut();

  Client client_;

 private:
  virtual Result<> step(std::int64_t number) = 0;
  void run();

  std::chrono::nanoseconds period_;
  std::thread thread_;
  std::atomic<bool> shall_stop_ = false;
  std::atomic<std::int64_t> done_ = 0;
  std::string error_;  // of its thread until that has ended
};

/// Sends to a counter, and down a chain of its own of the module `relay`.
class Sender final : public Loader {
 public:
  static constexpr std::size_t kLinks = 4;

  /// The chain's agents have names, which put them on shards of several workers.
  Sender(const std::string& runtime, const std::string& prefix,
         std::chrono::nanoseconds period = {});

  ~Sender() { shut(); }

  using Loader::start;

  /// Waits until all has arrived, or does not come.
  void count(Tally& tally);

 private:
  Result<> step(std::int64_t number) override;

  [[nodiscard]] std::int64_t sum() const { return done() * (done() + 1) / 2; }

  bool has_arrived();
  std::int64_t counted();
  /// How many a link has taken, which was the last, and how many came out of order.
  std::array<std::int64_t, 3> ask(AgentId link);

  AgentId counter_;
  std::vector<AgentId> chain_;
};

/// Calls a counter, each call when the last is answered; each answer is one more than the last.
class Caller final : public Loader {
 public:
  Caller(const std::string& runtime, std::chrono::nanoseconds period);

  ~Caller() { shut(); }

  using Loader::start;

  void count(Tally& tally);

 private:
  Result<> step(std::int64_t number) override;

  AgentId counter_;
  std::atomic<std::int64_t> last_ = 0;
  std::atomic<std::int64_t> out_of_order_ = 0;
};

/// Emits numbers on the topic `stream`.
class Publisher final : public Loader {
 public:
  Publisher(const std::string& runtime, std::chrono::nanoseconds period);

  ~Publisher() { shut(); }

  /// The longest time that one emission took since the last call.
  std::chrono::nanoseconds take_longest() {
    return std::chrono::nanoseconds{longest_ns_.exchange(0)};
  }

 private:
  Result<> step(std::int64_t number) override;

  Symbol topic_;
  std::atomic<std::int64_t> longest_ns_ = 0;
};

/// A subscriber that reads nothing while its topic is emitted on: it is evicted, and told what it
/// missed. One such stream, from a thread of its own.
class SlowReader {
 public:
  explicit SlowReader(const std::string& runtime);

  ~SlowReader() { thread_.join(); }

  SlowReader(const SlowReader&) = delete;
  SlowReader& operator=(const SlowReader&) = delete;

  [[nodiscard]] bool was_evicted() const { return missed_ != 0; }

  /// Every event was read, or told as missed. Events that came out of order are an error.
  [[nodiscard]] bool is_over() const { return is_over_; }

  [[nodiscard]] std::uint64_t missed() const { return missed_; }

  /// Once it is over: empty, or what went wrong.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void run();
  std::string emit_and_read();

  Client emitter_;
  Client reader_;
  std::atomic<std::uint64_t> missed_ = 0;
  std::atomic<bool> is_over_ = false;
  std::string error_;
  std::thread thread_;
};

}  // namespace mabeam::tests
