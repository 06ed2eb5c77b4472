#include "shm/control.hpp"

#include "shm/bell.hpp"
#include "shm/clock.hpp"
#include "shm/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mabeam::shm {
namespace {

using std::chrono::nanoseconds;

class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}

  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

int milliseconds_until(std::int64_t deadline_ns) {
  const std::int64_t left = deadline_ns - monotonic_ns();
  return left <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left / 1'000'000 + 1, 60'000));
}

std::string question_bytes(const ControlQuestion& question, std::string_view text) {
  std::string bytes(sizeof question, '\0');
  std::memcpy(bytes.data(), &question, sizeof question);
  return bytes.append(text);
}

/// A socket with a name of its own, which the answer goes to. Only `to` may write to it.
Result<> connect_to(int fd, const BellAddress& to) {
  const sa_family_t unnamed = AF_UNIX;  // the kernel gives the name
  const auto* any = reinterpret_cast<const sockaddr*>(&unnamed);
  if (::bind(fd, any, sizeof unnamed) != 0) return fail_system(errno);
  if (const int error = tell_senders(fd); error != 0) return fail_system(error);
  if (::connect(fd, to.get(), to.length) != 0) return fail(Errc::not_running);
  return {};
}

/// Sends, waiting for room: ten datagrams fill a socket.
Result<> send_all(int fd, const std::string& bytes, std::int64_t deadline_ns) {
  for (;;) {
    if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
    if (errno == ECONNREFUSED) return fail(Errc::not_running);
    if (errno != EAGAIN && errno != EINTR) return fail_system(errno);
    const int left = milliseconds_until(deadline_ns);
    if (left == 0) return fail(Errc::timed_out);
    pollfd room{fd, POLLOUT, 0};
    ::poll(&room, 1, std::min(left, 10));
  }
}

/// A datagram of another sender, or to another question, is none.
std::optional<ControlAnswer> receive_answer(int fd, ProcessId supervisor, std::uint64_t serial,
                                            std::span<std::byte> buffer) {
  std::optional<Sender> sender;
  sockaddr_un from{};
  unsigned from_length = sizeof from;
  const ssize_t bytes = receive_from(fd, buffer, &from, &from_length, sender);
  if (bytes <= 0 || !sender || static_cast<std::uint32_t>(sender->pid) != supervisor.pid()) {
    return std::nullopt;
  }
  return read_answer(buffer.first(static_cast<std::size_t>(bytes)), serial);
}

}  // namespace

std::vector<std::string> ControlAnswer::all(std::string_view word) const {
  std::vector<std::string> texts;
  for (const ControlLine& line : lines) {
    if (line.word == word) texts.push_back(line.text);
  }
  return texts;
}

std::string write_answer(const ControlAnswer& answer, std::uint64_t serial) {
  const ControlAnswerHead head{kControlMagic, answer.verdict, serial};
  std::string bytes(sizeof head, '\0');
  std::memcpy(bytes.data(), &head, sizeof head);
  for (const ControlLine& line : answer.lines) {
    std::string text = line.word + '\t' + line.text;
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (bytes.size() + text.size() + 1 > kControlBytesMax) break;
    bytes += text + '\n';
  }
  return bytes;
}

std::optional<ControlAnswer> read_answer(std::span<const std::byte> datagram,
                                         std::uint64_t serial) {
  ControlAnswerHead head;
  if (datagram.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, datagram.data(), sizeof head);
  const bool is_known = head.verdict <= ControlVerdict::configuration;
  if (head.magic != kControlMagic || head.serial != serial || !is_known) return std::nullopt;
  ControlAnswer answer{head.verdict, {}};
  const std::span rest = datagram.subspan(sizeof head);
  std::string_view text{reinterpret_cast<const char*>(rest.data()), rest.size()};
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t tab = std::min(line.find('\t'), line.size());
    answer.lines.push_back({std::string{line.substr(0, tab)},
                            std::string{line.substr(std::min(tab + 1, line.size()))}});
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return answer;
}

std::optional<ControlQuestion> read_question(std::span<const std::byte> datagram) {
  ControlQuestion question;
  if (datagram.size() < sizeof question) return std::nullopt;
  std::memcpy(&question, datagram.data(), sizeof question);
  const bool is_whole = datagram.size() == sizeof question + question.text_bytes;
  if (question.magic != kControlMagic || !is_whole || question.text_bytes > kControlTextMax) {
    return std::nullopt;
  }
  return question;
}

int tell_senders(int socket) noexcept {
  const int yes = 1;
  return ::setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0 ? 0 : errno;
}

ssize_t receive_from(int socket, std::span<std::byte> buffer, sockaddr_un* from,
                     unsigned* from_length, std::optional<Sender>& sender) noexcept {
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(ucred))> control{};
  msghdr message{};
  message.msg_name = from;
  message.msg_namelen = *from_length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t bytes = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  sender.reset();
  if (bytes < 0) return bytes;
  *from_length = message.msg_namelen;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_CREDENTIALS) continue;
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(each), sizeof credentials);
    sender = Sender{credentials.pid, credentials.uid};
  }
  return bytes;
}

Result<ControlAnswer> ask_supervisor(const Segment& segment, ControlCommand command,
                                     std::uint64_t number, std::string_view text,
                                     nanoseconds timeout) {
  const ProcessId supervisor{segment.header().supervisor.load(std::memory_order_acquire)};
  if (!is_alive(supervisor)) return fail(Errc::not_running);
  const OpenFile process{
      static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(supervisor.pid()), 0))};
  const OpenFile socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (process.get() < 0 || socket.get() < 0) return fail_system(errno);
  const Result<> connected = connect_to(socket.get(), bell_address(segment.name(), supervisor));
  if (!connected) return fail(connected.error());
  const std::int64_t deadline_ns = deadline_after(timeout);
  const ControlQuestion question{
      .magic = kControlMagic,
      .command = command,
      .serial = static_cast<std::uint64_t>(monotonic_ns()),
      .number = number,
      .deadline_ns = deadline_ns,
      .text_bytes = static_cast<std::uint32_t>(std::min(text.size(), kControlTextMax))};
  const std::string bytes = question_bytes(question, text.substr(0, kControlTextMax));
  if (const Result<> sent = send_all(socket.get(), bytes, deadline_ns); !sent) {
    return fail(sent.error());
  }
  std::vector<std::byte> buffer(kControlBytesMax);
  for (;;) {
    std::array<pollfd, 2> waited{pollfd{socket.get(), POLLIN, 0}, pollfd{process.get(), POLLIN, 0}};
    ::poll(waited.data(), waited.size(), milliseconds_until(deadline_ns));
    auto answer = receive_answer(socket.get(), supervisor, question.serial, buffer);
    if (answer) return std::move(*answer);
    if ((waited[1].revents & POLLIN) != 0) return fail(Errc::closed);
    if (monotonic_ns() >= deadline_ns) return fail(Errc::timed_out);
  }
}

Result<> wait_for_end(ProcessId process, nanoseconds timeout) {
  const std::int64_t deadline_ns = deadline_after(timeout);
  const OpenFile pidfd{
      static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process.pid()), 0))};
  while (is_alive(process)) {
    const int left = milliseconds_until(deadline_ns);
    if (left == 0) return fail(Errc::timed_out);
    pollfd waited{pidfd.get(), POLLIN, 0};
    ::poll(&waited, 1, std::min(left, 1000));  // without a descriptor it is looked at
  }
  return {};
}

}  // namespace mabeam::shm
