#include "tools/serve/http_server.hpp"

#include "tools/serve/connections.hpp"
#include "tools/serve/http_connection.hpp"
#include "tools/serve/stop_flag.hpp"

#include <atomic>
#include <cerrno>
#include <exception>
#include <functional>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace mabeam::tools {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class Queue : public httplib::TaskQueue {
 public:
  explicit Queue(std::size_t most) : connections_(most) {}

  void enqueue(std::function<void()> connection) override {
    connections_.serve(std::move(connection));
  }

  void shutdown() override { connections_.finish(); }

 private:
  Connections connections_;
};

/// What httplib reads a request from and writes an answer to.
class ConnectionStream : public httplib::Stream {
 public:
  explicit ConnectionStream(HttpConnection& connection) : connection_(connection) {}

  [[nodiscard]] bool is_readable() const override { return connection_.is_readable(); }

  [[nodiscard]] bool is_writable() const override { return connection_.is_open(); }

  ssize_t read(char* ptr, size_t size) override { return connection_.read(ptr, size); }

  ssize_t write(const char* ptr, size_t size) override { return connection_.write(ptr, size); }

  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}

  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}

  [[nodiscard]] socket_t socket() const override { return connection_.socket(); }

 private:
  HttpConnection& connection_;
};

class SinkStream : public HttpStream {
 public:
  SinkStream(httplib::DataSink& sink, StopFlag& stop) : sink_(sink), stop_(stop) {}

  bool write(std::string_view text) override {
    return !stop_.is_set() && sink_.write(text.data(), text.size());
  }

  bool wait(milliseconds time) override { return !stop_.wait(time) && sink_.is_writable(); }

 private:
  httplib::DataSink& sink_;
  StopFlag& stop_;
};

/// The sockets of connections that are served.
class OpenSockets {
 public:
  void add(int socket) {
    const std::scoped_lock lock(mutex_);
    sockets_.insert(socket);
    if (is_over_) ::shutdown(socket, SHUT_RD);
  }

  void remove(int socket) {
    const std::scoped_lock lock(mutex_);
    sockets_.erase(socket);
  }

  /// Whoever has not sent a request yet is not waited for; answers are still written.
  void hang_up() {
    const std::scoped_lock lock(mutex_);
    is_over_ = true;
    for (const int socket : sockets_)
      ::shutdown(socket, SHUT_RD);
  }

 private:
  std::mutex mutex_;
  std::set<int> sockets_;
  bool is_over_ = false;
};

HttpRequest request_of(const httplib::Request& from, bool is_local) {
  HttpRequest request{.method = from.method, .path = from.path, .is_local = is_local};
  request.parameters.insert(from.params.begin(), from.params.end());
  for (std::size_t i = 0; i < from.get_header_value_count("Host"); ++i)
    request.hosts.push_back(from.get_header_value("Host", i));
  request.authorization = from.get_header_value("Authorization");
  request.last_event_id = from.get_header_value("Last-Event-ID");
  return request;
}

const httplib::Headers kSecurityHeaders{
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
};

/// httplib's server over connections with our limits.
class Server : public httplib::Server {
 public:
  Server(HttpHandler handler, const HttpLimits& limits)
      : handler_(std::move(handler)),
        limits_(limits) {
    new_task_queue = [this] { return new Queue(limits_.connections); };
    set_default_headers(kSecurityHeaders);
    set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    // Before a body is read: nobody has one to send us.
    set_pre_routing_handler([this](const httplib::Request& from, httplib::Response& to) {
      answer(from, to);
      return HandlerResponse::Handled;
    });
  }

  void set_local(bool is_local) { is_local_ = is_local; }

  /// Ends streams, and the wait for requests that have not come.
  void end_connections() {
    stop_.set();
    open_.hang_up();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    HttpConnection connection(socket, {.read_bytes = limits_.request_bytes,
                                       .read_until = steady_clock::now() + limits_.request_time,
                                       .write_time = limits_.write_time});
    ConnectionStream stream(connection);
    bool is_closed = false;
    bool is_answered = false;
    open_.add(socket);
    try {
      is_answered = process_request(stream, true, is_closed, nullptr);
    } catch (const std::exception&) {  // one that httplib fails at ends its connection, no more
    }
    open_.remove(socket);
    return is_answered;
  }

  void answer(const httplib::Request& from, httplib::Response& to) {
    HttpResponse response;
    try {
      response = handler_(request_of(from, is_local_));
    } catch (const std::exception& error) {
      response = http_failure(500, "internal", error.what());
    }
    if (response.status != 200) to.status = response.status;  // else it is 206 for a range
    for (const auto& [name, value] : response.headers)
      to.set_header(name, value);
    if (!response.stream) {
      to.set_content(response.body, response.content_type);
      return;
    }
    to.set_chunked_content_provider(
        response.content_type,
        [this, run = std::move(response.stream)](std::size_t, httplib::DataSink& sink) {
          SinkStream stream(sink, stop_);
          run(stream);
          sink.done();
          return true;
        });
  }

  HttpHandler handler_;
  HttpLimits limits_;
  bool is_local_ = false;
  StopFlag stop_;
  OpenSockets open_;
};

/// The socket of a server that was killed is in the way; one that is listened at is not ours to
/// take.
void remove_dead_socket(const std::string& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  const bool is_dead =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED;
  ::close(probe);
  if (is_dead) ::unlink(path.c_str());
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpHandler handler, const HttpLimits& limits) : server(std::move(handler), limits) {}

  /// The port, or -1.
  int bind(const ListenAddress& address) {
    if (!address.is_unix()) {
      if (address.port == 0) return server.bind_to_any_port(address.host);
      return server.bind_to_port(address.host, address.port) ? address.port : -1;
    }
    remove_dead_socket(address.path);
    server.set_address_family(AF_UNIX);
    server.set_local(true);
    const mode_t mask = ::umask(0177);  // the socket is its owner's alone
    const bool is_bound = server.bind_to_port(address.path, 1);
    ::umask(mask);
    if (is_bound) socket_path = address.path;
    return is_bound ? 0 : -1;
  }

  Server server;
  std::string socket_path;  ///< to be removed
  std::atomic<bool> has_ended{false};
  std::thread thread;
};

HttpServer::HttpServer(HttpHandler handler, const HttpLimits& limits)
    : impl_(std::make_unique<Impl>(std::move(handler), limits)) {
}

HttpServer::~HttpServer() {
  stop();
}

Outcome<ListenAddress> HttpServer::start(const ListenAddress& address) {
  errno = 0;
  const int port = impl_->bind(address);
  if (port < 0) {
    const int refused = errno;
    const std::string why = refused == 0 ? "it is no address of this machine"
                                         : std::generic_category().message(refused);
    const bool is_forbidden = refused == EACCES || refused == EPERM;
    return tl::unexpected(Failure{.exit = is_forbidden ? Exit::permission : Exit::refused,
                                  .code = is_forbidden ? "bad_permissions" : "system",
                                  .message = "cannot listen on " + to_string(address) + ": " + why +
                                             "; choose with --listen"});
  }
  impl_->thread = std::thread([impl = impl_.get()] {
    impl->server.listen_after_bind();
    impl->has_ended = true;
  });
  // httplib's stop() is heard only by a server that listens.
  while (!impl_->server.is_running() && !impl_->has_ended)
    std::this_thread::yield();
  ListenAddress bound = address;
  bound.port = static_cast<std::uint16_t>(port);
  return bound;
}

bool HttpServer::is_running() const {
  return impl_->thread.joinable() && !impl_->has_ended;
}

void HttpServer::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->server.end_connections();
  impl_->server.stop();
  impl_->thread.join();
  if (!impl_->socket_path.empty()) ::unlink(impl_->socket_path.c_str());
}

}  // namespace mabeam::tools
