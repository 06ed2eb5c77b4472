// What somebody at the screen of `mabeam top` has chosen, and what keys make of it.
#pragma once

#include "tools/top/model.hpp"
#include "tools/top/sheet.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace mabeam::tools {

enum class Key : std::uint8_t {
  text,  ///< a character
  up,
  down,
  page_up,
  page_down,
  home,
  end,
  left,
  right,
  tab,
  back_tab,
  enter,
  backspace,
  escape,
  redraw,  ///< Ctrl-L
  resize,  ///< the terminal has another size
  other
};

struct Press {
  Key key = Key::other;
  char32_t character = 0;  ///< of text
};

struct TopState {
  TopView view = TopView::workers;
  std::array<SheetChoice, kTopViews> choices{};
  bool shows_help = false;
  bool types_filter = false;  ///< characters go to the filter
  bool has_quit = false;

  [[nodiscard]] SheetChoice& choice() { return choices[static_cast<std::size_t>(view)]; }

  [[nodiscard]] const SheetChoice& choice() const {
    return choices[static_cast<std::size_t>(view)];
  }
};

/// What the screen had when the key was pressed.
struct Shown {
  std::size_t columns = 0;  ///< of the sheet
  std::size_t page = 1;     ///< rows
  std::size_t most_scroll = 0;
};

void press_key(TopState& state, const Press& press, const Shown& shown);

}  // namespace mabeam::tools
