#include "tools/cli/table.hpp"

#include <gtest/gtest.h>

namespace mabeam::tools {

namespace {

TEST(Table, ColumnsAreAlignedAndLinesHaveNoBlanksAtTheirEnds) {
  Table table({{"NAME"}, {"COUNT", Align::right}, {"STATE"}});
  table.add({"a", "5", "ready"});
  table.add({"longer", "12345678", ""});
  EXPECT_EQ(table.render(false),
            "NAME       COUNT  STATE\n"
            "a              5  ready\n"
            "longer  12345678\n");
}

TEST(Table, WithoutRowsOnlyTheTitlesAreShown) {
  EXPECT_EQ(Table({{"A"}, {"B"}}).render(true), "A  B\n");
}

TEST(Table, ColourIsOnlyThereWhenAskedForAndTakesNoWidth) {
  Table table({{"STATE"}, {"N", Align::right}});
  table.add({{"ready", Tone::good}, "1"});
  table.add({{"gone", Tone::bad}, "2"});
  EXPECT_EQ(table.render(false), "STATE  N\nready  1\ngone   2\n");
  EXPECT_EQ(table.render(true), "STATE  N\n\x1B[32mready\x1B[0m  1\n\x1B[31mgone\x1B[0m   2\n");
}

TEST(Table, WidthCountsCharactersNotBytes) {
  Table table({{"NAME"}, {"X"}});
  table.add({"\xC3\xA4\xC3\xB6\xC3\xBC", "1"});
  EXPECT_EQ(table.render(false), "NAME  X\n\xC3\xA4\xC3\xB6\xC3\xBC   1\n");
}

TEST(Table, CellsCannotBreakOutOfTheirLine) {
  Table table({{"NAME"}});
  table.add({"a\nb\x1B[2J"});
  EXPECT_EQ(table.render(false), "NAME\na\\nb\\x1B[2J\n");
}

}  // namespace

}  // namespace mabeam::tools
