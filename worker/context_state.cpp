// A state that is kept serialized, between its hook's glue and the half that this turn changes.
// What the worker gives a hook points behind the half's header.
#include "worker/backend.hpp"

#include "mabeam/context.hpp"

namespace mabeam {
namespace {

shm::StateHeader& header_of(void* stored) {
  return static_cast<shm::StateHeader*>(stored)[-1];
}

}  // namespace

Result<std::span<const std::byte>> Context::stored_state(const void* stored) const {
  const std::uint32_t bytes = static_cast<const shm::StateHeader*>(stored)[-1].bytes;
  if (bytes > backend_.most_state_bytes()) return fail(Errc::corrupt);
  return std::span{static_cast<const std::byte*>(stored), bytes};
}

std::span<std::byte> Context::room_for_state(void* stored) const {
  return {static_cast<std::byte*>(stored), backend_.most_state_bytes()};
}

void Context::keep_state(void* stored, std::size_t bytes) {
  header_of(stored).bytes = static_cast<std::uint32_t>(bytes);
}

}  // namespace mabeam
