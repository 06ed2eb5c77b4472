// SpanTree: spans in the order of a tree: each before those below it.
//
// Parents are what somebody wrote: they may be gone, name each other in a circle, or be there
// twice. Every span comes out exactly once all the same: one whose parent is gone begins a tree,
// and of a circle the earliest does.
#pragma once

#include "mabeam/trace.hpp"

#include <vector>

namespace mabeam::shm {

/// Orders them, siblings by time, and fills in their depths.
void order_as_tree(std::vector<SpanView>& spans);

}  // namespace mabeam::shm
