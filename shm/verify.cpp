#include "shm/verify.hpp"

#include "shm/verify_pass.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace mabeam::shm {
namespace {

constexpr int kPasses = 3;
constexpr std::chrono::milliseconds kPassPause{10};
constexpr std::size_t kMostShown = 100;

void run(VerifyPass& pass) {
  verify_header(pass);
  verify_workers(pass);
  verify_endpoints(pass);
  verify_symbols(pass);
  verify_types(pass);
  verify_breakers(pass);
  verify_limits(pass);
  verify_turns(pass);
  verify_agents(pass);
  verify_names(pass);
  verify_subscriptions(pass);
  verify_timers(pass);
  verify_metadata(pass);
  verify_spans(pass);
  verify_recorder(pass);
  verify_rings(pass);
  verify_logs(pass);
  verify_parking(pass);
  verify_blocks(pass);
}

bool is_before(const Finding& a, const Finding& b) {
  return a.where != b.where ? a.where < b.where : a.rule < b.rule;
}

/// Keeps of `findings` what `again` has found, too.
void keep_common(std::vector<Finding>& findings, std::vector<Finding>& again) {
  std::sort(again.begin(), again.end(), is_before);
  const auto is_gone = [&](const Finding& finding) {
    return !std::binary_search(again.begin(), again.end(), finding, is_before);
  };
  findings.erase(std::remove_if(findings.begin(), findings.end(), is_gone), findings.end());
}

}  // namespace

VerifyView verify_segment(const Segment& segment, bool is_live) {
  VerifyPass first{segment, is_live};
  run(first);
  std::vector<Finding>& findings = first.findings();
  std::uint64_t unkept = first.unkept();
  for (int i = 1; is_live && i < kPasses && !findings.empty(); ++i) {
    std::this_thread::sleep_for(kPassPause);
    VerifyPass again{segment, is_live};
    run(again);
    keep_common(findings, again.findings());
    unkept = std::min(unkept, again.unkept());
  }
  VerifyView view;
  view.damage_total = findings.size() + unkept;
  view.checked_bytes = first.bytes();
  view.agents = first.agents();
  view.records = first.records();
  for (Finding& finding : findings) {
    if (view.damage.size() == kMostShown) break;
    view.damage.push_back({std::move(finding.where),
                           std::string{finding.rule} + " (" + std::to_string(finding.value) + ")"});
  }
  return view;
}

}  // namespace mabeam::shm
