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
//             or a coroutine, which may wait for answers of others: task.hpp
//   Result<>  on_event (Context&, State&, const Event&)
//   Result<>  on_signal(Context&, State&, const Signal&)   missing: on_action, its answer dropped
//   Result<>  on_reply (Context&, State&, const Reply&)
//   Result<>  on_timer (Context&, State&, const Timer&)
//   Result<>  on_start (Context&, State&)                  an error: it never was; see OnFailure
//   Result<>  on_stop  (Context&, State&)                  an error changes nothing: it ends
//   static std::string describe(const State&)   its state as JSON, for `mabeam inspect`
//   Result<>  upgrade(std::uint32_t from, std::span<const std::byte> bytes, State&)
//             makes State, new, from the bytes of an older state_version; when the agent's next
//             message comes. Without it, or if it fails, the agent is suspended; so it is where
//             the way in which State is kept (state.hpp) has changed.
//
// One handler object serves all agents of its type in a worker, so it may hold nothing: all that
// must last is in State, which lives in the segment and outlives any process. It is a trivially
// copyable struct without pointers, views or references, which would dangle in the next worker; or
// it is anything at all and comes with serialize() and deserialize() (state.hpp).
#pragma once

#include "mabeam/context.hpp"
#include "mabeam/export.hpp"
#include "mabeam/message.hpp"
#include "mabeam/result.hpp"
#include "mabeam/state.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
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
  /// False: State is kept in the worker's memory alone. A message costs a little less, its effects
  /// are exactly once all the same, and a handler that fails leaves the state as it was; but when
  /// its worker ends, however that may be, the agent goes on with State{}. Id, name, subscriptions,
  /// children and unread messages stay. A type with on_start() is begun as by a restart: its timers
  /// are cancelled, since on_start() sets those that it wants. Without one its timers stay, too.
  bool durable = true;
};

/// A type as the worker sees it: function pointers over untyped state. Made by describe_type().
struct TypeDescriptor {
  using Hook = Result<> (*)(Context&, void* state);

  AgentType type;
  std::uint32_t state_bytes = 0;  ///< of one that is kept as it is, else 0
  bool is_serialized = false;
  /// Writes a first state into `room`; returns its size.
  Result<std::size_t> (*init)(std::span<std::byte> room) = nullptr;
  /// The same, of bytes that somebody gives.
  Result<std::size_t> (*take)(std::span<const std::byte> given,
                              std::span<std::byte> room) = nullptr;
  Result<> (*on_action)(Context&, void* state, const Action&) = nullptr;
  Result<> (*on_event)(Context&, void* state, const Event&) = nullptr;
  Result<> (*on_signal)(Context&, void* state, const Signal&) = nullptr;
  Result<> (*on_reply)(Context&, void* state, const Reply&) = nullptr;
  Hook on_start = nullptr;
  Hook on_stop = nullptr;
  Result<> (*on_timer)(Context&, void* state, const Timer&) = nullptr;
  Result<std::string> (*describe)(std::span<const std::byte> state) = nullptr;
  /// Makes a state of an older one's bytes; returns its size.
  Result<std::size_t> (*upgrade)(std::uint32_t from, std::span<const std::byte> bytes,
                                 std::span<std::byte> room) = nullptr;
};

/// What a module's shared object exports under the name `mabeam_module`.
struct ModuleInfo {
  std::uint32_t abi;  ///< kModuleAbi of the headers it was built with
  std::span<const TypeDescriptor> types;
};

/// Raised whenever TypeDescriptor, Context, AgentOptions, Result or the messages change their
/// layout.
inline constexpr std::uint32_t kModuleAbi = 7;

namespace glue {

// Hidden, as kTypes: the linker would give two modules one variable where their types share a name.
template <class T>
[[gnu::visibility("hidden")]] inline constexpr T kHandler{};

/// Calls a handler on the State that a state's bytes make, and keeps what it has become.
template <class T, class Handler, class... Args>
auto invoke_on_object(Handler handler, Context& context, void* stored, const Args&... args) {
  using Answer = std::invoke_result_t<Handler, const T&, Context&, State<T>&, const Args&...>;
  const Result<std::span<const std::byte>> bytes = context.stored_state(stored);
  if (!bytes) return Answer{fail(bytes.error())};
  Result<State<T>> state = load_state<T>(*bytes);
  if (!state) return Answer{fail(state.error())};
  Answer answer = (kHandler<T>.*handler)(context, *state, args...);
  if (!answer) return answer;
  const Result<std::size_t> saved = save_state<T>(*state, context.room_for_state(stored));
  if (!saved) return Answer{fail(saved.error())};
  context.keep_state(stored, *saved);
  return answer;
}

/// What a type says of a state's bytes. Errors: state_unreadable.
template <class T>
Result<std::string> description(std::span<const std::byte> bytes) {
  if constexpr (Serialized<T>) {
    const Result<State<T>> state = load_state<T>(bytes);
    if (!state) return fail(state.error());
    return T::describe(*state);
  } else {
    if (bytes.size() != sizeof(State<T>)) return fail(Errc::state_unreadable);
    return T::describe(*reinterpret_cast<const State<T>*>(bytes.data()));
  }
}

/// A state made of an older one's bytes, in `room`; returns its size. Errors: those of upgrade(),
/// state_too_large, and what serialize() returns.
template <class T>
Result<std::size_t> upgraded_state(std::uint32_t from, std::span<const std::byte> bytes,
                                   std::span<std::byte> room) {
  if constexpr (Serialized<T>) {
    State<T> state{};
    const Result<> done = kHandler<T>.upgrade(from, bytes, state);
    if (!done) return fail(done.error());
    return save_state<T>(state, room);
  } else {
    const Result<std::size_t> size = first_state<T>(room);
    if (!size) return size;
    const Result<> done =
        kHandler<T>.upgrade(from, bytes, *reinterpret_cast<State<T>*>(room.data()));
    if (!done) return fail(done.error());
    return size;
  }
}

/// Calls a handler with or without State, as the type has declared it.
template <class T, class Handler, class... Args>
auto invoke(Handler handler, Context& context, void* state, const Args&... args) {
  if constexpr (Serialized<T>) {
    return invoke_on_object<T>(handler, context, state, args...);
  } else if constexpr (requires { typename T::State; }) {
    return (kHandler<T>.*handler)(context, *static_cast<typename T::State*>(state), args...);
  } else {
    return (kHandler<T>.*handler)(context, args...);
  }
}

/// What on_action(), a `Handler`, is called by; task.hpp has another for coroutines.
template <class T, class Handler>
struct Actions {
  static Result<> action(Context& context, void* state, const Action& message) {
    auto result = invoke<T>(&T::on_action, context, state, message);
    if (!result) return fail(result.error());
    if constexpr (!std::is_void_v<typename decltype(result)::value_type>) {
      return context.reply(*result);
    } else {
      return {};
    }
  }

  static Result<> signal(Context& context, void* state, const Signal& message) {
    const Action action{message.name(), message.payload(), message.source(), 0};
    const auto result = invoke<T>(&T::on_action, context, state, action);
    if (!result) return fail(result.error());
    return {};
  }
};

}  // namespace glue

/// The descriptor of a user's class.
template <class T>
constexpr TypeDescriptor describe_type() {
  using State = glue::State<T>;
  static_assert(std::is_empty_v<T>, "an agent type may not hold data: put it into State");
  glue::check_state<T>();
  TypeDescriptor result{.type = T::type};
  result.is_serialized = glue::Serialized<T>;
  if constexpr (glue::Serialized<T> || !std::is_empty_v<State>) {
    if (!result.is_serialized) result.state_bytes = sizeof(State);
    result.init = &glue::first_state<T>;
    result.take = &glue::given_state<T>;
  }
  if constexpr (requires { &T::on_action; }) {
    using Actions = glue::Actions<T, decltype(&T::on_action)>;
    result.on_action = &Actions::action;
    result.on_signal = &Actions::signal;
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
    result.describe = &glue::description<T>;
  }
  if constexpr (requires { &T::on_stop; }) {
    result.on_stop = [](Context& context, void* state) -> Result<> {
      return glue::invoke<T>(&T::on_stop, context, state);
    };
  }
  if constexpr (requires { &T::upgrade; }) {
    result.upgrade = &glue::upgraded_state<T>;
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
