// As twin_right.cpp, with a class of the same name: each module must keep its own.
#include "mabeam/mabeam.hpp"

struct Twin {
  static constexpr mabeam::AgentType type{.name = "twin_left"};

  mabeam::Result<std::string> on_action(mabeam::Context&, const mabeam::Action&) const {
    return std::string{"left"};
  }
};

MABEAM_MODULE(Twin)
