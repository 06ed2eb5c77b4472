#include "tools/cli/table.hpp"

#include "tools/cli/encoding.hpp"

#include <algorithm>
#include <utility>

namespace mabeam::tools {

namespace {

// Characters on the screen, near enough: code points, so no wide or combining ones.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80;
  }));
}

std::string_view colour_of(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "\x1B[32m";
    case Tone::warning:
      return "\x1B[33m";
    case Tone::bad:
      return "\x1B[31m";
    case Tone::plain:
      break;
  }
  return "";
}

std::string painted(const Cell& cell, bool colour) {
  const std::string_view paint = colour ? colour_of(cell.tone) : "";
  if (paint.empty()) return cell.text;
  return std::string(paint) + cell.text + "\x1B[0m";
}

void append_cell(std::string& line, const Cell& cell, Align align, std::size_t width, bool colour) {
  const std::string gap(width - std::min(width, width_of(cell.text)), ' ');
  if (align == Align::right) line += gap;
  line += painted(cell, colour);
  if (align == Align::left) line += gap;
}

void end_line(std::string& line) {
  line.erase(line.find_last_not_of(' ') + 1);
  line += '\n';
}

}  // namespace

Cell::Cell(const std::string& cell_text, Tone cell_tone)
    : text(one_line(cell_text)),
      tone(cell_tone) {
}

Cell::Cell(const std::string& cell_text, Tone cell_tone, double cell_amount)
    : Cell(cell_text, cell_tone) {
  amount = cell_amount;
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> result;
  result.reserve(columns_.size());
  for (const Column& column : columns_)
    result.push_back(column.title.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < result.size() && i < row.size(); ++i) {
      result[i] = std::max(result[i], width_of(row[i].text));
    }
  }
  return result;
}

std::string Table::render(bool colour) const {
  const std::vector<std::size_t> width = widths();
  std::string text;
  const auto append_row = [&](const std::vector<Cell>& row) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size() && i < row.size(); ++i) {
      if (i != 0) line += "  ";
      append_cell(line, row[i], columns_[i].align, width[i], colour);
    }
    end_line(line);
    text += line;
  };
  std::vector<Cell> titles;
  for (const Column& column : columns_)
    titles.emplace_back(std::string(column.title));
  append_row(titles);
  for (const auto& row : rows_)
    append_row(row);
  return text;
}

}  // namespace mabeam::tools
