#include "shm/client_bulk.hpp"

#include "shm/client_batch.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mabeam::shm {
namespace {

using Indices = std::vector<std::size_t>;

/// The stops of one call: which agents, and what became of each.
class Stops {
 public:
  Stops(ClientCore& core, std::span<const AgentId> agents)
      : core_(core),
        agents_(agents),
        results_(agents.size(), Result<>{fail(Errc::not_found)}) {}

  std::vector<Result<>> run(std::int64_t deadline_ns) {
    Indices living;
    for (std::size_t i = 0; i < agents_.size(); ++i) {
      if (core_.segment.exists(agents_[i])) {
        living.push_back(i);
      } else {
        core_.endpoint.count_refused();
      }
    }
    sort_by_shard(living);
    ask(living, kMostInOneMessage, deadline_ns);
    ask(std::exchange(alone_, {}), 1, deadline_ns);
    return std::move(results_);
  }

 private:
  void sort_by_shard(Indices& indices) const {
    std::stable_sort(indices.begin(), indices.end(), [this](std::size_t a, std::size_t b) {
      return agents_[a].endpoint() < agents_[b].endpoint();
    });
  }

  /// Stops those, which are sorted by shard, up to `most` in a message.
  void ask(const Indices& indices, std::size_t most, std::int64_t deadline_ns) {
    std::vector<AgentId> ids;
    ids.reserve(indices.size());
    for (const std::size_t index : indices)
      ids.push_back(agents_[index]);
    const Kind kind = most == 1 ? Kind::stop : Kind::stop_many;
    ClientBatch batch{core_, {kind, Priority::normal, {}, {}}};
    std::vector<std::span<const std::size_t>> asked;
    for (std::size_t first = 0; first < ids.size();) {
      std::size_t last = first + 1;
      while (last < ids.size() && last - first < most &&
             ids[last].endpoint() == ids[first].endpoint()) {
        ++last;
      }
      const std::span part{ids.data() + first, last - first};
      asked.emplace_back(indices.data() + first, last - first);
      batch.add(question(part, kind));
      first = last;
    }
    // What is not answered is told to each question, too.
    (void)batch.run(deadline_ns, [&](std::size_t number, const auto& answer) {
      take(asked[number], answer, kind == Kind::stop_many);
      return true;
    });
  }

  static ClientBatch::Question question(std::span<const AgentId> part, Kind kind) {
    if (kind == Kind::stop) return {part.front()};
    const auto shard = static_cast<std::uint32_t>(part.front().endpoint()) - 1;
    return {shard_target(shard), std::as_bytes(part),
            ClientCalls::rooms_for(part.size() * sizeof(Errc))};
  }

  void take(std::span<const std::size_t> asked, const Result<ClientReply>& answer, bool is_many) {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      Result<> result;
      if (!answer) {
        result = fail(answer.error());
      } else if (is_many) {
        result = result_in(answer->bytes, i, asked.size());
      }
      if (is_many && !result && may_do_alone(answer, result.error().code)) {
        alone_.push_back(asked[i]);
      } else {
        results_[asked[i]] = result;
      }
    }
  }

  /// A message that was refused as a whole may be one agent's fault.
  static bool may_do_alone(const Result<ClientReply>& answer, Errc code) {
    if (answer) return is_too_much_at_once(code);
    return code != Errc::timed_out && code != Errc::not_running;
  }

  static Result<> result_in(std::span<const std::byte> bytes, std::size_t i, std::size_t count) {
    if (bytes.size() != count * sizeof(Errc)) return fail(Errc::corrupt);
    std::uint16_t code = 0;
    std::memcpy(&code, bytes.data() + i * sizeof code, sizeof code);
    if (code == 0) return {};
    return fail(ClientCalls::refusal_of(code));
  }

  ClientCore& core_;
  std::span<const AgentId> agents_;
  std::vector<Result<>> results_;
  Indices alone_;
};

}  // namespace

std::vector<Result<>> stop_many(ClientCore& core, std::span<const AgentId> agents,
                                std::int64_t deadline_ns) {
  return Stops{core, agents}.run(deadline_ns);
}

void call_many(ClientCore& core, std::span<const AgentId> agents, const Outgoing& form,
               std::span<const PayloadRef> payloads, std::int64_t deadline_ns,
               const OnAnswer& on_answer) {
  ClientBatch batch{core, form};
  Indices asked;
  for (std::size_t i = 0; i < agents.size(); ++i) {
    const Result<> may =
        core.is_agent(agents[i]) ? core.may_call(agents[i]) : Result<>{fail(Errc::not_found)};
    if (may) {
      asked.push_back(i);
      if (payloads.empty()) {
        batch.add({agents[i], form.payload});
      } else {
        batch.add({agents[i], payloads[i].bytes(), 1, form.header.symbol, payloads[i].content()});
      }
      continue;
    }
    Result<ClientReply> refused = core.refuse(may.error());
    on_answer(i, refused);
  }
  // What is not answered is told to each question, too.
  (void)batch.run(deadline_ns, [&](std::size_t number, Result<ClientReply>& answer) {
    on_answer(asked[number], answer);
    return true;
  });
}

std::size_t send_many(ClientCore& core, std::span<const AgentId> agents, const Outgoing& form,
                      std::int64_t until_ns) {
  std::size_t accepted = 0;
  for (const AgentId agent : agents) {
    if (!core.is_agent(agent)) {
      core.endpoint.count_refused();
      continue;
    }
    Outgoing message = form;
    message.header.target = agent.value();
    if (core.send(message, until_ns)) ++accepted;
  }
  return accepted;
}

}  // namespace mabeam::shm
