// Feeder: reads records, makes a topic of each, emits it, and counts what became of them.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/cli/progress.hpp"
#include "tools/feed/record_reader.hpp"
#include "tools/feed/topic_template.hpp"

#include "mabeam/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mabeam::tools {

struct FeedTotals {
  std::uint64_t records = 0;   ///< read: accepted and rejected
  std::uint64_t accepted = 0;  ///< emitted
  std::uint64_t rejected = 0;  ///< did not parse, or the runtime could not take them as they are
  std::uint64_t bytes = 0;     ///< of the records accepted
};

class Feeder {
 public:
  /// Emits one event; waits for room as long as it may.
  using Emit = std::function<Result<>(std::string_view topic, std::string_view text)>;

  static constexpr std::uint64_t kShownRejections = 10;

  Feeder(RecordReader& reader, const TopicTemplate& topics, Emit emit, Progress& progress)
      : reader_(reader),
        topics_(topics),
        emit_(std::move(emit)),
        progress_(progress) {}

  /// Goes on to the input's end, a stop request, or a refusal that concerns more than one record.
  /// With `is_strict`, the first record that is rejected ends it too. Nothing when all went well.
  std::optional<Failure> run(bool is_strict);

  [[nodiscard]] const FeedTotals& totals() const { return totals_; }

 private:
  // Why the record was rejected, if it was.
  std::optional<Failure> feed(const Record& record);
  void reject(const Failure& failure);

  RecordReader& reader_;
  const TopicTemplate& topics_;
  Emit emit_;
  Progress& progress_;
  FeedTotals totals_;
};

}  // namespace mabeam::tools
