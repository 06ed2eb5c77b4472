// What a user writes: an agent type, as a class without data members.
//
//   struct Counter {
//     static constexpr mabeam::AgentType type{.name = "counter", .state_version = 1};
//     struct State { std::int64_t count = 0; };
//
//     mabeam::Result<std::int64_t> on_action(mabeam::Context& ctx, State& state,
//                                            const mabeam::Action& action) const;
//   };
//   MABEAM_MODULE(Counter)
//
// Handlers (each optional, all const; `State&` is left out when there is no State):
//   Result<T> on_action(Context&, State&, const Action&)   T: void, a number, text, a plain struct
//   Result<>  on_event (Context&, State&, const Event&)
//   Result<>  on_signal(Context&, State&, const Signal&)   missing: on_action, its answer dropped
//   Result<>  on_reply (Context&, State&, const Reply&)
//   Result<>  on_timer (Context&, State&, const Timer&)
//   Result<>  on_start (Context&, State&)                  an error: it never was; see OnFailure
//   Result<>  on_stop  (Context&, State&)                  an error changes nothing: it ends
//   static std::string describe(const State&)   its state as JSON, for `mabeam inspect`
//   Result<>  upgrade(std::uint32_t from, std::span<const std::byte> bytes, State&)
//             makes State, new, from the bytes of an older state_version; when the agent's next
//             message comes. Without it, or if it fails, the agent is suspended.
//
// One handler object serves all agents of its type in a worker, so it may hold nothing: all that
// must last is in State, a trivially copyable struct that lives in the segment and outlives any
// process. State may not hold pointers, views or references: they would dangle in the next worker.
#pragma once

#include "mabeam/context.hpp"
#include "mabeam/export.hpp"
#include "mabeam/message.hpp"
#include "mabeam/result.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace mabeam {

/// What becomes of an agent whose handler of a message, event or timer returns an error or throws.
/// Whatever it is, that message's effects are undone first, the failure is counted, `agent.failed`
/// is emitted, and a caller gets the error. No failures: backpressure, which has the message tried
/// again, and unknown_action, which is the caller's mistake.
enum class OnFailure : std::uint8_t {
  keep,     ///< it goes on as if the message had never come
  restart,  ///< its timers are cancelled (over 128 of them: stop), its state is made afresh and
            ///< on_start() runs; the fourth time within 10 s: stop
  stop,     ///< it is ended, on_stop() first; its parent, if it lives, gets the signal
            ///< `agent.failed` with the agent's id as a number
};

/// One action, as tools list it. Text alone is its name: `kActions[]{"get", {"add", "adds N"}}`.
struct ActionInfo {
  template <class Text>
  requires std::convertible_to<const Text&, std::string_view>

  // NOLINTNEXTLINE(google-explicit-constructor): a list of names is a list of actions.
  constexpr ActionInfo(const Text& action_name) : name(action_name) {}

  constexpr ActionInfo(std::string_view action_name, std::string_view what_it_does)
      : name(action_name),
        description(what_it_does) {}

  std::string_view name;
  std::string_view description = {};  ///< one line; 255 bytes of it are shown
};

/// What a type says of itself.
struct AgentType {
  std::string_view name;                     ///< 1 to 63 bytes
  std::uint32_t state_version = 1;           ///< raised when State changes its meaning or its size
  std::span<const ActionInfo> actions = {};  ///< listed by tools
  OnFailure on_failure = OnFailure::keep;
};

/// A type as the worker sees it: function pointers over untyped state. Made by describe_type().
struct TypeDescriptor {
  using Hook = Result<> (*)(Context&, void* state);

  AgentType type;
  std::uint32_t state_bytes = 0;
  void (*init)(void* state) = nullptr;
  Result<> (*on_action)(Context&, void* state, const Action&) = nullptr;
  Result<> (*on_event)(Context&, void* state, const Event&) = nullptr;
  Result<> (*on_signal)(Context&, void* state, const Signal&) = nullptr;
  Result<> (*on_reply)(Context&, void* state, const Reply&) = nullptr;
  Hook on_start = nullptr;
  Hook on_stop = nullptr;
  Result<> (*on_timer)(Context&, void* state, const Timer&) = nullptr;
  std::string (*describe)(const void* state) = nullptr;
  Result<> (*upgrade)(std::uint32_t from, std::span<const std::byte> bytes, void* state) = nullptr;
};

/// What a module's shared object exports under the name `mabeam_module`.
struct ModuleInfo {
  std::uint32_t abi;  ///< kModuleAbi of the headers it was built with
  std::span<const TypeDescriptor> types;
};

/// Raised whenever TypeDescriptor, Context, Result or the messages change their layout.
inline constexpr std::uint32_t kModuleAbi = 5;

namespace glue {

struct NoState {};

template <class T>
struct StateOf {
  using Type = NoState;
};

template <class T>
requires requires {
  typename T::State;
}

struct StateOf<T> {
  using Type = typename T::State;
};

// Hidden, as kTypes: the linker would give two modules one variable where their types share a name.
template <class T>
[[gnu::visibility("hidden")]] inline constexpr T kHandler{};

/// Calls a handler with or without State, as the type has declared it.
template <class T, class Handler, class... Args>
auto invoke(Handler handler, Context& context, void* state, const Args&... args) {
  if constexpr (requires { typename T::State; }) {
    return (kHandler<T>.*handler)(context, *static_cast<typename T::State*>(state), args...);
  } else {
    return (kHandler<T>.*handler)(context, args...);
  }
}

template <class T>
Result<> action(Context& context, void* state, const Action& message) {
  auto result = invoke<T>(&T::on_action, context, state, message);
  if (!result) return fail(result.error());
  if constexpr (!std::is_void_v<typename decltype(result)::value_type>) {
    return context.reply(*result);
  } else {
    return {};
  }
}

template <class T>
Result<> signal_as_action(Context& context, void* state, const Signal& message) {
  const Action action{message.name(), message.payload(), message.source(), 0};
  const auto result = invoke<T>(&T::on_action, context, state, action);
  if (!result) return fail(result.error());
  return {};
}

}  // namespace glue

/// The descriptor of a user's class.
template <class T>
constexpr TypeDescriptor describe_type() {
  using State = typename glue::StateOf<T>::Type;
  static_assert(std::is_empty_v<T>, "an agent type may not hold data: put it into State");
  static_assert(std::is_trivially_copyable_v<State>, "State must be trivially copyable");
  static_assert(alignof(State) <= 16, "State may not be aligned to more than 16 bytes");
  TypeDescriptor result{.type = T::type};
  if constexpr (!std::is_empty_v<State>) {
    result.state_bytes = sizeof(State);
    result.init = [](void* state) { std::construct_at(static_cast<State*>(state)); };
  }
  if constexpr (requires { &T::on_action; }) {
    result.on_action = &glue::action<T>;
    result.on_signal = &glue::signal_as_action<T>;
  }
  if constexpr (requires { &T::on_event; }) {
    result.on_event = [](Context& context, void* state, const Event& event) -> Result<> {
      return glue::invoke<T>(&T::on_event, context, state, event);
    };
  }
  if constexpr (requires { &T::on_signal; }) {
    result.on_signal = [](Context& context, void* state, const Signal& signal) -> Result<> {
      return glue::invoke<T>(&T::on_signal, context, state, signal);
    };
  }
  if constexpr (requires { &T::on_reply; }) {
    result.on_reply = [](Context& context, void* state, const Reply& reply) -> Result<> {
      return glue::invoke<T>(&T::on_reply, context, state, reply);
    };
  }
  if constexpr (requires { &T::on_timer; }) {
    result.on_timer = [](Context& context, void* state, const Timer& timer) -> Result<> {
      return glue::invoke<T>(&T::on_timer, context, state, timer);
    };
  }
  if constexpr (requires { &T::on_start; }) {
    result.on_start = [](Context& context, void* state) -> Result<> {
      return glue::invoke<T>(&T::on_start, context, state);
    };
  }
  if constexpr (requires(const State& state) { T::describe(state); }) {
    result.describe = [](const void* state) -> std::string {
      return T::describe(*static_cast<const State*>(state));
    };
  }
  if constexpr (requires { &T::on_stop; }) {
    result.on_stop = [](Context& context, void* state) -> Result<> {
      return glue::invoke<T>(&T::on_stop, context, state);
    };
  }
  if constexpr (requires { &T::upgrade; }) {
    result.upgrade = [](std::uint32_t from, std::span<const std::byte> bytes,
                        void* state) -> Result<> {
      return glue::kHandler<T>.upgrade(from, bytes, *static_cast<State*>(state));
    };
  }
  return result;
}

template <class... Types>
[[gnu::visibility("hidden")]] inline constexpr TypeDescriptor kTypes[] = {
    describe_type<Types>()...};

/// A worker of one's own, with these types built in: `return run_worker<Counter>(argc, argv);`.
MABEAM_API int run_worker(int argc, char** argv, std::span<const TypeDescriptor> types);

template <class... Types>
int run_worker(int argc, char** argv) {
  return run_worker(argc, argv, kTypes<Types...>);
}

}  // namespace mabeam

/// Makes the shared object a module that `modules = [...]` can load.
#define MABEAM_MODULE(...)                                                                     \
  extern "C" MABEAM_API const mabeam::ModuleInfo* mabeam_module();                             \
  const mabeam::ModuleInfo* mabeam_module() {                                                  \
    static constexpr mabeam::ModuleInfo info{mabeam::kModuleAbi, mabeam::kTypes<__VA_ARGS__>}; \
    return &info;                                                                              \
  }
