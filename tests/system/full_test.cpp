// A full runtime: each of its limits has its own error, makes nothing by halves, and is over as
// soon as there is room.
#include "tests/support/runtime_fixture.hpp"

#include "mabeam/client.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <string>

namespace mabeam::tests {
namespace {

using std::chrono::seconds;

class FullTest : public RuntimeFixture {
 protected:
  static constexpr std::size_t kMostAgents = 150;

  void SetUp() override {
    configure(
        "[runtime]\nworkers = 2\nshards = 4\nmax_agents = 150\nmax_state_bytes = 64\n"
        "[channels]\nnormal_bytes = \"4KiB\"\n");
    start_ready();
    client_.emplace(Client::attach(name(), {.attach_timeout = seconds{20}}).value());
  }

  void TearDown() override {
    if (!HasFatalFailure()) {
      const auto damage = Observer::attach(name())->verify().damage;
      EXPECT_TRUE(damage.empty()) << damage[0].where << ": " << damage[0].what;
      client_.reset();
    }
    RuntimeFixture::TearDown();
  }

  Errc refusal(std::string_view type, std::size_t count = 1) {
    const auto made = client_->create(type, count, {}, seconds{20});
    return made ? Errc{} : made.error().code;
  }

  [[nodiscard]] std::int64_t ask(AgentId counter) {
    return client_->call(counter, "get", {}, seconds{20})->payload().as<std::int64_t>().value();
  }

  std::optional<Client> client_;
};

TEST_F(FullTest, RegistryTakesAsManyAsItSaysAndNoMore) {
  std::vector<AgentId> agents = client_->create("counter", kMostAgents, {}, seconds{20}).value();
  ASSERT_EQ(agents.size(), kMostAgents);
  EXPECT_EQ(refusal("counter"), Errc::too_many_agents);
  EXPECT_EQ(client_->count_agents(), kMostAgents);
  for (const AgentId agent : std::span{agents}.first(10))
    ASSERT_TRUE(client_->stop(agent, seconds{20}));
  EXPECT_EQ(refusal("counter", 11), Errc::too_many_agents) << "all, or none";
  EXPECT_EQ(client_->count_agents(), kMostAgents - 10);
  EXPECT_EQ(refusal("counter", 10), Errc{});
  EXPECT_EQ(client_->count_agents(), kMostAgents);
  EXPECT_EQ(client_->call(agents.back(), "increment", 3)->payload().as<std::int64_t>(), 3);
  EXPECT_EQ(client_->call(agents.front(), "increment", 3).error().code, Errc::not_found);
}

TEST_F(FullTest, StateThatIsTooLargeMakesNoAgent) {
  EXPECT_EQ(refusal("demo"), Errc::state_too_large);
  EXPECT_EQ(refusal("demo", 20), Errc::state_too_large);
  EXPECT_EQ(client_->count_agents(), 0U);
  EXPECT_EQ(refusal("counter"), Errc{});
}

TEST_F(FullTest, TableOfSymbolsRefusesWhatIsNewAlone) {
  const AgentId counter = client_->create("counter", 1, {}, seconds{20}).value().at(0);
  ASSERT_EQ(ask(counter), 0);
  // A name is refused where it would lie too far from its hash; ten in a row: no slot is left.
  int refused = 0;
  for (int i = 0; i < 1'000'000 && refused < 10; ++i) {
    const Result<Symbol> made = client_->symbol("filler" + std::to_string(i));
    refused = made ? 0 : refused + 1;
    ASSERT_TRUE(made || made.error().code == Errc::symbols_full);
  }
  ASSERT_EQ(refused, 10);
  EXPECT_EQ(client_->send(counter, "never-said-before").error().code, Errc::symbols_full);
  EXPECT_EQ(client_->emit("never.said.before").error().code, Errc::symbols_full);
  EXPECT_EQ(refusal("never-said-before"), Errc::symbols_full);
  EXPECT_EQ(client_->call(counter, "increment", 4, seconds{20})->payload().as<std::int64_t>(), 4);
  EXPECT_EQ(refusal("counter"), Errc{});
}

TEST_F(FullTest, RingRefusesUntilItsReaderGoesOn) {
  const AgentId counter = client_->create("counter", 1, {}, seconds{20}).value().at(0);
  ASSERT_TRUE(client_->send(counter, "increment", 1));
  std::int64_t sum = 1;
  const std::vector<pid_t> workers{ready_worker(0), ready_worker(1)};
  for (const pid_t worker : workers)
    ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  Errc full{};
  for (int i = 2; i < 10'000 && full == Errc{}; ++i) {
    const Result<> sent = client_->send(counter, "increment", i);
    full = sent ? Errc{} : sent.error().code;
    sum += sent ? i : 0;
  }
  for (const pid_t worker : workers)
    ASSERT_EQ(::kill(worker, SIGCONT), 0);
  EXPECT_EQ(full, Errc::backpressure);
  EXPECT_EQ(ask(counter), sum) << "what was accepted has arrived, and what was refused has not";
  ASSERT_TRUE(client_->send(counter, "increment", 1, {}, seconds{20}));
  EXPECT_EQ(ask(counter), sum + 1);
}

}  // namespace
}  // namespace mabeam::tests
