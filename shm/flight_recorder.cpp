#include "shm/flight_recorder.hpp"

#include "shm/clock.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include <unistd.h>

namespace mabeam::shm {
namespace {

enum class FieldType : std::uint8_t { i64, u64, f64, text };
static_assert(std::variant_size_v<FactValue> == 4);

constexpr std::uint64_t kLevelShift = 32;
constexpr std::uint64_t kWorkerShift = 48;
constexpr std::size_t kLeastText = 16;  ///< a value of which less would be left is left out

using Body = std::array<std::byte, kFactBodyBytes>;

/// Appends to a body, as far as there is room.
class BodyWriter {
 public:
  void text(std::string_view text) {
    is_cut_ = text.size() > kFactBodyBytes / 2;
    put_text(text.substr(0, kFactBodyBytes / 2));
  }

  void field(const LogField& field) {
    const std::string_view key = field.key.substr(0, std::numeric_limits<std::uint8_t>::max());
    const auto* text = std::get_if<std::string>(&field.value);
    const std::size_t head = 1 + key.size() + 1;
    const std::size_t least = text == nullptr ? 8 : 2 + std::min(text->size(), kLeastText);
    if (head + least > room()) {
      is_cut_ = true;
      return;
    }
    put(static_cast<std::uint8_t>(key.size()));
    put_bytes(std::as_bytes(std::span{key}));
    put(static_cast<std::uint8_t>(field.value.index()));
    if (text != nullptr) {
      const std::size_t length = std::min(text->size(), room() - 2);
      is_cut_ = is_cut_ || length < text->size();
      put_text(std::string_view{*text}.substr(0, length));
    } else {
      put_number(field.value);
    }
  }

  [[nodiscard]] const Body& body() const { return body_; }

  /// The word of its length.
  [[nodiscard]] std::uint64_t size_word() const {
    return used_ | (is_cut_ ? std::uint64_t{1} << 32U : 0);
  }

 private:
  [[nodiscard]] std::size_t room() const { return body_.size() - used_; }

  void put_bytes(std::span<const std::byte> bytes) {
    std::copy(bytes.begin(), bytes.end(), body_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += bytes.size();
  }

  template <class T>
  void put(T value) {
    put_bytes(std::as_bytes(std::span{&value, 1}));
  }

  void put_text(std::string_view text) {
    put(static_cast<std::uint16_t>(text.size()));
    put_bytes(std::as_bytes(std::span{text}));
  }

  void put_number(const FactValue& value) {
    if (const auto* real = std::get_if<double>(&value)) return put(*real);
    if (const auto* number = std::get_if<std::int64_t>(&value)) return put(*number);
    put(std::get<std::uint64_t>(value));
  }

  Body body_{};
  std::size_t used_ = 0;
  bool is_cut_ = false;
};

/// Takes a body apart. Whatever is in it, nothing is read beyond its end.
class BodyReader {
 public:
  explicit BodyReader(std::span<const std::byte> body) : rest_(body) {}

  [[nodiscard]] bool is_over() const { return rest_.empty(); }

  bool text(std::string& text) {
    std::uint16_t length = 0;
    return take(length) && take_text(length, text);
  }

  bool field(FactField& field) {
    std::uint8_t length = 0;
    std::uint8_t type = 0;
    if (!take(length) || !take_text(length, field.key) || !take(type)) return false;
    switch (static_cast<FieldType>(type)) {
      case FieldType::i64:
        return take_number<std::int64_t>(field.value);
      case FieldType::u64:
        return take_number<std::uint64_t>(field.value);
      case FieldType::f64:
        return take_number<double>(field.value);
      case FieldType::text:
        return text(field.value.emplace<std::string>());
    }
    return false;
  }

 private:
  template <class T>
  bool take(T& value) {
    if (rest_.size() < sizeof value) return false;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_ = rest_.subspan(sizeof value);
    return true;
  }

  template <class T>
  bool take_number(FactValue& value) {
    T number{};
    if (!take(number)) return false;
    value = number;
    return true;
  }

  bool take_text(std::size_t length, std::string& text) {
    if (rest_.size() < length) return false;
    text.assign(reinterpret_cast<const char*>(rest_.data()), length);
    rest_ = rest_.subspan(length);
    return true;
  }

  std::span<const std::byte> rest_;
};

/// False if what is in it cannot be.
bool decode(const FactSlots::Record& record, FactView& fact) {
  fact.unix_ns = static_cast<std::int64_t>(record[0]);
  fact.monotonic_ns = static_cast<std::int64_t>(record[1]);
  fact.pid = static_cast<std::uint32_t>(record[2]);
  fact.level = static_cast<FactLevel>(record[2] >> kLevelShift & 0xFFU);
  const auto worker = static_cast<std::uint32_t>(record[2] >> kWorkerShift);
  if (worker != 0) fact.written_by = worker - 1;
  fact.is_cut = record[3] >> 32U != 0;
  const auto bytes = static_cast<std::uint32_t>(record[3]);
  if (bytes > kFactBodyBytes || fact.level > FactLevel::error) return false;
  BodyReader body{std::as_bytes(std::span{record}.subspan(kFactHeadWords)).first(bytes)};
  if (!body.text(fact.text)) return false;
  while (!body.is_over()) {
    if (!body.field(fact.fields.emplace_back())) return false;
  }
  return true;
}

}  // namespace

FlightRecorder::FlightRecorder(std::span<std::byte> region, std::optional<std::uint32_t> worker)
    : slots_(region),
      author_(static_cast<std::uint32_t>(::getpid()) | (worker ? std::uint64_t{*worker} + 1 : 0)
                                                           << kWorkerShift),
      is_open_(true) {
}

void FlightRecorder::write(FactLevel level, std::string_view text,
                           std::span<const LogField> fields) const {
  BodyWriter writer;
  writer.text(text);
  for (const LogField& field : fields)
    writer.field(field);
  FactSlots::Record record{
      static_cast<std::uint64_t>(unix_ns()), static_cast<std::uint64_t>(monotonic_ns()),
      author_ | std::uint64_t{static_cast<std::uint8_t>(level)} << kLevelShift, writer.size_word()};
  std::memcpy(&record[kFactHeadWords], writer.body().data(), kFactBodyBytes);
  slots_.write(slots_.begin(), record);
}

std::optional<FactView> read_fact(std::span<std::byte> region, std::uint64_t number) {
  FactSlots::Record record;
  FactView fact{.number = number};
  if (!FactSlots{region}.read_one(number, record) || !decode(record, fact)) return std::nullopt;
  return fact;
}

FactList read_facts(std::span<std::byte> region) {
  FactList list;
  std::uint64_t wrong = 0;
  const FactSlots slots{region};
  const SealedCount count = slots.read([&](std::uint64_t number, const FactSlots::Record& record) {
    FactView fact{.number = number};
    if (decode(record, fact)) {
      list.facts.push_back(std::move(fact));
    } else {
      ++wrong;
    }
  });
  std::sort(list.facts.begin(), list.facts.end(),
            [](const FactView& a, const FactView& b) { return a.number < b.number; });
  list.begun = count.begun;
  list.oldest = count.begun - std::min(count.begun, slots.count());
  list.torn = count.torn;
  list.damaged = count.damaged + wrong;
  return list;
}

}  // namespace mabeam::shm

namespace mabeam {

std::string_view to_string(FactLevel level) {
  constexpr std::array<std::string_view, 5> kNames{"trace", "debug", "info", "warn", "error"};
  const auto index = static_cast<std::size_t>(level);
  return index < kNames.size() ? kNames[index] : "unknown";
}

std::optional<std::uint64_t> FactView::worker() const {
  for (const FactField& field : fields) {
    if (field.key != "worker") continue;
    if (const auto* index = std::get_if<std::uint64_t>(&field.value)) return *index;
  }
  return written_by;
}

}  // namespace mabeam
