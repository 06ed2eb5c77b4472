#include "tools/feed/record_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace mabeam::tools {

namespace {

class RecordReaderTest : public ::testing::Test {
 protected:
  void read(std::string_view format, std::string text, std::size_t most_bytes = 1000,
            int error = 0) {
    text_ = std::move(text);
    at_ = 0;
    lines_ = std::make_unique<LineSource>(
        [this, error](std::span<char> buffer) -> std::ptrdiff_t {
          const std::size_t count = std::min(text_.size() - at_, buffer.size());
          std::copy_n(text_.data() + at_, count, buffer.data());
          at_ += count;
          if (count == 0 && error != 0) errno = error;
          return count == 0 && error != 0 ? -1 : static_cast<std::ptrdiff_t>(count);
        },
        most_bytes);
    auto reader = make_record_reader(format, *lines_);
    ASSERT_TRUE(reader);
    reader_ = std::move(*reader);
  }

  void expect_record(std::string_view text, std::uint64_t line) {
    const auto record = reader_->next();
    ASSERT_TRUE(record) << text;
    EXPECT_EQ(record->problem, "") << text;
    EXPECT_EQ(record->text, text);
    EXPECT_EQ(record->line, line) << text;
  }

  void expect_problem(std::string_view problem, std::uint64_t line) {
    const auto record = reader_->next();
    ASSERT_TRUE(record) << problem;
    EXPECT_EQ(record->problem, problem);
    EXPECT_EQ(record->line, line) << problem;
  }

  void expect_end() { EXPECT_FALSE(reader_->next()); }

  [[nodiscard]] std::string field(std::string_view name) const {
    return reader_->field(name).value_or("(nothing)");
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
  std::unique_ptr<LineSource> lines_;
  std::unique_ptr<RecordReader> reader_;
};

TEST_F(RecordReaderTest, UnknownFormatIsRefused) {
  LineSource lines([](std::span<char>) { return 0; });
  const auto reader = make_record_reader("csv", lines);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().message, "--format takes lines, ndjson or deb822, not 'csv'");
}

TEST_F(RecordReaderTest, LinesHaveWords) {
  read("lines", "one  two\n\n x\n");
  expect_record("one  two", 1);
  EXPECT_EQ(field("1"), "one");
  EXPECT_EQ(field("2"), "two");
  EXPECT_EQ(field("3"), "(nothing)");
  EXPECT_EQ(field("line"), "one  two");
  expect_record("", 2);
  EXPECT_EQ(field("1"), "(nothing)");
  expect_record(" x", 3);
  EXPECT_EQ(field("1"), "x");
  expect_end();
}

TEST_F(RecordReaderTest, LinesKnowTheNamesOfTheirFields) {
  LineSource lines([](std::span<char>) { return 0; });
  const auto reader = make_line_reader(lines);
  EXPECT_EQ(reader->fault_in_field_name("7"), "");
  EXPECT_EQ(reader->fault_in_field_name("line"), "");
  for (const char* const name : {"0", "x", "-1", "1x", " 1"}) {
    EXPECT_NE(reader->fault_in_field_name(name), "") << name;
  }
}

TEST_F(RecordReaderTest, LongLineIsAProblemAndTheRestGoesOn) {
  read("lines", "12345\n1234\n", 4);
  expect_problem("longer than 4 bytes", 1);
  expect_record("1234", 2);
}

TEST_F(RecordReaderTest, NdjsonHasTopLevelKeys) {
  read("ndjson", R"({"s":"text","n":1.5,"b":true,"z":null,"o":{"s":"x"},"a":[1]})"
                 "\n");
  expect_record(R"({"s":"text","n":1.5,"b":true,"z":null,"o":{"s":"x"},"a":[1]})", 1);
  EXPECT_EQ(field("s"), "text");
  EXPECT_EQ(field("n"), "1.5");
  EXPECT_EQ(field("b"), "true");
  EXPECT_EQ(field("z"), "(nothing)");
  EXPECT_EQ(field("o"), "(nothing)");
  EXPECT_EQ(field("a"), "(nothing)");
  EXPECT_EQ(field("missing"), "(nothing)");
}

TEST_F(RecordReaderTest, NdjsonGoesOnBehindWhatDoesNotParse) {
  read("ndjson", "{\"a\":1}\n{bad\n\n  \n[1]\n\"text\"\n{\"a\":2}{\n{\"a\":3}", 100);
  expect_record("{\"a\":1}", 1);
  expect_problem("no JSON: wrong at byte 2", 2);
  EXPECT_EQ(field("a"), "(nothing)");
  expect_problem("a JSON array, not an object", 5);
  expect_problem("a JSON string, not an object", 6);
  expect_problem("no JSON: wrong at byte 8", 7);
  expect_record("{\"a\":3}", 8);
  EXPECT_EQ(field("a"), "3");
  expect_end();
}

TEST_F(RecordReaderTest, NdjsonThatIsNoUtf8DoesNotParse) {
  read("ndjson", "{\"a\":\"\xFF\"}\n");
  expect_problem("no JSON: wrong at byte 7", 1);
}

TEST_F(RecordReaderTest, NdjsonLongLineIsAProblem) {
  read("ndjson", "          {}\n{}\n", 4);
  expect_problem("longer than 4 bytes", 1);
  expect_record("{}", 2);
}

TEST_F(RecordReaderTest, ParagraphsEndAtEmptyLines) {
  read("deb822", "\n\nPackage: a\nSection: libs\n\n \t\nPackage: b\n\n");
  expect_record("Package: a\nSection: libs", 3);
  EXPECT_EQ(field("Section"), "libs");
  expect_record("Package: b", 7);
  EXPECT_EQ(field("Package"), "b");
  EXPECT_EQ(field("Section"), "(nothing)");
  expect_end();
}

TEST_F(RecordReaderTest, ParagraphKeepsContinuationsAndDropsComments) {
  read("deb822", "# comment\nDescription: short\n long: text\n# in between\n .\n\tmore\nX:y\n");
  expect_record("Description: short\n long: text\n .\n\tmore\nX:y", 2);
  EXPECT_EQ(field("Description"), "short");
  EXPECT_EQ(field("X"), "y");
  EXPECT_EQ(field("long"), "(nothing)");
}

TEST_F(RecordReaderTest, FieldNamesAreMatchedInAnyCase) {
  read("deb822", "Installed-Size:  12 \n");
  expect_record("Installed-Size:  12 ", 1);
  EXPECT_EQ(field("installed-size"), "12");
  EXPECT_EQ(field("INSTALLED-SIZE"), "12");
  EXPECT_EQ(field("Installed-Siz"), "(nothing)");
}

TEST_F(RecordReaderTest, ParagraphProblemNamesItsLineAndTheRestGoesOn) {
  read("deb822",
       "Package: a\nno colon\nmore\n\n continued\n\n: x\n\na b: x\n\n-a: x\n\nPackage: z\n");
  expect_problem("no colon behind a field's name", 2);
  expect_problem("continues a field, but none has begun", 5);
  expect_problem("no field's name before the colon", 7);
  expect_problem("no field's name before the colon", 9);
  expect_problem("no field's name before the colon", 11);
  expect_record("Package: z", 13);
  expect_end();
}

TEST_F(RecordReaderTest, ParagraphMayNotGrowWithoutBound) {
  read("deb822", "A: 1\n 2345678\n 9\n\nA: 1\n", 10);
  expect_problem("longer than 10 bytes", 1);
  expect_record("A: 1", 5);
}

TEST_F(RecordReaderTest, ParagraphCutShortByAStopIsNotARecord) {
  read("deb822", "A: 1\n\nA: 2\nB: 3\n", 100, EINTR);
  expect_record("A: 1", 1);
  expect_end();
}

}  // namespace

}  // namespace mabeam::tools
