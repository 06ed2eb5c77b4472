// The ledger's next version: a larger state, in cents. An upgrade that is done twice shows, in the
// sum as well as in its count.
#include "tests/modules/ledger.hpp"

#include <cstring>
#include <span>

namespace {

struct Ledger {
  static constexpr mabeam::AgentType type{.name = "ledger", .state_version = 2};
  using State = Book;

  struct Old {
    std::int64_t count, last, out_of_order, euros;
  };

  mabeam::Result<> upgrade(std::uint32_t from, std::span<const std::byte> bytes,
                           State& state) const {
    Old old{};
    if (from != 1 || bytes.size() != sizeof old) return mabeam::fail(mabeam::Errc::schema_mismatch);
    std::memcpy(&old, bytes.data(), sizeof old);
    state = {state.upgrades + 1, old.count, old.last, old.out_of_order, old.euros * 100};
    return {};
  }

  mabeam::Result<std::string> on_action(mabeam::Context&, State& state,
                                        const mabeam::Action&) const {
    return line_of(2, state);
  }

  mabeam::Result<> on_signal(mabeam::Context&, State& state, const mabeam::Signal& signal) const {
    return enter(state, signal);
  }
};

}  // namespace

MABEAM_MODULE(Ledger)
