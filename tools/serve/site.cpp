#include "tools/serve/site.hpp"

#include "shm/clock.hpp"
#include "shm/observer_impl.hpp"
#include "shm/topics.hpp"
#include "tools/cli/duration.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/failure.hpp"
#include "tools/cli/json.hpp"
#include "tools/serve/api.hpp"
#include "tools/serve/event_stream.hpp"
#include "tools/serve/metrics.hpp"
#include "tools/views.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include <sys/stat.h>

namespace mabeam::tools {

namespace {

constexpr std::string_view kHealthView = "/health";  // of kApiRoot
constexpr std::chrono::nanoseconds kLongestSince = std::chrono::hours{24 * 365};
constexpr std::chrono::nanoseconds kOverlap = std::chrono::seconds{1};

/// How far back a reader that comes back has to begin; 0 for one that is new. Events of different
/// emitters are not read in the order of their times, so a little of what it has had comes again.
std::chrono::nanoseconds since_last_event(std::string_view id) {
  std::int64_t last = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), last);
  const std::int64_t now = shm::monotonic_ns();
  if (error != std::errc{} || end != id.data() + id.size() || last < 0 || last > now) return {};
  return std::chrono::nanoseconds{now - last} + kOverlap;
}

constexpr std::string_view kIndex =
    "mabeam serve\n"
    "  /metrics     Prometheus's text format\n"
    "  /healthz     200 while the runtime has a supervisor\n"
    "  /readyz      200 while a worker serves\n"
    "  /api/v1      documents, as of the commands with --json (token)\n"
    "  /events      server-sent events; ?pattern=job.>&since=5m (token)\n";

constexpr std::chrono::milliseconds kStreamPause{1};

std::string parameter(const HttpRequest& request, const std::string& name,
                      const std::string& fallback) {
  const auto found = request.parameters.find(name);
  return found == request.parameters.end() ? fallback : found->second;
}

HttpResponse text(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

/// One more of something, until it ends.
class Share {
 public:
  Share(std::atomic<std::size_t>& count, std::atomic<std::size_t>& busy)
      : count_(&count),
        busy_(&busy),
        number_(++count) {}

  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  ~Share() {
    --*count_;
    set_busy(false);
  }

  /// Which it was, from 1 on.
  [[nodiscard]] std::size_t number() const { return number_; }

  /// Whether there is something for it at the moment. By one thread at a time.
  void set_busy(bool is_busy) {
    if (is_busy && !is_busy_) ++*busy_;
    if (!is_busy && is_busy_) --*busy_;
    is_busy_ = is_busy;
  }

  /// How many there is something for, itself at least.
  [[nodiscard]] std::size_t busy() const { return std::max<std::size_t>(*busy_, 1); }

 private:
  std::atomic<std::size_t>* count_;
  std::atomic<std::size_t>* busy_;
  std::size_t number_;
  bool is_busy_ = false;
};

/// Which file a runtime's segment is; nothing where there is none. A file that is mapped keeps its
/// number, so another one cannot have it.
std::optional<std::pair<dev_t, ino_t>> file_of(const std::string& runtime) {
  struct stat status {};

  if (::stat(("/dev/shm/mabeam-" + runtime).c_str(), &status) != 0) return std::nullopt;
  return std::pair{status.st_dev, status.st_ino};
}

RuntimeState state_of(const Observer& observer) {
  return Observer::Impl::segment_of(observer).state();
}

}  // namespace

struct Site::Attached {
  Observer observer;
  std::optional<std::pair<dev_t, ino_t>> file;
};

Site::Site(SiteOptions options, std::function<void(const std::string& line)> log)
    : options_(std::move(options)),
      log_(std::move(log)) {
}

void Site::tell(const std::string& state, const std::string& line) {
  const std::scoped_lock lock(mutex_);
  if (state == state_) return;
  state_ = state;
  log_(line);
}

std::shared_ptr<const Site::Attached> Site::keep(std::shared_ptr<const Attached> attached) {
  const std::scoped_lock lock(mutex_);
  attached_ = attached;
  return attached;
}

Outcome<std::shared_ptr<const Site::Attached>> Site::attach() {
  const auto file = file_of(options_.runtime);
  {
    const std::scoped_lock lock(mutex_);
    const bool is_same = file && attached_ && attached_->file == file &&
                         state_of(attached_->observer) != RuntimeState::removed;
    if (is_same) return attached_;
  }
  Result<Observer> observer = Observer::attach(options_.runtime);
  if (!observer) {
    keep(nullptr);  // a removed segment's memory is freed when nobody has it any more
    auto failure = refuse_attach(observer.error(), options_.runtime);
    tell(failure.value().code, failure.value().message);
    return failure;
  }
  tell("attached", "runtime '" + options_.runtime + "' is there");
  return keep(std::make_shared<const Attached>(Attached{std::move(*observer), file}));
}

bool Site::look() {
  const auto attached = attach();
  if (!attached) return false;
  const HealthView health = judge((*attached)->observer);
  const std::string runtime = "runtime '" + options_.runtime + "'";
  if (health.is_live) {
    tell("attached", runtime + " is live again");
    return true;
  }
  std::string why = health.readiness;
  for (const HealthView::Component& part : health.components)
    if (part.name == "supervisor") why = part.detail;
  tell("not live", runtime + " is not live: " + why);
  return true;
}

HealthView Site::judge(const Observer& observer) {
  const std::scoped_lock lock(health_mutex_);
  health_ = observer.health(health_);
  return health_;
}

// The same as in the metrics: what was over its threshold before is judged by the lower one.
HttpResponse Site::health(const HttpRequest& request) {
  const auto attached = attach();
  if (!attached || !request.parameters.empty()) {
    return answer_api(std::string{kHealthView}, request, options_.runtime);
  }
  return {.content_type = "application/json",
          .body = dump(document(health_document(judge((*attached)->observer)))) + '\n'};
}

HttpResponse Site::metrics() {
  const auto attached = attach();
  if (!attached) return text(503, attached.error().message + '\n');
  const Observer& observer = (*attached)->observer;
  return {.content_type = std::string{kExpositionType},
          .body = exposition(look_for_metrics(observer, judge(observer)))};
}

HttpResponse Site::probe(bool HealthView::*is_well, std::string_view word) {
  const auto attached = attach();
  if (!attached) return text(503, attached.error().message + '\n');
  const HealthView health = judge((*attached)->observer);
  if (health.*is_well) return text(200, std::string{word} + '\n');
  std::string why = "not " + std::string{word} + ": " + health.readiness + '\n';
  for (const HealthView::Component& part : health.components) {
    if (part.status == HealthView::Status::down) why += part.name + ": " + part.detail + '\n';
  }
  return text(503, std::move(why));
}

HttpResponse Site::events(const HttpRequest& request) {
  for (const auto& [name, value] : request.parameters) {
    if (name == "pattern" || name == "since") continue;
    return http_failure(400, "usage",
                        "there is no parameter '" + one_line(name) + "' of this path");
  }
  EventStreamOptions wanted{.pattern = parameter(request, "pattern", ">")};
  if (const auto checked = shm::check_pattern(wanted.pattern); !checked) {
    return http_failure(400, "bad_topic", "pattern: " + describe(checked.error()));
  }
  const auto since = parse_duration(parameter(request, "since", "0s"));
  if (!since) return http_failure(400, "usage", "since is a duration, such as 5m");
  wanted.since = std::min(std::max(*since, since_last_event(request.last_event_id)), kLongestSince);
  auto share = std::make_shared<Share>(streams_, busy_streams_);
  if (share->number() > options_.streams) {
    HttpResponse response = http_failure(
        503, "busy", "there are " + std::to_string(options_.streams) + " streams already");
    response.headers.emplace_back("Retry-After", "5");
    return response;
  }
  const auto attached = attach();
  if (!attached) return http_failure(503, attached.error().code, attached.error().message);
  // One of its own: it knows where the reader has come to.
  Result<Observer> observer = Observer::attach(options_.runtime);
  if (!observer)
    return http_failure(503, code_name(observer.error().code), describe(observer.error()));
  wanted.is_same_runtime = [runtime = options_.runtime, file = (*attached)->file] {
    return file_of(runtime) == file;
  };
  // However many have something to send, they look no more often together than one would alone: who
  // asks for metrics has to find a processor, too.
  wanted.pause_least = [share](bool is_busy) {
    share->set_busy(is_busy);
    return kStreamPause * share->busy();
  };
  auto shared = std::make_shared<Observer>(std::move(*observer));
  return {.content_type = "text/event-stream",
          .stream = [shared, wanted, share](HttpStream& stream) {
            stream_events(*shared, wanted, stream);
          }};
}

HttpResponse Site::answer(const HttpRequest& request) {
  if (auto refused = options_.guard.refuse_host(request)) return std::move(*refused);
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse response = http_failure(405, "usage", "there is nothing here but to GET");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (request.path == "/") return text(200, std::string{kIndex});
  if (request.path == "/metrics") return metrics();
  if (request.path == "/healthz") return probe(&HealthView::is_live, "live");
  if (request.path == "/readyz") return probe(&HealthView::is_ready, "ready");
  if (auto refused = options_.guard.refuse_stranger(request)) return std::move(*refused);
  if (request.path == "/events") return events(request);
  if (request.path == std::string{kApiRoot} + std::string{kHealthView}) return health(request);
  if (request.path == kApiRoot || request.path.starts_with(std::string{kApiRoot} + "/")) {
    return answer_api(request.path.substr(kApiRoot.size()), request, options_.runtime);
  }
  return http_failure(404, "not_found", "there is no such path; / lists those there are");
}

}  // namespace mabeam::tools
