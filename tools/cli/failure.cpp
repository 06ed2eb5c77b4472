#include "tools/cli/failure.hpp"

#include "shm/lost_name.hpp"
#include "shm/segment.hpp"
#include "tools/cli/encoding.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

namespace mabeam::tools {

namespace {

tl::unexpected<Failure> failure(Error error, Step step, std::string message) {
  const bool may_pass = error.code == Errc::rate_limited || error.code == Errc::circuit_open;
  return tl::unexpected(Failure{.exit = exit_for(error, step),
                                .code = std::string(code_name(error.code)),
                                .message = std::move(message),
                                .retry_after_ms = may_pass ? error.subject : std::uint16_t{0}});
}

std::string cannot_read(std::string_view label, int os_error) {
  return "cannot read " + std::string(label) + ": " + std::generic_category().message(os_error);
}

}  // namespace

Exit exit_for(Error error, Step step) {
  switch (error.code) {
    case Errc::invalid_argument:
      return error.subject == 0 ? Exit::refused : Exit::usage;
    case Errc::corrupt:
    case Errc::truncated:
      return Exit::damaged;
    case Errc::not_found:
      return step == Step::attach ? Exit::no_runtime : Exit::refused;
    case Errc::backpressure:
    case Errc::circuit_open:
    case Errc::too_many_clients:
    case Errc::not_running:
      return Exit::try_again;
    case Errc::incompatible:
    case Errc::byte_order:
      return Exit::other_layout;
    case Errc::bad_permissions:
      return Exit::permission;
    case Errc::system:
      return step == Step::file && (error.os == EACCES || error.os == EPERM) ? Exit::permission
                                                                             : Exit::refused;
    case Errc::timed_out:
      return Exit::timed_out;
    default:
      return Exit::refused;
  }
}

tl::unexpected<Failure> refuse(Error error, std::string_view doing) {
  return failure(error, Step::request, std::string(doing) + ": " + describe(error));
}

tl::unexpected<Failure> refuse_typed(Error error, std::string_view what) {
  auto refusal = failure(error, Step::request, std::string(what) + ": " + describe(error));
  refusal.value().exit = Exit::usage;
  return refusal;
}

tl::unexpected<Failure> unreadable(std::string_view label, int os_error) {
  return failure(Error{Errc::system, 0, os_error}, Step::file, cannot_read(label, os_error));
}

tl::unexpected<Failure> refuse_attach(Error error, std::string_view runtime) {
  const std::string name = one_line(runtime);
  if (error.code == Errc::not_found) {
    if (const auto pid = shm::find_nameless_supervisor(runtime)) {
      return failure(error, Step::attach,
                     "runtime '" + name + "' runs, but " + shm::path_of_segment(runtime) +
                         " has been removed, so nobody can reach it; when what is in it may end: "
                         "kill -TERM " +
                         std::to_string(*pid) + ", and start it again");
    }
    return failure(error, Step::attach,
                   "there is no runtime '" + name +
                       "'; start one with: mabeam-supervisor --config FILE --name " + name);
  }
  return failure(error, Step::attach, "runtime '" + name + "': " + describe(error));
}

tl::unexpected<Failure> refuse_file(Error error, std::string_view path) {
  const std::string label = "'" + one_line(path) + "'";
  if (error.os != 0) return failure(error, Step::file, cannot_read(label, error.os));
  switch (error.code) {
    case Errc::truncated:
      return failure(error, Step::file,
                     label +
                         " is shorter than a segment, or than its own header says: a copy that "
                         "was cut short; copy it again");
    case Errc::corrupt:
      return failure(error, Step::file,
                     label +
                         " does not begin as a segment does: it is another file, or its header "
                         "is damaged");
    default:
      return failure(error, Step::file, label + ": " + describe(error));
  }
}

tl::unexpected<Failure> usage_error(std::string message) {
  return tl::unexpected(
      Failure{.exit = Exit::usage, .code = "usage", .message = std::move(message)});
}

}  // namespace mabeam::tools
