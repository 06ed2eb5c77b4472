// The subcommands that exist; each is defined in the file of its name.
#pragma once

#include "tools/command.hpp"

#include <span>

namespace mabeam::tools {

extern const Command agents_command;
extern const Command bench_command;
extern const Command breakers_command;
extern const Command call_command;
extern const Command channels_command;
extern const Command completion_command;
extern const Command config_command;
extern const Command create_command;
extern const Command deadletters_command;
extern const Command doctor_command;
extern const Command dump_command;
extern const Command emit_command;
extern const Command feed_command;
extern const Command health_command;
extern const Command history_command;
extern const Command init_command;
extern const Command inspect_command;
extern const Command limits_command;
extern const Command log_command;
extern const Command ps_command;
extern const Command reload_command;
extern const Command replay_command;
extern const Command restart_command;
extern const Command resume_command;
extern const Command scale_command;
extern const Command send_command;
extern const Command serve_command;
extern const Command shutdown_command;
extern const Command stats_command;
extern const Command stop_command;
extern const Command suspend_command;
extern const Command tail_command;
extern const Command top_command;
extern const Command topics_command;
extern const Command trace_command;
extern const Command types_command;
extern const Command update_command;
extern const Command verify_command;
extern const Command version_command;

/// The table, in the order in which help shows it.
std::span<const Command* const> commands();

}  // namespace mabeam::tools
