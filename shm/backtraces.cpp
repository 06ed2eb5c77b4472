#include "shm/backtraces.hpp"

#include "shm/symbols.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace mabeam::shm {
namespace {

constexpr std::uint64_t kModuleShift = 48;
constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kModuleShift) - 1;

ModuleView view_of(const CrashModule& module) {
  constexpr std::string_view kHex = "0123456789abcdef";
  ModuleView view;
  view.path.assign(module.path.begin(), std::find(module.path.begin(), module.path.end(), '\0'));
  const std::size_t bytes = std::min<std::size_t>(module.build_id_bytes, module.build_id.size());
  for (const std::uint8_t byte : std::span{module.build_id}.first(bytes)) {
    view.build_id += kHex[byte >> 4U];
    view.build_id += kHex[byte & 15U];
  }
  return view;
}

BacktraceView view_of(std::uint64_t number, const CrashRecord& crash, const Symbols& symbols) {
  BacktraceView view{.number = number,
                     .unix_ns = crash.unix_ns,
                     .monotonic_ns = crash.monotonic_ns,
                     .worker = crash.worker,
                     .incarnation = crash.incarnation,
                     .pid = crash.pid,
                     .signal = crash.signal,
                     .code = crash.code,
                     .fault_address = crash.fault_address,
                     .agent = AgentId{crash.agent}};
  view.handling = symbols.text(static_cast<Symbol>(crash.symbol));
  view.is_whole = crash.is_whole != 0;
  const auto modules = std::span{crash.modules}.first(
      std::min<std::size_t>(crash.module_count, crash.modules.size()));
  for (const CrashModule& module : modules)
    view.modules.push_back(view_of(module));
  const auto frames =
      std::span{crash.frames}.first(std::min<std::size_t>(crash.frame_count, crash.frames.size()));
  for (const std::uint64_t frame : frames) {
    const std::uint64_t module = frame >> kModuleShift;
    view.frames.push_back({module < view.modules.size() ? view.modules[module].path : std::string{},
                           frame & kAddressMask});
  }
  return view;
}

}  // namespace

BacktracesLeft read_backtraces(std::span<std::byte> region, const Symbols& symbols) {
  BacktracesLeft left;
  const SealedCount count =
      BacktraceSlots{region}.read([&](std::uint64_t number, const BacktraceSlots::Record& record) {
        left.backtraces.push_back(view_of(number, std::bit_cast<CrashRecord>(record), symbols));
      });
  std::sort(left.backtraces.begin(), left.backtraces.end(),
            [](const BacktraceView& a, const BacktraceView& b) { return a.number < b.number; });
  left.damaged = count.damaged;
  return left;
}

}  // namespace mabeam::shm
