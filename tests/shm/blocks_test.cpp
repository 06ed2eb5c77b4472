// The arena: claims, publication, what is given back and when, its ends, and a hostile segment.
#include "shm/blocks.hpp"

#include "shm/block_writer.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kBytes = 4096;  // of the arena: the largest payload
using Fate = BlockArena::Fate;

class Blocks : public ::testing::Test {
 protected:
  Blocks() {
    create_arena(memory_.span());
    reopen();
  }

  /// As a successor does.
  void reopen() { arena_ = BlockArena::open(memory_.span()).value(); }

  /// Claims a block and fills it.
  Result<BlockHandle> put(std::uint64_t bytes, const BlockUse& use, char fill = 'x') {
    BlockHandle handle;
    const auto room = arena_.claim(bytes, use, handle);
    if (!room) return fail(room.error());
    std::memset(room->data(), fill, room->size());
    return handle;
  }

  [[nodiscard]] std::string get(const BlockHandle& handle, const BlockUse& use) const {
    const auto found = find_block(memory_.span(), handle, use);
    return found ? text_of(*found) : "none";
  }

  bool give_back(std::uint64_t payload, std::uint64_t passed) {
    return arena_.give_back(block_bytes_for(payload), [&](const BlockHeader& block) {
      return block.record_end <= passed ? Fate::over : Fate::held;
    });
  }

  [[nodiscard]] ArenaHeader& header() const {
    return *reinterpret_cast<ArenaHeader*>(memory_.at(0));
  }

  [[nodiscard]] BlockHeader& block_at(std::uint64_t position) const {
    return *reinterpret_cast<BlockHeader*>(
        memory_.at(sizeof(ArenaHeader) + position % arena_.capacity()));
  }

  Memory memory_{arena_bytes_for(kBytes)};
  BlockArena arena_;
};

TEST_F(Blocks, AreReadWhereTheyWereWritten) {
  const BlockHandle first = put(100, {7, 8}, 'a').value();
  const BlockHandle second = put(0, {kLogPath, 16}).value();
  arena_.publish();
  EXPECT_EQ(get(first, {7, 8}), std::string(100, 'a'));
  EXPECT_EQ(get(second, {kLogPath, 16}), "");
  EXPECT_EQ(header().tail.load(), block_bytes_for(100) + block_bytes_for(0));
}

TEST_F(Blocks, ThatAreNotPublishedAreForgotten) {
  (void)put(100, {1, 8}).value();
  arena_.publish();
  (void)put(200, {1, 16}).value();
  reopen();
  EXPECT_EQ(arena_.claimed(), block_bytes_for(100));
  (void)put(200, {1, 16}).value();
  arena_.rewind(arena_.published());
  EXPECT_EQ(arena_.claimed(), block_bytes_for(100));
}

TEST_F(Blocks, OneMayFillTheWholeArenaWhereverItBegins) {
  for (int round = 1; round <= 5; ++round) {
    const auto end = static_cast<std::uint64_t>(round) * 16;
    (void)put(100, {1, end - 8}).value();
    arena_.publish();
    EXPECT_EQ(put(kBytes, {1, end}).error().code, Errc::backpressure);
    ASSERT_TRUE(give_back(kBytes, end - 8));
    const BlockHandle whole = put(kBytes, {1, end}, 'w').value();
    arena_.publish();
    EXPECT_EQ(get(whole, {1, end}), std::string(kBytes, 'w'));
    EXPECT_FALSE(arena_.has_room_for(block_bytes_for(0)));
    ASSERT_TRUE(give_back(kBytes, end));
  }
  EXPECT_EQ(put(kBytes + 1, {1, 99}).error().code, Errc::payload_too_large);
}

TEST_F(Blocks, DeathAfterTheWholeArenaWasClaimedLeavesItEmpty) {
  (void)put(100, {1, 8}).value();
  arena_.publish();
  ASSERT_TRUE(give_back(kBytes, 8));
  (void)put(kBytes, {1, 16}).value();
  ASSERT_GT(header().oldest.load(), header().tail.load());
  reopen();
  EXPECT_EQ(arena_.used(), 0U);
  EXPECT_TRUE(put(kBytes, {1, 16}));
}

TEST_F(Blocks, AreGivenBackInOrderAndOnlyForRoom) {
  for (std::uint64_t end = 8; end <= 32; end += 8)
    (void)put(960, {1, end}).value();
  arena_.publish();
  EXPECT_TRUE(give_back(64, 0));
  EXPECT_EQ(arena_.oldest(), 0U) << "all are held";
  EXPECT_TRUE(give_back(64, 32));
  EXPECT_EQ(arena_.oldest(), 1024U) << "one is enough";
  EXPECT_TRUE(give_back(1500, 16));
  EXPECT_EQ(arena_.oldest(), 2048U) << "the third is held";
}

TEST_F(Blocks, WhatNoRecordWillNameIsDisowned) {
  (void)put(100, {1, 8}).value();
  arena_.publish();
  (void)put(100, {1, 16}).value();
  const BlockHandle other = put(100, {2, 8}).value();
  arena_.disown(1);
  arena_.publish();
  EXPECT_EQ(block_at(0).record_end, 8U) << "that one was published";
  EXPECT_EQ(block_at(block_bytes_for(100)).record_end, 0U);
  EXPECT_NE(get(other, {2, 8}), "none");
}

TEST_F(Blocks, HandlesThatDoNotFitTheirBlockAreRefused) {
  const BlockUse use{5, 72};
  const BlockHandle good = put(1000, use).value();
  arena_.publish();
  ASSERT_NE(get(good, use), "none");
  for (const BlockHandle& bad :
       {BlockHandle{good.position + 8, 1000}, BlockHandle{good.position + 64, 1000},
        BlockHandle{good.position, 999}, BlockHandle{good.position, kBytes + 1},
        BlockHandle{good.position, ~std::uint64_t{0}}, BlockHandle{~std::uint64_t{63}, 1000},
        BlockHandle{arena_.capacity() - 64, 1000}}) {
    EXPECT_EQ(get(bad, use), "none") << bad.position << " " << bad.length;
  }
  EXPECT_EQ(get(good, {5, 80}), "none") << "another record's";
  EXPECT_EQ(get(good, {6, 72}), "none") << "another ring's";
  EXPECT_FALSE(find_block({}, good, use)) << "no arena";
  block_at(0).magic ^= 1U;
  EXPECT_EQ(get(good, use), "none");
}

TEST_F(Blocks, DamageEndsGivingBack) {
  (void)put(100, {1, 8}).value();
  (void)put(100, {1, 16}).value();
  arena_.publish();
  for (const auto& damage : {std::uint64_t{1} << 40U, kBytes, std::uint64_t{200}}) {
    block_at(block_bytes_for(100)).length = damage;
    EXPECT_FALSE(give_back(kBytes, 100)) << damage;
    EXPECT_EQ(arena_.oldest(), block_bytes_for(100));
  }
  arena_.give_up();
  EXPECT_EQ(arena_.used(), 0U);
}

TEST_F(Blocks, DamagedHeadersAreRefused) {
  for (const auto change :
       {+[](ArenaHeader& h) { h.magic ^= 1U; }, +[](ArenaHeader& h) { h.capacity += 64; },
        +[](ArenaHeader& h) { h.tail = 8; }, +[](ArenaHeader& h) { h.oldest = 32; },
        +[](ArenaHeader& h) { h.tail = 1U << 20U; },
        +[](ArenaHeader& h) { h.oldest = 1U << 20U; }}) {
    Memory memory{arena_bytes_for(kBytes)};
    create_arena(memory.span());
    ASSERT_TRUE(BlockArena::open(memory.span()));
    change(*reinterpret_cast<ArenaHeader*>(memory.at(0)));
    EXPECT_EQ(BlockArena::open(memory.span()).error().code, Errc::corrupt);
  }
}

// ---- against a model -------------------------------------------------------------------------

/// What a block of the model is: a record of path 1 or 2 that has not been given back.
struct Live {
  BlockHandle handle;
  BlockUse use;
  char fill = 0;
};

// Random claims, publications, undone turns, deaths and progress of two readers: every block whose
// record is not passed stays as it was written, and an arena whose readers have passed all is
// empty.
TEST_F(Blocks, DoWhatAListWould) {
  std::mt19937 random{7};
  std::deque<Live> live;     // published
  std::deque<Live> claimed;  // not yet
  std::array<std::uint64_t, 3> end{}, published_end{}, passed{};
  const auto give_back_for = [&](std::uint64_t bytes) {
    ASSERT_TRUE(arena_.give_back(block_bytes_for(bytes), [&](const BlockHeader& block) {
      const bool is_over = block.record_end <= passed.at(block.path);
      if (is_over) {
        EXPECT_EQ(block.record_end, live.front().use.record_end);
        live.pop_front();
      }
      return is_over ? Fate::over : Fate::held;
    }));
  };
  const auto drop_claims = [&] {
    claimed.clear();
    end = published_end;
  };
  for (int step = 0; step < 200'000; ++step) {
    const auto dice = random() % 100;
    if (dice < 45) {
      const std::uint64_t bytes = random() % 8 == 0 ? random() % (kBytes + 1) : random() % 500;
      give_back_for(bytes);
      const std::uint32_t path = 1 + random() % 2;
      const BlockUse use{path, end.at(path) + 8};
      const char fill = static_cast<char>('a' + random() % 26);
      const auto handle = put(bytes, use, fill);
      if (!handle) {
        ASSERT_EQ(handle.error().code, Errc::backpressure);
        ASSERT_FALSE(live.empty() && claimed.empty()) << "an empty arena holds any payload";
        continue;
      }
      end.at(path) += 8;
      claimed.push_back({*handle, use, fill});
    } else if (dice < 65) {
      arena_.publish();
      live.insert(live.end(), claimed.begin(), claimed.end());
      claimed.clear();
      published_end = end;
    } else if (dice < 70) {
      arena_.rewind(arena_.published());
      drop_claims();
    } else if (dice < 73) {
      reopen();
      drop_claims();
    } else {
      const std::uint32_t path = 1 + random() % 2;
      const std::uint64_t unread = (published_end.at(path) - passed.at(path)) / 8;
      if (unread != 0) passed.at(path) += 8 * (1 + random() % unread);
    }
    if (step % 16 != 0) continue;
    for (const std::deque<Live>* blocks : {&live, &claimed}) {
      for (const Live& block : *blocks)
        ASSERT_EQ(get(block.handle, block.use), std::string(block.handle.length, block.fill));
    }
    ASSERT_LE(arena_.used(), arena_.capacity());
  }
}

// ---- with rings and a log --------------------------------------------------------------------

constexpr std::uint32_t kClient = 3;  // an endpoint

Dimensions with_blocks() {
  Dimensions d = small_dimensions();
  d.block_bytes = 4096;
  return d;
}

class BlockOwner : public SegmentTest {
 protected:
  BlockOwner() : SegmentTest(with_blocks()) {}

  struct Owner {
    explicit Owner(const Segment& segment)
        : log(EventLogWriter::open(segment.log(kClient), segment.endpoints()).value()),
          ring(RingProducer::open(segment.ring(kClient, 1, Priority::normal)).value()),
          other(RingProducer::open(segment.ring(kClient, 2, Priority::normal)).value()),
          blocks(segment, kClient) {
      blocks.open(log).value();
    }

    /// Claims a record that names a block of that many bytes.
    Result<> claim(std::size_t bytes) { return claim(bytes, ring, 1); }

    Result<> claim(std::size_t bytes, RingProducer& producer, std::uint32_t target) {
      const auto room = producer.claim(sizeof(MessageHeader) + sizeof(BlockHandle), 2 | kInBlock);
      if (!room) return fail(room.error());
      const std::vector<std::byte> payload(bytes);
      const auto handle = blocks.write(payload, {ring_path(target, 1), producer.claimed()});
      if (!handle) return fail(handle.error());
      compose(*room, {}, std::as_bytes(std::span{&*handle, 1}));
      return {};
    }

    EventLogWriter log;
    RingProducer ring;
    RingProducer other;
    BlockWriter blocks;
  };
};

TEST_F(BlockOwner, ABlockWhoseRecordWasNeverPublishedHoldsNobodyUp) {
  {
    Owner dies{segment_};
    dies.claim(2000).value();
    dies.blocks.publish();
  }
  Owner next{segment_};
  next.claim(1000, next.other, 2).value();
  next.blocks.publish();
  next.other.publish();
  EXPECT_TRUE(next.claim(1500)) << "though somebody has not read yet";
}

TEST_F(BlockOwner, ABlockIsKeptForItsReaderWhateverBecomesOfItsOwner) {
  {
    Owner dies{segment_};
    dies.claim(4096).value();
    dies.blocks.publish();
    dies.ring.publish();
  }
  Owner next{segment_};
  EXPECT_EQ(next.claim(64).error().code, Errc::backpressure);
  auto reader = RingConsumer::open(segment_.ring(kClient, 1, Priority::normal)).value();
  EXPECT_EQ(reader.poll([](const Record&) {}, 10), 1U);
  next.ring.discard();
  EXPECT_TRUE(next.claim(4096));
}

TEST_F(BlockOwner, DamageIsGivenUpOnceNoRecordCanNameAnything) {
  Owner owner{segment_};
  owner.claim(1000).value();
  owner.blocks.publish();
  owner.ring.publish();
  std::memset(segment_.blocks(kClient).data() + sizeof(ArenaHeader), 0xFF, sizeof(BlockHeader));
  EXPECT_EQ(owner.claim(4096).error().code, Errc::backpressure);
  auto reader = RingConsumer::open(segment_.ring(kClient, 1, Priority::normal)).value();
  EXPECT_EQ(reader.poll([](const Record&) {}, 10), 1U);
  owner.ring.discard();
  EXPECT_TRUE(owner.claim(4096));
}

TEST_F(BlockOwner, TheLogGivesWayBeforeItsBlockDoes) {
  Owner owner{segment_};
  const auto emit = [&](std::size_t bytes) -> Result<> {
    const auto room = owner.log.claim(sizeof(MessageHeader) + sizeof(BlockHandle), 1 | kInBlock);
    const std::vector<std::byte> payload(bytes);
    const auto handle = owner.blocks.write(payload, {kLogPath, owner.log.claimed()});
    if (!handle) return fail(handle.error());
    MessageHeader header{};
    header.id = owner.log.sequence() - 1;
    compose(*room, header, std::as_bytes(std::span{&*handle, 1}));
    owner.blocks.publish();
    owner.log.publish();
    return {};
  };
  auto past =
      EventLogObserver::open(segment_.log(kClient), segment_.endpoints(), segment_.blocks(kClient))
          .value();
  emit(3000).value();
  RecordHeader header{};
  std::vector<std::byte> body;
  ASSERT_EQ(past.next(header, body), true);
  EXPECT_EQ(header.kind, 1U);
  EXPECT_EQ(body.size(), sizeof(MessageHeader) + 3000);
  emit(3000).value();
  past.start_at_oldest();
  ASSERT_EQ(past.next(header, body), true) << "the second alone is left";
  EXPECT_EQ(past.next(header, body), false);

  auto reader = EventLogReader::open(segment_.log(kClient), segment_.endpoints(), 1).value();
  reader.join();
  emit(3000).value();
  EXPECT_EQ(emit(3000).error().code, Errc::backpressure) << "a reader holds it";
  reader.advance(owner.log.published(), 3);
  reader.release();
  owner.log.rewind(owner.log.published(), 3);
  EXPECT_TRUE(emit(3000));
}

}  // namespace
}  // namespace mabeam::shm
