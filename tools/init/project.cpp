#include "tools/init/project.hpp"

#include "tools/cli/encoding.hpp"

#include "mabeam/version.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace mabeam::tools::init {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 32;  // of a runtime's name
constexpr std::array<std::string_view, 4> kBuiltIn{"counter", "demo", "echo", "fault"};

struct Template {
  std::string_view name;
  std::string_view text;  ///< @type@, @Type@ and @version@ are put in
};

constexpr std::array kTemplates{
    Template{"agent.hpp",
             R"(// @Type@ adds up what it is told.
//
// Its State lives in shared memory and survives the end of every process. What a handler does, to the
// state and to others, becomes visible at once when it returns, or not at all if it returns an error.
#pragma once

#include <mabeam/agent.hpp>

#include <cstdint>

struct @Type@ {
  static constexpr mabeam::ActionInfo kActions[]{{"add", "adds N, or 1; answers the sum"}, "get"};
  static constexpr mabeam::AgentType type{
      .name = "@type@", .state_version = 1, .actions = kActions};

  struct State {
    std::int64_t sum = 0;
  };

  mabeam::Result<std::int64_t> on_action(mabeam::Context& context, State& state,
                                         const mabeam::Action& action) const {
    if (action.name() == "get") return state.sum;
    if (action.name() != "add") return mabeam::fail(mabeam::Errc::unknown_action);
    const auto step = action.payload().as_or<std::int64_t>(1);
    if (!step) return mabeam::fail(step.error());
    state.sum += *step;
    const auto emitted = context.emit("@type@.changed", state.sum);
    if (!emitted) return mabeam::fail(emitted.error());
    return state.sum;
  }
};
)"},
    Template{"module.cpp",
             R"(// What workers load: every agent type of this project.
#include "agent.hpp"

MABEAM_MODULE(@Type@)
)"},
    Template{"test.cpp",
             R"(// Tests of @Type@ with mabeam's test kit: one shard in this process, no runtime.
#include "agent.hpp"

#include <mabeam/testing.hpp>

#include <cstdint>
#include <iostream>

namespace {

int failures = 0;

void expect(bool is_so, const char* what) {
  if (is_so) return;
  std::cerr << "failed: " << what << '\n';
  ++failures;
}

}  // namespace

int main() {
  mabeam::testing::TestShard shard{mabeam::kTypes<@Type@>};
  const mabeam::AgentId agent = shard.create("@type@").value();

  expect(shard.call(agent, "add", 5).value().payload().as<std::int64_t>() == 5, "it adds");
  expect(shard.events().size() == 1, "it tells of the change");
  expect(shard.call(agent, "fly").error().code == mabeam::Errc::unknown_action, "it cannot fly");

  shard.kill();  // its worker dies
  expect(shard.state<@Type@>(agent).sum == 5, "it remembers");
  return failures == 0 ? 0 : 1;
}
)"},
    Template{"CMakeLists.txt",
             R"(cmake_minimum_required(VERSION 3.25)
project(@type@ LANGUAGES CXX)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
find_package(mabeam @version@ REQUIRED CONFIG)

add_library(module MODULE module.cpp)
target_link_libraries(module PRIVATE mabeam::mabeam)
set_target_properties(module PROPERTIES PREFIX "" OUTPUT_NAME @type@)

enable_testing()
add_executable(unit_test test.cpp)
target_link_libraries(unit_test PRIVATE mabeam::mabeam)
add_test(NAME unit_test COMMAND unit_test)
)"},
    Template{
        "mabeam.toml",
        R"(# Every key there is: mabeam.toml(5). A relative path starts where the supervisor was started.
[runtime]
name = "@type@"
workers = 2

[worker]
modules = ["build/@type@.so"]
)"},
    Template{"README.md",
             R"(# @type@

An agent for mabeam. Build and test it:

```sh
cmake -B build
cmake --build build
ctest --test-dir build
```

If mabeam was installed where CMake does not look, add `-DCMAKE_PREFIX_PATH=WHERE` to the first line.
Run it, here, and talk to it:

```sh
mabeam-supervisor --config mabeam.toml &
export MABEAM_NAME=@type@
until mabeam health > /dev/null 2>&1; do sleep 0.1; done
mabeam create --type @type@ --name first
mabeam call first add 5
```

Workers load modules when they start. So after a change, build it again, and restart them one by one; agents keep their state:

```sh
cmake --build build
mabeam restart 0
mabeam restart 1
```

The end:

```sh
mabeam shutdown
```

| file | what it is |
| --- | --- |
| `agent.hpp` | the agent: its state and its handler |
| `module.cpp` | what workers load |
| `test.cpp` | its test, with the test kit (`mabeam/testing.hpp`) |
| `mabeam.toml` | the runtime's configuration |
)"},
};

bool is_small_letter(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// "job_queue" is JobQueue.
std::string class_name(std::string_view type) {
  std::string name;
  bool begins_word = true;
  for (const char c : type) {
    if (c != '_') name += begins_word && is_small_letter(c) ? static_cast<char>(c - 'a' + 'A') : c;
    begins_word = c == '_';
  }
  return name;
}

void replace_all(std::string& text, std::string_view mark, std::string_view value) {
  for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size())
    text.replace(at, mark.size(), value);
}

tl::unexpected<Failure> cannot_write(const fs::path& path, int error) {
  return tl::unexpected(Failure{
      .code = "system",
      .message = "cannot write '" + one_line(path.string()) + "': " + std::strerror(error)});
}

}  // namespace

Outcome<std::string> type_name(std::string_view text) {
  const bool is_name =
      !text.empty() && text.size() <= kNameBytesMax && is_small_letter(text.front()) &&
      std::all_of(text.begin(), text.end(),
                  [](char c) { return is_small_letter(c) || is_digit(c) || c == '_'; }) &&
      class_name(text) != "State";  // which is in each of them
  if (!is_name) {
    return usage_error("'" + one_line(text) +
                       "' cannot name an agent type here: 1 to 32 of a to z, 0 to 9 and _, the "
                       "first a letter; --type gives another name");
  }
  if (std::find(kBuiltIn.begin(), kBuiltIn.end(), text) != kBuiltIn.end()) {
    return usage_error("the agent type '" + std::string(text) +
                       "' is built in; --type gives another name");
  }
  return std::string(text);
}

Outcome<std::string> type_name_of(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::absolute(folder, error).lexically_normal();
  std::string name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  std::replace(name.begin(), name.end(), '-', '_');
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type_name(name);
}

std::vector<File> project(std::string_view type) {
  std::vector<File> files;
  for (const Template& each : kTemplates) {
    std::string text{each.text};
    replace_all(text, "@type@", type);
    replace_all(text, "@Type@", class_name(type));
    replace_all(text, "@version@", version());
    files.push_back({std::string(each.name), std::move(text)});
  }
  return files;
}

Outcome<Exit> write(const fs::path& folder, const std::vector<File>& files) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return cannot_write(folder, error.value());
  const bool is_empty = fs::is_empty(folder, error);
  if (error) return cannot_write(folder, error.value());
  if (!is_empty) {
    return tl::unexpected(Failure{
        .code = "not_empty",
        .message = "'" + one_line(folder.string()) + "' is not empty; give a new folder's name"});
  }
  for (const File& file : files) {
    std::ofstream stream(folder / file.name);
    stream << file.text << std::flush;
    if (!stream) return cannot_write(folder / file.name, errno);
  }
  return Exit::done;
}

}  // namespace mabeam::tools::init
