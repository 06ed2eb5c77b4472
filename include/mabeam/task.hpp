// Task: a handler that waits for answers, as a C++20 coroutine. A type opts in by what its
// on_action() returns:
//
//   mabeam::Task<std::int64_t> on_action(mabeam::TaskContext& ctx, State& state,
//                                        const mabeam::Action& action) const {
//     const auto price = co_await ctx.call(shop, "price", action.payload());
//     if (!price) co_return mabeam::fail(price.error());
//     ++state.asked;  // the agent's state of now: it has handled other messages meanwhile
//     co_return price->payload().as_or<std::int64_t>(0) * 2;
//   }
//
// What runs from one co_await to the next is one message's handler: its effects are committed with
// that message, exactly once, and the agent serves others in between. So what was true before a
// co_await may not be after it. `state` and `action` stay where they are for as long as the
// coroutine lives; its content is that of the agent whenever it runs. Only what a State's own
// member holds (a string's bytes, say) moves: do not keep views into those over a co_await.
//
// A coroutine does not survive its worker, nor the end or the restart of its agent, nor a move of
// its shard: all that it has done up to the last co_await stays, and its caller is told
// `interrupted`. So is it with backpressure where what it does after a co_await finds a ring full:
// that is undone, and the coroutine ends, since it cannot be taken back to its co_await. Before the
// first one it is tried again like any handler. What is sent with WhenFull::fail or ::drop never
// ends it. Where a caller must have an answer, keep the steps in State, and use Context::call() and
// on_reply().
//
// A coroutine may await nothing but TaskContext::call(), and is to end with co_return: `co_return
// {};` where it answers nothing.
#pragma once

#include "mabeam/agent.hpp"
#include "mabeam/context.hpp"
#include "mabeam/message.hpp"
#include "mabeam/payload.hpp"
#include "mabeam/result.hpp"

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam {

/// What a call of a coroutine's was answered with; a copy, so it may be kept.
struct CallReply {
  std::vector<std::byte> bytes;
  Content content = Content::none;

  [[nodiscard]] Payload payload() const { return {bytes, content}; }
};

class TaskContext;

/// A call that is made when it is awaited, in the expression that makes it.
class [[nodiscard]] TaskCall {
 public:
  TaskCall(const TaskCall&) = delete;
  TaskCall& operator=(const TaskCall&) = delete;

  // ---- for the coroutine alone

  /// Makes the call. False if it cannot be made.
  [[nodiscard]] bool make();
  Result<CallReply> take();

 private:
  friend class TaskContext;

  TaskCall(TaskContext& context, AgentId to, Result<Symbol> action, const PayloadRef& payload,
           SendOptions options)
      : context_(context),
        to_(to),
        action_(action),
        payload_(payload),
        options_(options) {}

  TaskContext& context_;
  AgentId to_;
  Result<Symbol> action_;
  PayloadRef payload_;
  SendOptions options_;
  Result<> made_;
};

/// What a coroutine may do: as Context, which says how and which errors there are. It lives as long
/// as the coroutine. What a destructor asks for while the coroutine does not run is refused with
/// `closed`.
class TaskContext {
 public:
  TaskContext(const TaskContext&) = delete;
  TaskContext& operator=(const TaskContext&) = delete;

  [[nodiscard]] AgentId self() const { return self_; }

  /// As Context::now(), of the message that the coroutine has been resumed by.
  [[nodiscard]] std::chrono::nanoseconds now() const {
    return context_ == nullptr ? std::chrono::nanoseconds{0} : context_->now();
  }

  Result<Symbol> symbol(std::string_view name) {
    if (context_ == nullptr) return fail(Errc::closed);
    return context_->symbol(name);
  }

  /// Asks for an action, and waits for the answer: `co_await ctx.call(...)`. Its deadline is the
  /// earlier one of its own and that of the request that is being handled, as with Context::call().
  /// Errors: as Context::call(); those of the answer: timed_out, not_found, handler_failed...;
  /// timers_full also where a hundred coroutines of this agent wait (fewer with small rings).
  TaskCall call(AgentId to, std::string_view action, const PayloadRef& payload = {},
                SendOptions options = {}) {
    return {*this, to, symbol(action), payload, options};
  }

  TaskCall call(AgentId to, Symbol action, const PayloadRef& payload = {},
                SendOptions options = {}) {
    return {*this, to, action, payload, options};
  }

  Result<> send(AgentId to, std::string_view signal, const PayloadRef& payload = {},
                SendOptions options = {}) {
    if (context_ == nullptr) return fail(Errc::closed);
    return context_->send(to, signal, payload, options);
  }

  Result<> emit(std::string_view topic, const PayloadRef& payload = {}, EmitOptions options = {}) {
    if (context_ == nullptr) return fail(Errc::closed);
    return context_->emit(topic, payload, options);
  }

  Result<TimerId> set_timer(std::string_view name, std::chrono::nanoseconds delay,
                            std::chrono::nanoseconds period = {}) {
    if (context_ == nullptr) return fail(Errc::closed);
    return context_->set_timer(name, delay, period);
  }

  Result<> cancel_timer(TimerId timer) {
    if (context_ == nullptr) return fail(Errc::closed);
    return context_->cancel_timer(timer);
  }

  [[nodiscard]] Result<AgentId> find(std::string_view name) const {
    if (context_ == nullptr) return fail(Errc::closed);
    return context_->find(name);
  }

  // ---- for the glue alone: it runs in this Context, for that answer; or it does not run

  TaskContext() = default;

  void begin_step(Context& context, const Reply* reply) {
    context_ = &context;
    reply_ = reply;
    self_ = context.self();
  }

  void end_step() { context_ = nullptr; }

 private:
  friend class TaskCall;

  Context* context_ = nullptr;
  const Reply* reply_ = nullptr;
  AgentId self_;
};

inline bool TaskCall::make() {
  if (context_.context_ == nullptr) made_ = fail(Errc::closed);
  if (!action_) made_ = fail(action_.error());
  if (made_) made_ = context_.context_->call_and_wait(to_, *action_, payload_, options_);
  return made_.has_value();
}

inline Result<CallReply> TaskCall::take() {
  if (!made_) return fail(made_.error());
  const Reply& reply = *context_.reply_;
  if (!reply.outcome()) return fail(reply.outcome().error());
  const auto bytes = reply.payload().bytes();
  return CallReply{{bytes.begin(), bytes.end()}, reply.payload().content()};
}

/// What a handler that is a coroutine returns: it answers with a T, or with an error.
template <class T = void>
class [[nodiscard]] Task {
 public:
  class promise_type;  // NOLINT(readability-identifier-naming): the language's name
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;

  ~Task() {
    if (handle_) handle_.destroy();
  }

  // ---- for the glue alone

  void resume() { handle_.resume(); }

  [[nodiscard]] bool is_done() const { return handle_.done(); }

  /// Precondition: is_done().
  [[nodiscard]] Result<T>& result() { return handle_.promise().result(); }

 private:
  explicit Task(Handle handle) : handle_(handle) {}

  Handle handle_;
};

template <class T>
class Task<T>::promise_type {
 public:
  Task get_return_object() { return Task{Handle::from_promise(*this)}; }

  // Not before its context is there.
  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

  [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }

  void return_value(Result<T> value) { result_ = std::move(value); }

  void unhandled_exception() noexcept { result_ = fail(Errc::handler_failed); }

  /// What co_await makes of a TaskCall, which lives until the expression ends.
  struct Wait {
    TaskCall& call;

    [[nodiscard]] bool await_ready() const noexcept { return false; }

    [[nodiscard]] bool await_suspend(std::coroutine_handle<> /*waiting*/) { return call.make(); }

    Result<CallReply> await_resume() { return call.take(); }
  };

  // Nothing else can be awaited.
  Wait await_transform(TaskCall&& call) { return {call}; }

  [[nodiscard]] Result<T>& result() { return result_; }

 private:
  Result<T> result_ = fail(Errc::handler_failed);
};

namespace glue {

/// One coroutine, as the worker keeps it.
class TaskFrame {
 public:
  TaskFrame() = default;
  TaskFrame(const TaskFrame&) = delete;
  TaskFrame& operator=(const TaskFrame&) = delete;
  virtual ~TaskFrame() = default;

  /// Goes on with that answer, to the next co_await or to its end; then it has answered. Errors:
  /// the handler's, and those of its State.
  virtual Result<> resume(Context& context, void* stored, const Reply& reply) = 0;

  /// False when it is over.
  [[nodiscard]] virtual bool is_waiting() const = 0;
};

/// A coroutine of on_action(), with all that it refers to.
template <class T, class R>
class ActionTask final : public TaskFrame {
 public:
  explicit ActionTask(const Message& asked)
      : payload_(asked.payload().bytes().begin(), asked.payload().bytes().end()),
        action_(asked.name(), Payload{payload_, asked.payload().content()}, asked.source(),
                asked.correlation()) {}

  Result<> begin(Context& context, void* stored) {
    if constexpr (requires { typename T::State; }) {
      task_.emplace(kHandler<T>.on_action(context_, state_, action_));
    } else {
      task_.emplace(kHandler<T>.on_action(context_, action_));
    }
    return run(context, stored, nullptr);
  }

  Result<> resume(Context& context, void* stored, const Reply& reply) override {
    return run(context, stored, &reply);
  }

  [[nodiscard]] bool is_waiting() const override { return task_ && !task_->is_done(); }

 private:
  Result<> run(Context& context, void* stored, const Reply* reply) {
    if (const Result<> loaded = load(context, stored); !loaded) return loaded;
    context_.begin_step(context, reply);
    task_->resume();
    context_.end_step();
    if (is_waiting()) return save(context, stored);
    Result<R>& result = task_->result();
    if (!result) return fail(result.error());
    if (const Result<> saved = save(context, stored); !saved) return saved;
    if constexpr (std::is_void_v<R>) {
      return context.reply(PayloadRef{});
    } else {
      return context.reply(*result);
    }
  }

  Result<> load(Context& context, void* stored) {
    if constexpr (Serialized<T>) {
      const auto bytes = context.stored_state(stored);
      if (!bytes) return fail(bytes.error());
      Result<State<T>> state = load_state<T>(*bytes);
      if (!state) return fail(state.error());
      state_ = std::move(*state);
    } else if constexpr (!std::is_empty_v<State<T>>) {
      std::memcpy(&state_, stored, sizeof state_);
    }
    return {};
  }

  Result<> save(Context& context, void* stored) {
    if constexpr (Serialized<T>) {
      const auto saved = save_state<T>(state_, context.room_for_state(stored));
      if (!saved) return fail(saved.error());
      context.keep_state(stored, *saved);
    } else if constexpr (!std::is_empty_v<State<T>>) {
      std::memcpy(stored, &state_, sizeof state_);
    }
    return {};
  }

  TaskContext context_;
  State<T> state_{};
  std::vector<std::byte> payload_;
  Action action_;
  std::optional<Task<R>> task_;  // the last: it refers to all of the others
};

/// on_action() of a type that has opted in.
template <class T, class Owner, class R, class... Args>
struct Actions<T, Task<R> (Owner::*)(Args...) const> {
  template <class M>
  static Result<> run(Context& context, void* state, const M& message) {
    auto task = std::make_unique<ActionTask<T, R>>(message);
    const Result<> begun = task->begin(context, state);
    if (!begun || !task->is_waiting()) return begun;
    return context.keep_task(std::move(task));
  }

  static Result<> action(Context& context, void* state, const Action& message) {
    return run(context, state, message);
  }

  static Result<> signal(Context& context, void* state, const Signal& message) {
    return run(context, state, message);
  }
};

}  // namespace glue
}  // namespace mabeam
