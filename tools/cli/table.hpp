// Table: rows of text in aligned columns; colour only where it was asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mabeam::tools {

enum class Align : std::uint8_t { left, right };
enum class Tone : std::uint8_t { plain, good, warning, bad };

struct Column {
  std::string_view title;
  Align align = Align::left;
};

struct Cell {
  // NOLINTBEGIN(google-explicit-constructor): a row is written as {"name", "42"}.
  Cell(const std::string& cell_text, Tone cell_tone = Tone::plain);

  Cell(const char* cell_text) : Cell(std::string(cell_text)) {}

  // NOLINTEND(google-explicit-constructor)

  /// A quantity in words: what it is ordered by.
  Cell(const std::string& cell_text, Tone cell_tone, double cell_amount);

  std::string text;
  Tone tone;
  std::optional<double> amount = {};
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell per column; control characters in them are escaped.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }

  [[nodiscard]] const std::vector<std::vector<Cell>>& rows() const { return rows_; }

  /// Columns two spaces apart, no spaces at the ends of lines.
  [[nodiscard]] std::string render(bool colour) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace mabeam::tools
