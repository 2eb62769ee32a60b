#include "skipjack/base/bytes.h"

#include <gtest/gtest.h>

#include <string>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

ErrorCode code_of(const std::string& text) {
  try {
    (void)parse_byte_size(text);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::Unsupported;
}

TEST(ParseByteSize, ReadsBinaryUnitsAsTheAwsToolsDo) {
  EXPECT_EQ(parse_byte_size("8388608"), 8388608);
  EXPECT_EQ(parse_byte_size("8MiB"), 8388608);
  EXPECT_EQ(parse_byte_size("8MB"), 8388608);
  EXPECT_EQ(parse_byte_size(" 1.5 gib "), 1610612736);
  EXPECT_EQ(parse_byte_size("16k"), 16384);
  EXPECT_EQ(parse_byte_size("0"), 0);
}

TEST(ParseByteSize, RefusesWhatIsNoSize) {
  for (const char* text :
       {"", "MiB", "-1", "1 MiBs", "1e400", "nan", "8 MiB extra", "1e30", "0x10"})
    EXPECT_EQ(code_of(text), ErrorCode::InvalidArgument) << text;
}

TEST(FormatByteSize, PicksTheUnit) {
  EXPECT_EQ(format_byte_size(999), "999 B");
  EXPECT_EQ(format_byte_size(8388608), "8 MiB");
  EXPECT_EQ(format_byte_size(1.5 * 1024 * 1024 * 1024), "1.5 GiB");
}

TEST(ParseDuration, AddsUpParts) {
  EXPECT_EQ(parse_duration("60"), std::chrono::seconds(60));
  EXPECT_EQ(parse_duration("2m30s"), std::chrono::seconds(150));
  EXPECT_EQ(parse_duration("1.5 h"), std::chrono::minutes(90));
  EXPECT_EQ(parse_duration("250ms"), std::chrono::milliseconds(250));
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "s", "-1s", "5 parsecs", "2m30", "1e300"})
    EXPECT_THROW((void)parse_duration(text), Error) << text;
}

TEST(CountOf, OneHasNoPlural) {
  EXPECT_EQ(count_of(1, "trial"), "1 trial");
  EXPECT_EQ(count_of(0, "trial"), "0 trials");
}

TEST(FormatDuration, ReadsWell) {
  EXPECT_EQ(format_duration(std::chrono::milliseconds(250)), "250 ms");
  EXPECT_EQ(format_duration(std::chrono::milliseconds(4900)), "4.9 s");
  EXPECT_EQ(format_duration(std::chrono::seconds(125)), "2 min 05 s");
  EXPECT_EQ(format_duration(std::chrono::seconds(3720)), "1 h 02 min");
}

}  // namespace
}  // namespace skipjack
