#include "tools/feed/line_source.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace mabeam::tools {

namespace {

// Hands out `text` in pieces of `piece` bytes, then ends or fails.
LineSource::Read reading(std::string text, std::size_t piece, int error = 0) {
  return [text = std::move(text), piece, error,
          at = std::size_t{0}](std::span<char> buffer) mutable -> std::ptrdiff_t {
    const std::size_t count = std::min({piece, text.size() - at, buffer.size()});
    if (count == 0 && error != 0) {
      errno = error;
      return -1;
    }
    std::copy_n(text.data() + at, count, buffer.data());
    at += count;
    return static_cast<std::ptrdiff_t>(count);
  };
}

std::vector<std::string> lines_of(LineSource& source) {
  std::vector<std::string> result;
  while (const auto line = source.next()) {
    EXPECT_EQ(line->number, result.size() + 1);
    result.push_back(std::string(line->text) + (line->is_whole ? "" : "~"));
  }
  return result;
}

TEST(LineSource, LinesAreTheSameHoweverTheyArrive) {
  const std::vector<std::string> lines{"one", "", "three", "four"};
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 100U}) {
    LineSource source(reading("one\n\nthree\nfour", piece));
    EXPECT_EQ(lines_of(source), lines) << piece;
    EXPECT_EQ(source.error(), 0);
  }
}

TEST(LineSource, LastLineNeedsNoEndAndAnEndMakesNoLine) {
  LineSource source(reading("a\n", 9));
  EXPECT_EQ(lines_of(source), (std::vector<std::string>{"a"}));
  LineSource empty(reading("", 9));
  EXPECT_TRUE(lines_of(empty).empty());
}

TEST(LineSource, CarriageReturnBelongsToTheEnd) {
  LineSource source(reading("a\r\nb\rc\r\n", 1));
  EXPECT_EQ(lines_of(source), (std::vector<std::string>{"a", "b\rc"}));
}

TEST(LineSource, LongLineIsCutAndTheNextOneIsWhole) {
  for (const std::size_t piece : {1U, 4U, 100U}) {
    LineSource source(reading("abcd\nabcde\nabcdefghijkl\nx", piece), 4);
    EXPECT_EQ(lines_of(source), (std::vector<std::string>{"abcd", "abcd~", "abcd~", "x"})) << piece;
  }
}

TEST(LineSource, LineCutShortByAnErrorIsNotHandedOut) {
  LineSource source(reading("whole\npart", 3, EINTR));
  EXPECT_EQ(lines_of(source), (std::vector<std::string>{"whole"}));
  EXPECT_EQ(source.error(), EINTR);
  EXPECT_FALSE(source.next());
}

TEST(LineSource, BytesOfAnyKindPass) {
  LineSource source(reading(std::string("a\0b\xFF\n", 5), 2));
  EXPECT_EQ(lines_of(source), (std::vector<std::string>{std::string("a\0b\xFF", 4)}));
}

}  // namespace

}  // namespace mabeam::tools
