#include "supervisor/config_values.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mabeam::supervisor {
namespace {

using namespace std::chrono_literals;

using Cpus = std::vector<std::uint32_t>;

TEST(ConfigSize, ReadsEveryUnit) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("7B"), 7U);
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("256MiB"), 268435456U);
  EXPECT_EQ(parse_size("4GiB"), 4294967296U);
  EXPECT_EQ(parse_size("1TiB"), 1099511627776U);
  EXPECT_EQ(parse_size("64 KiB"), 65536U);
}

TEST(ConfigSize, RefusesWhatIsNotOne) {
  for (const char* text : {"", "KiB", "-1", "+1", "1.5MiB", "64kib", "64KB", "64MB", "64K", " 64",
                           "64 ", "64  KiB", "0x10", "1e3", "64KiBx", "64KiB ", "85%"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(ConfigSize, RefusesMoreThan64Bits) {
  EXPECT_EQ(parse_size("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_size("18446744073709551616"));
  EXPECT_EQ(parse_size("16777215TiB"), 16777215ULL << 40U);
  EXPECT_FALSE(parse_size("16777216TiB"));
}

TEST(ConfigSize, IsWrittenInTheLargestWholeUnit) {
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(1000), "1000");
  EXPECT_EQ(format_size(4096), "4KiB");
  EXPECT_EQ(format_size(4097), "4097");
  EXPECT_EQ(format_size(1ULL << 30U), "1GiB");
}

TEST(ConfigTime, ReadsEveryUnit) {
  EXPECT_EQ(parse_time("0"), 0ns);
  EXPECT_EQ(parse_time("0s"), 0ns);
  EXPECT_EQ(parse_time("7ns"), 7ns);
  EXPECT_EQ(parse_time("50us"), 50us);
  EXPECT_EQ(parse_time("250ms"), 250ms);
  EXPECT_EQ(parse_time("10s"), 10s);
  EXPECT_EQ(parse_time("5m"), 5min);
  EXPECT_EQ(parse_time("24h"), 24h);
  EXPECT_EQ(parse_time("7d"), 168h);
  EXPECT_EQ(parse_time("10 s"), 10s);
}

TEST(ConfigTime, RefusesWhatIsNotOne) {
  for (const char* text : {"", "s", "10", "-1s", "+1s", "1.5s", "1s2ms", "1S", "1 s ", "1sec",
                           "forever", "1\xC2\xB5s"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(ConfigTime, RefusesMoreThanNanosecondsHold) {
  EXPECT_EQ(parse_time("9223372036854775807ns"), std::chrono::nanoseconds::max());
  EXPECT_FALSE(parse_time("9223372036854775808ns"));
  EXPECT_FALSE(parse_time("106752d"));
  EXPECT_FALSE(parse_time("99999999999d"));
}

TEST(ConfigTime, IsWrittenAsPeopleWriteIt) {
  EXPECT_EQ(format_time(0ns), "0s");
  EXPECT_EQ(format_time(50us), "50us");
  EXPECT_EQ(format_time(1500us), "1500us");
  EXPECT_EQ(format_time(60s), "60s");
  EXPECT_EQ(format_time(24h), "24h");
  EXPECT_EQ(format_time(1001ns), "1001ns");
}

TEST(ConfigSizeOrPercent, ReadsBoth) {
  EXPECT_EQ(parse_size_or_percent("85%"), SizeOrPercent{.percent = 85});
  EXPECT_EQ(parse_size_or_percent("1MiB"), SizeOrPercent{.bytes = 1048576});
  for (const char* text :
       {"0%", "101%", "%", "-5%", "8.5%", "85 %", "85%%", "99999999999999999999%"}) {
    EXPECT_FALSE(parse_size_or_percent(text)) << text;
  }
}

TEST(ConfigSizeOrPercent, IsTakenOfTheWhole) {
  EXPECT_EQ(SizeOrPercent{.percent = 85}.of(1000), 850U);
  EXPECT_EQ(SizeOrPercent{.percent = 85}.of(99), 84U);
  EXPECT_EQ(SizeOrPercent{.percent = 100}.of(UINT64_MAX), UINT64_MAX);
  EXPECT_EQ(SizeOrPercent{.bytes = 7}.of(1000), 7U);
  EXPECT_EQ(format_size_or_percent({.percent = 85}), "85%");
  EXPECT_EQ(format_size_or_percent({.bytes = 4096}), "4KiB");
}

TEST(ConfigCpuList, ReadsNumbersAndRanges) {
  EXPECT_EQ(parse_cpu_list(""), Cpus{});
  EXPECT_EQ(parse_cpu_list("0"), Cpus{0});
  EXPECT_EQ(parse_cpu_list("0-3,5"), (Cpus{0, 1, 2, 3, 5}));
  EXPECT_EQ(parse_cpu_list("5,0-1,1,5-5"), (Cpus{0, 1, 5}));
  EXPECT_EQ(parse_cpu_list("1023"), Cpus{1023});
}

TEST(ConfigCpuList, RefusesWhatIsNotOne) {
  for (const char* text : {",", "1,", ",1", "1,,2", "3-1", "-1", "1-", "1-2-3", "a", "1 ,2", "1024",
                           "0-1024", "18446744073709551616"}) {
    EXPECT_FALSE(parse_cpu_list(text)) << text;
  }
}

TEST(ConfigCpuList, IsWrittenInRanges) {
  EXPECT_EQ(format_cpu_list({}), "");
  EXPECT_EQ(format_cpu_list({3}), "3");
  EXPECT_EQ(format_cpu_list({0, 1, 2, 3, 5, 7, 8}), "0-3,5,7-8");
}

TEST(ConfigName, FollowsTheGrammar) {
  for (const auto& text :
       {std::string{"a"}, std::string{"7"}, std::string{"prod-2_b"}, std::string(32, 'a')}) {
    EXPECT_TRUE(is_runtime_name(text)) << text;
  }
  for (const auto& text :
       {std::string{}, std::string{"-a"}, std::string{"_a"}, std::string{"A"}, std::string{"a.b"},
        std::string{"a/b"}, std::string{"a b"}, std::string(33, 'a'), std::string{"a\0", 2}}) {
    EXPECT_FALSE(is_runtime_name(text)) << text;
  }
}

TEST(ConfigPath, HasNoControlCharactersAndAnEnd) {
  EXPECT_TRUE(is_path("/usr/lib/a b.so"));
  EXPECT_TRUE(is_path(std::string(4095, 'a')));
  EXPECT_FALSE(is_path(std::string(4096, 'a')));
  EXPECT_FALSE(is_path(""));
  EXPECT_FALSE(is_path("a\nb"));
  EXPECT_FALSE(is_path((std::string{"a\0b", 3})));
}

TEST(ConfigAddress, IsHostAndPortOrUnixPath) {
  for (const char* text : {"127.0.0.1:9464", "localhost:0", "[::1]:65535", "0.0.0.0:80",
                           "unix:/run/mabeam.sock", "my-host.example:1"}) {
    EXPECT_TRUE(is_listen_address(text)) << text;
  }
  for (const auto& text :
       {std::string{}, std::string{":80"}, std::string{"host"}, std::string{"host:"},
        std::string{"host:65536"}, std::string{"host:-1"}, std::string{"host:http"},
        std::string{"::1:80"}, std::string{"[]:80"}, std::string{"[host]:80"},
        std::string{"a b:80"}, std::string{"unix:"}, "unix:" + std::string(108, 'a')}) {
    EXPECT_FALSE(is_listen_address(text)) << text;
  }
}

}  // namespace
}  // namespace mabeam::supervisor
