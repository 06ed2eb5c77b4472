#include "mabeam/result.hpp"

#include <array>
#include <system_error>

namespace mabeam {
namespace {

struct Words {
  std::string_view name;
  std::string_view sentence;
};

/// By Errc's number; 0 is no error.
constexpr std::array<Words, 41> kWords{{
    {"ok", "no error"},
    {"invalid_argument", "an argument is not allowed; see the call's documentation for its range"},
    {"backpressure", "the receiver's ring is full; try again later, or wait longer"},
    {"circuit_open",
     "a circuit breaker refuses calls for now: too many have failed; `mabeam breakers` tells "
     "which"},
    {"closed", "the other endpoint is gone for good; find or create the agent again"},
    {"corrupt", "a value in the segment is damaged; run `mabeam verify`, and restart the runtime"},
    {"incompatible",
     "the segment was laid out by another build; use the tools of that build, or "
     "stop the runtime and start it again with this one"},
    {"system", "the kernel refused"},
    {"not_found", "there is nothing of that name or id; see `mabeam ps` and `mabeam agents`"},
    {"unknown_action", "the agent's type has no such action; see its documentation"},
    {"schema_mismatch",
     "the payload is not of the type that the handler expects; check what you "
     "send"},
    {"message_too_large",
     "the message is over a quarter of its ring, or what is sent at once over a whole ring, log or "
     "[channels] block_bytes; send less, or raise [channels], for events [events] log_bytes, in "
     "the configuration"},
    {"name_taken", "that name is in use; choose another, or stop who has it"},
    {"too_many_agents",
     "the runtime has no room for that many agents; stop some, or raise "
     "max_agents"},
    {"too_many_clients", "every client endpoint is in use; end another client, or raise clients"},
    {"symbols_full",
     "the table of names is full, and names are never taken back; use fewer different topics, "
     "actions and types, and start the runtime anew"},
    {"subscriptions_full", "the subscription table is full; subscribe to fewer patterns"},
    {"timed_out", "the deadline passed first; try again with a longer timeout"},
    {"handler_failed", "the agent's handler returned an error; look at the worker's log"},
    {"no_room",
     "/dev/shm has less room than the segment needs; raise its size, or lower the "
     "sizes in the configuration (`mabeam-supervisor --check` prints them)"},
    {"bad_permissions",
     "the segment has another owner, a loose mode or another pid namespace; "
     "run as the user and in the container of the supervisor"},
    {"truncated",
     "the segment's file is shorter than its header says: it was never whole, or somebody has cut "
     "it; keep a copy if you want to know why, then `mabeam-supervisor --discard` removes it"},
    {"byte_order", "the segment was written on a machine of another byte order; read it there"},
    {"bad_topic",
     "the topic or pattern is not well formed; it is up to 255 bytes: tokens split by dots, "
     "without blanks; only a pattern may have * (one token) and > (the rest, at the end)"},
    {"not_running", "the runtime is starting, stopping or gone; see `mabeam health`"},
    {"in_use", "another supervisor holds the runtime; stop it, or use another name"},
    {"too_many_changes",
     "one message created, stopped or subscribed too much; divide the work "
     "among several messages"},
    {"unknown_type",
     "no worker knows an agent type of that name; check the name, and modules in "
     "the configuration"},
    {"state_too_large",
     "the state would be over max_state_bytes, so it stays as it was; keep less in it, or raise "
     "max_state_bytes in the configuration"},
    {"timers_full",
     "the shard's table of timers is full; set fewer, cancel some, or raise max_agents, which it "
     "grows with"},
    {"not_replayable",
     "that dead letter cannot be delivered again: it was cut short, came under a false name, or is "
     "no message to an agent; drop it"},
    {"suspended",
     "the agent is suspended, and no more messages can wait for it; see `mabeam agents`, then "
     "`mabeam resume` it"},
    {"state_version",
     "the agent's state is of a version that its type cannot bring up; load a module that can, "
     "then `mabeam resume` it"},
    {"quarantined",
     "the agent has killed its worker too often outside of any message; mend its type, then "
     "`mabeam resume` it"},
    {"state_unreadable",
     "the agent's type cannot read the state that the agent has; restart the agent with a fresh "
     "state, or raise the type's state_version where its form has changed"},
    {"metadata_full",
     "the shard has no room for another agent's metadata; remove that of others, or raise "
     "max_agents, which it grows with"},
    {"payload_too_large",
     "the payload is over what its sender's blocks hold at a time, or over 64 MiB; send less at a "
     "time, or raise [channels] block_bytes in the configuration"},
    {"interrupted",
     "the agent was answering when its worker or the agent itself came to an end; what it had done "
     "up to then stays, so look before you ask again"},
    {"over_limit",
     "the worker is over its soft memory limit and takes no new agents; stop some there, try again "
     "later, or raise worker_memory in the configuration (see `mabeam limits`)"},
    {"rate_limited",
     "the rate that the configuration allows is used up; send less often, or raise it in [rates] "
     "(see `mabeam limits`)"},
    {"breakers_full",
     "all 64 named circuit breakers are taken, and none is ever given back; use fewer names"},
}};
static_assert(kWords.size() == static_cast<std::size_t>(Errc::breakers_full) + 1);

/// By Argument's number; 0 is unknown.
constexpr std::array<std::string_view, 8> kArguments{
    "",
    "a runtime's name is 1 to 32 of a to z, 0 to 9, _ and -, and begins with a letter or a digit",
    "an agent's name is 1 to 63 bytes without control characters, and not 16 hexadecimal digits, "
    "which are an id",
    "the name of a type, an action, a signal or a capability is 1 to 255 bytes",
    "the number of agents is 1 or more, and 1 where the agent has a name",
    "an agent has up to 8 capabilities",
    "an agent is created with up to 16 subscriptions; it may subscribe to more itself",
    "an agent's metadata is up to 255 bytes, none of them 0",
};
static_assert(kArguments.size() == static_cast<std::size_t>(Argument::metadata) + 1);

bool is_of_a_known_argument(Error error) {
  return error.code == Errc::invalid_argument && error.subject != 0 &&
         error.subject < kArguments.size();
}

}  // namespace

std::string_view code_name(Errc code) {
  const auto number = static_cast<std::size_t>(code);
  return number < kWords.size() ? kWords[number].name : "unknown";
}

std::string describe(Error error) {
  const auto number = static_cast<std::size_t>(error.code);
  if (number >= kWords.size()) {
    return "error " + std::to_string(number) + " is of a newer build; use the tools of that build";
  }
  if (is_of_a_known_argument(error)) return std::string{kArguments[error.subject]};
  std::string text{kWords[number].sentence};
  if (error.code == Errc::bad_topic && error.subject != 0) {
    text += " (token " + std::to_string(error.subject) + " is wrong)";
  }
  const bool may_pass = error.code == Errc::rate_limited || error.code == Errc::circuit_open;
  if (may_pass && error.subject != 0) {
    text += "; try again in " + std::to_string(error.subject) + " ms";
  }
  if (error.os != 0) text += ": " + std::system_category().message(error.os);
  return text;
}

}  // namespace mabeam
