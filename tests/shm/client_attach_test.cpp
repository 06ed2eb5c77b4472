// Client: attaching, leaving, and what the next owner of an endpoint gets to see.
#include "tests/shm/client_support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClientAttach : public ClientTest {
 protected:
  Errc refusal(milliseconds timeout = milliseconds{20}) {
    return code_of(Client::attach(guard_.name(), {.attach_timeout = timeout}));
  }
};

TEST_F(ClientAttach, AnEndpointIsClaimedWithItsOwnersIdentity) {
  const Client client = attach();
  EXPECT_TRUE(client.id().is_client());
  EXPECT_TRUE(segment_.is_client(static_cast<std::uint32_t>(client.id().endpoint())));
  const ProcessId owner{slot_of(client).claim.load()};
  EXPECT_EQ(owner.pid(), static_cast<std::uint32_t>(::getpid()));
}

TEST_F(ClientAttach, LeavingFreesTheEndpointUnderANewGeneration) {
  std::set<AgentId> ids;
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(ids.insert(attach().id()).second);
  for (std::uint32_t i = segment_.first_client(); i < segment_.endpoints(); ++i) {
    EXPECT_EQ(segment_.endpoint(i).claim.load(), 0U);
  }
}

TEST_F(ClientAttach, AMovedClientStaysAttached) {
  Client first = attach();
  const AgentId id = first.id();
  Client second = std::move(first);
  EXPECT_EQ(second.id(), id);
  EXPECT_NE(slot_of(second).claim.load(), 0U);
  second = attach();
  EXPECT_NE(second.id(), id);
  EXPECT_EQ(segment_.endpoint(static_cast<std::uint32_t>(id.endpoint())).claim.load(), 0U);
}

TEST_F(ClientAttach, TheSupervisorIsNotified) {
  std::uint32_t endpoint = 0;
  {
    const Client client = attach();
    endpoint = static_cast<std::uint32_t>(client.id().endpoint());
    Notice notice;
    ASSERT_TRUE(segment_.notices(endpoint).pop(notice));
    EXPECT_EQ(notice.kind, NoticeKind::client_attached);
  }
  Notice notice;
  ASSERT_TRUE(segment_.notices(endpoint).pop(notice));
  EXPECT_EQ(notice.kind, NoticeKind::client_detached);
}

TEST_F(ClientAttach, NoRuntimeIsNotFound) {
  EXPECT_EQ(code_of(Client::attach("t-nobody-here")), Errc::not_found);
  EXPECT_EQ(code_of(Client::attach("Not A Name")), Errc::invalid_argument);
}

TEST_F(ClientAttach, ARuntimeThatIsEndingIsNotRunning) {
  for (const RuntimeState state :
       {RuntimeState::draining, RuntimeState::stopped, RuntimeState::removed}) {
    set_state(state);
    const std::int64_t start = monotonic_ns();
    EXPECT_EQ(refusal(milliseconds{3000}), Errc::not_running);
    EXPECT_LT(since(start), seconds{2}) << "it waits for what will not come";
  }
}

TEST_F(ClientAttach, ARuntimeThatIsStartingIsWaitedFor) {
  set_state(RuntimeState::building);
  EXPECT_EQ(refusal(), Errc::not_running);
  std::thread starter([&] {
    std::this_thread::sleep_for(milliseconds{30});
    set_state(RuntimeState::running);
  });
  EXPECT_EQ(refusal(milliseconds{5000}), Errc{});
  starter.join();
}

TEST_F(ClientAttach, WhenAllEndpointsAreTakenItSaysSo) {
  std::vector<Client> clients;
  for (std::uint32_t i = 0; i < segment_.dimensions().clients; ++i)
    clients.push_back(attach());
  EXPECT_EQ(refusal(), Errc::too_many_clients);
  clients.pop_back();
  EXPECT_EQ(refusal(), Errc{});
}

TEST_F(ClientAttach, AnEndpointThatComesFreeIsTaken) {
  std::vector<Client> clients;
  for (std::uint32_t i = 0; i < segment_.dimensions().clients; ++i)
    clients.push_back(attach());
  std::thread leaver([&] {
    std::this_thread::sleep_for(milliseconds{30});
    clients.pop_back();
  });
  EXPECT_EQ(refusal(milliseconds{5000}), Errc{});
  leaver.join();
}

TEST_F(ClientAttach, TwoClientsOfOneProcessAreTwo) {
  const Client first = attach();
  const Client second = attach();
  EXPECT_NE(first.id().endpoint(), second.id().endpoint());
}

TEST_F(ClientAttach, ManyProcessesShareTheEndpoints) {
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool is_good = true;
      for (int round = 0; round < 20 && is_good; ++round) {
        is_good = Client::attach(guard_.name(), {.attach_timeout = seconds{30}}).has_value();
      }
      ::_exit(is_good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

// The reply to a client that died waits in the ring for its successor, who drops it.
TEST_F(ClientAttach, APredecessorsReplyIsDropped) {
  AgentId old;
  Taken question;
  {
    Client client = attach();
    old = client.id();
    const AgentId agent = shards_[0].put_agent();
    EXPECT_EQ(code_of(client.call(agent, "slow", {}, milliseconds{1})), Errc::timed_out);
    question = shards_[0].take().at(0);
  }
  ASSERT_TRUE(shards_[0].reply(question, Errc{}, "for the dead"));
  std::vector<Client> clients;
  for (std::uint32_t i = 0; i < segment_.dimensions().clients; ++i)
    clients.push_back(attach());
  const auto successor = std::find_if(clients.begin(), clients.end(), [&](const Client& client) {
    return client.id().endpoint() == old.endpoint();
  });
  ASSERT_NE(successor, clients.end());
  EXPECT_NE(successor->id(), old);
  const std::uint64_t before = refused_by(*successor);
  const AgentId agent = shards_[0].put_agent();
  EXPECT_EQ(code_of(successor->call(agent, "any", {}, milliseconds{5})), Errc::timed_out);
  EXPECT_EQ(refused_by(*successor), before + 1);
}

TEST_F(ClientAttach, ADamagedRingIsCorruptAndTheEndpointIsGivenBack) {
  for (std::uint32_t i = segment_.first_client(); i < segment_.endpoints(); ++i) {
    reinterpret_cast<RingHeader*>(segment_.ring(1, i, Priority::low).data())->magic = 0;
  }
  EXPECT_EQ(refusal(), Errc::corrupt);
  for (std::uint32_t i = segment_.first_client(); i < segment_.endpoints(); ++i) {
    EXPECT_EQ(segment_.endpoint(i).claim.load(), 0U);
  }
}

}  // namespace
}  // namespace mabeam::shm
