#include "supervisor/config.hpp"

#include "tests/supervisor/config_support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;

/// A file that lives as long as a test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) { std::ofstream{path_} << text; }

  ~TemporaryFile() { std::filesystem::remove(path_); }

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ =
      ::testing::TempDir() + "mabeam-config-test-" + std::to_string(::getpid()) + ".toml";
};

Messages load_errors(const std::string& path) {
  const auto config = load_config(path, sources_with({}));
  return config ? Messages{} : config.error().messages;
}

TEST(Config, HoldsTheDesignsDefaults) {
  const auto config = good("");
  EXPECT_EQ(config.runtime.name, "default");
  EXPECT_FALSE(config.runtime.workers);
  EXPECT_FALSE(config.runtime.shards);
  EXPECT_EQ(config.runtime.clients, 8U);
  EXPECT_EQ(config.runtime.max_agents, 16384U);
  EXPECT_EQ(config.runtime.max_state_bytes, 256U);
  EXPECT_EQ(config.runtime.on_stop, OnStop::remove);
  EXPECT_EQ(config.runtime.orphan_grace, 10s);
  EXPECT_EQ(config.runtime.idle, IdleStrategy::backoff);
  EXPECT_FALSE(config.channels.high_bytes);
  EXPECT_EQ(config.events.log_bytes, 262144U);
  EXPECT_EQ(config.worker.turn_time, 50us);
  EXPECT_EQ(config.restart.backoff_min, 50ms);
  EXPECT_EQ(config.limits.worker_memory_soft, SizeOrPercent{.percent = 85});
  EXPECT_EQ(config.serve.listen, "127.0.0.1:9464");
}

TEST(Config, StoresWhatTheFileSays) {
  const auto config = good(R"(
    [runtime]
    workers = 4
    idle = "block"
    [channels]
    high_bytes = "64KiB"
    low_bytes = 8192
    block_bytes = "256MiB"
    [worker]
    modules = ["a.so", "b.so"]
    cpus = "0-1,4"
    nice = -5
    stall_timeout = "250ms"
    [rates.agent_creation]
    rate = 100
    burst = 20
    [limits]
    worker_memory_soft = "50%"
    worker_memory = "1GiB"
  )");
  EXPECT_EQ(config.runtime.workers, 4U);
  EXPECT_EQ(config.runtime.idle, IdleStrategy::block);
  EXPECT_EQ(config.channels.high_bytes, 65536U);
  EXPECT_EQ(config.channels.low_bytes, 8192U);
  EXPECT_EQ(config.channels.block_bytes, 256U << 20U);
  EXPECT_EQ(config.worker.modules, (std::vector<std::string>{"a.so", "b.so"}));
  EXPECT_EQ(config.worker.cpus, (std::vector<std::uint32_t>{0, 1, 4}));
  EXPECT_EQ(config.worker.nice, -5);
  EXPECT_EQ(config.worker.stall_timeout, 250ms);
  EXPECT_EQ(config.rates.agent_creation, (Rate{.rate = 100, .burst = 20}));
  EXPECT_EQ(config.worker_memory_soft_bytes(), 512ULL << 20U);
}

TEST(Config, CountsWorkersAndShardsFromCores) {
  const auto counts = [](std::uint32_t cores, std::string_view text = "") {
    const auto config = good(text, {.environment = [](auto) { return nullptr; }, .cores = cores});
    return std::pair{config.worker_count(), config.shard_count()};
  };
  EXPECT_EQ(counts(1), std::pair(1U, 4U));
  EXPECT_EQ(counts(3), std::pair(3U, 6U));
  EXPECT_EQ(counts(1000), std::pair(128U, 192U));
  EXPECT_EQ(counts(2, "runtime.workers = 5"), std::pair(5U, 10U));
  EXPECT_EQ(counts(2, "runtime.shards = 1"), std::pair(2U, 1U));
}

TEST(Config, CountsTheCoresThatItMayUse) {
  cpu_set_t set;
  ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  const auto config = good("", {.environment = [](auto) { return nullptr; }});
  EXPECT_EQ(config.cores, static_cast<std::uint32_t>(CPU_COUNT(&set)));
}

TEST(ConfigPrecedence, FlagThenEnvironmentThenFileThenDefault) {
  const auto name = [](std::string_view text, Environment environment,
                       std::vector<Override> overrides = {}) {
    return good(text, sources_with(std::move(environment), std::move(overrides))).runtime.name;
  };
  const std::vector<Override> flag{{"--name", "runtime.name", "flag"}};
  const Environment variable{{"MABEAM_RUNTIME_NAME", "variable"}};
  EXPECT_EQ(name("", {}), "default");
  EXPECT_EQ(name("runtime.name = 'file'", {}), "file");
  EXPECT_EQ(name("runtime.name = 'file'", variable), "variable");
  EXPECT_EQ(name("runtime.name = 'file'", variable, flag), "flag");
  EXPECT_EQ(name("", {}, flag), "flag");
}

TEST(ConfigPrecedence, TheToolsVariableIsNotTheSupervisors) {
  EXPECT_EQ(good("", sources_with({{"MABEAM_NAME", "tools"}})).runtime.name, "default");
}

TEST(ConfigPrecedence, AMistakeInTheFileIsToldEvenWhenItIsOverridden) {
  EXPECT_EQ(errors("runtime.workers = 0", sources_with({{"MABEAM_RUNTIME_WORKERS", "4"}})),
            Messages{"mabeam.toml:1:19: runtime.workers = 0: allowed is 1 to 128"});
}

TEST(ConfigEnvironment, TakesBareText) {
  const auto config = good("", sources_with({{"MABEAM_RUNTIME_GROUP_READ", "true"},
                                             {"MABEAM_WORKER_NICE", "-3"},
                                             {"MABEAM_WORKER_MODULES", "/opt/a b.so"},
                                             {"MABEAM_WORKER_CPUS", "0-1"},
                                             {"MABEAM_RATES_EVENT_EMISSION", "{rate = 5}"},
                                             {"MABEAM_EVENTS_LOG_BYTES", "1MiB"}}));
  EXPECT_TRUE(config.runtime.group_read);
  EXPECT_EQ(config.worker.nice, -3);
  EXPECT_EQ(config.worker.modules, std::vector<std::string>{"/opt/a b.so"});
  EXPECT_EQ(config.worker.cpus, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(config.rates.event_emission, (Rate{.rate = 5}));
  EXPECT_EQ(config.events.log_bytes, 1048576U);
}

TEST(ConfigEnvironment, TakesAnArrayOfModules) {
  const auto modules = [](std::string text) {
    return good("", sources_with({{"MABEAM_WORKER_MODULES", std::move(text)}})).worker.modules;
  };
  EXPECT_EQ(modules(R"(["a.so", "b.so"])"), (std::vector<std::string>{"a.so", "b.so"}));
  EXPECT_TRUE(modules("").empty());
}

TEST(ConfigEnvironment, IsThisProcesssOwnUnlessGiven) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread
  ASSERT_EQ(::setenv("MABEAM_RUNTIME_CLIENTS", "17", 1), 0);
  const auto config = good("", {});
  // NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread
  ASSERT_EQ(::unsetenv("MABEAM_RUNTIME_CLIENTS"), 0);
  EXPECT_EQ(config.runtime.clients, 17U);
}

TEST(ConfigFile, IsRead) {
  const TemporaryFile file{"runtime.name = \"from-file\"\n"};
  const auto config = load_config(file.path(), sources_with({}));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->runtime.name, "from-file");
}

TEST(ConfigFile, MayBeNoneOrEmpty) {
  EXPECT_TRUE(load_config("", sources_with({})));
  EXPECT_TRUE(load_config("/dev/null", sources_with({})));
}

TEST(ConfigFile, ThatIsMissingIsToldWithAllElse) {
  const auto config = load_config("/nowhere/m.toml", sources_with({{"MABEAM_LOG_LEVEL", "loud"}}));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().messages,
            (Messages{"/nowhere/m.toml: cannot be read: No such file or directory",
                      "MABEAM_LOG_LEVEL: log.level = \"loud\": allowed is \"trace\", \"debug\", "
                      "\"info\", \"warn\" or \"error\""}));
}

TEST(ConfigFile, ThatIsUnreadableIsRefused) {
  const TemporaryFile file{""};
  ASSERT_EQ(::chmod(file.path().c_str(), 0), 0);
  constexpr uid_t kNobody = 65534;
  const bool is_root = ::geteuid() == 0;  // and would read every file
  ASSERT_TRUE(!is_root || ::seteuid(kNobody) == 0);
  const auto messages = load_errors(file.path());
  ASSERT_TRUE(!is_root || ::seteuid(0) == 0);
  EXPECT_EQ(messages, Messages{file.path() + ": cannot be read: Permission denied"});
}

TEST(ConfigFile, ThatIsNoFileIsRefusedWithoutWaiting) {
  EXPECT_EQ(load_errors("/tmp"), Messages{"/tmp: cannot be read: not a regular file"});
  const TemporaryFile file{""};
  const auto pipe = file.path() + ".pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(load_errors(pipe), Messages{pipe + ": cannot be read: not a regular file"});
  std::filesystem::remove(pipe);
}

TEST(ConfigFile, MayHaveOneMebibyteAndNoMore) {
  const TemporaryFile largest{"#" + std::string(kConfigBytesMax - 1, 'x')};
  EXPECT_EQ(load_errors(largest.path()), Messages{});
  const TemporaryFile larger{"#" + std::string(kConfigBytesMax, 'x')};
  EXPECT_EQ(load_errors(larger.path()),
            Messages{larger.path() + ": is too large: allowed is at most 1MiB"});
}

}  // namespace
}  // namespace mabeam::supervisor
