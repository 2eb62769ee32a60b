// Truth: how many code points Unicode has for each length, and the encoding's definition.
#include "skipjack/base/utf8.h"

#include <gtest/gtest.h>

#include <array>

#include "skipjack/base/json.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

/// RFC 3629, section 3.
std::string encoded(unsigned code_point) {
  const auto byte = [](unsigned value) { return static_cast<char>(value); };
  const auto tail = [&](int shift) { return byte(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) return {byte(code_point)};
  if (code_point < 0x800) return {byte(0xC0 | code_point >> 6), tail(0)};
  if (code_point < 0x10000) return {byte(0xE0 | code_point >> 12), tail(6), tail(0)};
  return {byte(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, EveryCodePointButSurrogatesIsWellFormed) {
  for (unsigned code_point = 0; code_point < 0x120000; ++code_point) {
    const std::string bytes = encoded(code_point);
    const bool exists = code_point <= 0x10FFFF && !(code_point >= 0xD800 && code_point <= 0xDFFF);
    ASSERT_EQ(utf8_sequence_length(bytes), exists ? bytes.size() : 0) << code_point;
  }
}

// So nothing else is well-formed either: 128, 2048 - 128, and 65536 - 2048 less 2048 surrogates.
TEST(Utf8, NothingElseOfUpToThreeBytesIsWellFormed) {
  std::array<std::int64_t, 5> counts{};
  std::string bytes(3, '\0');
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second)
      for (int third = 0; third < 256; ++third) {
        bytes[0] = static_cast<char>(first);
        bytes[1] = static_cast<char>(second);
        bytes[2] = static_cast<char>(third);
        ++counts[utf8_sequence_length(bytes)];
      }
  EXPECT_EQ(counts[1], 128 * 65536);
  EXPECT_EQ(counts[2], 1920 * 256);
  EXPECT_EQ(counts[3], 61440);
  EXPECT_EQ(counts[4], 0);
}

TEST(Utf8, FourBytesEndAtTheirPublishedBounds) {
  // Unicode 15, table 3-7: F0 90..BF, F1..F3 80..BF, F4 80..8F.
  for (int first = 0xF0; first < 256; ++first)
    for (int second = 0; second < 256; ++second)
      for (const char* rest :
           {"\x80\x80", "\xBF\xBF", "\x7F\x80", "\x80\x7F", "\xC0\x80", "\x80\xC0"}) {
        const bool good_rest = rest == std::string("\x80\x80") || rest == std::string("\xBF\xBF");
        const bool good = good_rest && first <= 0xF4 && second >= (first == 0xF0 ? 0x90 : 0x80) &&
                          second <= (first == 0xF4 ? 0x8F : 0xBF);
        const std::string bytes =
            std::string{static_cast<char>(first), static_cast<char>(second)} + rest;
        ASSERT_EQ(utf8_sequence_length(bytes), good ? 4u : 0u) << first << " " << second;
      }
}

TEST(Utf8, WhatIsCutShortIsNone) {
  EXPECT_EQ(utf8_sequence_length(""), 0u);
  for (const char* whole : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x9F"})
    for (std::size_t size = 1; size < std::string_view(whole).size(); ++size)
      EXPECT_EQ(utf8_sequence_length(std::string_view(whole, size)), 0u);
}

// The published limits of well-formed UTF-8 (Unicode 15, table 3-7).
TEST(ValidUtf8, ReplacesWhatIsNot) {
  EXPECT_EQ(valid_utf8("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x9F"),
            "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x9F");
  EXPECT_EQ(valid_utf8("a\xFFz"), "a?z");
  EXPECT_EQ(valid_utf8("\xC0\x80"), "??");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "???");
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), "????");
  EXPECT_EQ(valid_utf8("\xE2\x82"), "??");
  EXPECT_EQ(valid_utf8("\xE0\x9F\xBF"), "???");
}

TEST(ValidUtf8, ResultIsAlwaysReadable) {
  const std::uint64_t seed = 7;
  for (std::uint64_t round = 0; round < 500; ++round) {
    Rng rng(seed, "utf8", round);
    std::string bytes;
    for (int i = 0; i < 40; ++i)
      bytes += static_cast<char>(rng.uniform_int(rng.bernoulli(0.5) ? 0 : 0xC0, 255));
    const Json value(valid_utf8(bytes));
    EXPECT_EQ(try_parse_json(to_json_text(value)), value) << "seed " << seed << " round " << round;
  }
}

}  // namespace
}  // namespace skipjack
