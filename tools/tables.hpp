// The tables of the views, as their commands print them and `mabeam top` shows them.
#pragma once

#include "shm/segment.hpp"
#include "tools/cli/table.hpp"
#include "tools/event_text.hpp"

#include "mabeam/observer.hpp"

namespace mabeam::tools {

Table agents_table(const AgentList& list);
Table breakers_table(const shm::Segment& segment);
/// The rings; the event logs have a table of their own.
Table channels_table(const ChannelsView& view);
Table logs_table(const ChannelsView& view);
Table dead_letters_table(const DeadLetterList& list);
Table health_table(const HealthView& view);
Table topics_table(const TopicsView& view, EventTime time);

}  // namespace mabeam::tools
