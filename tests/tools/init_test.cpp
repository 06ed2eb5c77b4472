// `mabeam init`: names, and where it writes. tests/package builds and runs what it writes.
#include "tools/init/project.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <stdlib.h>

namespace mabeam::tools::init {

namespace {

TEST(InitProject, FolderNamesTheAgentType) {
  EXPECT_EQ(type_name_of("src/Job-Queue").value(), "job_queue");
  EXPECT_EQ(type_name_of("greeter/").value(), "greeter");
  EXPECT_EQ(type_name_of("a/../b").value(), "b");
  for (const char* folder : {"2nd", "my project", "counter", "/", "na\nme"})
    EXPECT_EQ(type_name_of(folder).error().exit, Exit::usage) << folder;
  EXPECT_FALSE(type_name("Job"));
  EXPECT_FALSE(type_name("state")) << "its class would have the name of what is in it";
  EXPECT_FALSE(type_name(std::string(33, 'a')));
  EXPECT_TRUE(type_name(std::string(32, 'a')));
}

TEST(InitProject, EveryPlaceIsFilledIn) {
  for (const File& file : project("job_queue")) {
    EXPECT_EQ(file.text.find('@'), std::string::npos) << file.name;
    if (file.name == "agent.hpp") {
      EXPECT_NE(file.text.find("struct JobQueue {"), std::string::npos);
    }
  }
}

TEST(InitProject, IsWrittenIntoAnEmptyFolderOnly) {
  std::string pattern = ::testing::TempDir() + "mabeam-init-XXXXXX";
  const std::filesystem::path root = ::mkdtemp(pattern.data());
  const auto folder = root / "new" / "deep";
  const std::vector<File> files{{"a", "first"}};
  ASSERT_TRUE(write(folder, files));
  const auto again = write(folder, {{"a", "second"}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "not_empty");
  std::string text;
  std::getline(std::ifstream(folder / "a") >> std::ws, text);
  EXPECT_EQ(text, "first");
  EXPECT_EQ(write(folder / "a", files).error().exit, Exit::refused) << "a file";
  std::filesystem::remove_all(root);
}

}  // namespace

}  // namespace mabeam::tools::init
