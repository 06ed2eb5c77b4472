// The JSON documents of the views, field for field as the contract names them.
#pragma once

#include "tools/cli/json.hpp"

#include "mabeam/observer.hpp"

namespace mabeam::tools {

Json ps_document(const RuntimeView& view);
Json agents_document(const AgentList& list);
Json stats_document(const StatsView& view);
Json health_document(const HealthView& view);
Json verify_document(const VerifyView& view);
/// One line of `tail --json`.
Json event_document(const HistoryEvent& event);

}  // namespace mabeam::tools
