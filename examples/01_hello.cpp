// The shortest agent: no state, one action.
//
//   mabeam create --type hello --name greeter
//   mabeam call greeter hello Ada          -> hello, Ada
#include "mabeam/agent.hpp"

#include <string>

struct Hello {
  static constexpr mabeam::AgentType type{.name = "hello"};

  mabeam::Result<std::string> on_action(mabeam::Context& /*context*/,
                                        const mabeam::Action& action) const {
    if (action.name() != "hello") return mabeam::fail(mabeam::Errc::unknown_action);
    if (action.payload().empty()) return "hello, world";
    return "hello, " + std::string(action.payload().text());
  }
};

MABEAM_MODULE(Hello)
