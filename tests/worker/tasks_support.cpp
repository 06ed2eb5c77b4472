#include "tests/worker/tasks_support.hpp"

#include <stdexcept>

namespace mabeam::worker {

mabeam::Task<std::int64_t> Broker::on_action(TaskContext& context, State& state,
                                             const Action& action) const {
  const Local local{context};
  const Result<Asking> how = action.payload().as<Asking>();
  if (!how) co_return fail(how.error());
  ++state.begun;
  const std::vector<std::byte> much(kQuarterRing);
  const AgentId client = client_id(kSecondClient);
  if (action.name() == "flood first") (void)context.send(client, "note", std::span{much});
  const SendOptions options{.deadline = std::chrono::nanoseconds{how->deadline_ns}};
  const auto reply = co_await context.call(AgentId{how->target}, "get", {}, options);
  ++state.resumed;
  state.signals_seen = state.signals;
  if (action.name() == "throw") throw std::runtime_error("on purpose");
  if (action.name() == "fail") co_return fail(Errc::no_room);
  if (action.name() == "flood") (void)context.send(client, "note", std::span{much});
  if (!reply) co_return fail(reply.error());
  if (action.name() == "twice") {
    const auto again = co_await context.call(AgentId{how->target}, "get");
    ++state.resumed;
    if (!again) co_return fail(again.error());
    co_return 1000 + again->payload().as_or<std::int64_t>(-1).value_or(-2);
  }
  co_return reply->payload().as_or<std::int64_t>(-1);
}

Result<> Broker::on_signal(Context& /*context*/, State& state, const Signal& signal) const {
  state.signals += signal.payload().as_or<std::int64_t>(1).value_or(0);
  return {};
}

mabeam::Task<> Scribe::on_action(TaskContext& context, State& state, const Action& action) const {
  const auto target = action.payload().as<std::uint64_t>();
  if (!target) co_return fail(target.error());
  state.text += "asked by " + std::string{action.name()} + ", ";
  const auto reply = co_await context.call(AgentId{*target}, "get");
  state.text += reply ? "answered" : code_name(reply.error().code);
  co_return {};
}

ShardTasks::ShardTasks() {
  Local::alive = 0;
  kill_all();
  broker_ = create({.type = "broker"}).value();
  frail_ = create({.type = "frail broker"}).value();
}

void ShardTasks::kill_all() {
  ++incarnation_;
  for (const std::uint32_t index : {0U, 1U})
    adopt(index, incarnation_, kTypes).value();
}

void ShardTasks::begin(std::string_view action, Asking how, AgentId broker) {
  if (how.target == 0) how.target = puppet_.value();
  static std::uint64_t correlation = 100;
  post(broker ? broker : broker_, action, how,
       {.kind = shm::Kind::request, .correlation = ++correlation});
  run(0);
}

void ShardTasks::go_on() {
  run(1);
  run(0);
}

std::vector<Errc> ShardTasks::answers() {
  std::vector<Errc> codes;
  for (const Letter& letter : letters())
    codes.push_back(letter.code);
  return codes;
}

}  // namespace mabeam::worker
