// Every rule of verify, broken once: each must be told, at its place. Here: what is in slots and
// tables.
#include "shm/span_ring.hpp"
#include "tests/shm/damage_support.hpp"

#include <bit>

namespace mabeam::shm {
namespace {

using tests::SegmentFiller;
using tests::TestSegment;

/// The slot of the agent `name` of fill(), and its shard.
struct Place {
  std::uint32_t shard;
  std::uint32_t slot;

  [[nodiscard]] std::string text() const {
    return "shard " + std::to_string(shard) + ", agent slot " + std::to_string(slot);
  }
};

Place place_of(std::string_view name) {
  const TestSegment segment;
  SegmentFiller{segment.get()}.fill();
  const AgentId id = segment.get().find_agent(name).value();
  return {static_cast<std::uint32_t>(id.endpoint()) - 1, id.slot()};
}

TEST(VerifyDamage, Header) {
  check({
      {"header", "its magic is wrong", [](const Segment& s) { s.header().magic ^= 1; }},
      {"header", "its byte order", [](const Segment& s) { s.header().byte_order ^= 1; }},
      {"header", "it was laid out by another",
       [](const Segment& s) { s.header().layout_version ^= 1; }},
      {"header", "its dimensions", [](const Segment& s) { ++s.header().dimensions.shards; }},
      {"header", "its table of regions", [](const Segment& s) { ++s.header().regions[3].bytes; }},
      {"header", "its checksum", [](const Segment& s) { ++s.header().created_ns; }},
      {"header", "the runtime's state", [](const Segment& s) { s.header().state.store(5); }},
      {"header", "whether its last reload",
       [](const Segment& s) { s.header().reloads.last_refused.store(2); }},
  });
  using Tunable = std::atomic<std::uint64_t> Tunables::*;
  const auto tunable = [](std::string what, Tunable word, std::uint64_t value) {
    return Case{"header, tunables", std::move(what),
                [=](const Segment& s) { (s.header().tunables.*word).store(value); }};
  };
  constexpr std::uint64_t kNever = ~std::uint64_t{0};
  check({
      tunable("idle", &Tunables::idle, 3),
      tunable("fault_agents", &Tunables::fault_agents, 2),
      tunable("trace_sample", &Tunables::trace_sample, kSampleAll + 1),
      tunable("turn_messages", &Tunables::turn_messages, 1025),
      tunable("max_attempts", &Tunables::max_attempts, 101),
      tunable("turn_time", &Tunables::turn_time_ns, kNever),
      tunable("stall_timeout", &Tunables::stall_timeout_ns, kNever),
      tunable("heartbeat_timeout", &Tunables::heartbeat_timeout_ns, kNever),
      tunable("orphan_grace", &Tunables::orphan_grace_ns, kNever),
      tunable("failure_threshold", &Tunables::breaker_failure_threshold, 65'536),
      tunable("window", &Tunables::breaker_window_ns, kNever),
      tunable("recovery_timeout", &Tunables::breaker_recovery_ns, kNever),
      tunable("half_open_max_calls", &Tunables::breaker_trial_calls, 65'536),
  });
}

TEST(VerifyDamage, Slots) {
  check({
      {"worker 0", "its state", [](const Segment& s) { s.worker(0).state.store(12); }},
      {"worker 127", "its supervised",
       [](const Segment& s) { s.worker(127).supervised_state.store(12); }},
      {"worker 1", "its order", [](const Segment& s) { s.worker(1).order.store(3); }},
      {"worker 1", "its exit has no", [](const Segment& s) { s.worker(1).exit_cause.store(9); }},
      {"worker 1", "its exit time",
       [](const Segment& s) { s.worker(1).exit_time_unix_ns.store(-1); }},
      {"worker 1", "it leaves", [](const Segment& s) { s.worker(1).leaving.store(257); }},
      {"worker 1", "its sleeping",
       [](const Segment& s) { s.worker(1).doorbell.sleeping.store(2); }},
      {"worker 1", "its heartbeat",
       [](const Segment& s) { s.worker(1).heartbeat_ns.store(~std::uint64_t{0}); }},
      {"worker 1", "it started",
       [](const Segment& s) { s.worker(1).started_ns.store(~std::uint64_t{0}); }},
      {"worker 5", "a process claims",
       [](const Segment& s) {
         s.worker(5).claim.store(Claim{0, 1}.pack());
       }},
      {"shard 0", "its placement", [](const Segment& s) { s.endpoint(1).placement.store(129); }},
      {"shard 0", "its owner",
       [](const Segment& s) { s.endpoint(1).owner.store(Incarnation::of(0, 2).value); }},
      {"shard 0", "its owner",
       [](const Segment& s) { s.endpoint(1).owner.store(Incarnation::of(128, 1).value); }},
      {"shard 0", "a client claims", [](const Segment& s) { s.endpoint(1).claim.store(1); }},
      {"supervisor", "its ready bits", [](const Segment& s) { s.endpoint(0).ready[0].store(16); }},
      {"client 0", "its ready bits", [](const Segment& s) { s.endpoint(3).ready[3].store(1); }},
      {"client 0", "it reserves",
       [](const Segment& s) { s.endpoint(3).reserved_agents.store(25); }},
      {"client 0", "its sleeping",
       [](const Segment& s) { s.endpoint(3).doorbell.sleeping.store(2); }},
      {"shard 1", "it is parked", [](const Segment& s) { s.endpoint(2).parked.store(1); }},
      {"shard 1", "its queue of notices",
       [](const Segment& s) { reinterpret_cast<Word&>(s.notices(2)).store(1000); }},
  });
}

TEST(VerifyDamage, Turns) {
  const auto list = [](const Segment& s) -> RedoList& {
    return s.turn(0).lists[s.turn(0).committed.load() & 1U];
  };
  const auto record = [](const Segment& s) -> ShardRecord& {
    return s.turn(0).record[s.turn(0).record_version.load() & 1U];
  };
  check({
      {"shard 0, turn", "committed is",
       [](const Segment& s) { add<std::uint64_t>(s.turn(0).applied, 1); }},
      {"shard 0, turn", "committed is",
       [](const Segment& s) { add<std::uint64_t>(s.turn(0).committed, 2); }},
      {"shard 0, turn", "its list is of", [&](const Segment& s) { list(s).turn += 2; }},
      {"shard 0, turn", "a reserved field of its list",
       [&](const Segment& s) { list(s).reserved = 1; }},
      {"shard 0, turn", "its list's epoch", [&](const Segment& s) { list(s).bumps_epoch = 2; }},
      {"shard 0, turn", "its list is longer", [&](const Segment& s) { list(s).count = 4097; }},
      {"shard 0, turn", "its list fails", [&](const Segment& s) { list(s).entries[0].value ^= 1; }},
      {"shard 0, turn", "its witness",
       [](const Segment& s) {
         s.turn(0).witness.store(Witness::pack(Witness::kLast, 1, 3, 0, 0));
       }},
      {"shard 0, turn", "its witness", [](const Segment& s) { s.turn(0).witness.store(8); }},
      {"shard 0, turn", "its owner",
       [](const Segment& s) { s.turn(0).owner.store(Incarnation::of(128, 1).value); }},
      {"shard 0, turn", "it blames",
       [&](const Segment& s) { record(s).blamed_incarnation = ~std::uint64_t{0}; }},
      {"shard 0, turn", "a reserved field of its record",
       [&](const Segment& s) { record(s).reserved = 1; }},
      {"shard 0, turn", "it counts more",
       [&](const Segment& s) { record(s).agents_live = record(s).agents_created + 1; }},
      {"shard 0", "it counts other", [&](const Segment& s) { --record(s).agents_live; }},
  });
}

TEST(VerifyDamage, Breakers) {
  constexpr std::uint64_t kOdd = 3;
  check({
      {"worker 1", "its breaker's mode",
       [](const Segment& s) { s.breaker_of_worker(1).state.store(kOdd << 62U); }},
      {"worker 127", "its breaker's state",
       [](const Segment& s) { s.breaker_of_worker(127).state.store(kOdd << 60U); }},
      {"shard 1", "its breaker has given",
       [](const Segment& s) { s.breaker_of_shard(1).trial.store(65'536ULL << 23U); }},
      {"named breaker 63", "its name",
       [](const Segment& s) { s.named_breakers()[63].name.store(99'999); }},
  });
}

TEST(VerifyDamage, Agents) {
  const Place place = place_of("orders");
  const auto record = [&](const Segment& s) -> AgentRecord& {
    return s.agents(place.shard).record(place.slot);
  };
  const auto profile = [&](const Segment& s) -> AgentProfile& {
    return s.agents(place.shard).profile(place.slot);
  };
  const auto state = [&](const Segment& s) -> StateHeader& {
    const std::uint64_t version = record(s).version.load();
    return *reinterpret_cast<StateHeader*>(s.agents(place.shard).half(place.slot, version));
  };
  const std::string where = place.text();
  check({
      {where, "bits of its slot word",
       [&](const Segment& s) { add<std::uint64_t>(record(s).slot_word, 0x100); }},
      {where, "its lifecycle",
       [&](const Segment& s) { add<std::uint64_t>(record(s).slot_word, 4); }},
      {where, "it is suspended for no", [&](const Segment& s) { state(s).reason = 9999; }},
      {where, "its name is longer", [&](const Segment& s) { record(s).name_length = 64; }},
      {where, "its name does not end", [&](const Segment& s) { record(s).name_length = 5; }},
      {where, "its name does not end", [&](const Segment& s) { record(s).name_length = 7; }},
      {where, "its type", [&](const Segment& s) { record(s).type = static_cast<Symbol>(9999); }},
      {where, "a capability", [&](const Segment& s) { profile(s).capabilities[1] = Symbol::none; }},
      {where, "it has more capabilities",
       [&](const Segment& s) { record(s).capability_count = 9; }},
      {where, "a reserved field", [&](const Segment& s) { record(s).reserved = 1; }},
      {where, "its state is kept", [&](const Segment& s) { record(s).storage = kStorageBits + 1; }},
      {where, "its parent's", [&](const Segment& s) { profile(s).parent = ~std::uint64_t{0}; }},
      {where, "its type's state", [&](const Segment& s) { record(s).state_bytes = 65; }},
      {where, "its state is larger", [&](const Segment& s) { state(s).bytes = 65; }},
      {where, "it has handled",
       [&](const Segment& s) { state(s).handled = std::uint64_t{1} << 56U; }},
      {where, "it has failed",
       [&](const Segment& s) {
         state(s).failures = static_cast<std::uint32_t>(state(s).handled) + 1;
       }},
      {"shard " + std::to_string(place.shard), "it counts other",
       [&](const Segment& s) { record(s).slot_word.store(0); }},
  });
}

TEST(VerifyDamage, Names) {
  const Place place = place_of("orders");
  const std::string shard = "shard " + std::to_string(place.shard);
  const auto entry = [&](const Segment& s) {
    return s.agents(place.shard).place_name("orders").taken.value();
  };
  const std::uint32_t index = [&] {
    const TestSegment segment;
    SegmentFiller{segment.get()}.fill();
    return entry(segment.get());
  }();
  const std::string where = shard + ", name entry " + std::to_string(index);
  const auto word = [&](const Segment& s) -> Word& {
    return s.agents(place.shard).name_word(index);
  };
  check({
      {where, "it leads to no agent", [&](const Segment& s) { add<std::uint64_t>(word(s), 100); }},
      {where, "it leads to an agent that",
       [&](const Segment& s) { word(s).store((word(s).load() >> 32U << 32U) | 16); }},
      {where, "it leads to an agent of another",
       [&](const Segment& s) { word(s).store(word(s).load() ^ (std::uint64_t{1} << 40U)); }},
      {place.text(), "its name is not found", [&](const Segment& s) { word(s).store(0); }},
      {place.text(), "its name is not found", [&](const Segment& s) { word(s).store(kTombstone); }},
      {place.text(), "its name belongs",
       [&](const Segment& s) {
         AgentRecord& record = s.agents(place.shard).record(place.slot);
         while (shard_of_name({record.name_head.data(), 6}, 2) == place.shard)
           ++record.name_head[0];
       }},
  });
}

TEST(VerifyDamage, IndexOfNamesThatWouldTakeForEver) {
  Dimensions dimensions = tests::small_dimensions();
  dimensions.names_per_shard = 1024;
  const TestSegment segment{dimensions};
  SegmentFiller{segment.get()}.fill();
  const AgentTable table = segment.get().agents(0);
  for (std::uint32_t i = 0; i < table.name_slots(); ++i) {
    table.name_word(i).store((i + 1ULL) << 32U | 1);
  }
  const VerifyView view = verify_segment(segment.get(), false);
  EXPECT_EQ(view.damage_total, 1025U);  // every entry, and the index
}

// A search that fails walks the whole index, so not every name is looked up that may be lost.
TEST(VerifyDamage, LostNamesAreToldSixteenTimes) {
  Dimensions dimensions = tests::small_dimensions();
  dimensions.agents_per_shard = 64;
  dimensions.names_per_shard = 128;
  const TestSegment segment{dimensions};
  SegmentFiller filler{segment.get()};
  filler.start();
  for (int i = 0; i < 60; ++i) {
    (void)filler.create("counter", {.name = "agent-" + std::to_string(i)});
  }
  const AgentTable table = segment.get().agents(0);
  for (std::uint32_t i = 0; i < table.name_slots(); ++i)
    table.name_word(i).store(kTombstone);
  EXPECT_EQ(verify_segment(segment.get(), false).damage_total, 16U);
}

TEST(VerifyDamage, Symbols) {
  const auto slot = [](const Segment& s, std::string_view text) -> Word& {
    const auto index = static_cast<std::uint32_t>(s.symbols().find(text)) - kFirstSymbol;
    auto* slots = s.bytes().data() + s.layout()[Region::symbols].offset + sizeof(SymbolsHeader);
    return reinterpret_cast<Word*>(slots)[index];
  };
  const auto subscription = [](const Segment& s, std::uint32_t endpoint) -> Subscription& {
    return s.subscriptions(endpoint)[0];
  };
  check({
      {"symbols", "slots that point nowhere",
       [&](const Segment& s) { add(slot(s, "counter"), std::uint64_t{1} << 50U); }},
      {"symbols", "slots that point nowhere",
       [&](const Segment& s) { add(slot(s, "counter"), std::uint64_t{1} << 24U); }},
      {"shard 0, subscription 0", "its pattern",
       [&](const Segment& s) {
         subscription(s, 1).word.store(SubscriptionWord{Symbol{9999}, 0}.pack());
       }},
      {"shard 0, subscription 0", "it is for no agent",
       [&](const Segment& s) { add<std::uint64_t>(subscription(s, 1).word, 16); }},
      {"shard 0, subscription 0", "it is for an agent that",
       [&](const Segment& s) { add<std::uint64_t>(subscription(s, 1).word, 15); }},
      {"shard 0, subscription 0", "it began",
       [&](const Segment& s) { subscription(s, 1).since_ns.store(1); }},
      {"shard 0, subscription 0", "its source",
       [&](const Segment& s) {
         subscription(s, 1).source.store(AgentId{static_cast<EndpointId>(200), 1, 1}.value());
       }},
      {"client 0, subscription 0", "a client's",
       [&](const Segment& s) {
         subscription(s, 3).word.store(subscription(s, 3).word.load() - 1);
       }},
  });
}

TEST(VerifyDamage, Timers) {
  const auto timer = [](const Segment& s) -> TimerRecord& { return s.timers(0)[0]; };
  const std::string where = "shard 0, timer 0";
  constexpr std::uint64_t kNoTime = std::uint64_t{1} << 63U;
  check({
      {where, "it is for no agent",
       [&](const Segment& s) { add<std::uint64_t>(timer(s).word, 16); }},
      {where, "it is for an agent that was never",
       [&](const Segment& s) { add(timer(s).word, std::uint64_t{1} << 32U); }},
      {where, "it is due", [&](const Segment& s) { timer(s).due_ns.store(kNoTime); }},
      {where, "its period", [&](const Segment& s) { timer(s).period_ns.store(kNoTime); }},
      {where, "its name",
       [&](const Segment& s) {
         timer(s).label.store(TimerLabel{1, Symbol{9999}}.pack());
       }},
      {where, "it is no coroutine's",
       [&](const Segment& s) {
         timer(s).asked.store(TaskWord{true, Symbol{}}.pack());
       }},
  });
}

TEST(VerifyDamage, Spans) {
  const auto record = [](const Segment& s) -> SpanRecord& {
    return *reinterpret_cast<SpanRecord*>(s.spans(1).data() + sizeof(SpanRingHeader));
  };
  const auto span = [&](const Segment& s, const std::function<void(Span&)>& change) {
    std::array<std::uint64_t, kSpanWords> words{};
    for (std::size_t i = 0; i < kSpanWords; ++i)
      words[i] = record(s).words[i].load();
    auto copy = std::bit_cast<Span>(words);
    change(copy);
    words = std::bit_cast<std::array<std::uint64_t, kSpanWords>>(copy);
    for (std::size_t i = 0; i < kSpanWords; ++i)
      record(s).words[i].store(words[i]);
  };
  const auto changed = [&](std::string what, const std::function<void(Span&)>& change) {
    return Case{"spans of shard 0, span 0000000000000abc", std::move(what), [=](const Segment& s) {
                  span(s, [&](Span& each) {
                    each.span = 0xabc;
                    change(each);
                  });
                }};
  };
  check({
      {"spans of shard 0", "its header",
       [](const Segment& s) {
         add<std::uint64_t>(*reinterpret_cast<Word*>(s.spans(1).data() + 8), 1);
       }},
      {"spans of shard 0", "spans have numbers",
       [&](const Segment& s) { add<std::uint64_t>(record(s).sequence, 1); }},
      changed("its ids", [](Span& each) { each.trace = {}; }),
      changed("it is not of its endpoint", [](Span& each) { each.side = SpanSide::client; }),
      changed("it is of no kind", [](Span& each) { each.kind = 99; }),
      changed("its result", [](Span& each) { each.result = 999; }),
      changed("it ends before", [](Span& each) { each.ended_ns = each.started_ns - 1; }),
      changed("it ends before", [](Span& each) { each.started_ns = -1; }),
  });
}

TEST(VerifyDamage, Metadata) {
  const Place place = place_of("orders");
  const auto word = [&](const Segment& s) -> Word& {
    return s.agents(place.shard).profile(place.slot).metadata;
  };
  const auto record = [&](const Segment& s) -> MetadataRecord& {
    return s.metadata(place.shard)[MetadataWord::unpack(word(s)).record];
  };
  check({
      {place.text(), "its metadata is no record",
       [&](const Segment& s) { add<std::uint64_t>(word(s), s.metadata(place.shard).size()); }},
      {place.text(), "its metadata is no text", [&](const Segment& s) { record(s).length = 0; }},
      {place.text(), "its metadata is no text", [&](const Segment& s) { record(s).text[1] = 0; }},
      {place.text(), "its metadata is another agent's",
       [&](const Segment& s) {
         const AgentTable agents = s.agents(place.shard);
         for (std::uint32_t slot = 0; slot < place.slot; ++slot)
           agents.profile(slot).metadata.store(word(s).load());
       }},
  });
}

TEST(VerifyDamage, SymbolBehindAHole) {
  const TestSegment segment;
  Symbols symbols = segment.get().symbols();
  auto* slots = reinterpret_cast<Word*>(segment.get().bytes().data() +
                                        segment.get().layout()[Region::symbols].offset +
                                        sizeof(SymbolsHeader));
  // Until a symbol lies behind another one, where its hash did not put it.
  for (int i = 0; i < 40; ++i) {
    const std::string text = "name-" + std::to_string(i);
    const std::uint32_t index =
        static_cast<std::uint32_t>(symbols.intern(text).value()) - kFirstSymbol;
    if (index == (hash_name(text) & 63U)) continue;
    slots[(index + 63) & 63U].store(0);
    const VerifyView view = verify_segment(segment.get(), false);
    ASSERT_EQ(view.damage.size(), 1U);
    EXPECT_EQ(view.damage[0].where, "symbol slot " + std::to_string(index));
    return;
  }
  FAIL() << "no two names of the same hash";
}

}  // namespace
}  // namespace mabeam::shm
