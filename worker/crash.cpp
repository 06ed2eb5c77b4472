#include "worker/crash.hpp"

#include "shm/backtraces.hpp"
#include "shm/clock.hpp"
#include "shm/running.hpp"
#include "worker/loaded_modules.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include <execinfo.h>
#include <ucontext.h>
#include <unistd.h>

namespace mabeam::worker {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif
#else
constexpr bool kIsSanitized = false;
#endif

constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::size_t kStackBytes = 128U << 10U;
/// Of the handler's own frames, which come first.
constexpr int kOwnFrames = 8;

/// All that the handler needs, there from the start.
struct Crash {
  const shm::Segment* segment = nullptr;
  shm::Incarnation self;
  shm::BacktraceSlots slots;
  LoadedModules modules;
  std::atomic<bool> has_begun = false;
  shm::CrashRecord record;
  shm::BacktraceSlots::Record words{};
  std::array<void*, shm::kMostFrames + kOwnFrames> frames{};
  alignas(16) std::array<std::byte, kStackBytes> stack{};
};

Crash& crash() {
  static Crash state;
  return state;
}

std::uint64_t address_of(const void* pointer) noexcept {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

/// Where the processor was; 0 where that is not known.
std::uint64_t interrupted_at(const void* context) noexcept {
  [[maybe_unused]] const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uint64_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#else
  return 0;
#endif
}

void write(Crash& state, std::uint64_t number) noexcept {
  std::memcpy(state.words.data(), &state.record, sizeof state.record);
  state.slots.write(number, state.words);
}

/// Whose handler runs here.
void note_running(Crash& state) noexcept {
  const shm::Segment& segment = *state.segment;
  for (std::uint32_t shard = 0; shard < segment.dimensions().shards; ++shard) {
    if (segment.turn(shard).owner.load(std::memory_order_relaxed) != state.self.value) continue;
    const auto running = shm::running_on(segment, shard);
    if (!running) continue;
    state.record.agent = running->agent.value();
    state.record.symbol = static_cast<std::uint32_t>(running->symbol);
    return;
  }
}

/// Which of the record's modules that is, noted if it is new there.
std::uint64_t module_index(shm::CrashRecord& record, const LoadedModule& module) noexcept {
  for (std::uint32_t i = 0; i < record.module_count; ++i) {
    if (std::strcmp(record.modules[i].path.data(), module.named.path.data()) == 0) return i;
  }
  if (record.module_count == record.modules.size()) return shm::kNoModule;
  record.modules[record.module_count] = module.named;
  return record.module_count++;
}

void add_frame(Crash& state, std::uint64_t address) noexcept {
  shm::CrashRecord& record = state.record;
  if (record.frame_count == record.frames.size()) return;
  std::uint64_t index = shm::kNoModule;
  if (const LoadedModule* module = state.modules.find(address)) {
    index = module_index(record, *module);
    if (index != shm::kNoModule) address -= module->bias;
  }
  constexpr std::uint64_t kAddressBits = 48;
  record.frames[record.frame_count++] =
      index << kAddressBits | (address & ((std::uint64_t{1} << kAddressBits) - 1));
}

// The frames of this handler end at the one that was interrupted. Where the walk does not pass it
// (a call of a null pointer), it is all that is known.
void walk(Crash& state, std::uint64_t at) noexcept {
  const int count = ::backtrace(state.frames.data(), static_cast<int>(state.frames.size()));
  int first = 0;
  while (first < count && first < kOwnFrames &&
         address_of(state.frames[static_cast<std::size_t>(first)]) != at)
    ++first;
  add_frame(state, at);
  if (first == count || first == kOwnFrames) return;
  for (int i = first + 1; i < count; ++i)
    add_frame(state, address_of(state.frames[static_cast<std::size_t>(i)]));
}

void on_crash(int signal, siginfo_t* info, void* context) {
  Crash& state = crash();
  shm::CrashRecord& record = state.record;
  // A child has its parent's handlers, and no segment.
  const bool is_worker = record.pid == static_cast<std::uint32_t>(::getpid());
  if (is_worker && !state.has_begun.exchange(true)) {
    record.unix_ns = shm::unix_ns();
    record.monotonic_ns = shm::monotonic_ns();
    record.signal = signal;
    record.code = info->si_code;
    if (info->si_code > 0) record.fault_address = address_of(info->si_addr);
    note_running(state);
    const std::uint64_t number = state.slots.begin();
    write(state, number);
    walk(state, interrupted_at(context));
    record.is_whole = 1;
    write(state, number);
  }
  // The handler is gone (SA_RESETHAND). What the processor has found it finds again; what somebody
  // has sent is sent again, and comes when this returns.
  if (info->si_code <= 0) ::raise(signal);
}

void install(int signal) {
  struct sigaction before {};

  if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) return;

  struct sigaction action {};

  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  ::sigfillset(&action.sa_mask);
  for (const int deadly : kSignals)
    ::sigdelset(&action.sa_mask, deadly);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void leave_backtraces(const shm::Segment& segment, shm::Incarnation self) {
  if (kIsSanitized) return;
  Crash& state = crash();
  state.segment = &segment;
  state.self = self;
  state.slots = shm::BacktraceSlots{segment.backtraces()};
  state.record.pid = static_cast<std::uint32_t>(::getpid());
  state.record.worker = self.worker();
  state.record.incarnation = self.number();
  note_loaded_modules();
  (void)::backtrace(state.frames.data(), 1);  // loads what it needs
  const stack_t stack{.ss_sp = state.stack.data(), .ss_flags = 0, .ss_size = kStackBytes};
  if (::sigaltstack(&stack, nullptr) != 0) return;
  for (const int signal : kSignals)
    install(signal);
}

void end_backtraces() noexcept {
  crash().has_begun.store(true);
}

void note_loaded_modules() {
  if (!kIsSanitized) crash().modules.look();
}

}  // namespace mabeam::worker
