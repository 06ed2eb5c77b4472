// What the ledgers of versions 2 and 3 keep, and how numbers are entered.
#pragma once

#include "mabeam/mabeam.hpp"

#include <cstdint>
#include <string>

struct Book {
  std::int64_t upgrades = 0;  ///< how often it was made from an older one
  std::int64_t count = 0;
  std::int64_t last = 0;
  std::int64_t out_of_order = 0;
  std::int64_t cents = 0;
};

inline mabeam::Result<> enter(Book& book, const mabeam::Signal& signal) {
  const auto number = signal.payload().as<std::int64_t>();
  if (!number) return mabeam::fail(number.error());
  ++book.count;
  if (*number != book.last + 1) ++book.out_of_order;
  book.last = *number;
  book.cents += *number * 100;
  return {};
}

/// "VERSION COUNT LAST OUT_OF_ORDER CENTS UPGRADES"
inline std::string line_of(int version, const Book& book) {
  std::string line = std::to_string(version);
  for (const std::int64_t value :
       {book.count, book.last, book.out_of_order, book.cents, book.upgrades}) {
    line += " " + std::to_string(value);
  }
  return line;
}
