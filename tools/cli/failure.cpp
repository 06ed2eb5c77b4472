#include "tools/cli/failure.hpp"

#include <utility>

namespace mabeam::tools {

namespace {

tl::unexpected<Failure> failure(Error error, Step step, std::string message) {
  return tl::unexpected(Failure{.exit = exit_for(error.code, step),
                                .code = std::string(code_name(error.code)),
                                .message = std::move(message)});
}

}  // namespace

Exit exit_for(Errc code, Step step) {
  switch (code) {
    case Errc::invalid_argument:
    case Errc::bad_topic:
      return Exit::usage;
    case Errc::corrupt:
    case Errc::truncated:
      return Exit::damaged;
    case Errc::not_found:
      if (step == Step::file) return Exit::usage;
      return step == Step::attach ? Exit::no_runtime : Exit::refused;
    case Errc::system:
      return step == Step::file ? Exit::usage : Exit::refused;
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
    case Errc::timed_out:
      return Exit::timed_out;
    default:
      return Exit::refused;
  }
}

tl::unexpected<Failure> refuse(Error error, std::string_view doing) {
  return failure(error, Step::request, std::string(doing) + ": " + describe(error));
}

tl::unexpected<Failure> refuse_attach(Error error, std::string_view runtime) {
  const std::string name(runtime);
  if (error.code == Errc::not_found) {
    return failure(error, Step::attach,
                   "there is no runtime '" + name +
                       "'; start one with: mabeam-supervisor --config FILE --name " + name);
  }
  return failure(error, Step::attach, "runtime '" + name + "': " + describe(error));
}

tl::unexpected<Failure> refuse_file(Error error, std::string_view path) {
  return failure(error, Step::file, "'" + std::string(path) + "': " + describe(error));
}

tl::unexpected<Failure> usage_error(std::string message) {
  return tl::unexpected(
      Failure{.exit = Exit::usage, .code = "usage", .message = std::move(message)});
}

}  // namespace mabeam::tools
