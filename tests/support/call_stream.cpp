#include "tests/support/call_stream.hpp"

#include "tests/support/runtime_fixture.hpp"
#include "tests/support/wait_until.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

namespace mabeam::tests {

CallStream::CallStream(const std::string& runtime, std::uint32_t counters)
    : runtime_(runtime),
      counters_(counters),
      thread_([this] { run(); }) {
}

CallStream::~CallStream() {
  is_over_ = true;
  if (thread_.joinable()) thread_.join();
}

bool CallStream::wait_for(std::uint64_t more) const {
  const std::uint64_t wanted = calls_ + more;
  return wait_until(kPatience, [&] { return calls_ >= wanted; });
}

void CallStream::run() {
  using Clock = std::chrono::steady_clock;
  Result<Client> client = Client::attach(runtime_);
  const auto made = client ? client->create("counter", counters_) : fail(client.error());
  if (!made) {
    faults_.push_back(describe(made.error()));
    return;
  }
  for (std::int64_t count = 1; !is_over_ && faults_.empty(); ++count) {
    for (const AgentId counter : *made) {
      const auto begun = Clock::now();
      const auto reply = client->call(counter, "increment", std::int64_t{1}, kPatience);
      const auto took = Clock::now() - begun;
      longest_wait_ =
          std::max(longest_wait_.load(), duration_cast<std::chrono::microseconds>(took));
      const auto found = reply ? reply->payload().as<std::int64_t>() : fail(reply.error());
      if (!found) faults_.push_back(describe(found.error()));
      if (found && *found != count) {
        faults_.push_back(std::to_string(*found) + " instead of " + std::to_string(count));
      }
      ++calls_;
    }
  }
}

void CallStream::finish() {
  is_over_ = true;
  if (thread_.joinable()) thread_.join();
  for (const std::string& fault : faults_)
    ADD_FAILURE() << "a call was lost, or counted twice: " << fault;
  std::printf("%llu calls, the longest took %lld us\n",
              static_cast<unsigned long long>(calls_.load()),
              static_cast<long long>(longest_wait().count()));
}

}  // namespace mabeam::tests
