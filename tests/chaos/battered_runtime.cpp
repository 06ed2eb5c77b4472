#include "tests/chaos/battered_runtime.hpp"

#include "tests/chaos/private_shm.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <sstream>
#include <thread>
#include <utility>

namespace mabeam::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kAtATime = 3;
constexpr std::uint64_t kShmBytes = 96U << 20U;
constexpr std::chrono::microseconds kPeriod{300};  // of each loader
constexpr std::uint64_t kDecksToSlow = 3;
constexpr std::array kExitCodes{0, 1, 64, 75, 77, 78, 99};

}  // namespace

void BatteredRuntime::start_runtime() {
  if (const auto why = make_shm_private(kShmBytes)) book_.skip(Blow::full, *why);
  if (kSanitizer) book_.skip(Blow::leak, "what a sanitizer needs is over any limit");
  configure(text_of_settings());
  start_ready();
  observer_.emplace(Observer::attach(name()).value());
  segment_.emplace(shm::Segment::attach(name(), shm::Access::read_write).value());
  look_at_limits();
  client_.emplace(Client::attach(name(), {.attach_timeout = seconds{20}}).value());
  const std::array<std::string_view, 1> stream{"stream"};
  listeners_ = client_->create("listener", kShards, {.subscribe = stream}).value();
  faults_ = client_->create("fault", kShards).value();
  for (const char* prefix : {"x", "y"})
    senders_.push_back(std::make_unique<Sender>(name(), prefix, kPeriod));
  caller_ = std::make_unique<Caller>(name(), kPeriod);
  for (const auto& sender : senders_)
    sender->start();
  caller_->start();
  publisher_ = std::make_unique<Publisher>(name(), kPeriod);
}

std::string BatteredRuntime::text_of_settings() const {
  return "[runtime]\nworkers = " + std::to_string(kWorkers) +
         "\nshards = " + std::to_string(kShards) +
         "\nclients = 12\nmax_agents = 256\nfault_agents = true\n"
         "[channels]\nhigh_bytes = \"16KiB\"\nnormal_bytes = \"16KiB\"\nlow_bytes = \"4KiB\"\n"
         "[events]\nlog_bytes = \"64KiB\"\n"
         "[worker]\nheartbeat_timeout = \"" +
         std::string{kSanitizer ? "1500ms" : "500ms"} + "\"\nmax_attempts = 2\nstall_timeout = \"" +
         std::to_string(stall_seconds_) + "s\"\nnice = " + std::to_string(nice_) +
         "\nmodules = [\"" MABEAM_MODULE_DIR "/relay.so\", \"" MABEAM_MODULE_DIR
         "/listener.so\"]\n"
         "[restart]\nintensity = 10000\nperiod = \"1s\"\nbackoff_min = \"0s\"\nbackoff_max = "
         "\"0s\"\n[breaker]\nfailure_threshold = 65535\n[limits]\nworker_processes = 16\n" +
         (kSanitizer ? "" : "worker_memory = \"64MiB\"\n");
}

void BatteredRuntime::look_at_limits() {
  const LimitsView limits = observer_->limits();
  const auto has_groups = [](LimitMechanism by) {
    return by != LimitMechanism::none && by != LimitMechanism::rlimit;
  };
  if (!has_groups(limits.memory_mechanism)) book_.skip(Blow::leak, "no control group for memory");
  if (!has_groups(limits.process_mechanism)) book_.skip(Blow::fork, "no control group for pids");
}

void BatteredRuntime::rain(seconds time) {
  const Clock::time_point end = Clock::now() + time;
  Clock::time_point next = Clock::now();
  while (Clock::now() < end || has_more_to_show() || book_.pending() != 0 || !has_supervisor_) {
    seen_ = observer_->runtime();
    if (!has_supervisor_ && Clock::now() >= successor_due_) start_successor();
    book_.look();
    const std::string overdue = book_.overdue(kPatience);
    ASSERT_EQ(overdue, "") << "not recovered from";
    const bool is_raining = Clock::now() < end || has_more_to_show();
    if (is_raining && book_.pending() < kAtATime && Clock::now() >= next) {
      deal();
      next = Clock::now() + milliseconds{random_() % 40};
    }
    std::this_thread::sleep_for(milliseconds{1});
  }
}

bool BatteredRuntime::has_more_to_show() {
  for (std::size_t i = 0; i < kBlows; ++i) {
    const Blow blow{static_cast<std::uint8_t>(i)};
    if (book_.fallen(blow) == 0 && !book_.is_skipped(blow)) return true;
  }
  return false;
}

// Kinds come in decks, so that each falls as often; what cannot fall now comes last. The slow
// reader comes first, since it takes longest, and seldom, since it holds up all events.
void BatteredRuntime::deal() {
  if (deck_.empty()) {
    for (std::size_t i = 0; i < kBlows; ++i) {
      const Blow blow{static_cast<std::uint8_t>(i)};
      if (!book_.is_skipped(blow) && blow != Blow::slow_reader) deck_.push_back(blow);
    }
    std::shuffle(deck_.begin(), deck_.end(), random_);
    if (decks_++ % kDecksToSlow == 0) deck_.push_back(Blow::slow_reader);
  }
  const Blow blow = deck_.back();
  deck_.pop_back();
  if (!strike(blow)) deck_.insert(deck_.begin(), blow);
}

bool BatteredRuntime::strike(Blow blow) {
  switch (blow) {
    case Blow::slow_reader:
      return read_slowly();
    case Blow::kill:
      return signal_a_worker(blow, SIGKILL, ExitCause::signal);
    case Blow::stop:
      return signal_a_worker(blow, SIGSTOP, ExitCause::hang);
    case Blow::crash:
      // A sanitizer makes an exit of it, after its report.
      return let_fail(blow, "crash", 0, kSanitizer ? ExitCause::exit : ExitCause::signal);
    case Blow::exit:
      return let_fail(blow, "exit", kExitCodes[random_() % kExitCodes.size()], ExitCause::exit);
    case Blow::hang:
      return let_fail(blow, "hang", 0, ExitCause::hang);
    case Blow::leak:
      return let_fail(blow, "leak", 1 << 30, ExitCause::memory);
    case Blow::fork:
      return let_fail(blow, "fork", 1000, ExitCause::limit);
    case Blow::supervisor:
      return kill_supervisor();
    case Blow::full:
      return fill_shm();
    case Blow::scale:
      return scale();
    case Blow::reload:
      return reload();
    case Blow::bad_reload:
      return reload_nonsense();
  }
  return false;
}

Tally BatteredRuntime::stop_and_count() {
  for (const auto& sender : senders_)
    EXPECT_EQ(sender->stop(), "");
  EXPECT_EQ(caller_->stop(), "");
  EXPECT_EQ(publisher_->stop(), "");
  Tally tally;
  for (const auto& sender : senders_)
    sender->count(tally);
  caller_->count(tally);
  for (const AgentId listener : listeners_)
    count_heard(listener, tally);
  return tally;
}

void BatteredRuntime::count_heard(AgentId listener, Tally& tally) {
  std::int64_t heard = 0;
  std::int64_t left_out = 0;
  std::int64_t out_of_order = 0;
  (void)wait_until(kPatience, [&] {
    const auto reply = client_->call(listener, "get", {}, kPatience);
    if (!reply) return false;
    std::istringstream words{std::string{reply->payload().text()}};
    words >> heard >> left_out >> out_of_order;
    return heard + left_out >= publisher_->done();
  });
  tally.messages += publisher_->done();
  tally.add(publisher_->done(), heard);
  tally.out_of_order += out_of_order;
}

void BatteredRuntime::expect_nothing_lost_silently() {
  EXPECT_EQ(observer_->stats().events.missed, slow_missed_);
  const DeadLetterList letters = observer_->dead_letters();
  EXPECT_EQ(letters.buried, faults_sent_);
  for (const auto& [reason, count] : letters.by_reason)
    EXPECT_EQ(count, reason == "poison" ? faults_sent_ : 0) << reason;
}

void BatteredRuntime::expect_all_whole() {
  EXPECT_TRUE(wait_until(kPatience, [this] { return processes().size() == 1 + wanted_; }))
      << processes().size() << " processes, and " << wanted_ << " workers";
  const Ran verify = mabeam({"verify"});
  EXPECT_EQ(verify.exit, 0) << verify.out << verify.err;
}

}  // namespace mabeam::tests
