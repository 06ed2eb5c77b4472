#include "worker/inbox.hpp"

#include "shm/doorbell.hpp"

#include <algorithm>
#include <bit>

namespace mabeam::worker {

using shm::WordKind;

void Inbox::open() {
  sources_.clear();
  sources_.resize(segment_.endpoints());
  hot_.clear();
  hot_bits_.fill(0);
  hot_.reserve(sources_.size());
  turn_sources_.clear();
  turn_sources_.reserve(sources_.size());
  is_listening_ = false;
  unreadable_.clear();
  for (std::uint32_t i = 0; i < segment_.endpoints(); ++i) {
    sources_[i].endpoint = i;
    if (open_source(sources_[i])) {
      is_listening_ = is_listening_ || sources_[i].log.is_joined();
      make_hot(sources_[i]);
    } else {
      sources_[i] = Source{};
      sources_[i].endpoint = i;
      unreadable_.push_back(i);
    }
  }
}

bool Inbox::open_source(Source& source) {
  const std::uint32_t from = source.endpoint;
  for (std::uint32_t p = 0; p < shm::kPriorities; ++p) {
    const std::span<std::byte> bytes = segment_.ring(from, endpoint_, static_cast<Priority>(p));
    if (bytes.empty()) break;
    auto ring = shm::RingConsumer::open(bytes);
    if (!ring) return false;
    source.rings[p] = *ring;
    source.committed[p] = ring->position();
    source.has_rings = true;
  }
  auto log = shm::EventLogReader::open(segment_.log(from), segment_.endpoints(), endpoint_);
  if (!log) return false;
  source.log = *log;
  source.log_committed = log->position();
  source.log_slot_committed = log->next_slot();
  source.is_readable = true;
  return true;
}

void Inbox::look_at_logs() noexcept {
  shm::full_fence();
  for (Source& source : sources_) {
    if (source.log.is_joined()) make_hot(source);
  }
}

void Inbox::make_hot(Source& source) noexcept {
  source.empty_looks = 0;
  std::uint64_t& bits = hot_bits_[source.endpoint / 64];
  const std::uint64_t bit = std::uint64_t{1} << (source.endpoint % 64);
  if ((bits & bit) != 0) return;
  bits |= bit;
  hot_.push_back(&source);
}

void Inbox::collect_ready() noexcept {
  auto& ready = segment_.endpoint(endpoint_).ready;
  for (std::uint32_t i = 0; i < ready.size(); ++i) {
    std::uint64_t news = ready[i].load(std::memory_order_acquire) & ~hot_bits_[i];
    for (; news != 0; news &= news - 1) {
      const std::uint32_t endpoint = i * 64 + static_cast<std::uint32_t>(std::countr_zero(news));
      if (endpoint < sources_.size()) make_hot(sources_[endpoint]);
    }
  }
}

bool Inbox::poll() noexcept {
  collect_ready();
  seen_ = 0;
  for (Source* source : hot_) {
    std::uint32_t seen = 0;
    for (std::uint32_t p = 0; p < shm::kPriorities && source->has_rings; ++p) {
      shm::RingConsumer& ring = source->rings[p];
      if (!ring.is_drained() || ring.refresh()) {
        seen |= 1U << p;
      } else if (source->empty_looks >= kAwaitAfter) {
        ring.await();
      }
    }
    if (source->log.is_joined() && source->log.has_more()) {
      seen |= 1U << static_cast<std::uint32_t>(Priority::normal);
    }
    source->seen = seen;
    seen_ |= seen;
  }
  return seen_ != 0;
}

bool Inbox::has_input(Source& source) noexcept {
  if (source.has_rings) {
    for (std::uint32_t p = 0; p < shm::kPriorities; ++p) {
      if (!source.ring_blockage[p] &&
          (!source.rings[p].is_drained() || source.rings[p].refresh())) {
        return true;
      }
    }
  }
  return source.log.is_joined() && !source.log_blockage && source.log.has_more();
}

void Inbox::cool_down() noexcept {
  for (std::size_t i = 0; i < hot_.size();) {
    Source& source = *hot_[i];
    if (++source.empty_looks < kColdAfter) {
      ++i;
      continue;
    }
    source.empty_looks = 0;
    const std::uint64_t bit = std::uint64_t{1} << (source.endpoint % 64);
    segment_.endpoint(endpoint_).ready[source.endpoint / 64].fetch_and(~bit,
                                                                       std::memory_order_seq_cst);
    shm::full_fence();
    const bool is_blocked = source.log_blockage ||
                            std::any_of(source.ring_blockage.begin(), source.ring_blockage.end(),
                                        [](const auto& blockage) { return blockage.has_value(); });
    if (is_blocked || has_input(source)) {
      ++i;
      continue;
    }
    hot_bits_[source.endpoint / 64] &= ~bit;
    hot_[i] = hot_.back();
    hot_.pop_back();
  }
}

void Inbox::set_listening(bool listen) noexcept {
  is_listening_ = listen;
  for (Source& source : sources_) {
    if (!source.is_readable || listen == source.log.is_joined()) continue;
    if (listen) {
      source.log.join();
      make_hot(source);
    } else {
      source.log.leave();
    }
    source.log_committed = source.log.position();
    source.log_slot_committed = source.log.next_slot();
  }
}

bool Inbox::has_work() noexcept {
  bool found = false;
  for (Source& source : sources_) {
    if (!has_input(source)) continue;
    make_hot(source);
    found = true;
  }
  return found;
}

bool Inbox::is_drained() noexcept {
  return std::none_of(sources_.begin(), sources_.end(), [this](Source& source) {
    if (has_input(source) || source.log_blockage) return true;
    return std::any_of(source.ring_blockage.begin(), source.ring_blockage.end(),
                       [](const auto& blockage) { return blockage.has_value(); });
  });
}

void Inbox::stage(shm::Turn& turn) {
  for (Source* source : turn_sources_) {
    if (!source->log.is_joined()) continue;
    if (source->log.position() == source->log_committed &&
        source->log.next_slot() == source->log_slot_committed) {
      continue;
    }
    shm::LogCursor& cursor = source->log.cursor();
    turn.stage(WordKind::cursor_sequence, source->endpoint, cursor.sequence,
               source->log.sequence());
    turn.stage(WordKind::cursor_slot, source->endpoint, cursor.next_slot, source->log.next_slot());
    turn.stage(WordKind::cursor_position, source->endpoint, cursor.position,
               source->log.position());
  }
  for (Source* source : turn_sources_) {
    if (!source->has_rings) continue;
    for (std::uint32_t p = 0; p < shm::kPriorities; ++p) {
      if (source->rings[p].position() == source->committed[p]) continue;
      turn.stage(WordKind::ring_head, source->endpoint * 4 + p, source->rings[p].head_word(),
                 source->rings[p].position());
    }
  }
}

void Inbox::settle() noexcept {
  for (Source* source : turn_sources_) {
    source->is_in_turn = false;
    source->log_committed = source->log.position();
    source->log_slot_committed = source->log.next_slot();
    for (std::uint32_t p = 0; p < shm::kPriorities && source->has_rings; ++p) {
      source->committed[p] = source->rings[p].position();
    }
  }
  turn_sources_.clear();
}

}  // namespace mabeam::worker
