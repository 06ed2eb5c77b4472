// A ledger that counts the numbers that it is sent, checks that they come in order, each once, and
// adds them up, in whole euros. The first version of its state.
#include "tests/modules/ledger.hpp"

namespace {

struct Ledger {
  static constexpr mabeam::AgentType type{.name = "ledger", .state_version = 1};

  struct State {
    std::int64_t count = 0;
    std::int64_t last = 0;
    std::int64_t out_of_order = 0;
    std::int64_t euros = 0;
  };

  mabeam::Result<std::string> on_action(mabeam::Context&, State& state,
                                        const mabeam::Action&) const {
    return line_of(1, {0, state.count, state.last, state.out_of_order, state.euros * 100});
  }

  mabeam::Result<> on_signal(mabeam::Context&, State& state, const mabeam::Signal& signal) const {
    Book book{0, state.count, state.last, state.out_of_order, state.euros * 100};
    if (const auto entered = enter(book, signal); !entered) return entered;
    state = {book.count, book.last, book.out_of_order, book.cents / 100};
    return {};
  }
};

}  // namespace

MABEAM_MODULE(Ledger)
