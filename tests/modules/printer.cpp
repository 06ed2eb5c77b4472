// Prints what it is told to, in every way that there is.
#include "mabeam/mabeam.hpp"

#include <cstdio>
#include <iostream>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace {

// As one that cannot run what it was made for.
mabeam::Result<> print_in_child(const std::string& text) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::fprintf(stderr, "%s\n", text.c_str());
    ::_exit(7);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) return mabeam::fail(mabeam::Errc::closed);
  return {};
}

struct Printer {
  static constexpr mabeam::AgentType type{.name = "printer"};

  struct State {};

  mabeam::Result<> on_action(mabeam::Context&, State&, const mabeam::Action& action) const {
    const std::string text{action.payload().text()};
    if (action.name() == "printf") std::printf("%s\n", text.c_str());
    if (action.name() == "cout") std::cout << text << '\n';
    if (action.name() == "cerr") std::cerr << text << '\n';
    if (action.name() == "write") {
      const std::string line = text + "\n";
      [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, line.data(), line.size());
    }
    if (action.name() == "unended") std::cout << text << std::flush << text;
    if (action.name() == "child") return print_in_child(text);
    if (action.name() == "flood") {
      for (int i = 0; i < 100'000; ++i)
        std::printf("flood %d\n", i);
    }
    return {};
  }
};

}  // namespace

MABEAM_MODULE(Printer)
