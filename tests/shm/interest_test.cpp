// Interest: which endpoints to wake for a topic; cached until some subscription has changed.
#include "shm/interest.hpp"

#include "shm/topics.hpp"
#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace mabeam::shm {
namespace {

class InterestTest : public SegmentTest {
 protected:
  InterestTest() {
    for (std::uint32_t i = segment_.first_client(); i < segment_.endpoints(); ++i) {
      segment_.endpoint(i).claim.store(1);  // every client is somebody
    }
  }

  Symbol symbol(std::string_view text) { return segment_.symbols().intern(text).value(); }

  void put(std::uint32_t endpoint, std::size_t entry, std::string_view pattern,
           std::uint32_t slot = 0) {
    segment_.subscriptions(endpoint)[entry].word.store(
        SubscriptionWord{symbol(pattern), slot}.pack());
  }

  void raise_epoch() { segment_.header().subscription_epoch.fetch_add(1); }

  void subscribe(std::uint32_t endpoint, std::size_t entry, std::string_view pattern) {
    put(endpoint, entry, pattern);
    raise_epoch();
  }

  void expect(std::string_view topic, std::initializer_list<std::uint32_t> endpoints) {
    EndpointSet expected;
    for (const std::uint32_t endpoint : endpoints)
      expected.insert(endpoint);
    EXPECT_EQ(interest_.of(symbol(topic)).words, expected.words) << topic;
  }

  Interest interest_{segment_};
};

TEST_F(InterestTest, NobodyIsInterestedAtFirst) {
  expect("a", {});
  expect("a.b", {});
}

TEST_F(InterestTest, LiteralsAndWildcardsCount) {
  subscribe(1, 0, "pkg.libs");
  subscribe(2, 5, "pkg.*");
  subscribe(3, 1, ">");
  expect("pkg.libs", {1, 2, 3});
  expect("pkg.utils", {2, 3});
  expect("jobs", {3});
}

TEST_F(InterestTest, ChangesShowWithTheEpoch) {
  expect("a", {});
  subscribe(1, 0, "a");
  expect("a", {1});
  subscribe(2, 0, "a");
  expect("a", {1, 2});
  segment_.subscriptions(1)[0].word.store(0);
  raise_epoch();
  expect("a", {2});
}

TEST_F(InterestTest, WithoutAChangeOfTheEpochNothingIsScanned) {
  subscribe(1, 0, "a");
  expect("a", {1});
  put(2, 0, "a");
  expect("a", {1});  // cached: the subscriber raises the epoch before it relies on anything
  expect("b", {});
  raise_epoch();
  expect("a", {1, 2});
}

TEST_F(InterestTest, ManyAgentsOfOneEndpointAreOneReader) {
  for (std::size_t entry = 0; entry < 50; ++entry) {
    put(1, entry, entry % 2 == 0 ? "a.*" : "a.b", static_cast<std::uint32_t>(entry));
  }
  raise_epoch();
  expect("a.b", {1});
  expect("a.c", {1});
  expect("b", {});
}

TEST_F(InterestTest, AClientThatIsGoneIsNotWoken) {
  subscribe(3, 0, "a");
  expect("a", {3});
  segment_.endpoint(3).claim.store(0);
  raise_epoch();
  expect("a", {});
}

TEST_F(InterestTest, DamagedEntriesAreNobody) {
  const SubscriptionTable table = segment_.subscriptions(1);
  table[0].word.store(~std::uint64_t{0});
  table[1].word.store(1);  // no pattern, but a slot
  table[2].word.store(SubscriptionWord{Symbol{3}, 1}.pack());
  put(1, 3, "a..b");  // interned, yet no pattern
  raise_epoch();
  expect("a", {});
  expect("a..b", {});
}

TEST_F(InterestTest, SymbolsThatNobodyMadeAreNobodys) {
  subscribe(1, 0, ">");
  EXPECT_TRUE(interest_.of(Symbol::none).empty());
  EXPECT_TRUE(interest_.of(Symbol{kFirstSymbol - 1}).empty());
  EXPECT_TRUE(interest_.of(Symbol{0xFFFFFFFF}).empty());
  EXPECT_TRUE(interest_.of(Symbol{kFirstSymbol + segment_.symbols().capacity()}).empty());
  const Symbol made = symbol("made");
  const Symbol unmade{static_cast<std::uint32_t>(made) ^ 1U};
  EXPECT_EQ(interest_.of(unmade).empty(), segment_.symbols().text(unmade).empty());
  expect("made", {1});
}

TEST_F(InterestTest, AgreesWithMatchingEveryTable) {
  std::mt19937 random{11};
  const std::vector<std::string> words{"a", "b", "c", "*"};
  const auto make = [&](bool wildcards) {
    std::string text;
    const std::size_t tokens = 1 + random() % 3;
    for (std::size_t i = 0; i < tokens; ++i) {
      text += (i == 0 ? "" : ".") + words[random() % (wildcards ? 4 : 3)];
    }
    return wildcards && random() % 4 == 0 ? text + ".>" : text;
  };
  for (int round = 0; round < 200; ++round) {
    const auto endpoint = 1 + random() % (segment_.endpoints() - 1);
    subscribe(static_cast<std::uint32_t>(endpoint), random() % 20, make(true));
    for (int i = 0; i < 10; ++i) {
      const std::string topic = make(false);
      EndpointSet expected;
      for (std::uint32_t reader = 1; reader < segment_.endpoints(); ++reader) {
        for (const Subscription& entry : segment_.subscriptions(reader)) {
          const Symbol pattern = SubscriptionWord::unpack(entry.word.load()).pattern;
          if (pattern != Symbol::none && matches(segment_.symbols().text(pattern), topic)) {
            expected.insert(reader);
          }
        }
      }
      ASSERT_EQ(interest_.of(symbol(topic)).words, expected.words) << topic;
    }
  }
}

// The hot path: one load, two indexed reads and a compare.
TEST_F(InterestTest, IsFastWhileNothingChanges) {
  subscribe(1, 0, ">");
  const Symbol topic = symbol("hot");
  const std::int64_t start = monotonic_ns();
  std::uint64_t sum = 0;
  for (int i = 0; i < 1'000'000; ++i)
    sum += interest_.of(topic).words[0];
  EXPECT_EQ(sum, 2'000'000U);
  EXPECT_LT(std::chrono::nanoseconds{monotonic_ns() - start}, std::chrono::seconds{1});
}

}  // namespace
}  // namespace mabeam::shm
