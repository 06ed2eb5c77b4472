// mabeam-supervisor: runs a runtime in the foreground.
#include "supervisor/check.hpp"
#include "supervisor/handover.hpp"
#include "supervisor/options.hpp"
#include "supervisor/supervisor.hpp"

#include "mabeam/version.hpp"

#include <array>
#include <csignal>
#include <iostream>

#include <sys/prctl.h>

namespace {

using namespace mabeam::supervisor;

int end_with(const Refusal& refusal) {
  std::cerr << "mabeam-supervisor: " << refusal.message << '\n';
  return static_cast<int>(refusal.code);
}

int tell_handover(const Config& config) {
  std::cout << handover_text(config.runtime.name) << std::endl;  // whatever is found then
  const auto refusal = refuse_handover(config);
  return refusal ? end_with(*refusal) : 0;
}

int run(Config config, const Options& options, StartTimes times) {
  const auto inheritance = take_inheritance();
  Log log(config.log, config.runtime.name);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for SIGPIPE
  auto loop = EventLoop::create(std::array{SIGTERM, SIGINT, SIGHUP, SIGUSR2});
  if (!loop) return end_with({ExitCode::cannot_create, describe(loop.error())});
  times.segment_begun = now();
  auto runtime = inheritance ? inherit_runtime(std::move(config), *inheritance)
                             : open_runtime(std::move(config), options.discards);
  if (!runtime) return end_with(runtime.error());
  times.segment_ready = now();
  Supervisor supervisor(std::move(*runtime), std::move(*loop), log, options);
  return static_cast<int>(supervisor.run(times));
}

}  // namespace

int main(int argc, char** argv) {
  const StartTimes times{.begun = now()};
  const auto options = parse_options(argc, argv);
  if (!options) return end_with(options.error());
  if (options->wants_help) {
    std::cout << help_text();
    return 0;
  }
  if (options->wants_version) {
    std::cout << "mabeam-supervisor " << mabeam::version() << '\n';
    return 0;
  }
  auto config = load_config(*options);
  if (!config) {
    for (const auto& message : config.error().messages)
      std::cerr << message << '\n';
    return static_cast<int>(ExitCode::configuration);
  }
  if (options->checks_handover) return tell_handover(*config);
  if (!options->checks) return run(std::move(*config), *options, times);
  const auto report = check_report(*config);
  if (!report) return end_with(report.error());
  std::cout << *report;
  return 0;
}
