// The JSON documents of the views, field for field as the contract names them.
#pragma once

#include "tools/cli/json.hpp"

#include "mabeam/observer.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mabeam::tools {

Json ps_document(const RuntimeView& view);
Json agent_document(const AgentView& agent);
Json agents_document(const AgentList& list);
Json inspect_document(const AgentDetail& detail, double age_seconds,
                      const std::optional<std::string>& described);
/// The value of `types`.
Json types_document(const std::vector<TypeView>& types);
Json dead_letters_document(const DeadLetterList& list);
Json stats_document(const StatsView& view);
Json limits_document(const LimitsView& view);
Json health_document(const HealthView& view);
Json verify_document(const VerifyView& view);
Json history_document(const HistoryView& view);
Json topics_document(const TopicsView& view);
Json channels_document(const ChannelsView& view);
Json traces_document(const TraceList& list);
Json spans_document(const SpanList& list);

/// What each action of these types does.
std::string actions_table(const std::vector<TypeView>& types);

}  // namespace mabeam::tools
