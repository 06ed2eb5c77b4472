// Segment: its name, its lock and every named refusal of create, attach, take_over and discard.
#include "shm/segment.hpp"

#include "shm/blocks.hpp"
#include "shm/event_log.hpp"
#include "shm/process.hpp"
#include "shm/spsc_ring.hpp"
#include "tests/shm/shm_support.hpp"
#include "tests/support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace mabeam::shm {
namespace {

Errc code_of(const Result<Segment>& segment) {
  return segment ? Errc{} : segment.error().code;
}

class SegmentNames : public ::testing::Test {
 protected:
  [[nodiscard]] Result<Segment> create() const {
    return Segment::create(guard_.name(), small_dimensions());
  }

  [[nodiscard]] Errc attach(Access access = Access::read_write) const {
    return code_of(Segment::attach(guard_.name(), access));
  }

  [[nodiscard]] bool exists() const { return ::access(guard_.path().c_str(), F_OK) == 0; }

  NameGuard guard_{unique_name()};
};

TEST_F(SegmentNames, NamesAreChecked) {
  for (const char* name : {"a", "default", "a-b_c", "0", "abcdefghijklmnopqrstuvwxyz012345"}) {
    EXPECT_TRUE(is_runtime_name(name)) << name;
  }
  for (const char* name : {"", "-a", "_a", "A", "a.b", "a/b", "../x", "a b", "\u00e9",
                           "abcdefghijklmnopqrstuvwxyz0123456"}) {
    EXPECT_FALSE(is_runtime_name(name)) << name;
    EXPECT_EQ(code_of(Segment::create(name, small_dimensions())), Errc::invalid_argument);
    EXPECT_EQ(code_of(Segment::attach(name, Access::read_only)), Errc::invalid_argument);
    EXPECT_EQ(Segment::discard(name).error().code, Errc::invalid_argument);
  }
}

TEST_F(SegmentNames, WhatIsCreatedCanBeAttached) {
  const auto created = create();
  ASSERT_TRUE(created);
  EXPECT_EQ(created->name(), guard_.name());
  EXPECT_EQ(created->state(), RuntimeState::building);
  const auto attached = Segment::attach(guard_.name(), Access::read_write);
  ASSERT_TRUE(attached);
  EXPECT_EQ(attached->name(), guard_.name());
  EXPECT_EQ(attached->dimensions(), small_dimensions());
  created->header().subscription_epoch.store(77);
  EXPECT_EQ(attached->header().subscription_epoch.load(), 77U);
  EXPECT_TRUE(Segment::attach(guard_.name(), Access::read_only));
}

TEST_F(SegmentNames, NothingIsThereIsNotFound) {
  EXPECT_EQ(attach(), Errc::not_found);
  EXPECT_EQ(code_of(Segment::take_over(guard_.name())), Errc::not_found);
  EXPECT_EQ(Segment::discard(guard_.name()).error().code, Errc::not_found);
}

TEST_F(SegmentNames, ATakenNameIsRefused) {
  const auto first = create();
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(create()), Errc::name_taken);
  EXPECT_TRUE(exists());
}

TEST_F(SegmentNames, AHeldLockIsInUse) {
  const auto first = create();
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(Segment::take_over(guard_.name())), Errc::in_use);
}

TEST_F(SegmentNames, AFreeLockIsTakenOver) {
  { ASSERT_TRUE(create()); }  // its supervisor has ended, the name stays
  const auto second = Segment::take_over(guard_.name());
  ASSERT_TRUE(second);
  EXPECT_EQ(code_of(Segment::take_over(guard_.name())), Errc::in_use);
}

// The copy of a segment whose name was taken away and given to it: its lock is free, its workers
// are another's.
TEST_F(SegmentNames, ALivingSupervisorsSegmentIsInUse) {
  const auto say_supervisor = [&](ProcessId process) {
    Segment::attach(guard_.name(), Access::read_write)->header().supervisor.store(process.value);
  };
  { ASSERT_TRUE(create()); }
  const ProcessId parent = process_of(::getppid()).value();
  say_supervisor(parent);
  EXPECT_EQ(code_of(Segment::take_over(guard_.name())), Errc::in_use);
  say_supervisor(self_process());
  EXPECT_TRUE(Segment::take_over(guard_.name())) << "we are what a program before us was";
  say_supervisor(ProcessId::of(parent.pid(), 1));
  EXPECT_TRUE(Segment::take_over(guard_.name())) << "its number is another's now";
  say_supervisor(ProcessId::of(0, 1));
  EXPECT_TRUE(Segment::take_over(guard_.name())) << "that is no process";
}

TEST_F(SegmentNames, AnInheritedLockIsHeldOnAndOn) {
  auto first = create();
  ASSERT_TRUE(first);
  const int kept = ::fcntl(first->lock_descriptor(), F_DUPFD, 100);
  first = fail(Errc::closed);  // the program that has opened it is gone
  auto second = Segment::inherit(guard_.name(), kept);
  ASSERT_TRUE(second);
  EXPECT_EQ(::fcntl(kept, F_GETFD), -1) << "only one descriptor holds it, which no child gets";
  EXPECT_EQ(::fcntl(second->lock_descriptor(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(code_of(Segment::take_over(guard_.name())), Errc::in_use);
  const int without_lock = ::open(guard_.path().c_str(), O_RDWR);
  EXPECT_EQ(code_of(Segment::inherit(guard_.name(), without_lock)), Errc::in_use);
  EXPECT_EQ(code_of(Segment::inherit(guard_.name(), ::open("/dev/null", O_RDWR))),
            Errc::bad_permissions);
  EXPECT_EQ(code_of(Segment::inherit("another", second->open_again().value())), Errc::not_found);
}

TEST_F(SegmentNames, WhoIsGivenADescriptorNeedsNoName) {
  const auto created = create();
  ASSERT_TRUE(created);
  EXPECT_TRUE(created->is_named());
  ASSERT_TRUE(Segment::discard(guard_.name()));
  EXPECT_FALSE(created->is_named());
  const int given = created->open_again().value();
  const auto attached = Segment::attach_to(guard_.name(), given);
  ASSERT_TRUE(attached);
  EXPECT_EQ(::fcntl(given, F_GETFD), -1) << "it is closed";
  EXPECT_EQ(::fcntl(attached->lock_descriptor(), F_GETFD), FD_CLOEXEC);
  created->header().subscription_epoch.store(77);
  EXPECT_EQ(attached->header().subscription_epoch.load(), 77U);
  ASSERT_TRUE(create()) << "of the same name";
  EXPECT_FALSE(created->is_named());
  const int kept = ::fcntl(created->lock_descriptor(), F_DUPFD, 100);
  EXPECT_TRUE(Segment::inherit(guard_.name(), kept)) << "its next program needs none either";
}

// Else nobody could take over while a worker lives.
TEST_F(SegmentNames, AnotherDescriptorHoldsNoLock) {
  auto created = create();
  ASSERT_TRUE(created);
  const int given = created->open_again().value();
  created = fail(Errc::closed);
  EXPECT_TRUE(Segment::take_over(guard_.name()));
  ::close(given);
}

TEST_F(SegmentNames, TheLockIsFreedByItsHoldersDeath) {
  EXPECT_EQ(run_in_child([&] {
              const auto held = create();
              if (held) ::raise(SIGKILL);
              return false;
            }),
            SIGKILL);
  EXPECT_TRUE(Segment::take_over(guard_.name()));
}

TEST_F(SegmentNames, AHalfBuiltSegmentIsNotSeenAndIsRemoved) {
  const int fd = ::open((guard_.path() + ".new").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  ::close(fd);
  EXPECT_EQ(attach(), Errc::not_found);
  EXPECT_TRUE(create());
  EXPECT_NE(::access((guard_.path() + ".new").c_str(), F_OK), 0);
}

TEST_F(SegmentNames, ASegmentThatIsBeingBuiltIsInUse) {
  const int fd = ::open((guard_.path() + ".new").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);

  struct flock lock {};

  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  ASSERT_EQ(::fcntl(fd, F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(code_of(create()), Errc::in_use);
  ::close(fd);
}

TEST_F(SegmentNames, DiscardRemovesWhateverIsThere) {
  const auto first = create();
  ASSERT_TRUE(first);
  EXPECT_TRUE(Segment::discard(guard_.name()));
  EXPECT_FALSE(exists());
  EXPECT_TRUE(create());
}

TEST_F(SegmentNames, RemoveEndsItForEverybody) {
  auto first = create();
  ASSERT_TRUE(first);
  const auto attached = Segment::attach(guard_.name(), Access::read_write);
  first->remove();
  EXPECT_FALSE(exists());
  EXPECT_EQ(attached->state(), RuntimeState::removed);
}

TEST_F(SegmentNames, RemoveLeavesAnotherSegmentOfTheNameAlone) {
  auto first = create();
  ASSERT_TRUE(first && Segment::discard(guard_.name()));
  const auto second = create();
  ASSERT_TRUE(second);
  first->remove();
  EXPECT_TRUE(exists());
  EXPECT_EQ(second->state(), RuntimeState::building);
}

TEST_F(SegmentNames, ARemovedSegmentIsNotRunning) {
  const auto first = create();
  ASSERT_TRUE(first);
  first->header().state.store(static_cast<std::uint32_t>(RuntimeState::removed));
  EXPECT_EQ(attach(), Errc::not_running);
}

// Whoever opened it to read would wait for somebody who writes.
TEST_F(SegmentNames, APipeOfTheNameHoldsNobodyUp) {
  ASSERT_EQ(::mkfifo(guard_.path().c_str(), 0600), 0);
  EXPECT_EQ(run_in_child([&] {
              ::alarm(10);
              return attach(Access::read_only) == Errc::corrupt && attach() == Errc::corrupt;
            }),
            0);
}

TEST_F(SegmentNames, TheModeIsTight) {
  const auto segment = create();
  ASSERT_TRUE(segment);

  struct stat status {};

  ASSERT_EQ(::stat(guard_.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  for (const mode_t loose : {0644U, 0660U, 0666U, 0601U, 0700U}) {
    ASSERT_EQ(::chmod(guard_.path().c_str(), loose), 0);
    EXPECT_EQ(attach(Access::read_only), Errc::bad_permissions) << std::oct << loose;
    EXPECT_EQ(attach(Access::read_write), Errc::bad_permissions) << std::oct << loose;
  }
}

TEST_F(SegmentNames, GroupReadIsForReaders) {
  const auto segment = Segment::create(guard_.name(), small_dimensions(), {.group_read = true});
  ASSERT_TRUE(segment);

  struct stat status {};

  ASSERT_EQ(::stat(guard_.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chown(guard_.path().c_str(), 12345, 0), 0);
  EXPECT_EQ(attach(Access::read_only), Errc{});
  EXPECT_EQ(attach(Access::read_write), Errc::bad_permissions);
}

TEST_F(SegmentNames, AnotherOwnersSegmentIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const auto segment = create();
  ASSERT_TRUE(segment);
  ASSERT_EQ(::chown(guard_.path().c_str(), 12345, 12345), 0);
  EXPECT_EQ(attach(Access::read_only), Errc::bad_permissions);
  EXPECT_EQ(attach(Access::read_write), Errc::bad_permissions);
}

TEST_F(SegmentNames, NoRoomIsNamedAndLeavesNothing) {
  const int status = run_in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1U << 20U, 1U << 20U};  // a file of at most 1 MiB, as a full /dev/shm
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    const auto refused = create();
    return !refused && refused.error().code == Errc::no_room && refused.error().os != 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(exists());
  EXPECT_NE(::access((guard_.path() + ".new").c_str(), F_OK), 0);
}

TEST_F(SegmentNames, MoreThanTheMachineHasIsNoRoom) {
  DimensionRequest request;
  request.shards = 192;
  request.max_agents = kMaxAgents;
  request.max_state_bytes = kMaxStateBytes;
  EXPECT_EQ(code_of(Segment::create(guard_.name(), choose_dimensions(request, 1).value())),
            Errc::no_room);
  EXPECT_NE(::access((guard_.path() + ".new").c_str(), F_OK), 0);
}

TEST_F(SegmentNames, AForkedChildHasNoMapping) {
  if (mabeam::tests::kThreadSanitizer)
    GTEST_SKIP() << "the sanitizer catches the expected SIGSEGV first";
  const auto segment = create();
  ASSERT_TRUE(segment);
  const int status = run_in_child([&] {
    ::signal(SIGSEGV, SIG_DFL);
    segment->header().subscription_epoch.store(1);
    return true;
  });
  EXPECT_EQ(status & 0x7F, SIGSEGV);
}

// ---- where things are ------------------------------------------------------------------------

class SegmentPlaces : public SegmentTest {};

TEST_F(SegmentPlaces, RingsExistBetweenShardsAndWithClientsOnly) {
  std::set<const std::byte*> rings;
  for (std::uint32_t source = 0; source < segment_.endpoints(); ++source) {
    for (std::uint32_t target = 0; target < segment_.endpoints(); ++target) {
      const bool may_talk =
          source != 0 && target != 0 && (segment_.is_shard(source) || segment_.is_shard(target));
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        const auto ring = segment_.ring(source, target, priority);
        EXPECT_EQ(!ring.empty(), may_talk);
        if (!may_talk) continue;
        EXPECT_TRUE(RingProducer::open(ring));
        EXPECT_TRUE(rings.insert(ring.data()).second);
      }
    }
  }
  const Dimensions& d = segment_.dimensions();
  EXPECT_EQ(rings.size(), 3U * (d.shards * d.shards + 2 * d.shards * d.clients));
}

TEST_F(SegmentPlaces, EveryRegionIsUsedToItsEndAndNoFurther) {
  const auto end = [&](Region region) {
    const RegionSpan& span = segment_.layout()[region];
    return segment_.bytes().data() + span.offset + span.bytes;
  };
  const Dimensions& d = segment_.dimensions();
  const std::uint32_t last = segment_.endpoints() - 1;
  const auto last_ring = segment_.ring(d.shards, last, Priority::low);
  EXPECT_LE(last_ring.data() + last_ring.size(), end(Region::channels));
  const auto last_log = segment_.log(last);
  EXPECT_LE(last_log.data() + last_log.size(), end(Region::logs));
  const auto dead = segment_.dead_letters(d.shards - 1);
  EXPECT_LE(dead.data() + dead.size(), end(Region::dead_letters));
  const auto parking = segment_.parking(d.shards - 1);
  EXPECT_LE(parking.data() + parking.size(), end(Region::parking));
  EXPECT_TRUE(RingProducer::open(parking));
  const auto blocks = segment_.blocks(last);
  EXPECT_LE(blocks.data() + blocks.size(), end(Region::blocks));
  EXPECT_TRUE(BlockArena::open(blocks));
  EXPECT_TRUE(segment_.blocks(0).empty());
  const SubscriptionTable table = segment_.subscriptions(last);
  EXPECT_LE(reinterpret_cast<std::byte*>(table.data() + table.size()), end(Region::subscriptions));
  EXPECT_TRUE(segment_.subscriptions(0).empty());
  const TimerTable timers = segment_.timers(d.shards - 1);
  EXPECT_LE(reinterpret_cast<std::byte*>(timers.data() + timers.size()), end(Region::timers));
  const AgentTable agents = segment_.agents(d.shards - 1);
  EXPECT_LE(reinterpret_cast<std::byte*>(&agents.profile(agents.size() - 1) + 1),
            end(Region::agents));
  EXPECT_LE(agents.half(agents.size() - 1, 1) + half_stride(d.max_state_bytes),
            end(Region::states));
}

TEST_F(SegmentPlaces, EveryEndpointIsOneThing) {
  EXPECT_FALSE(segment_.is_shard(0) || segment_.is_client(0));
  EXPECT_TRUE(segment_.is_shard(1) && segment_.is_shard(2));
  EXPECT_TRUE(segment_.is_client(3) && segment_.is_client(5));
  EXPECT_FALSE(segment_.is_client(6) || segment_.is_shard(6));
  EXPECT_EQ(segment_.first_client(), 3U);
}

TEST_F(SegmentPlaces, BellsAreTheOwners) {
  EXPECT_EQ(segment_.doorbell_of(0), nullptr);
  EXPECT_EQ(segment_.doorbell_of(1), nullptr);
  EXPECT_EQ(segment_.doorbell_of(3), &segment_.endpoint(3).doorbell);
  segment_.endpoint(1).owner.store(Incarnation::of(0, 1).value);
  EXPECT_EQ(segment_.doorbell_of(1), &segment_.worker(0).doorbell);
  segment_.endpoint(1).owner.store(~std::uint64_t{0});  // damage
  EXPECT_EQ(segment_.doorbell_of(1), nullptr);
}

TEST_F(SegmentPlaces, AnnounceSetsTheReadyBitOfTheSource) {
  segment_.announce(4, 1);
  EXPECT_EQ(segment_.endpoint(1).ready[0].load(), 1U << 4U);
}

TEST_F(SegmentPlaces, AgentsAreCountedOverAllShardsAndCreators) {
  segment_.turn(0).record[0].agents_live = 5;
  segment_.turn(1).record[1].agents_live = 7;
  segment_.turn(1).record_version.store(1);
  segment_.endpoint(3).reserved_agents.store(2);
  segment_.endpoint(5).reserved_agents.store(3);
  EXPECT_EQ(segment_.live_agents(), 12U);
  EXPECT_EQ(segment_.reserved_agents(), 5U);
}

}  // namespace
}  // namespace mabeam::shm
