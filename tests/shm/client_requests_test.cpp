// What a client asks of a shard itself.
#include "tests/shm/client_support.hpp"

namespace mabeam::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClientRequests : public ClientTest {};

TEST_F(ClientRequests, DeadLettersGoToTheirShardByNumber) {
  Client client = attach();
  std::vector<Taken> seen;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               seen.push_back(message);
                               shard.reply(message, Errc{}, "answer");
                             }};
    const DeadLetterId letter{static_cast<EndpointId>(2), 7};
    const Result<ClientReply> reply = client.replay_dead_letter(letter, seconds{20});
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->payload().text(), "answer");
    ASSERT_TRUE(client.drop_dead_letter(letter, seconds{20}));
  }
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].kind, Kind::replay);
  EXPECT_EQ(seen[1].kind, Kind::drop);
  for (const Taken& message : seen) {
    EXPECT_EQ(static_cast<std::uint32_t>(AgentId{message.header.target}.endpoint()), 2U);
    EXPECT_EQ(message.view().as<std::uint64_t>().value(), 7U);
  }
}

TEST_F(ClientRequests, RefusalsAreTheShards) {
  Client client = attach();
  ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                       shard.reply(message, Errc::not_replayable);
                     }};
  const DeadLetterId letter{static_cast<EndpointId>(1), 0};
  EXPECT_EQ(code_of(client.replay_dead_letter(letter, seconds{20})), Errc::not_replayable);
  EXPECT_EQ(code_of(client.drop_dead_letter(letter, seconds{20})), Errc::not_replayable);
}

TEST_F(ClientRequests, EveryCodeComesThroughAndNoOther) {
  Client client = attach();
  const AgentId agent = shards_[0].put_agent();
  const auto last = static_cast<std::uint16_t>(Errc::breakers_full);
  const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                             const auto code = message.view().as<std::uint16_t>();
                             shard.reply(message, static_cast<Errc>(code.value()));
                           }};
  for (std::uint16_t wanted = 1; wanted <= last + 1; ++wanted) {
    const Errc seen = wanted <= last ? static_cast<Errc>(wanted) : Errc::corrupt;
    EXPECT_EQ(code_of(client.call(agent, "say", wanted, seconds{20})), seen);
  }
}

TEST_F(ClientRequests, LetterOfNoShardIsNotFound) {
  Client client = attach();
  for (const int endpoint : {0, 3, 255}) {
    const DeadLetterId letter{static_cast<EndpointId>(endpoint), 0};
    EXPECT_EQ(code_of(client.replay_dead_letter(letter, milliseconds{1})), Errc::not_found);
  }
}

TEST_F(ClientRequests, MetadataGoesToTheAgentsShard) {
  Client client = attach();
  const AgentId agent = shards_[0].put_agent();
  std::vector<std::string> texts;
  {
    const ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                               EXPECT_EQ(message.kind, Kind::update);
                               EXPECT_EQ(message.header.target, agent.value());
                               texts.emplace_back(message.view().text());
                               shard.reply(message,
                                           texts.size() < 3 ? Errc{} : Errc::metadata_full);
                             }};
    EXPECT_TRUE(client.update_metadata(agent, "{}", seconds{20}));
    EXPECT_TRUE(client.update_metadata(agent, "", seconds{20}));
    EXPECT_EQ(code_of(client.update_metadata(agent, "more", seconds{20})), Errc::metadata_full);
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"{}", "", "more"}));
}

TEST_F(ClientRequests, MetadataThatIsNoneIsNotSent) {
  Client client = attach();
  const AgentId agent = shards_[0].put_agent();
  const std::string too_long(256, 'x');
  EXPECT_EQ(client.update_metadata(agent, too_long).error(), fail(Argument::metadata).value());
  EXPECT_EQ(client.update_metadata(agent, {"a\0b", 3}).error(), fail(Argument::metadata).value());
  EXPECT_EQ(code_of(client.update_metadata({}, "text")), Errc::not_found);
}

TEST_F(ClientRequests, MetadataIsReadWithoutTheShard) {
  const Client client = attach();
  const AgentId agent = shards_[0].put_agent();
  EXPECT_EQ(client.metadata(agent).value(), "");
  MetadataRecord& record = segment_.metadata(0)[3];
  record.length = 2;
  record.text = {'{', '}'};
  segment_.agents(0).profile(agent.slot()).metadata.store(MetadataWord{1, 3}.pack());
  EXPECT_EQ(client.metadata(agent).value(), "{}");
  const AgentId stale{agent.endpoint(), agent.slot(), agent.generation() + 1};
  EXPECT_EQ(code_of(client.metadata(stale)), Errc::not_found);
  EXPECT_EQ(code_of(client.metadata(client.id())), Errc::not_found);
}

TEST_F(ClientRequests, DescribeReturnsWhatTheTypeSays) {
  Client client = attach();
  const AgentId agent = shards_[0].put_agent();
  ShardThread thread{shards_, [&](FakeShard& shard, const Taken& message) {
                       EXPECT_EQ(message.kind, Kind::describe);
                       EXPECT_EQ(message.header.target, agent.value());
                       shard.reply(message, Errc{}, "{\"count\":1}");
                     }};
  EXPECT_EQ(client.describe(agent, seconds{20}).value(), "{\"count\":1}");
  EXPECT_EQ(code_of(client.describe(AgentId{1}, seconds{20})), Errc::not_found);
}

}  // namespace
}  // namespace mabeam::shm
