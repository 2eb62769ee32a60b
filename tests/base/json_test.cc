#include "skipjack/base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

Json random_value(Rng& rng, int depth) {
  switch (rng.uniform_int(0, depth > 0 ? 6 : 4)) {
    case 0:
      return nullptr;
    case 1:
      return rng.bernoulli(0.5);
    case 2:
      return static_cast<std::int64_t>(rng.next());
    case 3:
      return std::ldexp(rng.uniform(-1, 1), static_cast<int>(rng.uniform_int(-1000, 1000)));
    case 4: {
      std::string text;
      for (std::int64_t i = rng.uniform_int(0, 12); i > 0; --i)
        text += static_cast<char>(rng.uniform_int(0, 127));
      return text + "é\"\\";
    }
    case 5: {
      Json::Array items;
      for (std::int64_t i = rng.uniform_int(0, 4); i > 0; --i)
        items.push_back(random_value(rng, depth - 1));
      return items;
    }
    default: {
      Json object{Json::Object{}};
      for (std::int64_t i = rng.uniform_int(0, 4); i > 0; --i)
        object.set("k" + std::to_string(rng.uniform_int(0, 9)), random_value(rng, depth - 1));
      return object;
    }
  }
}

TEST(Json, ReadsBackWhatItWrites) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Rng rng(seed, "json");
    const Json value = random_value(rng, 4);
    EXPECT_EQ(parse_json(to_json_text(value)), value) << "seed " << seed;
    EXPECT_EQ(parse_json(to_json_text(value, JsonStyle::Indented)), value) << "seed " << seed;
  }
}

TEST(Json, ReadsPythonsNanAndInfinity) {
  const Json value = parse_json(R"({"a": NaN, "b": -Infinity, "c": Infinity})");
  EXPECT_TRUE(std::isnan(value.at("a").as_double()));
  EXPECT_EQ(value.at("b").as_double(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(to_json_text(value), R"({"a":NaN,"b":-Infinity,"c":Infinity})");
}

TEST(Json, KeepsTheOrderAndTheTypeOfNumbers) {
  EXPECT_EQ(to_json_text(parse_json(R"({"z":1,"a":1.0,"m":1e-05})")),
            R"({"z":1,"a":1.0,"m":1e-05})");
  EXPECT_TRUE(parse_json("1").is_int());
  EXPECT_TRUE(parse_json("1.0").is_double());
  EXPECT_TRUE(parse_json("18446744073709551615").is_double());
}

TEST(Json, RefusesBadText) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "1 2", "\"\xff\"", "nul", "{\"a\":1}x",
                           "NaNe9", "1e400", "1.", ".5", "+1", "01"})
    EXPECT_FALSE(try_parse_json(text).has_value()) << text;
  EXPECT_FALSE(try_parse_json(std::string(100000, '[')).has_value());
}

TEST(Json, ReadsNumbersToTheLastBit) {
  EXPECT_EQ(parse_json("-1e-400").as_double(), 0.0);
  EXPECT_EQ(parse_json("0.0000000000000000000000000000001").as_double(), 1e-31);
  EXPECT_EQ(parse_json("-9223372036854775808").as_int(), INT64_MIN);
}

TEST(Json, NamesTheMissingMember) {
  try {
    (void)parse_json("{}").at("lower");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'lower'"), std::string::npos);
  }
}

// Expected texts are what CPython 3.11 prints for str(value).
TEST(PythonText, IsWhatPythonPrints) {
  EXPECT_EQ(to_python_text(0.5), "0.5");
  EXPECT_EQ(to_python_text(1e-5), "1e-05");
  EXPECT_EQ(to_python_text(0.0001), "0.0001");
  EXPECT_EQ(to_python_text(1e16), "1e+16");
  EXPECT_EQ(to_python_text(123456789012345.0), "123456789012345.0");
  EXPECT_EQ(to_python_text(1.5e300), "1.5e+300");
  EXPECT_EQ(to_python_text(-0.0), "-0.0");
  EXPECT_EQ(to_python_text(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(to_python_text(true), "True");
  EXPECT_EQ(to_python_text(nullptr), "None");
  EXPECT_EQ(to_python_text(Json::Array{1, "a", 2.0}), "[1, 'a', 2.0]");
  EXPECT_EQ(to_python_text(std::nan("")), "nan");
}

}  // namespace
}  // namespace skipjack
