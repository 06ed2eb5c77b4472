// Payloads: numbers and decimal text convert where nothing is lost; anything else is
// schema_mismatch, never a reinterpretation.
#include "mabeam/payload.hpp"

#include "tests/shm/shm_support.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace mabeam {
namespace {

using shm::bytes_of;

template <class T>
constexpr T kMin = std::numeric_limits<T>::min();
template <class T>
constexpr T kMax = std::numeric_limits<T>::max();

Payload text(std::string_view words, Content content = Content::text) {
  return {bytes_of(words), content};
}

/// What a number that was sent is as a T at the receiver.
template <class T, class From>
Result<T> convert(From number) {
  const PayloadRef sent = number;
  return Payload{sent.bytes(), sent.content()}.as<T>();
}

template <class T>
bool is_mismatch(const Result<T>& result) {
  return !result && result.error().code == Errc::schema_mismatch;
}

TEST(Payload, NumbersArriveAsWhatTheyWere) {
  EXPECT_EQ(convert<std::int64_t>(kMin<std::int64_t>), kMin<std::int64_t>);
  EXPECT_EQ(convert<std::uint64_t>(kMax<std::uint64_t>), kMax<std::uint64_t>);
  EXPECT_EQ(convert<double>(0.1), 0.1);
  EXPECT_EQ(convert<int>(-5), -5);
  EXPECT_EQ(convert<std::uint8_t>(std::uint8_t{200}), 200);
  EXPECT_EQ(convert<float>(1.5F), 1.5F);
}

TEST(Payload, NumbersConvertWhereTheyFit) {
  EXPECT_EQ(convert<std::uint64_t>(5), 5U);
  EXPECT_EQ(convert<std::int64_t>(5U), 5);
  EXPECT_EQ(convert<std::int8_t>(-128), -128);
  EXPECT_EQ(convert<double>(-7), -7.0);
  EXPECT_EQ(convert<std::int64_t>(5.0), 5);
  EXPECT_EQ(convert<std::uint64_t>(0x1p63), std::uint64_t{1} << 63U);
  EXPECT_EQ(convert<std::int64_t>(-0x1p63), kMin<std::int64_t>);
  EXPECT_EQ(convert<std::uint64_t>(-0.0), 0U);
}

TEST(Payload, NumbersThatDoNotFitAreRefused) {
  EXPECT_TRUE(is_mismatch(convert<std::uint64_t>(-1)));
  EXPECT_TRUE(is_mismatch(convert<std::int64_t>(kMax<std::uint64_t>)));
  EXPECT_TRUE(is_mismatch(convert<std::uint8_t>(256)));
  EXPECT_TRUE(is_mismatch(convert<std::int8_t>(128)));
  EXPECT_TRUE(is_mismatch(convert<std::int64_t>(0x1p63)));
  EXPECT_TRUE(is_mismatch(convert<std::uint64_t>(0x1p64)));
  EXPECT_TRUE(is_mismatch(convert<std::int64_t>(1.5)));
  EXPECT_TRUE(is_mismatch(convert<std::uint64_t>(-0.5)));
  EXPECT_TRUE(is_mismatch(convert<std::int64_t>(std::nan(""))));
  EXPECT_TRUE(is_mismatch(convert<std::int64_t>(std::numeric_limits<double>::infinity())));
}

TEST(Payload, IntegersBeyondADoubleAreRefused) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53U;
  EXPECT_EQ(convert<double>(kExact), 0x1p53);
  EXPECT_TRUE(is_mismatch(convert<double>(kExact + 1)));
  EXPECT_TRUE(is_mismatch(convert<double>(kMax<std::int64_t>)));
  EXPECT_TRUE(is_mismatch(convert<double>(kMax<std::uint64_t>)));
  EXPECT_EQ(convert<double>(kMin<std::int64_t>), -0x1p63);
}

TEST(Payload, DecimalTextIsANumber) {
  EXPECT_EQ(text("5").as<std::int64_t>(), 5);
  EXPECT_EQ(text("-9223372036854775808").as<std::int64_t>(), kMin<std::int64_t>);
  EXPECT_EQ(text("18446744073709551615").as<std::uint64_t>(), kMax<std::uint64_t>);
  EXPECT_EQ(text("2.5").as<double>(), 2.5);
  EXPECT_EQ(text("1e3").as<double>(), 1000.0);
  EXPECT_EQ(text("42", Content::json).as<int>(), 42);
}

TEST(Payload, OtherTextIsNoNumber) {
  for (const char* words : {"", " 5", "5 ", "+5", "five", "5x", "0x5", "5,0", "--5", "5\n"}) {
    EXPECT_TRUE(is_mismatch(text(words).as<std::int64_t>())) << words;
    EXPECT_TRUE(is_mismatch(text(words).as<double>())) << words;
  }
  EXPECT_TRUE(is_mismatch(text("2.5").as<int>()));
  EXPECT_TRUE(is_mismatch(text("-1").as<std::uint64_t>()));
  EXPECT_TRUE(is_mismatch(text("18446744073709551616").as<std::uint64_t>()));
  EXPECT_TRUE(is_mismatch(text("nan").as<double>()));
  EXPECT_TRUE(is_mismatch(text("inf").as<double>()));
  EXPECT_TRUE(is_mismatch(text("1e999").as<double>()));
  EXPECT_TRUE(is_mismatch(text(std::string_view{"5\0", 2}).as<int>()));
}

TEST(Payload, BytesAreNeverReinterpreted) {
  const std::uint64_t five = 5;
  const auto bytes = std::as_bytes(std::span{&five, 1});
  EXPECT_TRUE(is_mismatch(Payload{bytes, Content::bytes}.as<std::int64_t>()));
  EXPECT_TRUE(is_mismatch(Payload{bytes, Content::none}.as<std::int64_t>()));
  EXPECT_TRUE(is_mismatch(Payload{bytes, static_cast<Content>(99)}.as<double>()));
  EXPECT_TRUE(is_mismatch(Payload{}.as<std::int64_t>()));
}

TEST(Payload, NumbersOfTheWrongSizeAreRefused) {
  const std::uint64_t five[2] = {5, 5};
  const auto bytes = std::as_bytes(std::span{five});
  for (const std::size_t size : {0U, 1U, 4U, 7U, 9U, 16U}) {
    for (const Content content : {Content::i64, Content::u64, Content::f64}) {
      const Payload payload{bytes.first(size), content};
      EXPECT_TRUE(is_mismatch(payload.as<std::int64_t>())) << size;
      EXPECT_TRUE(is_mismatch(payload.as<std::uint64_t>())) << size;
      EXPECT_TRUE(is_mismatch(payload.as<double>())) << size;
    }
  }
}

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
};

TEST(Payload, StructsHaveTheirExactSize) {
  const Point point{3, -4};
  const PayloadRef sent = point;
  const auto received = Payload{sent.bytes(), sent.content()}.as<Point>();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->x, 3);
  EXPECT_EQ(received->y, -4);
  EXPECT_TRUE(is_mismatch(Payload{sent.bytes().first(7), Content::bytes}.as<Point>()));
  EXPECT_TRUE(is_mismatch(text("12345678").as<Point>()));
}

TEST(Payload, AnEmptyOneMayHaveAFallback) {
  EXPECT_EQ(Payload{}.as_or<std::int64_t>(7), 7);
  EXPECT_EQ(text("8").as_or<std::int64_t>(7), 8);
  EXPECT_TRUE(is_mismatch(text("x").as_or<std::int64_t>(7)));
}

TEST(PayloadRef, SaysWhatItHolds) {
  EXPECT_EQ(PayloadRef{}.content(), Content::none);
  EXPECT_TRUE(PayloadRef{}.bytes().empty());
  EXPECT_EQ(PayloadRef{"text"}.content(), Content::text);
  EXPECT_EQ(PayloadRef{std::string{"text"}}.bytes().size(), 4U);
  EXPECT_EQ(PayloadRef{5}.content(), Content::i64);
  EXPECT_EQ(PayloadRef{5U}.content(), Content::u64);
  EXPECT_EQ(PayloadRef{5.0F}.content(), Content::f64);
  EXPECT_EQ(PayloadRef{5.0F}.bytes().size(), 8U);
  EXPECT_EQ(PayloadRef{text("{}", Content::json)}.content(), Content::json);
}

TEST(PayloadRef, ACopyOfANumberHoldsItsOwn) {
  PayloadRef copy;
  {
    const PayloadRef number = 77;
    copy = number;
  }
  EXPECT_EQ((Payload{copy.bytes(), copy.content()}.as<int>()), 77);
}

}  // namespace
}  // namespace mabeam
