#include "tools/top/sheet.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace mabeam::tools {

namespace {

using SheetRow = std::vector<Cell>;

constexpr std::size_t kLeastTextCells = 6;  // a column of text is not made narrower

bool has_text(const SheetRow& row, const std::string& filter) {
  const auto is_same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  return std::any_of(row.begin(), row.end(), [&](const Cell& cell) {
    return std::search(cell.text.begin(), cell.text.end(), filter.begin(), filter.end(), is_same) !=
           cell.text.end();
  });
}

/// Its amount, else the number that it begins with, thousands apart or not.
std::optional<double> amount_in(const Cell& cell) {
  if (cell.amount) return cell.amount;
  std::string digits = cell.text;
  std::erase(digits, ',');
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return number;
}

/// Text from A on, numbers from the largest on, or the other way round.
void sort_rows(std::vector<const SheetRow*>& rows, const Column& column, std::size_t index,
               bool is_reversed) {
  const bool is_number = column.align == Align::right;
  const bool is_descending = is_number != is_reversed;
  std::stable_sort(rows.begin(), rows.end(), [&](const SheetRow* a, const SheetRow* b) {
    if (is_descending) std::swap(a, b);
    if (is_number) return amount_in((*a)[index]) < amount_in((*b)[index]);
    return (*a)[index].text < (*b)[index].text;
  });
}

std::vector<const SheetRow*> rows_in(const Table& table, const SheetChoice& choice) {
  std::vector<const SheetRow*> rows;
  for (const SheetRow& row : table.rows())
    if (row.size() == table.columns().size() && has_text(row, choice.filter)) rows.push_back(&row);
  if (choice.sort == 0 || choice.sort > table.columns().size()) return rows;
  sort_rows(rows, table.columns()[choice.sort - 1], choice.sort - 1, choice.is_reversed);
  return rows;
}

std::vector<std::string> titles_of(const Table& table, const SheetChoice& choice, Charset charset) {
  std::vector<std::string> titles;
  for (const Column& column : table.columns())
    titles.emplace_back(column.title);
  if (choice.sort == 0 || choice.sort > titles.size()) return titles;
  const bool is_number = table.columns()[choice.sort - 1].align == Align::right;
  const bool is_down = is_number != choice.is_reversed;
  const bool is_utf8 = charset == Charset::utf8;
  titles[choice.sort - 1] += is_down ? (is_utf8 ? "\u25BC" : "v") : (is_utf8 ? "\u25B2" : "^");
  return titles;
}

/// Where the columns are.
struct Fit {
  std::vector<std::size_t> widths;  ///< of as many columns as there is room for
  std::size_t gap = 2;
};

std::size_t total_of(const Fit& fit) {
  std::size_t total = fit.gap * (fit.widths.size() - 1);
  for (const std::size_t width : fit.widths)
    total += width;
  return total;
}

/// Numbers are never cut: a column of them is there or not. Text gives way, the longest first.
void make_fit(Fit& fit, const std::vector<Column>& columns, std::size_t room) {
  if (total_of(fit) > room) fit.gap = 1;
  while (total_of(fit) > room) {
    std::size_t widest = columns.size();
    for (std::size_t i = 0; i < fit.widths.size(); ++i) {
      if (columns[i].align == Align::right || fit.widths[i] <= kLeastTextCells) continue;
      if (widest == columns.size() || fit.widths[i] >= fit.widths[widest]) widest = i;
    }
    if (widest == columns.size()) break;
    --fit.widths[widest];
  }
  while (fit.widths.size() > 1 && total_of(fit) > room)
    fit.widths.pop_back();
}

void put_cell(LineWriter& line, const Cell& cell, Align align, std::size_t width, Charset charset) {
  const std::string text = cut_to(visible(cell.text, charset), width, charset);
  const std::size_t begin = line.used();
  if (align == Align::right) line.pad_to(begin + width - cells_of(text));
  line.put(text, {.tone = cell.tone, .is_bold = cell.tone == Tone::bad});
}

}  // namespace

Sheet draw_sheet(const Table& table, const SheetChoice& choice, const Room& room) {
  const std::vector<Column>& columns = table.columns();
  const std::vector<const SheetRow*> rows = rows_in(table, choice);
  Sheet sheet{.lines = {}, .rows = table.rows().size(), .matched = rows.size()};
  if (columns.empty() || room.height == 0) return sheet;
  const std::size_t fitting = room.height - 1;
  sheet.most_scroll = rows.size() > fitting ? rows.size() - fitting : 0;
  sheet.first = std::min(choice.scroll, sheet.most_scroll);
  sheet.shown = std::min(fitting, rows.size() - sheet.first);

  const std::vector<std::string> titles = titles_of(table, choice, room.charset);
  Fit fit;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::size_t width = cells_of(titles[i]);
    for (std::size_t row = sheet.first; row < sheet.first + sheet.shown; ++row)
      width = std::max(width, cells_of(visible((*rows[row])[i].text, room.charset)));
    fit.widths.push_back(width);
  }
  make_fit(fit, columns, room.width);

  const auto line_of = [&](const SheetRow& cells, bool is_title) {
    LineWriter line{room.width, room.charset};
    std::size_t column = 0;
    for (std::size_t i = 0; i < fit.widths.size(); ++i) {
      put_cell(line.pad_to(column), cells[i], columns[i].align, fit.widths[i], room.charset);
      column += fit.widths[i] + fit.gap;
    }
    Line result = line.line();
    for (Run& run : result)
      run.paint.is_bold = run.paint.is_bold || is_title;
    return result;
  };
  sheet.lines.push_back(line_of({titles.begin(), titles.end()}, true));
  for (std::size_t row = sheet.first; row < sheet.first + sheet.shown; ++row)
    sheet.lines.push_back(line_of(*rows[row], false));
  return sheet;
}

}  // namespace mabeam::tools
