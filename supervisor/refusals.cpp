#include "supervisor/refusals.hpp"

#include "shm/segment.hpp"

#include <array>
#include <charconv>
#include <system_error>

#include <sys/statvfs.h>

namespace mabeam::supervisor {
namespace {

std::string segment_text(std::string_view runtime) {
  return "/dev/shm/mabeam-" + std::string{runtime};
}

std::string reason_text(Error error) {
  if (error.os == 0) return describe(error);
  return std::generic_category().message(error.os);
}

Refusal in_use(std::string_view runtime) {
  return {ExitCode::cannot_create, "runtime '" + std::string{runtime} +
                                       "' is run by another supervisor; stop that one, or start "
                                       "this one with another --name"};
}

}  // namespace

std::string megabytes(std::uint64_t bytes) {
  std::array<char, 32> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(),
                    static_cast<double>(bytes) / (1U << 20U), std::chars_format::fixed, 1);
  return std::string{digits.data(), end.ptr} + " MiB";
}

std::uint64_t free_shared_memory() noexcept {
  struct statvfs status {};

  if (::statvfs("/dev/shm", &status) != 0) return 0;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

Refusal refusal_of_create(Error error, std::string_view runtime, std::uint64_t needed_bytes) {
  const std::string doing = "cannot create " + segment_text(runtime) + ": ";
  switch (error.code) {
    case Errc::no_room:
      return {ExitCode::cannot_create,
              doing + megabytes(needed_bytes) + " needed, /dev/shm has " +
                  megabytes(free_shared_memory()) +
                  " free; raise its size (mount -o remount,size=..., docker --shm-size), or lower "
                  "runtime.max_agents, runtime.shards, events.log_bytes or the [channels]"};
    case Errc::in_use:
      return in_use(runtime);
    case Errc::bad_permissions:
      return {ExitCode::permission, doing + reason_text(error) + "; is /dev/shm writable?"};
    default:
      return {ExitCode::cannot_create, doing + reason_text(error)};
  }
}

Refusal refusal_of_nameless(std::string_view runtime, pid_t pid) {
  const std::string number = std::to_string(pid);
  return {ExitCode::cannot_create,
          "runtime '" + std::string{runtime} + "' is run by another supervisor, pid " + number +
              ", though " + shm::path_of_segment(runtime) +
              " has been removed or another file has its name; stop that one (kill -TERM " +
              number + "), or start this one with another --name"};
}

Refusal refusal_of_take_over(Error error, std::string_view runtime) {
  const std::string segment = segment_text(runtime);
  const std::string way_out = "; to lose what is in it and start anew, add --discard";
  switch (error.code) {
    case Errc::in_use:
      return in_use(runtime);
    case Errc::bad_permissions:
      return {ExitCode::permission,
              segment +
                  " belongs to another user, has a loose mode, or was made in another pid "
                  "namespace; start as its owner, or with another --name"};
    case Errc::incompatible:
      return {
          ExitCode::other_layout,
          segment + " was laid out by another build of mabeam; stop it with that build" + way_out};
    case Errc::corrupt:
    case Errc::truncated:
    case Errc::byte_order:
      return {ExitCode::damaged, segment + " is damaged (" + std::string{code_name(error.code)} +
                                     "); look at it with `mabeam verify --file " + segment + "`" +
                                     way_out};
    default:
      return {ExitCode::cannot_create, "cannot take over " + segment + ": " + reason_text(error)};
  }
}

Refusal refusal_of_layout(std::string_view runtime, const std::vector<std::string>& differences) {
  std::string text = segment_text(runtime) + " was laid out with other settings: ";
  for (const std::string& each : differences)
    text += each + "; ";
  return {ExitCode::configuration,
          text + "put them back, or lose what is in it and start anew with --discard"};
}

}  // namespace mabeam::supervisor
