// LostName: which process runs a segment that its name does not lead to, and which only seems to.
#include "shm/lost_name.hpp"

#include "shm/bell.hpp"
#include "shm/process.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

constexpr uid_t kSomebodyElse = 65534;

/// Binds the bell of a supervisor with the pid of this process. Closed with the process.
bool ring_as_supervisor(const std::string& runtime) {
  const int bell = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const BellAddress address = bell_address(runtime, self_process());
  return ::bind(bell, address.get(), address.length) == 0;
}

class LostNameSearch : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(away_); }

  [[nodiscard]] bool create() {
    segment_ = Segment::create(guard_.name(), small_dimensions());
    return segment_.has_value();
  }

  [[nodiscard]] std::optional<pid_t> find() const {
    return find_nameless_supervisor(guard_.name());
  }

  NameGuard guard_{unique_name()};
  std::string away_ = guard_.path() + ".away";
  Result<Segment> segment_ = fail(Errc::closed);
};

TEST_F(LostNameSearch, FindsWhoseSegmentTheNameDoesNotLeadTo) {
  ASSERT_TRUE(create());
  std::filesystem::rename(guard_.path(), away_);
  EXPECT_FALSE(find()) << "who has no bell is a client";
  ASSERT_TRUE(ring_as_supervisor(guard_.name()));
  EXPECT_EQ(find(), ::getpid()) << "renamed";
  std::filesystem::copy_file(away_, guard_.path());
  EXPECT_EQ(find(), ::getpid()) << "the name leads to a copy";
  std::filesystem::remove(away_);
  std::filesystem::remove(guard_.path());
  EXPECT_EQ(find(), ::getpid()) << "removed";
  segment_ = fail(Errc::closed);
  EXPECT_FALSE(find());
}

TEST_F(LostNameSearch, LeavesAloneWhoHasItsNameOrOnlyReads) {
  ASSERT_TRUE(create());
  ASSERT_TRUE(ring_as_supervisor(guard_.name()));
  EXPECT_FALSE(find());
  const int reads = ::open(guard_.path().c_str(), O_RDONLY | O_CLOEXEC);
  segment_ = fail(Errc::closed);
  std::filesystem::remove(guard_.path());
  EXPECT_FALSE(find());
  ::close(reads);
}

TEST_F(LostNameSearch, IsNotMisledByAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be two users";
  EXPECT_EQ(run_in_child([&] {
              if (::setresuid(kSomebodyElse, kSomebodyElse, 0) != 0) return false;
              if (!create() || !Segment::discard(guard_.name())) return false;
              if (!ring_as_supervisor(guard_.name())) return false;
              const bool finds_itself = find() == ::getpid();
              return ::setresuid(0, 0, 0) == 0 && finds_itself && !find();
            }),
            0);
}

// As in a container, whose supervisor may be its first process.
TEST_F(LostNameSearch, FindsTheFirstProcessOfANamespace) {
  const auto unshare = [] { return ::unshare(CLONE_NEWPID | CLONE_NEWNS) == 0; };
  if (run_in_child(unshare) != 0) GTEST_SKIP() << "namespaces are not allowed here";
  const auto finds_itself = [&] {
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    ::mount("proc", "/proc", "proc", 0, nullptr);
    return ::getpid() == 1 && create() && Segment::discard(guard_.name()) &&
           ring_as_supervisor(guard_.name()) && find() == 1;
  };
  EXPECT_EQ(run_in_child([&] { return unshare() && run_in_child(finds_itself) == 0; }), 0);
}

}  // namespace
}  // namespace mabeam::shm
