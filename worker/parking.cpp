#include "worker/parking.hpp"

#include <algorithm>
#include <cstring>

namespace mabeam::worker {

using shm::RingConsumer;
using shm::WordKind;

Parking::Parking(const shm::Segment& segment, std::uint32_t shard)
    : segment_(segment),
      shard_(shard),
      table_(segment.agents(shard)) {
}

Result<> Parking::open() {
  auto producer = shm::RingProducer::open(segment_.parking(shard_));
  if (!producer) return fail(producer.error());
  auto consumer = RingConsumer::open(segment_.parking(shard_));
  if (!consumer) return fail(consumer.error());
  producer_ = *producer;
  consumer_ = *consumer;
  head_ = consumer_.position();
  last_witness_ = 0;
  count();
  return {};
}

bool Parking::is_of_living(AgentId id) const {
  return static_cast<std::uint32_t>(id.endpoint()) == shm::Segment::endpoint_of_shard(shard_) &&
         table_.is_alive(id);
}

void Parking::count() {
  waiting_.assign(table_.size(), 0);
  resuming_.clear();
  orphans_ = 0;
  shm::Record record;
  shm::Received message;
  RingConsumer::Look seen{};
  while ((seen = consumer_.look(record)) == RingConsumer::Look::found &&
         shm::parse(record, message)) {
    const AgentId target{message.header.target};
    is_of_living(target) ? ++waiting_[target.slot()] : ++orphans_;
    consumer_.advance(record.end);
  }
  is_damaged_ = seen != RingConsumer::Look::empty;
  consumer_.advance(head_);
  for (std::uint32_t slot = 0; slot < table_.size(); ++slot) {
    const std::uint64_t word = table_.record(slot).slot_word.load(std::memory_order_relaxed);
    const auto lifecycle = static_cast<Lifecycle>(shm::SlotWord::unpack(word).lifecycle);
    if (lifecycle == Lifecycle::resuming) resuming_.push_back(slot);
  }
}

Result<> Parking::park(const shm::Received& message, std::uint64_t witness) {
  const std::uint64_t length = message.length();
  if (!fits(message)) return fail(Errc::suspended);
  const std::uint64_t before = producer_.claimed();
  if (before - head_ + shm::record_bytes(length) > shm::parking_room(producer_.capacity())) {
    return fail(Errc::suspended);
  }
  const auto room =
      producer_.claim(static_cast<std::uint32_t>(length), message.record_kind(), message.flags);
  if (!room) return fail(Errc::suspended);
  shm::compose(*room, message);
  claimed_before_ = before;
  last_witness_ = witness;
  last_slot_ = AgentId{message.header.target}.slot();
  ++waiting_[last_slot_];
  return {};
}

void Parking::undo(std::uint64_t witness) noexcept {
  if (witness == 0 || witness != last_witness_) return;
  producer_.rewind(claimed_before_);
  --waiting_[last_slot_];
  last_witness_ = 0;
}

// ---- a pass ----------------------------------------------------------------------------------

void Parking::begin_pass() noexcept {
  first_kept_ = end_ = kNone;
  taken_.clear();
}

void Parking::keep(const shm::Record& record) noexcept {
  first_kept_ = std::min(first_kept_, record.position);
  consumer_.advance(record.end);
}

void Parking::take(const shm::Record& record, AgentId target) {
  if (first_kept_ != kNone) taken_.push_back(record.position);
  consumer_.advance(record.end);
  const bool is_living = is_of_living(target);
  if (is_living && waiting_[target.slot()] != 0) --waiting_[target.slot()];
  if (!is_living && orphans_ != 0) --orphans_;
}

std::uint64_t Parking::give_up() noexcept {
  end_ = consumer_.position();
  is_damaged_ = true;  // until it has been counted again
  return consumer_.skip_all();
}

void Parking::end_pass(std::uint64_t& blamed_witness) {
  if (first_kept_ == kNone) return;
  if (!taken_.empty() || end_ != kNone) {
    copy_kept(blamed_witness);
  } else {
    consumer_.advance(first_kept_);
  }
}

std::uint64_t Parking::witness_of(const shm::Record& record, AgentId target) const noexcept {
  return shm::Witness::pack(shm::Witness::What::parked, shm::Segment::endpoint_of_shard(shard_), 0,
                            target.slot(), record.position);
}

void Parking::copy_kept(std::uint64_t& blamed_witness) {
  consumer_.advance(first_kept_);
  const std::uint64_t blamed_before = blamed_witness;
  auto taken = taken_.begin();
  shm::Record record;
  while (consumer_.position() != end_ && consumer_.look(record) == RingConsumer::Look::found) {
    consumer_.advance(record.end);
    if (taken != taken_.end() && *taken == record.position) {
      ++taken;
      continue;
    }
    shm::Received message;
    const bool is_blamed = blamed_before != 0 && shm::parse(record, message) &&
                           witness_of(record, AgentId{message.header.target}) == blamed_before;
    const auto room =
        producer_.claim(record.header.length, record.header.kind, record.header.flags);
    // Only in a damaged log is there no room: what is left of it is counted again, and given up.
    if (!room) break;
    if (!record.body.empty()) std::memcpy(room->data(), record.body.data(), record.body.size());
    if (!is_blamed) continue;
    record.position = producer_.claimed() - shm::record_bytes(record.header.length);
    blamed_witness = witness_of(record, AgentId{message.header.target});
  }
  (void)consumer_.skip_all();
}

// ---- the turn's end --------------------------------------------------------------------------

void Parking::note(std::uint32_t slot, Lifecycle lifecycle) {
  const auto at = std::find(resuming_.begin(), resuming_.end(), slot);
  if (lifecycle == Lifecycle::resuming) {
    if (at == resuming_.end()) resuming_.push_back(slot);
    return;
  }
  if (at != resuming_.end()) resuming_.erase(at);
  const bool is_gone = lifecycle == Lifecycle::free || lifecycle == Lifecycle::terminating;
  if (!is_gone) return;
  orphans_ += waiting_[slot];
  waiting_[slot] = 0;
}

void Parking::stage_tail(shm::Turn& turn) {
  if (producer_.claimed() == producer_.published()) return;
  turn.stage(WordKind::parking_tail, 0, producer_.tail_word(), producer_.claimed());
}

void Parking::stage_head(shm::Turn& turn) {
  if (consumer_.position() == head_) return;
  turn.stage(WordKind::parking_head, 0, consumer_.head_word(), consumer_.position());
}

void Parking::settle() {
  producer_.settle();
  head_ = consumer_.position();
  last_witness_ = 0;
  if (is_damaged_) count();
}

}  // namespace mabeam::worker
