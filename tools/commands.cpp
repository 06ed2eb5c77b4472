#include "tools/commands.hpp"

#include <array>

namespace mabeam::tools {

std::span<const Command* const> commands() {
  static constexpr std::array kTable{
      // look
      &top_command,
      &ps_command,
      &agents_command,
      &inspect_command,
      &types_command,
      &stats_command,
      &health_command,
      &limits_command,
      &tail_command,
      &history_command,
      &topics_command,
      &channels_command,
      &trace_command,
      &breakers_command,
      &deadletters_command,
      &log_command,
      &dump_command,
      &verify_command,
      &doctor_command,
      &serve_command,
      // act
      &create_command,
      &stop_command,
      &suspend_command,
      &resume_command,
      &update_command,
      &call_command,
      &send_command,
      &emit_command,
      &replay_command,
      &feed_command,
      // ask the supervisor
      &restart_command,
      &scale_command,
      &reload_command,
      &shutdown_command,
      // begin
      &init_command,
      &config_command,
      &completion_command,
      // measure
      &bench_command,
      &version_command,
  };
  return kTable;
}

}  // namespace mabeam::tools
