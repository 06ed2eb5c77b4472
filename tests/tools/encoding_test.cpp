#include "tools/cli/encoding.hpp"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

namespace mabeam::tools {

namespace {

std::string base64_of(std::string_view text) {
  return base64(std::as_bytes(std::span(text)));
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64_of(""), "");
  EXPECT_EQ(base64_of("f"), "Zg==");
  EXPECT_EQ(base64_of("fo"), "Zm8=");
  EXPECT_EQ(base64_of("foo"), "Zm9v");
  EXPECT_EQ(base64_of("foob"), "Zm9vYg==");
  EXPECT_EQ(base64_of("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64_of("foobar"), "Zm9vYmFy");
}

TEST(Base64, BytesAboveAsciiKeepTheirBits) {
  EXPECT_EQ(base64_of("\xFB\xFF\xBF"), "+/+/");
}

TEST(Utf8, TextOfEveryLengthIsAccepted) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
  EXPECT_TRUE(is_utf8("\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x99\x82"));
  EXPECT_TRUE(is_utf8("\xF4\x8F\xBF\xBF"));
}

TEST(Utf8, SequenceMayNotGoOnBehindTheEnd) {
  EXPECT_FALSE(is_utf8(std::string_view("\xC3\xA4", 1)));
  EXPECT_FALSE(is_utf8(std::string_view("\xF0\x9F\x99\x82", 3)));
}

TEST(Utf8, WhatUnicodeForbidsIsRefused) {
  EXPECT_FALSE(is_utf8("\xFF"));
  EXPECT_FALSE(is_utf8("\x80"));
  EXPECT_FALSE(is_utf8("\xC3"));
  EXPECT_FALSE(is_utf8("\xC3("));
  EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xE0\x9F\xBF"));      // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_utf8("\xF8\x88\x80\x80\x80"));
}

TEST(OneLine, ControlCharactersAreShownAndNotObeyed) {
  EXPECT_EQ(one_line("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(one_line("\x1B[31m"), "\\x1B[31m");
  EXPECT_EQ(one_line("\x7F"), "\\x7F");
  EXPECT_EQ(one_line("\xC2\x9B"
                     "31m"),
            "\\xC2\\x9B31m");
}

TEST(OneLine, BrokenUtf8IsShownAndTextIsKept) {
  EXPECT_EQ(one_line("\xC3\xA4"), "\xC3\xA4");
  EXPECT_EQ(one_line("a\xFFz"), "a\\xFFz");
  EXPECT_EQ(one_line("\xE2\x82"), "\\xE2\\x82");
}

TEST(OneLine, BackslashIsDoubledSoThatEscapesAreUnambiguous) {
  EXPECT_EQ(one_line("\\n"), "\\\\n");
}

TEST(HexDump, HasOffsetsBytesAndText) {
  const std::string_view text = "0123456789abcdef\n~";
  EXPECT_EQ(hex_dump(std::as_bytes(std::span(text))),
            "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "00000010  0a 7e                                             |.~|\n");
  EXPECT_EQ(hex_dump({}), "");
}

}  // namespace

}  // namespace mabeam::tools
