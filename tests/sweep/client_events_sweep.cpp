// A client's subscriptions: it is killed after every instruction of a subscribe, an unsubscribe and
// a poll. Whenever its entry is in force it has a cursor in every log. The supervisor gives its
// endpoint back; then no table and no log knows of it, and the next client there hears what is
// emitted once it has subscribed, all of that, and nothing else.
#include "shm/event_log.hpp"
#include "shm/interest.hpp"
#include "shm/reclaim.hpp"
#include "tests/support/sweep_main.hpp"
#include "tests/support/sweep_stage.hpp"
#include "tests/sweep/quick_client.hpp"

#include "mabeam/client.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace mabeam;
using testing::QuickClient;
using testing::SweepStage;

using Values = std::vector<std::int64_t>;

constexpr std::string_view kPattern = "news.*";
constexpr std::string_view kTopic = "news.today";

/// Emits what it is told.
struct Teller {
  static constexpr AgentType type{.name = "teller"};

  Result<> on_signal(Context& context, const Signal& signal) const {
    return context.emit(kTopic, signal.payload().as<std::int64_t>().value_or(0));
  }
};

struct Deed {
  std::string name;
  std::function<void(Client&)> before;
  std::function<void(Client&)> act;
  bool is_subscribed = true;  ///< in the end
  std::uint64_t least_points = 100;
};

class Hearing {
 public:
  explicit Hearing(Deed deed) : deed_(std::move(deed)) {
    teller_ = stage_.create("teller");
    for (const std::string_view name : {kPattern, kTopic, std::string_view{"tell"}})
      (void)stage_.segment().symbols().intern(name).value();
    topic_ = stage_.segment().symbols().find(kTopic);
    stage_.freeze();
  }

  testing::SweepCase sweep_case() {
    testing::Sweep sweep = stage_.sweep_of_segment();
    sweep.reset = [this] {
      stage_.reset();
      publisher_.emplace(stage_.segment());
    };
    sweep.prepare = [this] {
      client_.emplace(Client::attach(stage_.name(), {.wait = WaitMode::spin}).value());
      deed_.before(*client_);
    };
    sweep.operation = [this] { deed_.act(*client_); };
    sweep.meanwhile = [this] { (void)publisher_->of(topic_); };
    sweep.recover_and_check = [this] { return recover_and_check(); };
    return {.name = deed_.name,
            .sweep = sweep,
            .least_points = deed_.least_points,
            .at_end = [this]() -> std::string {
              return was_subscribed_ == deed_.is_subscribed ? "" : "in the end it is as before";
            }};
  }

 private:
  [[nodiscard]] bool is_joined(std::uint32_t log) const {
    const auto* cursors = reinterpret_cast<const shm::LogCursor*>(stage_.segment().log(log).data() +
                                                                  sizeof(shm::LogHeader));
    return cursors[testing::kAsker].position.load() != shm::kNotReading;
  }

  [[nodiscard]] std::size_t entries() const {
    const auto table = stage_.segment().subscriptions(testing::kAsker);
    return static_cast<std::size_t>(std::count_if(
        table.begin(), table.end(), [](const auto& entry) { return entry.word.load() != 0; }));
  }

  std::string recover_and_check() {
    const std::uint32_t logs = stage_.segment().endpoints();
    was_subscribed_ = entries() != 0;
    for (std::uint32_t log = 0; log < logs; ++log)
      if (was_subscribed_ && !is_joined(log)) return "it is subscribed, and nobody waits for it";
    shm::Interest publisher = *publisher_;  // that looked at the moment of the death, too
    const shm::ProcessId owner{stage_.segment().endpoint(testing::kAsker).claim.load()};
    if (owner && !shm::reclaim_endpoint(stage_.segment(), testing::kAsker, owner)) {
      return "its endpoint is not given back";
    }
    if (entries() != 0) return "its subscription has outlived it";
    for (std::uint32_t log = 0; log < logs; ++log)
      if (is_joined(log)) return "a log waits for a client that is dead";
    const std::string broken = check_next(publisher);
    return broken.empty() ? stage_.fault() : broken;
  }

  /// The endpoint's next owner.
  std::string check_next(shm::Interest& publisher) {
    bool is_adopted = true;
    const auto run = [&] { is_adopted = stage_.run(1000) && is_adopted; };
    QuickClient next{stage_.name(), run};
    if (next.endpoint() != testing::kAsker) return "it is another endpoint";
    const auto tell = [&](std::int64_t value) {
      (void)next.send(teller_, "tell", value);
      run();
    };
    tell(1);
    if (!next.poll().empty()) return "it hears without a subscription";
    if (!next.subscribe(kPattern)) return "the next client cannot subscribe";
    if (!publisher.of(topic_).contains(testing::kAsker)) return "a publisher has not heard of it";
    tell(2);
    tell(3);
    if (next.poll() != Values{2, 3}) return "it hears something else than what is emitted";
    if (next.missed() != 0) return "it is told that it missed something";
    if (!next.unsubscribe(kPattern)) return "the next client cannot unsubscribe";
    if (publisher.of(topic_).contains(testing::kAsker)) return "a publisher rings for nobody";
    tell(4);
    if (!next.poll().empty()) return "it hears what it has unsubscribed from";
    return is_adopted ? "" : "a shard could not be adopted";
  }

  Deed deed_;
  SweepStage stage_{kTypes<Teller>, 1};
  AgentId teller_;
  Symbol topic_{};
  std::optional<shm::Interest> publisher_;  // lives all the while
  std::optional<Client> client_;            // the child's
  bool was_subscribed_ = false;
};

void subscribe(Client& client) {
  (void)client.subscribe(kPattern);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Deed> deeds;
  deeds.push_back({.name = "subscribe", .before = [](Client&) {}, .act = subscribe});
  deeds.push_back({.name = "unsubscribe",
                   .before = subscribe,
                   .act = [](Client& client) { (void)client.unsubscribe(kPattern); },
                   .is_subscribed = false});
  deeds.push_back(
      {.name = "poll",
       .before =
           [](Client& client) {
             subscribe(client);
             for (int i = 0; i < 3; ++i)
               (void)client.emit(kTopic, i);
           },
       .act = [](Client& client) { (void)client.poll_events([](const EventView&) {}, 10, {}); }});
  std::vector<std::unique_ptr<Hearing>> hearings;
  std::vector<testing::SweepCase> cases;
  for (Deed& deed : deeds) {
    hearings.push_back(std::make_unique<Hearing>(std::move(deed)));
    cases.push_back(hearings.back()->sweep_case());
  }
  return testing::sweep_main(argc, argv, "client subscribe", cases);
}
