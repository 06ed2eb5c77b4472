// Payloads too large for a ring: between clients and agents, and from agent to agent.
#include "tests/support/sanitizers.hpp"
#include "tests/worker/blocks_support.hpp"

namespace mabeam::worker {
namespace {

using shm::DeadReason;

class ShardBlocks : public BlocksTest {
 protected:
  /// Has `agent_` pass on a payload of kLarge bytes.
  void pass(unsigned seed, std::string_view how = "pass") {
    EXPECT_TRUE(client_->send(agent_, how, pattern(kLarge, seed)));
    run(0);
  }
};

TEST_F(ShardBlocks, RequestAndAnswerMayFillAllBlocks) {
  const std::string sent = pattern(kBlockBytes);
  for (int i = 0; i < 3; ++i) {
    const auto reply = pumped([&] { return client_->call(agent_, "echo", sent); });
    ASSERT_TRUE(reply) << describe(reply.error());
    EXPECT_EQ(reply->payload().text(), sent);
  }
  expect_whole();
}

TEST_F(ShardBlocks, ThePayloadIsReadWhereItsSenderHasWrittenIt) {
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(kLarge)));
  run();
  expect_kept(agent_, pattern(kLarge), 1);
  const auto blocks = segment_.blocks(client_endpoint());
  EXPECT_GE(Porter::last_seen, blocks.data());
  EXPECT_LE(Porter::last_seen + kLarge, blocks.data() + blocks.size());
}

TEST_F(ShardBlocks, WhatFitsIntoItsRingStaysThere) {
  const std::size_t most =
      shm::max_record_bytes(16384) - sizeof(shm::RecordHeader) - sizeof(shm::MessageHeader);
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(most)));
  EXPECT_EQ(arena(client_endpoint()).tail.load(), 0U);
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(most + 1)));
  EXPECT_GT(arena(client_endpoint()).tail.load(), 0U);
  run();
  expect_kept(agent_, pattern(most + 1), 2);
}

TEST_F(ShardBlocks, AgentsPassThemOn) {
  aim(other_);
  for (unsigned seed = 1; seed <= 5; ++seed) {
    pass(seed);
    run(1);
    expect_kept(other_, pattern(kLarge, seed), seed);
  }
  expect_whole();
}

TEST_F(ShardBlocks, AnUndoneMessageTakesItsBlockBack) {
  aim(other_);
  pass(1, "pass-fail");
  EXPECT_EQ(arena(1).tail.load(), 0U);
  pass(2);
  run(1);
  expect_kept(other_, pattern(kLarge, 2), 1);
}

TEST_F(ShardBlocks, FullOnesAreWaitedForLikeARing) {
  aim(other_);
  pass(1);
  pass(2);
  EXPECT_TRUE(owners_[0]->shard().is_waiting());
  EXPECT_EQ(state(agent_).bytes, kLarge) << "of the first";
  EXPECT_EQ(state(agent_).hash, hash_of(pattern(kLarge, 1)));
  run(1);
  expect_kept(other_, pattern(kLarge, 1), 1);
  run(0);
  run(1);
  expect_kept(other_, pattern(kLarge, 2), 2);
  EXPECT_TRUE(letters().empty());
  expect_whole();
}

TEST_F(ShardBlocks, ThoseThatStayFullOverflowIntoDeadLetters) {
  aim(other_);
  pass(1);
  pass(2);
  limits_.stall_timeout_ns = 0;
  run(0);
  run(0);
  EXPECT_FALSE(owners_[0]->shard().is_waiting());
  ASSERT_EQ(letters().size(), 1U);
  const shm::Letter letter = letters().front();
  EXPECT_EQ(letter.reason, DeadReason::overflow);
  EXPECT_EQ(letter.payload_bytes, kLarge) << "what it had";
  EXPECT_TRUE(letter.is_final) << "what is left is its beginning";
  const auto* kept = reinterpret_cast<const char*>(letter.payload.data());
  EXPECT_GT(letter.payload.size(), 10'000U);
  EXPECT_EQ((std::string{kept, letter.payload.size()}),
            pattern(kLarge, 2).substr(0, letter.payload.size()));
  limits_.stall_timeout_ns = kEndless;
  run(1);
  pass(3);
  run(1);
  expect_kept(other_, pattern(kLarge, 3), 2);
  EXPECT_EQ(letters().size(), 1U) << "they have drained";
}

TEST_F(ShardBlocks, OneHandlersSendsThatNeverFitAreRefused) {
  aim(other_);
  pass(1, "twice");
  EXPECT_FALSE(owners_[0]->shard().is_waiting());
  EXPECT_EQ(failures(agent_), 1U);
  EXPECT_EQ(arena(1).tail.load(), 0U);
}

TEST_F(ShardBlocks, APayloadOverAllBlocksIsRefused) {
  const Result<> sent = client_->send(agent_, "keep", pattern(kBlockBytes + 1));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::payload_too_large);
  EXPECT_NE(describe(sent.error()).find("[channels] block_bytes"), std::string::npos);
  EXPECT_EQ(client_->emit("big", pattern(kBlockBytes + 1)).error().code, Errc::payload_too_large);
  aim(other_);
  EXPECT_TRUE(client_->send(agent_, "huge"));
  run();
  EXPECT_EQ(failures(agent_), 1U);
}

TEST_F(ShardBlocks, AClientWaitsForRoomToo) {
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(kLarge, 1)));
  EXPECT_EQ(client_->send(agent_, "keep", pattern(kLarge, 2)).error().code, Errc::backpressure);
  const auto sent = pumped([&] {
    return client_->send(agent_, "keep", pattern(kLarge, 2), {}, std::chrono::seconds{10});
  });
  EXPECT_TRUE(sent);
  run();
  expect_kept(agent_, pattern(kLarge, 2), 2);
}

TEST_F(ShardBlocks, ABatchThatIsTakenBackLeavesNone) {
  const Symbol keep = client_->symbol("keep").value();
  const std::string large = pattern(kLarge);
  const std::vector<SignalItem> both{{agent_, keep, large}, {agent_, keep, large}};
  const auto refused = client_->send_batch(both, {.atomic = Atomic::yes});
  EXPECT_FALSE(refused[0]);
  EXPECT_FALSE(refused[1]);
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(kBlockBytes)));
  run();
  expect_kept(agent_, pattern(kBlockBytes), 1);
}

TEST_F(ShardBlocks, ASuccessorGoesOnWithWhatWasCommitted) {
  aim(other_);
  pass(1);
  adopt(0, 2);
  pass(2);
  EXPECT_TRUE(owners_[0]->shard().is_waiting()) << "the first is not read yet";
  adopt(1, 2);
  run(1);
  expect_kept(other_, pattern(kLarge, 1), 1);
  run(0);
  run(1);
  expect_kept(other_, pattern(kLarge, 2), 2);
  expect_whole();
}

TEST_F(ShardBlocks, WhatWaitsForASuspendedAgentIsCopiedIfItFits) {
  ASSERT_TRUE(pumped([&] { return client_->suspend(agent_); }));
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(6000)));
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(kLarge)));
  run();
  EXPECT_TRUE(client_->send(other_, "keep", pattern(kBlockBytes)));  // over the block of the first
  ASSERT_EQ(letters().size(), 1U);
  EXPECT_EQ(letters().front().reason, DeadReason::overflow);
  EXPECT_EQ(letters().front().payload_bytes, kLarge);
  ASSERT_TRUE(pumped([&] { return client_->resume(agent_); }));
  run();
  expect_kept(agent_, pattern(6000), 1);
  expect_whole();
}

TEST(LargestPayload, GoesThereAndBack) {
  constexpr std::size_t kBytes = tests::kSanitizer ? 4U << 20U : 64U << 20U;
  shm::Dimensions d = tests::small_dimensions();
  d.workers = d.shards = 1;
  d.block_bytes = kBytes;
  tests::TestSegment holder{d};
  holder.get().header().state.store(static_cast<std::uint32_t>(RuntimeState::running));
  Owner owner{holder.get(), kTypes<Porter>, 0};
  owner.shard().adopt(shm::Incarnation::of(0, 1)).value();
  std::atomic<bool> is_done = false;
  bool is_same = false;
  std::thread thread{[&] {
    Client client = Client::attach(holder.name()).value();
    const AgentId porter = client.create("porter", 1).value().front();
    std::string text(kBytes, 'x');
    text.front() = '<';
    text.back() = '>';
    const auto reply = client.call(porter, "echo", text, std::chrono::seconds{60});
    is_same = reply && reply->payload().text() == text;
    is_done = true;
  }};
  while (!is_done)
    owner.run_turn({});
  thread.join();
  EXPECT_TRUE(is_same);
}

// ---- a hostile segment -----------------------------------------------------------------------

TEST_F(ShardBlocks, AMessageWithoutItsBlockIsADeadLetterAndTheNextGoesOn) {
  const auto* ring = segment_.ring(client_endpoint(), 1, Priority::normal).data();
  const auto& head = reinterpret_cast<const shm::RingHeader*>(ring)->head;
  std::size_t dead = 0;
  for (const std::size_t offset : {0U, 1U, 7U, 8U, 10U, 15U}) {
    EXPECT_TRUE(client_->send(agent_, "keep", pattern(kLarge)));
    std::byte* record = segment_.ring(client_endpoint(), 1, Priority::normal).data() +
                        sizeof(shm::RingHeader) + head.load() % 16384;
    record[sizeof(shm::RecordHeader) + sizeof(shm::MessageHeader) + offset] ^= std::byte{0x40};
    EXPECT_FALSE(shm::verify_segment(segment_, false).damage.empty()) << offset;
    run();
    ASSERT_EQ(letters().size(), ++dead) << offset;
    EXPECT_EQ(letters().back().reason, DeadReason::corrupt);
  }
  for (const std::size_t offset : {0U, 4U, 8U, 15U, 16U, 20U}) {
    EXPECT_TRUE(client_->send(agent_, "keep", pattern(kLarge)));
    const std::uint64_t block =
        (arena(client_endpoint()).tail.load() - shm::block_bytes_for(kLarge)) %
        arena(client_endpoint()).capacity;
    std::byte& bad = segment_.blocks(client_endpoint())[sizeof(shm::ArenaHeader) + block + offset];
    bad ^= std::byte{0x40};
    run();
    ASSERT_EQ(letters().size(), ++dead) << offset;
    bad ^= std::byte{0x40};
  }
  EXPECT_EQ(state(agent_).count, 0U);
  EXPECT_TRUE(client_->send(agent_, "keep", pattern(kLarge)));
  run();
  expect_kept(agent_, pattern(kLarge), 1);
}

TEST_F(ShardBlocks, AnAnswerWithoutItsBlockIsToldAsDamage) {
  auto call = client_->call_async(agent_, "echo", pattern(kLarge));
  ASSERT_TRUE(call);
  run();
  segment_.blocks(1)[sizeof(shm::ArenaHeader)] ^= std::byte{1};
  const Result<ClientReply> reply = call->take();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace mabeam::worker
