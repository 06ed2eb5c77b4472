// The tree of a trace: whatever the spans say of their parents, each comes out once.
#include "shm/span_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

SpanView span(std::uint64_t id, std::uint64_t parent, std::int64_t sent_ns,
              std::uint64_t trace = 1) {
  SpanView view;
  view.trace = {0, trace};
  view.id = static_cast<SpanId>(id);
  view.parent = static_cast<SpanId>(parent);
  view.sent_ns = view.started_ns = view.ended_ns = sent_ns;
  return view;
}

/// "1:0 2:1": ids and depths.
std::string tree_of(std::vector<SpanView> spans) {
  order_as_tree(spans);
  std::string text;
  for (const SpanView& view : spans) {
    text += (text.empty() ? "" : " ") + std::to_string(static_cast<std::uint64_t>(view.id)) + ":" +
            std::to_string(view.depth);
  }
  return text;
}

TEST(SpanTree, EachComesBeforeThoseBelowIt) {
  EXPECT_EQ(tree_of({}), "");
  EXPECT_EQ(tree_of({span(4, 2, 40), span(2, 1, 20), span(1, 0, 10), span(3, 1, 15)}),
            "1:0 3:1 2:1 4:2");
}

TEST(SpanTree, WhoseParentIsGoneBeginsATree) {
  EXPECT_EQ(tree_of({span(1, 9, 10), span(2, 1, 20), span(3, 8, 5)}), "3:0 1:0 2:1");
}

TEST(SpanTree, TracesDoNotMix) {
  EXPECT_EQ(tree_of({span(1, 0, 10, 1), span(1, 0, 11, 2), span(2, 1, 12, 2)}), "1:0 1:0 2:1");
}

TEST(SpanTree, CirclesComeToAnEnd) {
  EXPECT_EQ(tree_of({span(1, 1, 10)}), "1:0");
  EXPECT_EQ(tree_of({span(1, 2, 10), span(2, 1, 20), span(3, 2, 30)}), "1:0 2:1 3:2");
  EXPECT_EQ(tree_of({span(5, 1, 1), span(1, 3, 10), span(2, 1, 20), span(3, 2, 30)}),
            "5:0 1:0 2:1 3:2");
}

TEST(SpanTree, IdsThatAreThereTwiceComeOutTwice) {
  EXPECT_EQ(tree_of({span(1, 0, 10), span(1, 0, 20), span(2, 1, 30)}), "1:0 2:1 1:0");
  EXPECT_EQ(tree_of({span(1, 1, 10), span(1, 1, 20)}), "1:0 1:0");
}

TEST(SpanTree, AChainMayBeLong) {
  std::vector<SpanView> chain;
  constexpr std::uint32_t kLong = 20'000;
  for (std::uint32_t i = 1; i <= kLong; ++i)
    chain.push_back(span(i, i - 1, i));
  order_as_tree(chain);
  ASSERT_EQ(chain.size(), kLong);
  EXPECT_EQ(chain.back().depth, kLong - 1);
}

TEST(SpanTree, AnySpansComeOutOnceEach) {
  std::mt19937 random{7};
  for (int round = 0; round < 500; ++round) {
    std::vector<SpanView> spans;
    std::multiset<std::uint64_t> before;
    for (std::uint64_t i = random() % 20; i != 0; --i) {
      spans.push_back(span(random() % 8, random() % 8, random() % 4, 1 + random() % 2));
      before.insert(static_cast<std::uint64_t>(spans.back().id));
    }
    order_as_tree(spans);
    std::multiset<std::uint64_t> after;
    for (const SpanView& view : spans) {
      after.insert(static_cast<std::uint64_t>(view.id));
      EXPECT_LT(view.depth, spans.size());
    }
    EXPECT_EQ(before, after);
  }
}

}  // namespace
}  // namespace mabeam::shm
