#include "tools/serve/event_stream.hpp"

#include "tools/cli/json.hpp"
#include "tools/event_text.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace mabeam::tools {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{1000};  // for another runtime of the same name
constexpr std::size_t kPieceBytes = 64 << 10;

std::string frame(std::string_view name, const Json& fields) {
  return "event: " + std::string{name} + "\ndata: " + dump(fields) + "\n\n";
}

class Stream {
 public:
  Stream(Observer& observer, const EventStreamOptions& options, HttpStream& reader)
      : observer_(observer),
        options_(options),
        reader_(reader) {}

  void run() {
    // A browser asks again after this time; and the headers are on their way before any event.
    if (!send("retry: 2000\n\n")) return;
    milliseconds pause{0};
    while (true) {
      const auto count = observer_.tail(options_.pattern, [this](const HistoryEvent& event) {
        text_ += event_frame(event);
        if (text_.size() >= kPieceBytes) is_open_ = is_open_ && flush();
      });
      add_missed();
      if (!count || !is_same_runtime()) {
        send(text_ + frame("end", {{"reason", "the runtime has ended"}}));
        return;
      }
      if (!is_open_ || !flush() || !keep_alive()) return;
      const milliseconds least = options_.pause_least(*count != 0);
      pause = *count != 0 ? least : std::max(least, std::min(pause * 2, options_.pause_most));
      if (!reader_.wait(pause)) return;
    }
  }

 private:
  bool send(std::string_view text) {
    last_sent_ = steady_clock::now();
    return reader_.write(text);
  }

  bool flush() {
    const bool is_sent = text_.empty() || send(text_);
    text_.clear();
    return is_sent;
  }

  bool keep_alive() {
    return steady_clock::now() - last_sent_ < options_.heartbeat || send(": alive\n\n");
  }

  void add_missed() {
    const std::uint64_t missed = observer_.tail_missed();
    if (missed == missed_) return;
    text_ += frame("missed", {{"missed", missed - missed_}});
    missed_ = missed;
  }

  bool is_same_runtime() {
    if (steady_clock::now() - last_look_ < kLook) return true;
    last_look_ = steady_clock::now();
    return options_.is_same_runtime();
  }

  Observer& observer_;
  const EventStreamOptions& options_;
  HttpStream& reader_;
  std::string text_;
  std::uint64_t missed_ = 0;
  bool is_open_ = true;
  steady_clock::time_point last_sent_ = steady_clock::now();
  steady_clock::time_point last_look_ = steady_clock::now();
};

}  // namespace

std::string event_frame(const HistoryEvent& event) {
  return "id: " + std::to_string(event.emitted_ns) +
         "\ndata: " + dump(document(event_document(event))) + "\n\n";
}

void stream_events(Observer& observer, const EventStreamOptions& options, HttpStream& stream) {
  observer.start_tail(options.since);
  Stream{observer, options, stream}.run();
}

}  // namespace mabeam::tools
