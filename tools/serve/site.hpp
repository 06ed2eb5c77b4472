// Site: what `mabeam serve` answers to each path. Of a runtime it only has the name: each request
// looks whether the segment that it has is still the one of that name, and attaches anew if not.
//
//      /metrics      Prometheus's text format      open
//      /healthz      live: it has a supervisor     open
//      /readyz       ready: a worker serves        open
//      /             what there is                 open
//      /api/v1/...   documents                     token, or Unix socket
//      /events       server-sent events            token, or Unix socket
#pragma once

#include "tools/serve/guard.hpp"
#include "tools/serve/http.hpp"

#include "mabeam/observer.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace mabeam::tools {

struct SiteOptions {
  std::string runtime;
  Guard guard{};
  std::size_t streams = 32;  ///< of events, at once
};

class Site {
 public:
  /// `log` is told, a line each, when the runtime, or its supervisor, comes and goes; from any
  /// thread, one at a time.
  Site(SiteOptions options, std::function<void(const std::string& line)> log);

  /// For any number of threads.
  HttpResponse answer(const HttpRequest& request);

  /// Whether the runtime is there; tells the log if that has changed, or whether it is live.
  bool look();

 private:
  struct Attached;

  Outcome<std::shared_ptr<const Attached>> attach();
  std::shared_ptr<const Attached> keep(std::shared_ptr<const Attached> attached);
  void tell(const std::string& state, const std::string& line);
  HealthView judge(const Observer& observer);

  HttpResponse health(const HttpRequest& request);
  HttpResponse metrics();
  HttpResponse probe(bool HealthView::*is_well, std::string_view word);
  HttpResponse events(const HttpRequest& request);

  SiteOptions options_;
  std::function<void(const std::string&)> log_;
  std::mutex mutex_;
  std::shared_ptr<const Attached> attached_;  ///< null: there is none
  std::string state_;                         ///< that the log was told of
  std::mutex health_mutex_;                   ///< held while it is judged
  HealthView health_;                         ///< the last: what was over a threshold
  std::atomic<std::size_t> streams_{0};
  std::atomic<std::size_t> busy_streams_{0};  // that had something to send at their last look
};

}  // namespace mabeam::tools
