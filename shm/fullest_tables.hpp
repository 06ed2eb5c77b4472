// How full the tables are whose sizes follow from the configuration: agents, timers, subscriptions,
// metadata, agent types, named breakers.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/limits.hpp"

#include <vector>

namespace mabeam::shm {

/// One of each kind: the fullest. Counted by a look at each entry.
std::vector<TableView> fullest_tables(const Segment& segment);

}  // namespace mabeam::shm
