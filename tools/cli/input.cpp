#include "tools/cli/input.hpp"

#include "tools/cli/stop_signal.hpp"

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace mabeam::tools {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

}  // namespace

Input::Input(int descriptor, std::string label)
    : descriptor_(descriptor),
      label_(std::move(label)) {
}

Input::Input(Input&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      label_(std::move(other.label_)) {
}

Input::~Input() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

Outcome<Input> Input::open(std::string_view path) {
  if (path == "-") return Input(STDIN_FILENO, "standard input");
  const std::string name(path);
  std::string label = "'" + name + "'";
  const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return unreadable(label, errno);
  return Input(descriptor, std::move(label));
}

std::ptrdiff_t Input::read(std::span<char> buffer) {
  std::array<pollfd, 2> waits{pollfd{.fd = descriptor_, .events = POLLIN, .revents = 0},
                              pollfd{.fd = stop_descriptor(), .events = POLLIN, .revents = 0}};
  if (::poll(waits.data(), waits.size(), -1) < 0) return -1;
  if (waits[1].revents != 0) {
    errno = EINTR;
    return -1;
  }
  return ::read(descriptor_, buffer.data(), buffer.size());
}

Outcome<std::string> Input::read_all(std::size_t limit) {
  std::string text;
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    const std::ptrdiff_t count = read(buffer);
    if (count < 0) return unreadable(label_, errno);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > limit) {
      return tl::unexpected(
          Failure{.exit = Exit::refused,
                  .code = std::string(code_name(Errc::payload_too_large)),
                  .message = label_ + " is over " + std::to_string(limit) + " bytes"});
    }
  }
}

}  // namespace mabeam::tools
