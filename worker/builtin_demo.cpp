#include "worker/builtin.hpp"

#include <algorithm>

namespace mabeam::worker {
namespace {

Result<std::int64_t> add_message(Demo::State& state, std::string_view text) {
  if (text.empty()) return fail(Errc::invalid_argument);
  Demo::State::Text& kept = state.kept[state.messages % Demo::kKept];
  kept.length = static_cast<std::uint8_t>(std::min<std::size_t>(text.size(), Demo::kMessageBytes));
  std::copy_n(text.begin(), kept.length, kept.bytes.begin());
  ++state.messages;
  return static_cast<std::int64_t>(state.messages);
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

std::string Demo::describe(const State& state) {
  return "{\"count\":" + std::to_string(state.count) +
         ",\"messages\":" + std::to_string(state.messages) + "}";
}

PayloadRef Demo::Answer::payload() const {
  if (content == Content::i64) return number;
  return Payload{std::as_bytes(std::span{text}), content};
}

Result<Demo::Answer> Demo::run(State& state, const Action& action) {
  const std::string_view name = action.name();
  if (name == "ping") return Answer{"pong"};
  if (name == "increment") {
    const Result<std::int64_t> step = action.payload().as_or<std::int64_t>(1);
    if (!step) return fail(step.error());
    if (__builtin_add_overflow(state.count, *step, &state.count)) {
      return fail(Errc::invalid_argument);
    }
    return Answer::of(state.count);
  }
  if (name == "get_state") {
    return Answer{.text = describe(state), .content = Content::json};
  }
  if (name == "add_message") {
    const Result<std::int64_t> messages = add_message(state, action.payload().text());
    if (!messages) return fail(messages.error());
    return Answer::of(*messages);
  }
  if (name == "get_messages") return Answer{join_messages(state)};
  if (name == "clear_messages") {
    state.messages = 0;
    return Answer::of(0);
  }
  if (name == "simulate_error") return fail(Errc::handler_failed);
  return fail(Errc::unknown_action);
}

Result<> Demo::on_action(Context& context, State& state, const Action& action) const {
  const Result<Answer> answer = run(state, action);
  if (!answer) return fail(answer.error());
  const PayloadRef payload = answer->payload();
  const std::string topic = "demo." + std::string{action.name()};
  if (const Result<> emitted = context.emit(topic, payload); !emitted) return emitted;
  return context.reply(payload);
}

}  // namespace mabeam::worker
