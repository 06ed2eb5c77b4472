#include "supervisor/last_words.hpp"

#include "shm/backtraces.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mabeam::supervisor {
namespace {

std::string name_of_module(const FrameView& frame) {
  return frame.module.substr(frame.module.rfind('/') + 1);
}

bool is_telling(const FrameView& frame) {
  const std::string name = name_of_module(frame);
  return !name.empty() && !name.starts_with("libc.so") && !name.starts_with("libc-");
}

}  // namespace

std::string last_words(const shm::Segment& segment, std::uint32_t worker,
                       std::uint32_t incarnation) {
  const auto left = shm::read_backtraces(segment.backtraces(), segment.symbols());
  const auto& all = left.backtraces;
  const auto found = std::find_if(all.rbegin(), all.rend(), [&](const BacktraceView& each) {
    return each.worker == worker && each.incarnation == incarnation;
  });
  if (found == all.rend() || found->frames.empty()) return {};
  const auto& frames = found->frames;
  const auto telling = std::find_if(frames.begin(), frames.end(), is_telling);
  const FrameView& frame = telling == frames.end() ? frames.front() : *telling;
  std::array<char, 32> address{};
  std::snprintf(address.data(), address.size(), "+0x%llx",
                static_cast<unsigned long long>(frame.address));
  return name_of_module(frame) + address.data();
}

}  // namespace mabeam::supervisor
