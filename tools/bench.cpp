// mabeam bench: how fast this machine carries messages between this process and a worker.
//
// It measures a running runtime from outside, with agents of its own that it stops at the end:
//   call    one call after another to an `echo` agent: round trips
//   signal  signals to a `counter` agent, as fast as its ring takes them
//   event   events to a `counter` agent that is subscribed to their topic
// Rates count from the first send until the last message has been handled.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/quantiles.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/cli/table.hpp"
#include "tools/commands.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

constexpr std::array<std::size_t, 4> kPayloadBytes{8, 56, 256, 1024};
// One topic for all runs: names are interned for as long as the runtime lives.
constexpr std::string_view kTopic = "mabeam.bench";
constexpr std::size_t kWarmUp = 200;
constexpr nanoseconds kPatience = std::chrono::seconds{30};

struct BenchResult {
  std::string_view name;
  std::size_t payload_bytes = 0;
  double messages_per_second = 0;
  std::optional<Quantiles> rtt;
};

class Bench {
 public:
  Bench(Client client, nanoseconds duration) : client_(std::move(client)), duration_(duration) {}

  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  ~Bench() {
    for (const AgentId agent : agents_)
      static_cast<void>(client_.stop(agent));
  }

  Outcome<void> prepare() {
    const std::array<std::string_view, 1> topics{kTopic};
    const std::array targets{Target{"echo", {}, &echo_}, Target{"counter", {}, &signalled_},
                             Target{"counter", topics, &subscribed_}};
    for (const Target& target : targets) {
      const auto made = client_.create(target.type, 1, {.subscribe = target.topics});
      if (!made) return refuse(made.error(), "cannot create the agents to measure with");
      *target.agent = made->front();
      agents_.push_back(made->front());
    }
    const auto get = client_.symbol("get");
    const auto topic = client_.symbol(kTopic);
    if (!get || !topic) return refuse(get ? topic.error() : get.error(), "cannot intern names");
    get_ = *get;
    topic_ = *topic;
    return {};
  }

  Outcome<BenchResult> calls(std::size_t payload_bytes) {
    const std::vector<std::byte> bytes(payload_bytes);
    std::vector<std::uint64_t> samples;
    for (std::size_t i = 0; i < kWarmUp; ++i) {
      if (auto done = call_once(bytes); !done) return tl::unexpected(done.error());
    }
    const auto begin = Clock::now();
    auto before = begin;
    while (before - begin < duration_ && !stop_requested()) {
      if (auto done = call_once(bytes); !done) return tl::unexpected(done.error());
      const auto after = Clock::now();
      samples.push_back(static_cast<std::uint64_t>((after - before).count()));
      before = after;
    }
    const double rate = rate_of(samples.size(), before - begin);
    return BenchResult{"call", payload_bytes, rate, quantiles_of(std::move(samples))};
  }

  Outcome<BenchResult> signals(std::size_t payload_bytes) {
    const std::vector<std::byte> bytes(payload_bytes);
    const auto begin = Clock::now();
    const auto sent = repeat([&] {
      return client_.send(signalled_, get_, std::span<const std::byte>(bytes), {}, kPatience);
    });
    if (!sent) return tl::unexpected(sent.error());
    // This call stands behind all the signals in the same ring, so its answer ends them all.
    if (auto last = count_of(signalled_); !last) return tl::unexpected(last.error());
    return BenchResult{"signal", payload_bytes, rate_of(*sent, Clock::now() - begin), std::nullopt};
  }

  Outcome<BenchResult> events(std::size_t payload_bytes) {
    const std::vector<std::byte> bytes(payload_bytes);
    const auto counted_before = count_of(subscribed_);
    if (!counted_before) return tl::unexpected(counted_before.error());
    const auto begin = Clock::now();
    const auto sent =
        repeat([&] { return client_.emit(topic_, std::span<const std::byte>(bytes), kPatience); });
    if (!sent) return tl::unexpected(sent.error());
    const DeliveryStatus status = client_.wait_delivered(kPatience);
    const auto time = Clock::now() - begin;
    const auto counted = count_of(subscribed_);
    if (!counted) return tl::unexpected(counted.error());
    // More than sent is another bench beside this one.
    if (status.delivered < status.accepted || *counted - *counted_before < *sent) {
      return tl::unexpected(Failure{.exit = Exit::refused,
                                    .code = "lost",
                                    .message = "of " + std::to_string(*sent) + " events only " +
                                               std::to_string(*counted - *counted_before) +
                                               " were counted"});
    }
    return BenchResult{"event", payload_bytes, rate_of(*sent, time), std::nullopt};
  }

 private:
  struct Target {
    std::string_view type;
    std::span<const std::string_view> topics;
    AgentId* agent;
  };

  static double rate_of(std::uint64_t count, Clock::duration time) {
    const double seconds = std::chrono::duration<double>(time).count();
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  }

  Outcome<void> call_once(std::span<const std::byte> bytes) {
    const auto reply = client_.call(echo_, get_, bytes, kPatience);
    if (!reply) return refuse(reply.error(), "call");
    return {};
  }

  Outcome<std::uint64_t> count_of(AgentId counter) {
    const auto reply = client_.call(counter, get_, {}, kPatience);
    if (!reply) return refuse(reply.error(), "counter");
    const auto count = reply->payload().as<std::uint64_t>();
    if (!count) return refuse(count.error(), "counter");
    return *count;
  }

  // Sends until the time is over; the clock is read now and then only.
  template <class Send>
  Outcome<std::uint64_t> repeat(const Send& send) {
    constexpr std::uint64_t kBetweenLooks = 64;
    const auto end = Clock::now() + duration_;
    std::uint64_t sent = 0;
    while (sent % kBetweenLooks != 0 || (Clock::now() < end && !stop_requested())) {
      if (const Result<> done = send(); !done) return refuse(done.error(), "send");
      ++sent;
    }
    return sent;
  }

  Client client_;
  nanoseconds duration_;
  std::vector<AgentId> agents_;
  AgentId echo_;
  AgentId signalled_;
  AgentId subscribed_;
  Symbol get_ = Symbol::none;
  Symbol topic_ = Symbol::none;
};

Outcome<std::vector<BenchResult>> measure(Bench& bench, Output& output) {
  constexpr std::array kMethods{&Bench::calls, &Bench::signals, &Bench::events};
  const bool shows_progress = output.style().err_is_terminal;
  std::vector<BenchResult> results;
  for (const auto method : kMethods) {
    for (const std::size_t payload_bytes : kPayloadBytes) {
      if (shows_progress) {
        output.print_error("\r" + std::to_string(results.size()) + " of " +
                           std::to_string(kMethods.size() * kPayloadBytes.size()) + " measured");
      }
      auto result = (bench.*method)(payload_bytes);
      if (shows_progress) output.print_error("\r\x1B[K");
      // Interrupted: what was measured to its end is still shown.
      if (stop_requested()) return results;
      if (!result) return tl::unexpected(result.error());
      results.push_back(*result);
    }
  }
  return results;
}

Json result_document(const BenchResult& result) {
  Json rtt = nullptr;
  if (result.rtt) {
    rtt = {{"p50", result.rtt->p50}, {"p99", result.rtt->p99}, {"p999", result.rtt->p999}};
  }
  return Json{{"name", result.name},
              {"payload_bytes", result.payload_bytes},
              {"messages_per_second", result.messages_per_second},
              {"rtt_ns", rtt}};
}

void show(const std::vector<BenchResult>& results, Output& output) {
  if (output.json()) {
    Json list = Json::array();
    for (const BenchResult& result : results)
      list.push_back(result_document(result));
    output.document({{"results", list}});
    return;
  }
  Table table({{"WHAT"},
               {"PAYLOAD", Align::right},
               {"A SECOND", Align::right},
               {"P50", Align::right},
               {"P99", Align::right},
               {"P99.9", Align::right}});
  for (const BenchResult& result : results) {
    const auto latency = [&](std::uint64_t Quantiles::*part) {
      return result.rtt ? human_latency((*result.rtt).*part) : "-";
    };
    table.add({std::string(result.name), human_bytes(result.payload_bytes),
               human_count(static_cast<std::uint64_t>(result.messages_per_second)),
               latency(&Quantiles::p50), latency(&Quantiles::p99), latency(&Quantiles::p999)});
  }
  output.print(table.render(false));
}

Outcome<nanoseconds> duration_in(const Arguments& arguments) {
  const std::string_view text = arguments.value("seconds").value_or("1");
  double seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, seconds);
  const bool is_number = error == std::errc{} && stopped == end;
  if (!is_number || !(seconds > 0 && seconds <= 3600)) {
    return usage_error("--seconds takes a number above 0, up to 3600, not '" + one_line(text) +
                       "'");
  }
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

Outcome<Exit> run_bench(const Arguments& arguments, Output& output) {
  const auto duration = duration_in(arguments);
  if (!duration) return tl::unexpected(duration.error());
  auto client = attach_client(arguments, {.wait = WaitMode::spin});
  if (!client) return tl::unexpected(client.error());
  watch_stop_signals();
  Bench bench(std::move(*client), *duration);
  if (auto prepared = bench.prepare(); !prepared) return tl::unexpected(prepared.error());
  const auto results = measure(bench, output);
  if (!results) return tl::unexpected(results.error());
  show(*results, output);
  return Exit::done;
}

constexpr std::array kBenchOptions{
    Option{"seconds", "S", "how long each of the 12 results is measured (default: 1)"},
};

}  // namespace

const Command bench_command{
    .name = "bench",
    .summary = "measure this runtime: calls, signals and events a second",
    .options = kBenchOptions,
    .details =
        "Agents of the types echo and counter are created and stopped again. The client\n"
        "spins; whether the workers do is the runtime's [runtime] idle. On a machine with\n"
        "fewer free cores than processes, the numbers are the scheduler's.\n"
        "\n"
        "Examples:\n"
        "  mabeam bench --seconds 0.2\n"
        "  mabeam bench --json > before.json\n",
    .run = run_bench};

}  // namespace mabeam::tools
