// mabeam restart: ends one worker and starts it anew.
#include "tools/cli/ask.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

shm::Claim claim_of(const shm::WorkerSlot& slot) {
  return shm::Claim::unpack(slot.claim.load(std::memory_order_acquire));
}

bool is_ready_again(const shm::WorkerSlot& slot, std::uint32_t incarnation) {
  const auto state =
      static_cast<WorkerState>(slot.supervised_state.load(std::memory_order_acquire));
  const shm::Claim claim = claim_of(slot);
  const auto said = static_cast<WorkerState>(slot.state.load(std::memory_order_acquire));
  return claim.incarnation > incarnation && claim.pid != 0 && said == WorkerState::ready &&
         (state == WorkerState::ready || state == WorkerState::half_open);
}

bool has_failed_again(const shm::WorkerSlot& slot, std::uint32_t incarnation) {
  const auto state =
      static_cast<WorkerState>(slot.supervised_state.load(std::memory_order_acquire));
  return claim_of(slot).incarnation > incarnation && state == WorkerState::failed;
}

Outcome<Exit> run_restart(const Arguments& arguments, Output& output) {
  const auto index = parse_number(arguments.operands()[0], "WORKER", 0, shm::kMaxWorkers - 1);
  if (!index) return tl::unexpected(index.error());
  const auto runtime = Supervised::attach(arguments);
  if (!runtime) return tl::unexpected(runtime.error());
  const shm::WorkerSlot& slot = runtime->segment().worker(static_cast<std::uint32_t>(*index));
  const shm::Claim before = claim_of(slot);
  const auto answer = runtime->ask(shm::ControlCommand::restart, *index);
  if (!answer) return tl::unexpected(answer.error());
  const std::string name = "worker " + std::to_string(*index);
  const auto waited = runtime->wait("the restart of " + name, [&] {
    return is_ready_again(slot, before.incarnation) || has_failed_again(slot, before.incarnation);
  });
  if (!waited) return waited;
  if (has_failed_again(slot, before.incarnation)) {
    return tl::unexpected(Failure{Exit::refused, "not_ready",
                                  name +
                                      " has ended for good: 'mabeam ps' has its exit code, the "
                                      "supervisor's log says why; mend that and restart it again"});
  }
  const std::uint32_t pid = claim_of(slot).pid;
  if (output.json()) {
    output.document({{"worker", *index}, {"pid", pid}, {"previous_pid", before.pid}});
  } else {
    output.print(name + " is ready again, pid " + std::to_string(pid) + "\n");
  }
  return Exit::done;
}

constexpr std::array kRestartOptions{kAskTimeoutOption};

}  // namespace

const Command restart_command{.name = "restart",
                              .summary = "end one worker after its turn and start it anew",
                              .operands = "WORKER",
                              .options = kRestartOptions,
                              .details =
                                  "WORKER is its number, as in 'mabeam ps'. Its shards wait for "
                                  "it; nothing is lost,\nand no message is to blame. One that has "
                                  "ended for good is tried again, too.\nReturns when it is ready.\n"
                                  "\n"
                                  "Examples:\n"
                                  "  mabeam restart 0\n",
                              .run = run_restart};

}  // namespace mabeam::tools
