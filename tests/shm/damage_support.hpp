// Damage for tests of verify: a segment of fill() in which one thing is wrong, and what must be
// said of it.
#pragma once

#include "shm/verify.hpp"
#include "tests/support/segment_filler.hpp"
#include "tests/support/test_segment.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace mabeam::shm {

/// One way to damage a segment that fill() has filled, and what verify must say of it.
struct Case {
  std::string where;
  std::string what;
  std::function<void(const Segment&)> damage;
};

inline void check(const std::vector<Case>& cases) {
  for (const Case& damaged : cases) {
    SCOPED_TRACE(damaged.where + ": " + damaged.what);
    const tests::TestSegment segment;
    tests::SegmentFiller{segment.get()}.fill();
    damaged.damage(segment.get());
    const VerifyView view = verify_segment(segment.get(), false);
    ASSERT_GE(view.damage.size(), 1U);
    bool is_told = false;
    for (const Damage& found : view.damage) {
      is_told = is_told || (found.where == damaged.where && found.what.starts_with(damaged.what));
    }
    EXPECT_TRUE(is_told) << view.damage[0].where << ": " << view.damage[0].what;
  }
}

template <class T>
void add(std::atomic<T>& word, T value) {
  word.store(static_cast<T>(word.load() + value));
}

}  // namespace mabeam::shm
