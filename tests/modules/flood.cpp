// Agents that flood one another: what comes with hops left is sent to every peer, with one hop
// less. The state tells how many messages came and went, so that a test can account for all of
// them.
#include "mabeam/mabeam.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace {

constexpr std::size_t kMostPeers = 16;

struct Flooder {
  static constexpr mabeam::AgentType type{.name = "flooder"};

  struct State {
    std::array<mabeam::AgentId, kMostPeers> peers{};  ///< nobody: the end
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
  };

  mabeam::Result<std::string> on_action(mabeam::Context&, State& state,
                                        const mabeam::Action& action) const {
    if (action.name() == "meet") {
      const auto peers = action.payload().as<std::array<mabeam::AgentId, kMostPeers>>();
      if (!peers) return mabeam::fail(peers.error());
      state.peers = *peers;
    }
    return std::to_string(state.received) + " " + std::to_string(state.sent);
  }

  mabeam::Result<> on_signal(mabeam::Context& context, State& state,
                             const mabeam::Signal& signal) const {
    const auto hops = signal.payload().as<std::int64_t>();
    if (!hops) return mabeam::fail(hops.error());
    ++state.received;
    for (const mabeam::AgentId peer : state.peers) {
      if (*hops == 0 || !peer) break;
      if (peer == context.self()) continue;
      if (const auto sent = context.send(peer, "flood", *hops - 1); !sent) return sent;
      ++state.sent;
    }
    return {};
  }
};

}  // namespace

MABEAM_MODULE(Flooder)
