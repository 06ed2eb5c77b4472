// A supervised chain: each link counts a job and hands it on to the next. Kill any worker as often
// as you like, in the middle of it: every link ends with the same count, the number of the jobs.
//
// Counting and handing on are one commit: a job is never counted and not handed on, or handed on
// twice. The names spread the links over the workers.
//
//   for i in 1 2 3; do mabeam create --type link --name link-$i; done
//   mabeam send link-1 next link-2;  mabeam send link-2 next link-3
//   for i in $(seq 100); do mabeam send link-1 job $i; done &
//   kill -9 $(mabeam ps --json | jq '.workers[0].pid')
//   mabeam call link-3 count               -> 100
#include "mabeam/agent.hpp"

#include <cstdint>

struct Link {
  static constexpr mabeam::AgentType type{.name = "link"};

  struct State {
    std::int64_t jobs = 0;
    mabeam::AgentId next;
  };

  mabeam::Result<> on_signal(mabeam::Context& context, State& state,
                             const mabeam::Signal& signal) const {
    if (signal.name() == "next") {
      const auto next = context.find(signal.payload().text());
      if (!next) return mabeam::fail(next.error());
      state.next = *next;
      return {};
    }
    if (signal.name() != "job") return mabeam::fail(mabeam::Errc::invalid_argument);
    ++state.jobs;
    if (!state.next) return {};  // the last one
    // A full ring undoes this message, the count included, and it is tried again.
    return context.send(state.next, "job", signal.payload().text());
  }

  mabeam::Result<std::int64_t> on_action(mabeam::Context& /*context*/, State& state,
                                         const mabeam::Action& action) const {
    if (action.name() != "count") return mabeam::fail(mabeam::Errc::unknown_action);
    return state.jobs;
  }
};

MABEAM_MODULE(Link)
