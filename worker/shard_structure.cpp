// What changes structure: agents made and ended. A message that does so ends its turn.
#include "shm/topics.hpp"
#include "worker/backend.hpp"
#include "worker/hooks.hpp"
#include "worker/shard.hpp"

#include <algorithm>
#include <span>
#include <string>

namespace mabeam::worker {

using shm::DeadReason;
using shm::Received;

namespace {

/// What a create asks for (shm::CreateRequest). False if its payload is too short for it. What is
/// noted is copied into `metadata`, since it is checked first and its sender may change it.
bool read_plan(std::span<const std::byte> payload, Agents::Plan& plan, std::string& metadata) {
  if (payload.size() < sizeof plan.request) return false;
  std::memcpy(&plan.request, payload.data(), sizeof plan.request);
  const std::span<const std::byte> rest = payload.subspan(sizeof plan.request);
  if (plan.request.metadata_length > rest.size()) return false;
  const auto text = rest.first(plan.request.metadata_length);
  metadata.assign(reinterpret_cast<const char*>(text.data()), text.size());
  plan.metadata = metadata;
  plan.initial = rest.subspan(text.size());
  return true;
}

/// A client sends symbols, and has looked at what they say; a hostile one sends any. Those that are
/// too many are refused later.
bool has_known_symbols(const shm::Symbols& symbols, const shm::CreateRequest& request) {
  const auto first = [](const auto& from, std::uint32_t count) {
    return std::span{from}.first(std::min<std::size_t>(count, from.size()));
  };
  const auto capabilities = first(request.capabilities, request.capability_count);
  const auto patterns = first(request.subscriptions, request.subscription_count);
  return std::none_of(capabilities.begin(), capabilities.end(),
                      [&](Symbol each) { return symbols.text(each).empty(); }) &&
         std::all_of(patterns.begin(), patterns.end(), [&](Symbol each) {
           return shm::check_pattern(symbols.text(each)).has_value();
         });
}

}  // namespace

Result<AgentId> Shard::create_agent(const Agents::Plan& plan) {
  if (segment_.is_closed(shard_)) return fail(Errc::over_limit);
  if (plan.request.subscription_count != 0 && !inbox_.is_listening()) {
    wants_to_listen_ = true;
    return fail(Errc::backpressure);
  }
  const Result<AgentId> id = agents_.create(plan, clock_.now_ns());
  if (!id) return id;
  if (plan.descriptor->on_start != nullptr) {
    shm::StateHeader* state = agents_.touch(id->slot());
    Context::Backend backend{*this, *id, nullptr};
    Context context{backend};
    const Result<> started = guarded([&] { return plan.descriptor->on_start(context, state + 1); });
    if (!started) return doom(started.error());
  }
  tell(Life::started, *id, {});
  return id;
}

// What cannot be taken back alone: the message fails, even if its handler takes no notice.
tl::unexpected<Error> Shard::doom(Error error) noexcept {
  if (doom_) doom_ = fail(error);
  return fail(error);
}

Shard::Outcome Shard::handle_create(const Received& message) {
  Agents::Plan plan{message.header.symbol, types_.find(message.header.symbol), {}, {}};
  Made made;
  std::string metadata;
  Result<> done = fail(Errc::unknown_type);
  if (!read_plan(message.payload, plan, metadata) || !has_known_symbols(symbols_, plan.request)) {
    done = fail(Errc::invalid_argument);
  } else if (plan.descriptor != nullptr) {
    const std::string_view name{plan.request.name.data(),
                                std::min(plan.request.name_length, shm::kMaxNameBytes)};
    const bool may_be_here =
        name.empty() || (shm::is_agent_name(name) &&
                         shm::shard_of_name(name, segment_.dimensions().shards) == shard_);
    turn_.set_witness(witness_);
    done = may_be_here ? create_agents(plan, made) : fail(Errc::invalid_argument);
    turn_.clear_witness();
  }
  if (outbox_.is_blocked()) return undo(Outcome::blocked);
  if (wants_to_listen_) return undo(Outcome::commit_first);
  if (!done) {
    undo(Outcome::passed);
    return refuse(message, done.error().code, DeadReason::unroutable);
  }
  if (!answer(message, Errc{}, made.payload())) return undo(Outcome::blocked);
  ++record_.delivered;
  return Outcome::passed;
}

Result<> Shard::end_agent(AgentId id, std::string_view reason, bool runs_hook) {
  const std::uint32_t slot = id.slot();
  const TypeDescriptor* type = types_.find(agents_.table().record(slot).type);
  if (runs_hook && type != nullptr && type->on_stop != nullptr) {
    shm::StateHeader* state = agents_.touch(slot);
    Context::Backend backend{*this, id, nullptr};
    Context context{backend};
    if (may_run_on_stop(*type, *state, agents_.table().record(slot))) {
      // What on_stop answers, or wishes to hear, changes nothing: the agent ends all the same.
      const bool wanted_to_listen = wants_to_listen_;
      (void)guarded([&] { return type->on_stop(context, state + 1); });
      wants_to_listen_ = wanted_to_listen;
    }
  }
  if (!doom_) return doom_;
  if (const Result<> ended = end_tasks(id); !ended) return ended;
  tell(Life::stopped, id, reason);
  const Result<> ended = agents_.end(slot);
  if (ended) timers_.end_agent(slot);
  return ended;
}

// Told only where somebody listens: millions of creations must not flood the log. A full log shows
// in is_blocked(), as it does for any event.
void Shard::tell(Life what, AgentId id, std::string_view reason) {
  const Symbol topic = life_.topic(what);
  if (!outbox_.has_readers(topic)) return;
  clock_.refresh();
  shm::MessageHeader header{};
  header.symbol = topic;
  header.content = static_cast<std::uint32_t>(Content::json);
  header.source = id.value();
  header.sent_ns = clock_.now_ns();
  const Symbol type = agents_.table().record(id.slot()).type;
  const std::string json = LifeEvents::payload(id, symbols_.text(type), reason);
  (void)outbox_.emit(header, std::as_bytes(std::span{json}));
}

}  // namespace mabeam::worker
