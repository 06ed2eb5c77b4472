#include "tests/chaos/load.hpp"

#include "tests/support/runtime_fixture.hpp"

#include <algorithm>
#include <sstream>

namespace mabeam::tests {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// More than a log of 64 KiB holds.
constexpr std::int64_t kSlowEvents = 1500;

Client attach(const std::string& runtime) {
  return Client::attach(runtime, {.attach_timeout = seconds{20}}).value();
}

}  // namespace

void Tally::add(std::int64_t expected, std::int64_t found) {
  lost += std::max<std::int64_t>(0, expected - found);
  twice += std::max<std::int64_t>(0, found - expected);
}

std::string Tally::text() const {
  return "messages " + std::to_string(messages) + ", lost " + std::to_string(lost) + ", twice " +
         std::to_string(twice) + ", out of order " + std::to_string(out_of_order);
}

Loader::Loader(const std::string& runtime, nanoseconds period)
    : client_(attach(runtime)),
      period_(period) {
}

void Loader::start() {
  thread_ = std::thread{[this] { run(); }};
}

void Loader::shut() {
  shall_stop_ = true;
  if (thread_.joinable()) thread_.join();
}

std::string Loader::stop() {
  shut();
  return error_;
}

void Loader::run() {
  for (Clock::time_point next = Clock::now(); !shall_stop_;) {
    const Clock::time_point began = Clock::now();
    const std::int64_t number = ++done_;
    if (const Result<> result = step(number); !result) {
      error_ = "number " + std::to_string(number) + ": " + describe(result.error());
      return;
    }
    next = std::max(next + period_, began);
    if (period_.count() != 0) std::this_thread::sleep_until(next);
  }
}

Sender::Sender(const std::string& runtime, const std::string& prefix, nanoseconds period)
    : Loader(runtime, period),
      counter_(client_.create("counter", 1, {.name = prefix + "-counter"}).value().at(0)) {
  for (std::size_t i = 0; i < kLinks; ++i) {
    const std::string link = prefix + std::to_string(i);
    chain_.push_back(client_.create("relay", 1, {.name = link}).value().at(0));
  }
  for (std::size_t i = 0; i + 1 < kLinks; ++i)
    client_.call(chain_[i], "link", chain_[i + 1].value(), seconds{20}).value();
}

Result<> Sender::step(std::int64_t number) {
  const Result<> counted = client_.send(counter_, "increment", number, {}, seconds{20});
  if (!counted) return counted;
  return client_.send(chain_.front(), "number", number, {}, seconds{20});
}

void Sender::count(Tally& tally) {
  (void)wait_until(kPatience, [this] { return has_arrived(); });
  tally.messages += done() * static_cast<std::int64_t>(1 + kLinks);
  // A sum tells numbers apart badly: what is missing of it is at least one.
  tally.add(done(), done() + std::clamp<std::int64_t>(counted() - sum(), -done(), done()));
  for (const AgentId link : chain_) {
    const std::array<std::int64_t, 3> told = ask(link);
    tally.add(done(), told[0]);
    tally.out_of_order += told[2] + (told[1] == done() ? 0 : 1);
  }
}

bool Sender::has_arrived() {
  return counted() == sum() && std::all_of(chain_.begin(), chain_.end(),
                                           [this](AgentId link) { return ask(link)[0] >= done(); });
}

std::int64_t Sender::counted() {
  const auto reply = client_.call(counter_, "get", {}, seconds{2});
  return reply ? reply->payload().as<std::int64_t>().value() : -1;
}

std::array<std::int64_t, 3> Sender::ask(AgentId link) {
  std::array<std::int64_t, 3> told{-1, -1, -1};
  const auto reply = client_.call(link, "get", {}, seconds{2});
  if (!reply) return told;
  std::istringstream words{std::string{reply->payload().text()}};
  words >> told[0] >> told[1] >> told[2];
  return told;
}

Caller::Caller(const std::string& runtime, nanoseconds period)
    : Loader(runtime, period),
      counter_(client_.create("counter", 1, {.name = "called"}).value().at(0)) {
}

Result<> Caller::step(std::int64_t number) {
  const auto reply = client_.call(counter_, "increment", {}, seconds{20});
  if (!reply) return fail(reply.error());
  last_ = reply->payload().as<std::int64_t>().value_or(-1);
  if (last_ != number) ++out_of_order_;
  return {};
}

void Caller::count(Tally& tally) {
  tally.messages += done();
  tally.add(done(), last_);
  tally.out_of_order += out_of_order_;
}

Publisher::Publisher(const std::string& runtime, nanoseconds period)
    : Loader(runtime, period),
      topic_(client_.symbol("stream").value()) {
  start();
}

Result<> Publisher::step(std::int64_t number) {
  const Clock::time_point began = Clock::now();
  const Result<> emitted = client_.emit(topic_, number, seconds{20});
  const std::int64_t took = nanoseconds{Clock::now() - began}.count();
  if (took > longest_ns_) longest_ns_ = took;
  return emitted;
}

SlowReader::SlowReader(const std::string& runtime)
    : emitter_(attach(runtime)),
      reader_(attach(runtime)),
      thread_([this] { run(); }) {
}

void SlowReader::run() {
  error_ = emit_and_read();
  is_over_ = true;
}

std::string SlowReader::emit_and_read() {
  if (const Result<> done = reader_.subscribe("slow.>"); !done) return describe(done.error());
  for (std::int64_t number = 1; number <= kSlowEvents; ++number) {
    const Result<> done = emitter_.emit("slow.number", number, seconds{20});
    if (!done) return "event " + std::to_string(number) + ": " + describe(done.error());
  }
  std::int64_t read = 0;
  std::int64_t last = 0;
  bool is_in_order = true;
  const auto take = [&](const EventView& event) {
    const std::int64_t number = event.payload.as<std::int64_t>().value_or(0);
    is_in_order = is_in_order && number > last;
    last = number;
    ++read;
  };
  // It has a cursor in every log, and may be evicted from others as well: more than these is told
  // then, but never less.
  const bool is_told = wait_until(kPatience, [&] {
    (void)reader_.poll_events(take, 1000, std::chrono::milliseconds{1});
    missed_ = reader_.events_missed();
    return read + static_cast<std::int64_t>(missed_) >= kSlowEvents;
  });
  if (!is_in_order) return "events out of order";
  if (is_told) return {};
  return std::to_string(kSlowEvents) + " events, read " + std::to_string(read) + ", missed " +
         std::to_string(missed_);
}

}  // namespace mabeam::tests
