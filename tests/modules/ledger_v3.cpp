// A version of the ledger that cannot bring any older state up: its agents are suspended.
#include "tests/modules/ledger.hpp"

namespace {

struct Ledger {
  static constexpr mabeam::AgentType type{.name = "ledger", .state_version = 3};
  using State = Book;

  mabeam::Result<std::string> on_action(mabeam::Context&, State& state,
                                        const mabeam::Action&) const {
    return line_of(3, state);
  }

  mabeam::Result<> on_signal(mabeam::Context&, State& state, const mabeam::Signal& signal) const {
    return enter(state, signal);
  }
};

}  // namespace

MABEAM_MODULE(Ledger)
