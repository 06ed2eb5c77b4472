#include "supervisor/bell.hpp"

#include "shm/bell.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace mabeam::supervisor {

Result<Bell> Bell::open(std::string_view runtime, shm::ProcessId self) {
  Bell bell;
  bell.socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!bell.socket_) return fail_system(errno);
  const shm::BellAddress address = shm::bell_address(runtime, self);
  if (::bind(bell.fd(), address.get(), address.length) != 0) return fail_system(errno);
  if (const int error = shm::tell_senders(bell.fd()); error != 0) return fail_system(error);
  return bell;
}

Result<Bell> Bell::inherit(std::string_view runtime, shm::ProcessId self, int fd) {
  Bell bell;
  bell.socket_.reset(fd);
  const shm::BellAddress wanted = shm::bell_address(runtime, self);
  sockaddr_un found{};
  socklen_t length = sizeof found;
  const bool is_bound = ::getsockname(fd, reinterpret_cast<sockaddr*>(&found), &length) == 0 &&
                        length == wanted.length && std::memcmp(&found, wanted.get(), length) == 0;
  if (!is_bound) return fail(Errc::invalid_argument);
  return bell;
}

std::vector<Question> Bell::hear() {
  std::vector<Question> questions;
  std::array<std::byte, sizeof(shm::ControlQuestion) + shm::kControlTextMax + 1> buffer{};
  // Bounded: who floods the socket may cost us turns of the loop, but never hold it.
  for (int rings = 0; rings < 256; ++rings) {
    Question question;
    question.from_length = sizeof question.from;
    std::optional<shm::Sender> sender;
    const ssize_t bytes =
        shm::receive_from(fd(), buffer, &question.from, &question.from_length, sender);
    if (bytes < 0) break;
    const auto head = shm::read_question(std::span{buffer}.first(static_cast<std::size_t>(bytes)));
    if (!head || !sender || sender->uid != ::geteuid()) continue;
    question.head = *head;
    question.text.assign(reinterpret_cast<const char*>(buffer.data()) + sizeof *head,
                         head->text_bytes);
    questions.push_back(std::move(question));
  }
  return questions;
}

void Bell::answer(const Question& question, const shm::ControlAnswer& answer) noexcept {
  const std::string bytes = shm::write_answer(answer, question.head.serial);
  [[maybe_unused]] const auto sent =
      ::sendto(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&question.from), question.from_length);
}

}  // namespace mabeam::supervisor
