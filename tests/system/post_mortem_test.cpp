// What is known of a runtime after everybody has died, from its segment alone.
#include "shm/flight_recorder.hpp"
#include "shm/segment.hpp"
#include "tests/support/runtime_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <string>
#include <vector>

namespace mabeam::tests {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class PostMortemTest : public RuntimeFixture {
 protected:
  void start_runtime() {
    configure(
        "[runtime]\nworkers = 2\nfault_agents = true\n[restart]\nbackoff_min = \"1ms\"\n"
        "[worker]\nshutdown_timeout = \"100ms\"\n");
    start_ready();
    ASSERT_EQ(mabeam({"create", "--type", "fault", "--name", "bomb"}).exit, 0);
  }

  /// The supervisor first, so that nobody tells of the rest.
  void kill_everybody() {
    supervisor().kill();
    const auto workers = processes();
    for (const pid_t pid : workers)
      ::kill(pid, SIGKILL);
    EXPECT_TRUE(wait_until(kPatience, [&] { return processes().empty(); }));
  }

  /// The messages of the recorder that `mabeam log WORDS` tells.
  [[nodiscard]] std::vector<std::string> messages(std::vector<std::string> words) const {
    words.insert(words.begin(), {"log", "--json"});
    const Json log = mabeam(words).json();
    std::vector<std::string> found;
    for (const Json& fact : log.at("facts"))
      found.push_back(fact.at("message"));
    return found;
  }
};

TEST_F(PostMortemTest, CopyOfTheSegmentTellsWhatHappened) {
  start_runtime();
  ASSERT_EQ(mabeam({"call", "bomb", "crash", "--timeout", "20s"}).exit, 1);  // poison in the end
  ASSERT_EQ(mabeam({"send", "bomb", "hang"}).exit, 0);
  ASSERT_TRUE(wait_until(kPatience, [&] {
    return !mabeam({"dump", "--json"}).json()["turns"].empty();
  }));
  ASSERT_EQ(mabeam({"send", "bomb", "never"}).exit, 0);
  kill_everybody();
  const std::string copy = folder() / "copy";
  std::filesystem::copy_file(segment_path(), copy);

  Json dump = mabeam({"dump", "--file", copy, "--json"}).json();
  EXPECT_EQ(dump["is_copy"], true);
  EXPECT_EQ(dump["supervisor"]["is_alive"], nullptr);
  EXPECT_NE(dump["supervisor"]["last_pid"], nullptr);
  ASSERT_EQ(dump["turns"].size(), 1U) << dump.dump(1);
  EXPECT_EQ(dump["turns"][0]["handling"], "hang");
  EXPECT_EQ(dump["turns"][0]["agent_name"], "bomb");
  EXPECT_EQ(dump["turns"][0]["agent_type"], "fault");
  bool is_waiting = false;
  for (const Json& ring : dump["waiting"]) {
    for (const Json& message : ring["first"])
      is_waiting = is_waiting || message["name"] == "never";
  }
  EXPECT_TRUE(is_waiting) << dump["waiting"].dump(1);
  EXPECT_EQ(dump["deadletters"]["deadletters"][0]["reason"], "poison");
  EXPECT_TRUE(dump["unreadable"].empty()) << dump["unreadable"].dump();

  const std::string story = mabeam({"dump", "--file", copy}).out;
  EXPECT_THAT(story, HasSubstr("signal 'hang' in agent"));
  EXPECT_THAT(story, HasSubstr("worker died"));
  EXPECT_THAT(story, HasSubstr("a dead letter: poison"));
  EXPECT_THAT(mabeam({"verify", "--file", copy}).out, HasSubstr("no damage"));

  const Ran call = mabeam({"call", "bomb", "get", "--timeout", "50ms"});
  EXPECT_EQ(call.exit, 124);
  EXPECT_THAT(call.err, HasSubstr("the runtime has no supervisor at work"));

  // The next start of that name goes on with what there is.
  const std::size_t before = messages({}).size();
  start_ready();
  const std::vector<std::string> after = messages({});
  ASSERT_GT(after.size(), before);
  EXPECT_EQ(after[0], "segment created");
  EXPECT_EQ(after[before], "segment taken over");
}

TEST_F(PostMortemTest, WorkerThatASignalKillsLeavesItsBacktrace) {
  if (kSanitizer) GTEST_SKIP() << "the sanitizer has handlers of its own";
  start_runtime();
  (void)mabeam({"call", "bomb", "crash", "--timeout", "20s"});
  ASSERT_TRUE(wait_workers_ready());
  Json backtraces = mabeam({"dump", "--json"}).json()["backtraces"];
  ASSERT_EQ(backtraces.size(), 3U);
  Json& first = backtraces[0];
  EXPECT_EQ(first["signal_name"], "SIGSEGV");
  EXPECT_EQ(first["handling"], "crash");
  EXPECT_EQ(first["is_whole"], true);
  std::string functions;
  for (const Json& frame : first["frames"])
    functions += frame["function"].get<std::string>() + "\n";
  EXPECT_THAT(functions, HasSubstr("Fault::on_action"));
  EXPECT_THAT(functions, HasSubstr("main"));
  EXPECT_THAT(supervisor().err(), HasSubstr(R"("cause":"signal SIGSEGV")"));
  EXPECT_THAT(supervisor().err(), HasSubstr(R"("at":"libmabeam.so)"));
}

TEST_F(PostMortemTest, LogTellsOfOneWorkerOrWhatIsWorse) {
  start_runtime();
  const pid_t worker = ready_worker(1);
  ::kill(worker, SIGKILL);
  ASSERT_TRUE(wait_workers_ready({worker}));
  for (const std::string& message : messages({"--worker", "1"}))
    EXPECT_THAT(message, HasSubstr("worker"));
  EXPECT_THAT(messages({"--worker", "1", "--level", "warn"}),
              ::testing::ElementsAre("worker died"));
  EXPECT_THAT(messages({"--worker", "0", "--level", "warn"}), ::testing::IsEmpty());
  EXPECT_THAT(messages({"--since", "1h"}), ::testing::Contains("worker starts"));
  refuses({"log", "--level", "loud"}, 64, "--level takes");
  refuses({"log", "--follow", "--file", "x"}, 64, "do not go together");
}

TEST_F(PostMortemTest, FollowedLogEndsWithTheRuntimeAndTellsAllOfIt) {
  start_runtime();
  Program follow(program("mabeam"), {"--name", name(), "log", "--follow"}, folder());
  ASSERT_TRUE(wait_until(
      kPatience, [&] { return follow.out().find("segment created") != std::string::npos; }));
  const auto segment = shm::Segment::attach(name(), shm::Access::read_write);
  ASSERT_TRUE(segment);
  (void)shm::FactSlots{segment->recorder()}.begin();  // by one that never writes it
  shm::FlightRecorder{segment->recorder()}.write(FactLevel::info, "written behind it", {});
  supervisor().signal(SIGINT);
  EXPECT_EQ(follow.wait(), 0) << follow.err();
  const std::string out = follow.out();
  EXPECT_THAT(out, HasSubstr("written behind it"));
  EXPECT_EQ(out.find("segment created"), out.rfind("segment created")) << "told twice";
}

}  // namespace
}  // namespace mabeam::tests
