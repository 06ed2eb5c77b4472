// Verify: walks every structure of a segment and tells what breaks an invariant of its header file.
//
// Reads only, so it works beside a running, hung or dead runtime, and on a copy. Nothing it reads
// is trusted: every loop is bounded by the private Layout, every index is checked before it is
// used.
//
// Why a live runtime shows no false damage
//   - A word that stands alone is checked alone: it is well at every moment.
//   - Words that change together are compared only if the shard's turn was applied before and
//   after,
//     and is the same one (settled_turn). A shard too busy for that is left out of that check.
//   - A record that was given back while we looked is not judged.
//   - What is found all the same is looked at again, and counts only if it is found in every pass.
#pragma once

#include "shm/segment.hpp"

#include "mabeam/observer.hpp"

namespace mabeam::shm {

/// `is_live`: somebody may be writing, so a finding is looked at again.
VerifyView verify_segment(const Segment& segment, bool is_live);

}  // namespace mabeam::shm
