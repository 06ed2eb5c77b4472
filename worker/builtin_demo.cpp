#include "worker/builtin.hpp"

#include <algorithm>

namespace mabeam::worker {
namespace {

Result<std::string> add_message(Demo::State& state, std::string_view text) {
  if (text.empty()) return fail(Errc::invalid_argument);
  Demo::State::Text& kept = state.kept[state.messages % Demo::kKept];
  kept.length = static_cast<std::uint8_t>(std::min<std::size_t>(text.size(), Demo::kMessageBytes));
  std::copy_n(text.begin(), kept.length, kept.bytes.begin());
  ++state.messages;
  return std::to_string(state.messages);
}

std::string join_messages(const Demo::State& state) {
  std::string lines;
  const std::uint64_t kept = std::min<std::uint64_t>(state.messages, Demo::kKept);
  for (std::uint64_t i = state.messages - kept; i < state.messages; ++i) {
    const Demo::State::Text& text = state.kept[i % Demo::kKept];
    if (!lines.empty()) lines += '\n';
    lines.append(text.bytes.data(), std::min<std::size_t>(text.length, Demo::kMessageBytes));
  }
  return lines;
}

}  // namespace

Result<std::string> Demo::run(State& state, const Action& action) {
  const std::string_view name = action.name();
  if (name == "ping") return std::string{"pong"};
  if (name == "increment") {
    const Result<std::int64_t> step = action.payload().as_or<std::int64_t>(1);
    if (!step) return fail(step.error());
    if (__builtin_add_overflow(state.count, *step, &state.count)) {
      return fail(Errc::invalid_argument);
    }
    return std::to_string(state.count);
  }
  if (name == "get_state") {
    return "{\"count\":" + std::to_string(state.count) +
           ",\"messages\":" + std::to_string(state.messages) + "}";
  }
  if (name == "add_message") return add_message(state, action.payload().text());
  if (name == "get_messages") return join_messages(state);
  if (name == "clear_messages") {
    state.messages = 0;
    return std::string{"0"};
  }
  if (name == "simulate_error") return fail(Errc::handler_failed);
  return fail(Errc::unknown_action);
}

Result<std::string> Demo::on_action(Context& context, State& state, const Action& action) const {
  Result<std::string> result = run(state, action);
  if (!result) return result;
  const std::string topic = "demo." + std::string{action.name()};
  if (const Result<> emitted = context.emit(topic, *result); !emitted) {
    return fail(emitted.error());
  }
  return result;
}

}  // namespace mabeam::worker
