#include "tools/top/state.hpp"

#include <algorithm>
#include <string>

namespace mabeam::tools {

namespace {

constexpr std::size_t kMostFilterBytes = 64;

void append_point(std::string& text, char32_t point) {
  const auto add = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0U | point >> 6U);
    add(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    add(0xE0U | point >> 12U);
    add(0x80U | (point >> 6U & 0x3FU));
    add(0x80U | (point & 0x3FU));
  } else {
    add(0xF0U | point >> 18U);
    add(0x80U | (point >> 12U & 0x3FU));
    add(0x80U | (point >> 6U & 0x3FU));
    add(0x80U | (point & 0x3FU));
  }
}

void remove_point(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80)
    text.pop_back();
  if (!text.empty()) text.pop_back();
}

void type_filter(TopState& state, const Press& press) {
  SheetChoice& choice = state.choice();
  switch (press.key) {
    case Key::text:
      if (choice.filter.size() < kMostFilterBytes) append_point(choice.filter, press.character);
      break;
    case Key::backspace:
      remove_point(choice.filter);
      break;
    case Key::escape:
      choice.filter.clear();
      state.types_filter = false;
      break;
    case Key::enter:
      state.types_filter = false;
      break;
    default:
      return;
  }
  choice.scroll = 0;
}

void turn_view(TopState& state, std::size_t steps) {
  state.view = static_cast<TopView>((static_cast<std::size_t>(state.view) + steps) % kTopViews);
}

void choose_sort(SheetChoice& choice, std::size_t columns, bool is_next) {
  const std::size_t choices = columns + 1;
  choice.sort = (choice.sort + (is_next ? 1 : columns)) % choices;
  choice.is_reversed = false;
  choice.scroll = 0;
}

void press_character(TopState& state, char32_t character, const Shown& shown) {
  SheetChoice& choice = state.choice();
  if (character >= U'1' && character < U'1' + kTopViews) {
    state.view = static_cast<TopView>(character - U'1');
    return;
  }
  switch (character) {
    case U'q':
      state.has_quit = true;
      break;
    case U'h':
    case U'?':
      state.shows_help = true;
      break;
    case U'/':
      state.types_filter = true;
      break;
    case U's':
    case U'S':
      choose_sort(choice, shown.columns, character == U's');
      break;
    case U'r':
      choice.is_reversed = !choice.is_reversed;
      break;
    case U'j':
      choice.scroll = std::min(choice.scroll + 1, shown.most_scroll);
      break;
    case U'k':
      choice.scroll -= std::min<std::size_t>(choice.scroll, 1);
      break;
    default:
      break;
  }
}

void press_other(TopState& state, Key key, const Shown& shown) {
  SheetChoice& choice = state.choice();
  const std::size_t page = std::max<std::size_t>(shown.page, 1);
  switch (key) {
    case Key::up:
      choice.scroll -= std::min<std::size_t>(choice.scroll, 1);
      break;
    case Key::down:
      choice.scroll = std::min(choice.scroll + 1, shown.most_scroll);
      break;
    case Key::page_up:
      choice.scroll -= std::min(choice.scroll, page);
      break;
    case Key::page_down:
      choice.scroll = std::min(choice.scroll + page, shown.most_scroll);
      break;
    case Key::home:
      choice.scroll = 0;
      break;
    case Key::end:
      choice.scroll = shown.most_scroll;
      break;
    case Key::tab:
    case Key::right:
      turn_view(state, 1);
      break;
    case Key::back_tab:
    case Key::left:
      turn_view(state, kTopViews - 1);
      break;
    case Key::escape:
      choice.filter.clear();
      choice.scroll = 0;
      break;
    default:
      break;
  }
}

}  // namespace

void press_key(TopState& state, const Press& press, const Shown& shown) {
  if (press.key == Key::redraw || press.key == Key::resize || press.key == Key::other) return;
  if (state.shows_help) {
    state.has_quit = press.key == Key::text && press.character == U'q';
    state.shows_help = false;
    return;
  }
  if (state.types_filter) return type_filter(state, press);
  // More of them may be gone than there were.
  state.choice().scroll = std::min(state.choice().scroll, shown.most_scroll);
  if (press.key == Key::text) return press_character(state, press.character, shown);
  press_other(state, press.key, shown);
}

}  // namespace mabeam::tools
