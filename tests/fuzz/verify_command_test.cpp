// Bytes of a live runtime's copy flipped, and the built commands look at it: each works or reports
// damage (65), and none crashes.
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/stress.hpp"

#include "mabeam/client.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

constexpr int kFlips = 80;
constexpr int kDamaged = 65;

class VerifyCommandTest : public RuntimeFixture {
 protected:
  /// A runtime with agents, subscriptions, messages and events; then a copy of it as it runs.
  void copy_live_segment() {
    configure("[runtime]\nworkers = 2\nshards = 2\nclients = 4\nmax_agents = 256\n");
    start_ready();
    Client client = Client::attach(name()).value();
    const std::array<std::string_view, 1> patterns{"pkg.>"};
    const auto agents = client.create("counter", 20, {.subscribe = patterns}).value();
    ASSERT_TRUE(client.create("demo", 1, {.name = "orders"}));
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(client.emit("pkg.section", i, std::chrono::seconds{5}));
      ASSERT_TRUE(client.call(agents[0], "increment", 1, std::chrono::seconds{5}));
    }
    std::filesystem::copy_file(segment_path(), copy_);
  }

  void flip(std::uint64_t offset, char by) const {
    std::fstream file{copy_, std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ by));
  }

  int look(const std::string& command) {
    Program tool{program("mabeam"), {command, "--file", copy_.string(), "--json"}, folder()};
    const int status = tool.wait().value_or(-1);
    const int plain = command == "health" ? 1 : 0;  // a copy has no supervisor, so it is not well
    EXPECT_TRUE(status == plain || status == kDamaged) << command << ": " << status << tool.err();
    return status;
  }

  const std::filesystem::path copy_ = folder() / "copy";
};

TEST_F(VerifyCommandTest, EveryCommandWorksOrReportsDamage) {
  copy_live_segment();
  EXPECT_EQ(look("verify"), 0);
  std::mt19937_64 random{stress_seed()};
  const std::uint64_t bytes = std::filesystem::file_size(copy_);
  const std::array<std::string, 4> views{"ps", "agents", "stats", "health"};
  const StressTime time;
  int flips = 0;
  int reported = 0;
  for (; flips < kFlips || !time.is_over(); ++flips) {
    // Half of the flips go where words are dense: the header and the tables behind it.
    const std::uint64_t offset = random() % (flips % 2 == 0 ? bytes : bytes / 64);
    const auto by = static_cast<char>(1 + random() % 255);
    flip(offset, by);
    reported += look("verify") == kDamaged ? 1 : 0;
    look(views.at(static_cast<std::size_t>(flips) % views.size()));
    flip(offset, by);
  }
  std::printf("built command: %d flips (seed %llu), %d reported by verify --file\n", flips,
              static_cast<unsigned long long>(stress_seed()), reported);
  EXPECT_GT(reported, 0);
}

}  // namespace
}  // namespace mabeam::tests
