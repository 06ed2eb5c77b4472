// Records: a ring and an event log of any bytes, whose other side changes them while they are read
// and written. No access leaves the buffer, every reading ends, and a log that a writer has taken
// over is whole from there on.
//
//   input: 0 a ring, else a log; then steps, each a byte and what it takes
#include "shm/event_log.hpp"
#include "shm/spsc_ring.hpp"
#include "shm/wire.hpp"
#include "tests/fuzz/fuzzer.hpp"
#include "tests/shm/shm_support.hpp"

#include <optional>
#include <vector>

namespace {

using namespace mabeam;
using namespace mabeam::shm;

constexpr std::uint64_t kCapacity = 512;
constexpr std::uint32_t kReaders = 2;
constexpr int kMostSteps = 64;

/// A structure with a buffer behind it, in memory of exactly its size.
class Buffer {
 public:
  explicit Buffer(std::size_t before) : memory_(before + kCapacity), before_(before) {}

  [[nodiscard]] std::span<std::byte> span() const { return memory_.span(); }

  [[nodiscard]] std::byte* at(std::size_t offset) const { return memory_.at(offset); }

  [[nodiscard]] std::span<std::byte> data() const { return memory_.span().subspan(before_); }

  void require_inside(std::span<const std::byte> bytes) const {
    const std::byte* first = data().data();
    fuzz::require(bytes.data() >= first && bytes.data() + bytes.size() <= first + kCapacity,
                  "a record outside of the buffer");
  }

  /// What a reader does with a record: takes the message apart, and reads its payload every way.
  void read(const Record& record) const {
    require_inside(record.body);
    fuzz::touch(record.body);
    fuzz::require(record.end - record.position >= sizeof(RecordHeader), "a record of no size");
    const std::optional<Received> message = parse(record);
    fuzz::require(message.has_value() == (record.body.size() >= sizeof(MessageHeader)),
                  "a message that is too short");
    if (!message) return;
    require_inside(message->payload);
    (void)message->view().as<std::int64_t>();
    (void)message->view().as<std::uint64_t>();
    (void)message->view().as<double>();
  }

  void fill(std::span<std::byte> room) const {
    require_inside(room);
    std::fill(room.begin(), room.end(), std::byte{0x5A});
  }

  /// The other side writes.
  void overwrite(fuzz::Input& input) const {
    const std::size_t offset = input.number<std::uint16_t>() % kCapacity;
    const auto bytes = input.bytes(std::min<std::size_t>(input.byte(), kCapacity - offset));
    std::copy(bytes.begin(), bytes.end(), data().begin() + static_cast<std::ptrdiff_t>(offset));
  }

 private:
  Memory memory_;
  std::size_t before_;
};

class Ring {
 public:
  Ring() {
    create_ring(buffer_.span());
    open();
  }

  void step(fuzz::Input& input) {
    switch (input.byte() % 9) {
      case 0:
      case 1:
        return look();
      case 2:
        return consumer_.release();
      case 3:
        return header_.tail.store(input.position());
      case 4:
        return header_.head.store(input.position());
      case 5:
        return buffer_.overwrite(input);
      case 6:
        return claim(input.number<std::uint16_t>());
      case 7:
        return producer_ ? producer_->publish() : open();
      default:
        return open();
    }
  }

 private:
  void open() {
    consumer_ = RingConsumer::open(buffer_.span()).value();
    const Result<RingProducer> producer = RingProducer::open(buffer_.span());
    producer_ = producer ? std::optional{*producer} : std::nullopt;
  }

  void look() {
    Record record;
    const Result<bool> found = consumer_.peek(record);
    if (!found) (void)consumer_.skip_all();
    if (!found || !*found) return;
    buffer_.read(record);
    consumer_.advance(record.end);
  }

  void claim(std::uint32_t length) {
    if (!producer_) return;
    const auto room = producer_->claim(length, static_cast<std::uint16_t>(1 + length % 20));
    if (!room) return;
    fuzz::require(room->size() == length, "another length than was asked for");
    buffer_.fill(*room);
  }

  Buffer buffer_{sizeof(RingHeader)};
  RingHeader& header_ = *reinterpret_cast<RingHeader*>(buffer_.at(0));
  RingConsumer consumer_;
  std::optional<RingProducer> producer_;
};

class Log {
 public:
  Log() {
    create_log(buffer_.span(), kReaders);
    open();
  }

  void step(fuzz::Input& input) {
    switch (input.byte() % 14) {
      case 0:
      case 1:
        return read();
      case 2:
        return observe();
      case 3:
        return change(input);
      case 4:
        return buffer_.overwrite(input);
      case 5:
        return claim(input.number<std::uint16_t>());
      case 6:
        return writer_ ? writer_->publish() : open();
      case 7:
        return join_or_leave();
      case 8:
        if (writer_) writer_->evict(input.byte() % kReaders);
        return;
      case 9:
        if (reader_ && reader_->is_joined()) reader_->release();
        return;
      case 10:
        if (observer_) observer_->start_at_oldest();
        return;
      case 11:
        if (reader_ && reader_->is_joined()) (void)reader_->skip_all();
        return;
      default:
        return open();
    }
  }

  /// Whatever it was like: who writes it next makes it whole.
  void require_mends() {
    for (std::uint32_t reader = 0; reader < kReaders; ++reader)
      cursors_[reader].position.store(kNotReading);
    open();
    constexpr std::uint64_t kFar = std::uint64_t{1} << 62U;  // positions never get there
    if (!writer_ || header_.tail.load() > kFar || writer_->sequence() > kFar) return;
    constexpr std::uint64_t kEvents = 3;
    const std::uint64_t first = writer_->sequence();
    for (std::uint64_t i = 0; i < kEvents; ++i)
      emit(first + i);
    EventLogObserver observer = EventLogObserver::open(buffer_.span(), kReaders).value();
    observer.start_at_oldest();
    std::uint64_t last = 0;
    std::uint64_t count = 0;
    RecordHeader record{};
    std::vector<std::byte> body;
    for (Result<bool> found = true; found.value(); count += found.value() ? 1U : 0U) {
      found = observer.next(record, body);
      fuzz::require(found.has_value(), "a log that was taken over is damaged");
      if (*found && body.size() >= sizeof(MessageHeader)) std::memcpy(&last, body.data() + 24, 8);
    }
    fuzz::require(count >= kEvents && last == first + kEvents - 1, "an event is missing");
  }

 private:
  void open() {
    const auto writer = EventLogWriter::open(buffer_.span(), kReaders);
    writer_ = writer ? std::optional{*writer} : std::nullopt;
    const auto reader = EventLogReader::open(buffer_.span(), kReaders, 1);
    reader_ = reader ? std::optional{*reader} : std::nullopt;
    const auto observer = EventLogObserver::open(buffer_.span(), kReaders);
    observer_ = observer ? std::optional{*observer} : std::nullopt;
  }

  void read() {
    if (!reader_ || !reader_->is_joined()) return;
    if (reader_->is_evicted()) (void)reader_->rejoin();
    Record record;
    const Result<bool> found = reader_->peek(record);
    if (!found) (void)reader_->skip_all();
    if (!found || !*found) return;
    buffer_.read(record);
    reader_->advance(record.end, reader_->sequence() + 1);
  }

  void observe() {
    if (!observer_) return;
    RecordHeader header{};
    std::vector<std::byte> body;
    const Result<bool> found = observer_->next(header, body);
    if (found && *found) fuzz::require(body.size() == header.length, "a body of another length");
  }

  void change(fuzz::Input& input) {
    const std::uint8_t which = input.byte();
    const std::uint64_t value = input.position();
    switch (which % 8) {
      case 0:
        return header_.tail.store(value);
      case 1:
        return header_.oldest.store(value);
      case 2:
        return header_.sequence.store(value);
      case 3:
        return header_.evicted[which % kReaders].store(value);
      case 4:
        return cursors_[1].position.store(value);
      case 5:
        return cursors_[0].position.store(value);
      case 6:
        return cursors_[1].sequence.store(value);
      default:
        return cursors_[1].acknowledged.store(value);
    }
  }

  void claim(std::uint32_t length) {
    if (!writer_) return;
    const auto room = writer_->claim(length, static_cast<std::uint16_t>(1 + length % 20));
    if (!room) return;
    fuzz::require(room->size() == length, "another length than was asked for");
    buffer_.fill(*room);
  }

  void emit(std::uint64_t number) {
    MessageHeader header;
    header.id = number;
    const auto room =
        writer_->claim(sizeof header, static_cast<std::uint16_t>(Kind::event)).value();
    compose(room, header, {});
    writer_->publish();
  }

  void join_or_leave() {
    if (!reader_) return;
    if (reader_->is_joined()) {
      reader_->leave();
    } else {
      reader_->join();
    }
  }

  Buffer buffer_{log_bytes_for(kReaders, 0)};
  LogHeader& header_ = *reinterpret_cast<LogHeader*>(buffer_.at(0));
  LogCursor* cursors_ = reinterpret_cast<LogCursor*>(buffer_.at(sizeof(LogHeader)));
  std::optional<EventLogWriter> writer_;
  std::optional<EventLogReader> reader_;
  std::optional<EventLogObserver> observer_;
};

template <class Structure>
void play(Structure& structure, fuzz::Input& input) {
  for (int steps = 0; steps < kMostSteps && !input.is_over(); ++steps)
    structure.step(input);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  if (input.byte() == 0) {
    Ring ring;
    play(ring, input);
  } else {
    Log log;
    play(log, input);
    log.require_mends();
  }
  return 0;
}
