// Search spaces as values: listing, completion, encoding, identity, constraints, JSON.
#include "skipjack/space/search_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>
#include <thread>

#include "../thrown.h"
#include "random_domain.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using testing::AllOf;
using testing::HasSubstr;

SearchSpace small_space() {
  return SearchSpace({{"lr", log_uniform(1e-4, 1)},
                      {"units", rand_int(1, 3)},
                      {"act", choice({"relu", "tanh"})},
                      {"epochs", Json(10)}});
}

Configuration object(Json::Object members) { return Json(std::move(members)); }

TEST(SearchSpace, KeepsTheOrderOfParametersAndConstants) {
  const SearchSpace space({{"z", rand_int(1, 3)}, {"c", Json("x")}, {"a", uniform(0, 1)}});
  EXPECT_EQ(to_json_text(space.midpoint()), R"({"z":2,"c":"x","a":0.5})");
  EXPECT_EQ(space.dimension(), 2u);
}

TEST(SearchSpace, EmptySpaceHasOneConfiguration) {
  const SearchSpace space;
  EXPECT_EQ(space.cardinality(), 1);
  EXPECT_EQ(space.configuration_at(0), Json(Json::Object{}));
  EXPECT_TRUE(space.encode(space.midpoint()).empty());
}

TEST(SearchSpace, ListsEveryCombinationOnceFirstParameterSlowest) {
  const SearchSpace space({{"a", choice({"x", "y"})}, {"k", Json(1)}, {"b", rand_int(0, 2)}});
  ASSERT_EQ(space.cardinality(), 6);
  EXPECT_EQ(to_json_text(space.configuration_at(0)), R"({"a":"x","k":1,"b":0})");
  EXPECT_EQ(to_json_text(space.configuration_at(1)), R"({"a":"x","k":1,"b":1})");
  EXPECT_EQ(to_json_text(space.configuration_at(5)), R"({"a":"y","k":1,"b":2})");
  std::set<std::string> keys;
  for (int i = 0; i < 6; ++i) keys.insert(space.key(space.configuration_at(i)));
  EXPECT_EQ(keys.size(), 6u);
  EXPECT_THAT(message_of([&] { space.configuration_at(6); }), HasSubstr("[0, 6)"));
}

TEST(SearchSpace, CardinalityIsUnsetWhenInfiniteOrTooLarge) {
  EXPECT_EQ(small_space().cardinality(), std::nullopt);
  const Domain wide = rand_int(1, std::int64_t{1} << 30);
  EXPECT_EQ(SearchSpace({{"a", wide}, {"b", wide}}).cardinality(), std::nullopt);
  EXPECT_EQ(SearchSpace({{"a", wide}}).cardinality(), std::int64_t{1} << 30);
}

TEST(SearchSpace, CompleteFillsCastsAndOrders) {
  const Configuration full =
      small_space().complete(object({{"units", 2.0}, {"lr", 1}, {"epochs", 10.0}}));
  EXPECT_EQ(to_json_text(full), R"({"lr":1.0,"units":2,"act":"relu","epochs":10})");
}

TEST(SearchSpace, ConstantThatIsNotANumberIsItself) {
  const SearchSpace space =
      SearchSpace::from_json(parse_json(R"({"a":NaN,"b":[1,{"c":NaN}],"d":2})"));
  Rng rng(1);
  const auto configuration = space.sample(rng, 1);
  ASSERT_TRUE(configuration);
  EXPECT_TRUE(space.contains(*configuration));
  EXPECT_EQ(to_json_text(space.complete(*configuration)), R"({"a":NaN,"b":[1,{"c":NaN}],"d":2})");
  EXPECT_FALSE(space.contains(parse_json(R"({"a":1,"b":[1,{"c":NaN}],"d":2})")));
}

TEST(SearchSpace, CompleteNamesWhatIsWrong) {
  const SearchSpace space = small_space();
  EXPECT_THAT(message_of([&] {
                space.complete(object({{"lr", 2.0}}));
              }),
              AllOf(HasSubstr("'lr'"), HasSubstr("value 2.0"), HasSubstr("[0.0001, 1.0]")));
  EXPECT_THAT(message_of([&] { space.complete(object({{"lrr", 0.5}})); }), HasSubstr("'lrr'"));
  EXPECT_THAT(message_of([&] {
                space.complete(object({{"epochs", 9}}));
              }),
              HasSubstr("constant 10"));
  EXPECT_THAT(message_of([&] { space.complete(Json(3)); }), HasSubstr("object"));
  const SearchSpace constrained({{"a", rand_int(1, 9)}, {"b", rand_int(1, 9)}}, {"a < b"});
  EXPECT_THAT(message_of([&] {
                constrained.complete(object({{"a", 6}, {"b", 2}}));
              }),
              HasSubstr("\"a < b\""));
}

TEST(SearchSpace, NamesBadParameters) {
  EXPECT_THAT(message_of([] {
                SearchSpace({{"a", rand_int(1, 2)}, {"a", Json(1)}});
              }),
              HasSubstr("'a' is given twice"));
  EXPECT_THAT(message_of([] {
                SearchSpace({{"lr", FloatDomain{2, 1, Scale::Linear}}});
              }),
              HasSubstr("parameter 'lr': lower = 2.0"));
  EXPECT_THAT(message_of([] { SearchSpace({{"", Json(1)}}); }), HasSubstr("empty name"));
  EXPECT_THAT(message_of([] { SearchSpace({{"a b", Json(1)}}); }), HasSubstr("space"));
}

TEST(SearchSpace, ContainsWhatItCompletesAndNothingElse) {
  const SearchSpace space = small_space();
  const Configuration full = space.complete(object({}));
  EXPECT_TRUE(space.contains(full));
  Configuration other = full;
  other.set("lr", Json(3.0));
  EXPECT_FALSE(space.contains(other));
  other = full;
  other.set("epochs", Json(11));
  EXPECT_FALSE(space.contains(other));
  other = full;
  other.set("extra", Json(1));
  EXPECT_FALSE(space.contains(other));
  EXPECT_FALSE(space.contains(object({{"lr", 0.5}})));
  EXPECT_FALSE(space.contains(Json(1)));
}

TEST(SearchSpace, KeyIgnoresConstantsAndTheSeventhDigit) {
  const SearchSpace space = small_space();
  const auto key = [&](double lr) { return space.key(space.complete(object({{"lr", lr}}))); };
  EXPECT_EQ(key(0.123456781), key(0.123456782));
  EXPECT_NE(key(0.123456), key(0.123457));
  EXPECT_EQ(key(0.5).find("epochs"), std::string::npos);
}

TEST(SearchSpace, EncodeNamesTheMissingParameter) {
  EXPECT_THAT(message_of([] {
                small_space().encode(object({{"lr", 0.5}}));
              }),
              HasSubstr("'units'"));
}

TEST(SearchSpace, DecodeWantsOneCoordinateAParameter) {
  const std::vector<double> two = {0.1, 0.2};
  EXPECT_THAT(message_of([&] { small_space().decode(two); }), HasSubstr("must have 3"));
}

TEST(SearchSpace, SampleGivesUpAfterTheTriesAllowed) {
  const SearchSpace space({{"a", rand_int(1, 9)}}, {"a > 9"});
  Rng rng(1);
  EXPECT_EQ(space.sample(rng, 50), std::nullopt);
}

TEST(SearchSpace, SamplingIsAFunctionOfTheGenerator) {
  const SearchSpace space = small_space();
  Rng first(5, "s", 2), second(5, "s", 2);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(space.sample(first), space.sample(second));
}

TEST(SearchSpace, MovedFromSpaceIsStillAValue) {
  SearchSpace space = small_space();
  const SearchSpace moved = std::move(space);
  EXPECT_EQ(space.dimension(), moved.dimension());
}

class SearchSpaceProperty : public testing::TestWithParam<std::uint64_t> {
 protected:
  static SearchSpace random_space(Rng& rng) {
    std::vector<Parameter> parameters;
    const std::int64_t size = rng.uniform_int(1, 6);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::string name = "p" + std::to_string(i);
      if (rng.bernoulli(0.2))
        parameters.push_back({name, Json(i)});
      else
        parameters.push_back({name, random_domain(rng)});
    }
    return SearchSpace(std::move(parameters));
  }
};

TEST_P(SearchSpaceProperty, SurvivesJsonText) {
  Rng rng(GetParam(), "json");
  for (int i = 0; i < 50; ++i) {
    const SearchSpace space = random_space(rng);
    const Json json = space.to_json();
    EXPECT_EQ(SearchSpace::from_json(parse_json(to_json_text(json))).parameters(),
              space.parameters());
    // A space of constants alone reads as YAML; everything else is recognised as Syne Tune's form.
    if (space.dimension() > 0) {
      EXPECT_EQ(SearchSpace::from_text(to_json_text(json)).parameters(), space.parameters())
          << to_json_text(json);
    }
  }
}

TEST_P(SearchSpaceProperty, DecodedEncodingHasTheSameKey) {
  Rng rng(GetParam(), "code");
  for (int i = 0; i < 50; ++i) {
    const SearchSpace space = random_space(rng);
    const Configuration configuration = *space.sample(rng);
    EXPECT_TRUE(space.contains(configuration));
    const Configuration back = space.decode(space.encode(configuration));
    for (const auto& [name, domain] : space.searched())
      if (!std::holds_alternative<FloatDomain>(domain)) {
        EXPECT_EQ(back.at(name), configuration.at(name));
      }
    EXPECT_EQ(space.complete(configuration), configuration);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SearchSpaceProperty, testing::Range<std::uint64_t>(1, 6));

TEST(SearchSpaceJson, ConstraintsStandBesideTheParameters) {
  const SearchSpace space({{"a", rand_int(1, 9)}}, {"a > 2"});
  const Json json = space.to_json();
  EXPECT_EQ(json.at("constraints"), Json(Json::Array{Json("a > 2")}));
  const SearchSpace back = SearchSpace::from_json(json);
  EXPECT_EQ(back.parameters(), space.parameters());
  EXPECT_EQ(back.constraints(), space.constraints());
}

TEST(SearchSpaceJson, ParametersNamedLikeTheWrappingSurvive) {
  const SearchSpace space(
      {{"parameters", Json(Json::Object{{"depth", 3}})}, {"constraints", Json(1)}});
  EXPECT_EQ(SearchSpace::from_json(space.to_json()).parameters(), space.parameters());
}

TEST(SearchSpaceJson, NamesTheParameterItCantRead) {
  EXPECT_THAT(
      message_of([] {
        SearchSpace::from_json(parse_json(R"({"x":{"domain_cls":"Float","domain_kwargs":{}}})"));
      }),
      AllOf(HasSubstr("'x'"), HasSubstr("'lower'")));
  EXPECT_THAT(message_of([] { SearchSpace::from_json(Json(3)); }), HasSubstr("object"));
}

SearchSpace numbers_space(std::vector<std::string> constraints) {
  return SearchSpace({{"a", rand_int(-100, 100)},
                      {"b", uniform(-100, 100)},
                      {"act", choice({"relu", "tanh", "it's"})},
                      {"fast", choice({true, false})},
                      {"my-size", rand_int(1, std::int64_t{1} << 40)},
                      {"mode", Json("x")}},
                     std::move(constraints));
}

bool holds(const std::string& constraint, Json::Object values) {
  Configuration configuration = object(std::move(values));
  const Configuration rest = numbers_space({}).midpoint();
  for (const auto& [name, value] : rest.as_object())
    if (configuration.find(name) == nullptr) configuration.set(name, value);
  return numbers_space({constraint}).satisfies_constraints(configuration);
}

TEST(Constraint, ComparesSums) {
  EXPECT_TRUE(holds("a * 2 + b <= 10", {{"a", 4}, {"b", 2.0}}));
  EXPECT_FALSE(holds("a * 2 + b <= 10", {{"a", 4}, {"b", 2.1}}));
  EXPECT_TRUE(holds("a % 4 == 0", {{"a", 8}}));
  EXPECT_FALSE(holds("a % 4 == 0", {{"a", 9}}));
  EXPECT_TRUE(holds("a ^ 2 == 9 and a ** 2 == 9", {{"a", -3}}));
}

// The truth is the same condition written in C++.
TEST(Constraint, AgreesWithTheSameConditionInCpp) {
  struct Case {
    std::string text;
    std::function<bool(double, double)> truth;
  };
  const std::vector<Case> cases = {
      {"a - b < 3 or a * b > 10", [](double a, double b) { return a - b < 3 || a * b > 10; }},
      {"not a == 1 and b > 0", [](double a, double b) { return a != 1 && b > 0; }},
      {"not (a < b or a > 50)", [](double a, double b) { return !(a < b || a > 50); }},
      {"a < 0 or a > 10 and b < 0", [](double a, double b) { return a < 0 || (a > 10 && b < 0); }},
      {"!(a>=b)&&max(a,b,7)>10||min(a,b)<-90",
       [](double a, double b) {
         return (!(a >= b) && std::max({a, b, 7.0}) > 10) || std::min(a, b) < -90;
       }},
      {"sqrt(a) < b", [](double a, double b) { return std::sqrt(a) < b; }},
      {"log(b) + log2(a) < 3", [](double a, double b) { return std::log(b) + std::log2(a) < 3; }},
      {"ceil(b) - floor(b) == 1 and a / b > 1e-1",
       [](double a, double b) { return std::ceil(b) - std::floor(b) == 1 && a / b > 0.1; }},
      {"a - -b > 2.5e0 - 1", [](double a, double b) { return a + b > 1.5; }},
      {"a - b - 3 < 2", [](double a, double b) { return a - b - 3 < 2; }},
  };
  Rng rng(11);
  for (const Case& entry : cases) {
    for (int i = 0; i < 200; ++i) {
      const std::int64_t a = rng.uniform_int(-100, 100);
      const double b = rng.uniform(-100, 100);
      ASSERT_EQ(holds(entry.text, {{"a", a}, {"b", b}}), entry.truth(static_cast<double>(a), b))
          << entry.text << " a=" << a << " b=" << b;
    }
  }
}

TEST(Constraint, ReadsByteSizes) {
  EXPECT_TRUE(holds("`my-size` <= 1GiB", {{"my-size", std::int64_t{1} << 30}}));
  EXPECT_FALSE(holds("`my-size` <= 1 GiB", {{"my-size", (std::int64_t{1} << 30) + 1}}));
  EXPECT_TRUE(holds("`my-size`<1.5k", {{"my-size", 1535}}));
}

TEST(Constraint, ComparesTexts) {
  EXPECT_TRUE(holds("act == 'relu'", {{"act", "relu"}}));
  EXPECT_FALSE(holds("act == 'relu'", {{"act", "tanh"}}));
  EXPECT_TRUE(holds("act != 'relu' or b < 0.1", {{"act", "relu"}, {"b", 0.05}}));
  EXPECT_FALSE(holds("act != 'relu' or b < 0.1", {{"act", "relu"}, {"b", 0.5}}));
  EXPECT_TRUE(holds("\"it's\" == act", {{"act", "it's"}}));
  EXPECT_TRUE(holds("not (act == 'tanh') and mode == 'x'", {{"act", "relu"}}));
}

TEST(Constraint, TakesBoolsAsConditions) {
  EXPECT_TRUE(holds("fast or a > 3", {{"fast", true}, {"a", 0}}));
  EXPECT_FALSE(holds("fast or a > 3", {{"fast", false}, {"a", 0}}));
  EXPECT_TRUE(holds("fast == false", {{"fast", false}}));
}

TEST(Constraint, WithoutAnAnswerItIsViolated) {
  EXPECT_FALSE(holds("b / a < 3", {{"a", 0}, {"b", 0.0}}));
  EXPECT_FALSE(holds("log(b) < 3", {{"b", -1.0}}));
}

TEST(Constraint, SaysWhatIsWrong) {
  const auto error = [](const std::string& text) {
    return message_of([&] { numbers_space({text}); });
  };
  EXPECT_THAT(error("a <= c"), AllOf(HasSubstr("constraint \"a <= c\""), HasSubstr("'c'")));
  EXPECT_THAT(error("a <="), HasSubstr("no complete expression"));
  EXPECT_THAT(error("a b < 3"), HasSubstr("no complete expression"));
  EXPECT_THAT(error("(a < 3"), HasSubstr("never closed"));
  EXPECT_THAT(error("a < 3)"), HasSubstr("never opened"));
  EXPECT_THAT(error("a = 3"), HasSubstr("sets a value"));
  EXPECT_THAT(error("1 <= a <= 3"), HasSubstr("follows another comparison"));
  EXPECT_THAT(error("a + b"), HasSubstr("compares nothing"));
  EXPECT_THAT(error(""), HasSubstr("empty"));
  EXPECT_THAT(error("act == 3"), HasSubstr("compares a text with a number"));
  EXPECT_THAT(error("act < 'tanh'"), HasSubstr("can't be used so"));
  EXPECT_THAT(error("act * 2 < 3"), HasSubstr("can't be used so"));
  EXPECT_THAT(error("act == 'rleu'"), HasSubstr("is never 'rleu'"));
  EXPECT_THAT(error("act == relu"), HasSubstr("'relu'"));
  EXPECT_THAT(error("a < 3 & b < 2"), HasSubstr("no operator"));
  EXPECT_THAT(error("a < 3, b < 2"), HasSubstr("belongs to no function"));
  EXPECT_THAT(error("a < 'x"), HasSubstr("never closed"));
  EXPECT_THAT(error("a < 3 ? 1 : 0"), HasSubstr("unexpected character"));
  EXPECT_THAT(error("a < 12parsec"), HasSubstr("12parsec"));
  EXPECT_THAT(error("sin(a) < 3"), HasSubstr("'sin'"));
  EXPECT_THAT(error("min() < a"), HasSubstr("no complete expression"));
  EXPECT_THAT(error(std::string(60, '(') + "a<1" + std::string(60, ')')), HasSubstr("too deep"));
  EXPECT_THAT(error(std::string(3000, 'a') + " < 1"), HasSubstr("3004 characters"));
}

TEST(Constraint, ParametersMayBeNamedLikeFunctions) {
  const SearchSpace space({{"min", rand_int(0, 9)}, {"log", rand_int(0, 9)}, {"e", rand_int(0, 9)}},
                          {"min(min, log) > e"});
  EXPECT_TRUE(space.satisfies_constraints(object({{"min", 3}, {"log", 4}, {"e", 2}})));
  EXPECT_FALSE(space.satisfies_constraints(object({{"min", 3}, {"log", 4}, {"e", 3}})));
}

TEST(Constraint, NoSampleViolatesIt) {
  const SearchSpace space({{"queue", log_rand_int(1, 100000)}, {"chunk", log_rand_int(1024, kMiB)}},
                          {"queue * chunk <= 1GiB", "queue >= 3"});
  Rng rng(4);
  for (int i = 0; i < 500; ++i) {
    const auto configuration = space.sample(rng);
    ASSERT_TRUE(configuration);
    ASSERT_LE(configuration->at("queue").as_int() * configuration->at("chunk").as_int(), kGiB);
    ASSERT_GE(configuration->at("queue").as_int(), 3);
  }
}

TEST(Constraint, MayBeAskedFromSeveralThreads) {
  const SearchSpace space({{"a", rand_int(0, 1000)}}, {"a % 2 == 0"});
  const auto ask = [space](std::int64_t parity, int& wrong) {
    for (std::int64_t a = parity; a <= 1000; a += 2)
      wrong += space.satisfies_constraints(object({{"a", a}})) != (parity == 0);
  };
  int wrong_even = 0, wrong_odd = 0;
  std::thread even(ask, 0, std::ref(wrong_even)), odd(ask, 1, std::ref(wrong_odd));
  even.join();
  odd.join();
  EXPECT_EQ(wrong_even + wrong_odd, 0);
}

}  // namespace
}  // namespace skipjack
