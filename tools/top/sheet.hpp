// A table on a screen: filtered, sorted, scrolled, and fitted into the room that there is.
#pragma once

#include "tools/cli/table.hpp"
#include "tools/top/cells.hpp"
#include "tools/top/line.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace mabeam::tools {

/// What somebody has chosen to see of a table.
struct SheetChoice {
  std::size_t sort = 0;      ///< 0: as the rows come; else a column, from 1 on
  bool is_reversed = false;  ///< numbers are sorted with the largest first, text from A on
  std::string filter = {};   ///< only rows that have this in a cell, upper or lower case
  std::size_t scroll = 0;    ///< rows that are above those that are shown
};

struct Room {
  std::size_t width = 80;
  std::size_t height = 24;
  Charset charset = Charset::utf8;
};

struct Sheet {
  std::vector<Line> lines;      ///< titles, then rows; as many as fit
  std::size_t rows = 0;         ///< of the table
  std::size_t matched = 0;      ///< of those, that the filter lets through
  std::size_t first = 0;        ///< of those, the first that is shown, from 0 on
  std::size_t shown = 0;        ///< rows
  std::size_t most_scroll = 0;  ///< that changes anything
};

Sheet draw_sheet(const Table& table, const SheetChoice& choice, const Room& room);

}  // namespace mabeam::tools
