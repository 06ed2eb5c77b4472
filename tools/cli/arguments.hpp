// Arguments: the words behind a command, checked against its row of the table.
//
// A value is taken as it was typed: no splitting at commas. An empty one is refused: it is nearly
// always a variable that is not set. A word that looks like a negative number is an operand, not an
// option (`call counter increment -5`); behind `--` everything is one.
#pragma once

#include "tools/cli/failure.hpp"
#include "tools/command.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::tools {

class Arguments {
 public:
  /// Errors: usage, with a sentence that names the option or the operand.
  static Outcome<Arguments> parse(const Command& command, std::span<const std::string> words);

  [[nodiscard]] bool has(std::string_view option) const { return value(option).has_value(); }

  /// The last value given.
  [[nodiscard]] std::optional<std::string_view> value(std::string_view option) const;
  /// All values given, in order.
  [[nodiscard]] std::vector<std::string_view> values(std::string_view option) const;

  [[nodiscard]] std::span<const std::string> operands() const { return operands_; }

  /// The operand at `index`, or nothing when it was left out.
  [[nodiscard]] std::optional<std::string_view> operand(std::size_t index) const;

  /// --runtime, else --name, else MABEAM_NAME, else "default".
  [[nodiscard]] std::string runtime() const;
  /// As runtime(), for a command whose own --name means something else.
  [[nodiscard]] std::string runtime_without_name() const;
  /// Whether --runtime or MABEAM_NAME says which runtime is meant.
  [[nodiscard]] bool names_runtime() const;

  /// A whole number from `least` on, or `fallback` when the option was not given. Errors: usage.
  [[nodiscard]] Outcome<std::uint64_t> number(std::string_view option, std::uint64_t fallback,
                                              std::uint64_t least = 0) const;
  /// A duration such as "250ms". Errors: usage.
  [[nodiscard]] Outcome<std::chrono::nanoseconds> duration(std::string_view option,
                                                           std::chrono::nanoseconds fallback) const;

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<std::string> operands_;
};

/// Whether the command has an option of that name of its own, perhaps in place of a common one:
/// create's --name is the agent's.
bool defines(const Command& command, std::string_view option);

/// How many operands "AGENT ACTION [PAYLOAD]" asks for.
struct OperandCount {
  std::size_t least = 0;
  std::size_t most = 0;
};

OperandCount count_operands(std::string_view operands);

}  // namespace mabeam::tools
