// mabeam serve: metrics, probes, documents and events over HTTP.
#include "tools/cli/arguments.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/stop_signal.hpp"
#include "tools/commands.hpp"
#include "tools/serve/http_server.hpp"
#include "tools/serve/site.hpp"

#include "mabeam/observer.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

constexpr std::string_view kDefaultListen = "127.0.0.1:9464";
constexpr std::chrono::seconds kLookAtRuntime{1};  // whether the runtime is there, for the log

/// --listen, else MABEAM_SERVE_LISTEN, else what the runtime's configuration says.
std::string listen_text(const Arguments& arguments) {
  if (const auto given = arguments.value("listen")) return std::string{*given};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet.
  const char* const variable = std::getenv("MABEAM_SERVE_LISTEN");
  if (variable != nullptr && *variable != '\0') return variable;
  const Result<Observer> observer = Observer::attach(arguments.runtime());
  const std::string configured = observer ? observer->runtime().serve_listen : std::string{};
  return configured.empty() ? std::string{kDefaultListen} : configured;
}

Outcome<Guard> guard_of(const Arguments& arguments) {
  std::vector<std::string> hosts;
  for (const std::string_view host : arguments.values("allow-host"))
    hosts.emplace_back(host);
  const auto path = arguments.value("token-file");
  if (!path) return Guard{hosts};
  Outcome<std::string> token = read_token(std::string{*path});
  if (!token) return tl::unexpected(token.error());
  return Guard{hosts, std::move(*token)};
}

/// Lines of a log, from any thread.
class Log {
 public:
  explicit Log(Output& output) : output_(output) {}

  void write(const std::string& line) {
    const std::scoped_lock lock(mutex_);
    output_.note(line);
  }

 private:
  std::mutex mutex_;
  Output& output_;
};

Outcome<Exit> run_serve(const Arguments& arguments, Output& output) {
  const std::string listen = listen_text(arguments);
  const auto address = parse_listen_address(listen);
  if (!address) {
    return usage_error("'" + one_line(listen) +
                       "' is no address to listen on, as 127.0.0.1:9464 or unix:/run/mabeam.sock");
  }
  auto guard = guard_of(arguments);
  if (!guard) return tl::unexpected(guard.error());

  Log log(output);
  Site site({.runtime = arguments.runtime(), .guard = std::move(*guard)},
            [&](const std::string& line) { log.write(line); });
  HttpServer server([&](const HttpRequest& request) { return site.answer(request); });
  watch_stop_signals();
  const auto bound = server.start(*address);
  if (!bound) return tl::unexpected(bound.error());
  log.write("listening on " + to_string(*bound));
  if (!bound->is_loopback()) {
    log.write(
        "other machines can read the metrics, and with the token everything: over HTTP "
        "without encryption");
  }
  while (!stop_requested() && server.is_running()) {
    site.look();
    sleep_unless_stopped(kLookAtRuntime);
  }
  const bool was_asked = stop_requested();
  server.stop();
  if (!was_asked) {
    return tl::unexpected(Failure{.exit = Exit::refused,
                                  .code = "system",
                                  .message = "the socket can no longer be listened on; start it "
                                             "again"});
  }
  log.write("ended");
  return Exit::done;
}

constexpr std::array kServeOptions{
    Option{"listen", "ADDRESS", "ADDRESS:PORT or unix:PATH (default: 127.0.0.1:9464)"},
    Option{"token-file", "FILE", "whoever sends its first line may see everything"},
    Option{"allow-host", "NAME", "answer to this Host, too; may be given again"},
};

}  // namespace

const Command serve_command{
    .name = "serve",
    .summary = "serve metrics, probes, documents and events over HTTP",
    .options = kServeOptions,
    .details =
        "  /metrics    Prometheus's text format (docs/monitoring.md says what each means)\n"
        "  /healthz    200 while the runtime has a supervisor, else 503 with the reason\n"
        "  /readyz     200 while a worker serves, else 503 with the reason\n"
        "  /api/v1/... what the commands say with --json; /api/v1 lists them\n"
        "  /events     server-sent events; ?pattern=job.>&since=5m\n"
        "The first three are open. The others want 'Authorization: Bearer TOKEN', or come over\n"
        "a Unix socket, which is its owner's alone. It only looks: the runtime may come, go and\n"
        "be restarted meanwhile, and serve be killed at any time. Without --listen it listens\n"
        "where MABEAM_SERVE_LISTEN or [serve] listen of the runtime's configuration says.\n"
        "SIGINT and SIGTERM end it.\n"
        "\n"
        "Examples:\n"
        "  mabeam serve\n"
        "  mabeam serve --listen unix:/run/mabeam/prod/serve.sock\n"
        "  curl --unix-socket /run/mabeam/prod/serve.sock http://localhost/api/v1/ps\n"
        "  mabeam serve --listen 0.0.0.0:9464 --allow-host metrics.lan --token-file token\n",
    .run = run_serve};

}  // namespace mabeam::tools
