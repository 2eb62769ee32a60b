// Parameters that are there only under a condition. The truth is the same condition written in C++,
// and spaces small enough to go through every combination of raw values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "../thrown.h"
#include "skipjack/space/search_space.h"

namespace skipjack {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Configuration read(const char* json) { return parse_json(json); }

const std::vector<Condition> kOptimizerConditions = {
    {"nesterov", "momentum > 0"},
    {"momentum", "optimizer == 'sgd'"},
    {"beta", "optimizer == 'adam'"},
};

SearchSpace optimizer_space(std::vector<std::string> constraints = {}) {
  return SearchSpace({{"nesterov", choice({true, false})},
                      {"momentum", rand_int(0, 3)},
                      {"optimizer", choice({"sgd", "adam"})},
                      {"beta", rand_int(1, 2)},
                      {"epochs", Json(10)}},
                     std::move(constraints), kOptimizerConditions);
}

TEST(Conditions, SamplesHoldTheActiveParametersAlone) {
  const SearchSpace space = optimizer_space();
  Rng rng(3);
  std::set<std::size_t> sizes;
  for (int i = 0; i < 200; ++i) {
    const Configuration c = *space.sample(rng);
    const bool is_sgd = c.at("optimizer") == Json("sgd");
    EXPECT_EQ(c.find("momentum") != nullptr, is_sgd);
    EXPECT_EQ(c.find("beta") != nullptr, !is_sgd);
    EXPECT_EQ(c.find("nesterov") != nullptr, is_sgd && c.at("momentum").as_int() > 0);
    EXPECT_TRUE(space.contains(c)) << to_json_text(c);
    sizes.insert(c.as_object().size());
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{3, 4}));
}

// sgd: momentum 0, or 1 to 3 with two values of nesterov; adam: two values of beta.
TEST(Conditions, EnumerationListsEachConfigurationOnce) {
  const SearchSpace space = optimizer_space();
  ASSERT_EQ(space.cardinality(), 1 + 3 * 2 + 2);
  std::set<std::string> keys, texts;
  for (int i = 0; i < 9; ++i) {
    const Configuration c = space.configuration_at(i);
    EXPECT_TRUE(space.contains(c)) << to_json_text(c);
    keys.insert(space.key(c));
    texts.insert(to_json_text(c));
  }
  EXPECT_EQ(keys.size(), 9u);
  EXPECT_EQ(texts.size(), 9u);
}

TEST(Conditions, OneInfiniteBranchMakesTheSpaceInfinite) {
  const std::vector<Parameter> parameters = {{"kind", choice({"a", "b"})}, {"x", uniform(0, 1)}};
  EXPECT_EQ(SearchSpace(parameters, {}, {{"x", "kind == 'a'"}}).cardinality(), std::nullopt);
  // Never active, x makes no difference.
  EXPECT_EQ(SearchSpace(parameters, {}, {{"x", "1 > 2"}}).cardinality(), 2);
}

TEST(Conditions, TooManyDecidingCombinationsAreNotCounted) {
  const std::vector<Parameter> parameters = {{"n", rand_int(1, 2'000'000)}, {"m", rand_int(0, 1)}};
  EXPECT_EQ(SearchSpace(parameters).cardinality(), 4'000'000);
  const SearchSpace space(parameters, {}, {{"m", "n > 10"}});
  EXPECT_EQ(space.cardinality(), std::nullopt);
  EXPECT_THAT(message_of([&] { space.configuration_at(0); }), HasSubstr("can't be listed"));
}

TEST(Conditions, KeyPassesOverInactiveParameters) {
  const SearchSpace space = optimizer_space();
  const auto key = [&](const char* json) { return space.key(read(json)); };
  EXPECT_EQ(key(R"({"optimizer": "adam", "beta": 1, "momentum": 2, "nesterov": true})"),
            key(R"({"optimizer": "adam", "beta": 1})"));
  EXPECT_NE(key(R"({"optimizer": "adam", "beta": 1})"), key(R"({"optimizer": "adam", "beta": 2})"));
  EXPECT_THAT(message_of([&] { key(R"({"optimizer": "adam"})"); }), HasSubstr("'beta'"));
}

TEST(Conditions, InactiveCoordinatesLieAtTheCentre) {
  const SearchSpace space = optimizer_space();
  const std::vector<double> unit =
      space.encode(read(R"({"optimizer": "adam", "beta": 2, "epochs": 10})"));
  EXPECT_EQ(unit, (std::vector<double>{0.5, 0.5, 0.75, 0.75}));
  EXPECT_EQ(to_json_text(space.decode(unit)), R"({"optimizer":"adam","beta":2,"epochs":10})");
  EXPECT_THAT(message_of([&] { space.encode(read(R"({"optimizer": "sgd"})")); }),
              HasSubstr("'momentum'"));
}

TEST(Conditions, ActivityOfAPointIsThatOfItsConfiguration) {
  const SearchSpace space = optimizer_space();
  EXPECT_EQ(space.deciding(), (std::vector<std::size_t>{1, 2}));
  Rng rng(5);
  for (int i = 0; i < 200; ++i) {
    const std::vector<double> unit = {rng.uniform(), rng.uniform(), rng.uniform(), rng.uniform()};
    const Configuration c = space.decode(unit);
    const std::vector<bool> active = space.active(unit);
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_EQ(active[k], c.find(space.searched()[k].first) != nullptr) << to_json_text(c);
    EXPECT_EQ(space.decode(space.encode(c)), c);
  }
  EXPECT_THAT(message_of([&] { space.active(std::vector<double>{0.5}); }),
              HasSubstr("must have 4"));
}

TEST(Conditions, MidpointAndCompletionHoldActiveParametersAlone) {
  const SearchSpace space = optimizer_space();
  EXPECT_EQ(to_json_text(space.midpoint()),
            R"({"nesterov":true,"momentum":2,"optimizer":"sgd","epochs":10})");
  EXPECT_EQ(to_json_text(space.complete(read(R"({"optimizer": "adam"})"))),
            R"({"optimizer":"adam","beta":2,"epochs":10})");
  EXPECT_EQ(to_json_text(space.complete(read(R"({"momentum": 0})"))),
            R"({"momentum":0,"optimizer":"sgd","epochs":10})");
}

TEST(Conditions, CompletionRefusesAnInactiveValue) {
  EXPECT_THAT(message_of([] {
                optimizer_space().complete(read(R"({"optimizer": "adam", "momentum": 1})"));
              }),
              AllOf(HasSubstr("'momentum'"), HasSubstr("only where optimizer == 'sgd'")));
}

TEST(Conditions, SpaceContainsExactlyTheActiveValues) {
  const SearchSpace space = optimizer_space();
  const auto contains = [&](const char* json) { return space.contains(read(json)); };
  EXPECT_TRUE(contains(R"({"optimizer": "adam", "beta": 1, "epochs": 10})"));
  EXPECT_FALSE(contains(R"({"optimizer": "adam", "epochs": 10})"));
  EXPECT_FALSE(contains(R"({"optimizer": "adam", "beta": 1, "momentum": 1, "epochs": 10})"));
  EXPECT_FALSE(contains(R"({"optimizer": null, "beta": 1, "epochs": 10})"));
  EXPECT_FALSE(contains(R"({"beta": 1, "epochs": 10})"));
  EXPECT_FALSE(contains(R"({"optimizer": "adam", "beta": 1, "epochs": 10, "more": 1})"));
}

TEST(Conditions, ConstraintsOnInactiveParametersAreKept) {
  const SearchSpace space = optimizer_space({"momentum >= 3 and nesterov"});
  EXPECT_TRUE(space.satisfies_constraints(read(R"({"optimizer": "adam", "beta": 1})")));
  EXPECT_FALSE(space.satisfies_constraints(
      read(R"({"optimizer": "sgd", "momentum": 2, "nesterov": true})")));
  EXPECT_TRUE(space.satisfies_constraints(
      read(R"({"optimizer": "sgd", "momentum": 3, "nesterov": true})")));
  Rng rng(1);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(space.contains(*space.sample(rng)));
}

TEST(Conditions, ConstantsMayHaveThem) {
  const SearchSpace space({{"kind", choice({"a", "b"})}, {"flag", Json("x")}, {"level", Json(3)}},
                          {}, {{"flag", "kind == 'a' and level > 2"}});
  EXPECT_EQ(to_json_text(space.configuration_at(0)), R"({"kind":"a","flag":"x","level":3})");
  EXPECT_EQ(to_json_text(space.configuration_at(1)), R"({"kind":"b","level":3})");
  EXPECT_EQ(space.cardinality(), 2);
}

TEST(Conditions, NameWhatIsWrong) {
  const auto error = [](std::vector<Condition> conditions) {
    return message_of([&] {
      SearchSpace({{"a", rand_int(0, 9)}, {"b", rand_int(0, 9)}, {"c", rand_int(0, 9)}}, {},
                  std::move(conditions));
    });
  };
  EXPECT_THAT(error({{"d", "a > 1"}}), AllOf(HasSubstr("'d'"), HasSubstr("no such parameter")));
  EXPECT_THAT(error({{"a", "a > 1"}}),
              AllOf(HasSubstr("condition of 'a'"), HasSubstr("the parameter that it is of")));
  EXPECT_THAT(error({{"a", "bb > 1"}}), AllOf(HasSubstr("condition of 'a'"), HasSubstr("'bb'")));
  EXPECT_THAT(error({{"a", "b + 1"}}), HasSubstr("compares nothing"));
  EXPECT_THAT(error({{"a", "b > 1"}, {"a", "c > 1"}}), HasSubstr("two conditions"));
  EXPECT_THAT(error({{"c", "a > 1"}, {"a", "b > 1"}, {"b", "a < 3 and c > 1"}}),
              AllOf(HasSubstr("circle"), HasSubstr("'a'"), HasSubstr("'b'")));
}

TEST(Conditions, SurviveJson) {
  const SearchSpace space = optimizer_space({"momentum < 3"});
  const Json json = parse_json(to_json_text(space.to_json()));
  EXPECT_EQ(json.at("conditions"),
            read(R"({"nesterov": "momentum > 0", "momentum": "optimizer == 'sgd'",
                     "beta": "optimizer == 'adam'"})"));
  for (const SearchSpace& back :
       {SearchSpace::from_json(json), SearchSpace::from_text(to_json_text(json))}) {
    EXPECT_EQ(back.parameters(), space.parameters());
    EXPECT_EQ(back.constraints(), space.constraints());
    EXPECT_EQ(back.conditions(), space.conditions());
  }
}

// The forms that earlier versions wrote.
TEST(Conditions, JsonWithoutThemIsReadAndWrittenAsBefore) {
  const char* const kPlain =
      R"({"a":{"domain_cls":"Integer","domain_kwargs":{"lower":1,"upper":9},)"
      R"("sampler_cls":"Uniform","sampler_kwargs":{}},"conditions":3})";
  EXPECT_EQ(to_json_text(SearchSpace::from_json(read(kPlain)).to_json()), kPlain);
  EXPECT_EQ(to_json_text(SearchSpace::from_text(kPlain).to_json()), kPlain);
  const std::string wrapped =
      std::string(R"({"parameters":)") + kPlain + R"(,"constraints":["a > 2"]})";
  EXPECT_EQ(to_json_text(SearchSpace::from_json(parse_json(wrapped)).to_json()), wrapped);
}

TEST(Conditions, BadJsonIsNamed) {
  EXPECT_THAT(message_of([] {
                SearchSpace::from_json(read(R"({"parameters": {"a": 1}, "conditions": [1]})"));
              }),
              HasSubstr("conditions"));
  EXPECT_THAT(message_of([] {
                SearchSpace::from_json(read(R"({"parameters": {"a": 1}, "conditions": {"a": 2}})"));
              }),
              HasSubstr("condition of 'a'"));
}

TEST(Conditions, AreReadFromText) {
  const SearchSpace space = SearchSpace::from_text(R"(
optimizer: [sgd, adam]
momentum: uniform(0, 1)
beta: uniform(0.8, 1)
warm: [true, false]
steps: randint(1, 9)
conditions:
  momentum: optimizer == 'sgd'
  beta: "optimizer == 'adam'"
  steps: warm
constraints: [momentum < 0.99]
)");
  EXPECT_EQ(space.conditions(), (std::vector<Condition>{{"momentum", "optimizer == 'sgd'"},
                                                        {"beta", "optimizer == 'adam'"},
                                                        {"steps", "warm"}}));
  EXPECT_EQ(space.dimension(), 5u);
}

TEST(Conditions, ErrorsInTextNameTheLine) {
  const auto error = [](const std::string& conditions) {
    return message_of(
        [&] { SearchSpace::from_text("a: randint(1, 9)\nb: randint(1, 9)\n" + conditions); });
  };
  EXPECT_THAT(error("conditions:\n  c: a > 1\n"), AllOf(HasSubstr("line 4"), HasSubstr("'c'")));
  EXPECT_THAT(error("conditions:\n  b: c > 1\n"), AllOf(HasSubstr("line 4"), HasSubstr("'c'")));
  EXPECT_THAT(error("conditions: [b]\n"), AllOf(HasSubstr("line 3"), HasSubstr("map")));
  EXPECT_THAT(error("conditions: {b: [a > 1]}\n"), AllOf(HasSubstr("line 3"), HasSubstr("text")));
  EXPECT_THAT(error("conditions:\n  a: b > 1\n  b: a > 1\n"),
              AllOf(HasSubstr("line 4"), HasSubstr("circle")));
  EXPECT_THAT(error("conditions:\n  a: b > 1\n  a: b > 2\n"), HasSubstr("two conditions"));
}

// Parameters p0, p1, ... with three values each; the condition of pi is that of some pj be at least
// a threshold, j before i in a random order.
class ConditionsProperty : public testing::TestWithParam<std::uint64_t> {
 protected:
  struct Threshold {
    std::size_t on;
    std::int64_t at_least;
  };
  using Thresholds = std::map<std::size_t, Threshold>;

  static constexpr std::size_t kSize = 6;
  static std::string name(std::size_t i) { return "p" + std::to_string(i); }

  static Thresholds random_thresholds(Rng& rng) {
    std::vector<std::size_t> order(kSize);
    for (std::size_t i = 0; i < kSize; ++i) order[i] = i;
    rng.shuffle(order);
    Thresholds thresholds;
    for (std::size_t i = 1; i < kSize; ++i)
      if (rng.bernoulli(0.6))
        thresholds[order[i]] = {
            order[static_cast<std::size_t>(rng.uniform_int(0, static_cast<std::int64_t>(i) - 1))],
            rng.uniform_int(0, 3)};
    return thresholds;
  }

  static SearchSpace space_with(const Thresholds& thresholds) {
    std::vector<Parameter> parameters;
    std::vector<Condition> conditions;
    for (std::size_t i = 0; i < kSize; ++i) parameters.push_back({name(i), rand_int(0, 2)});
    for (const auto& [i, threshold] : thresholds)
      conditions.push_back(
          {name(i), name(threshold.on) + " >= " + std::to_string(threshold.at_least)});
    return SearchSpace(std::move(parameters), {}, std::move(conditions));
  }

  static bool is_active(const Thresholds& thresholds, const std::vector<std::int64_t>& values,
                        std::size_t i) {
    const auto own = thresholds.find(i);
    if (own == thresholds.end()) return true;
    return is_active(thresholds, values, own->second.on) &&
           values[own->second.on] >= own->second.at_least;
  }

  static std::set<std::string> all_configurations(const Thresholds& thresholds) {
    std::set<std::string> texts;
    for (int raw = 0; raw < 729; ++raw) {
      std::vector<std::int64_t> values;
      for (int rest = raw; values.size() < kSize; rest /= 3) values.push_back(rest % 3);
      Json::Object members;
      for (std::size_t i = 0; i < kSize; ++i)
        if (is_active(thresholds, values, i)) members.emplace_back(name(i), values[i]);
      texts.insert(to_json_text(Json(members)));
    }
    return texts;
  }
};

TEST_P(ConditionsProperty, EnumerationIsTheSetOfAllConfigurations) {
  Rng rng(GetParam(), "conditions");
  for (int round = 0; round < 5; ++round) {
    const Thresholds thresholds = random_thresholds(rng);
    const SearchSpace space = space_with(thresholds);
    const std::set<std::string> truth = all_configurations(thresholds);
    ASSERT_EQ(space.cardinality(), static_cast<std::int64_t>(truth.size()));
    std::set<std::string> listed;
    for (std::int64_t i = 0; i < *space.cardinality(); ++i) {
      const Configuration c = space.configuration_at(i);
      EXPECT_EQ(space.complete(c), c);
      EXPECT_EQ(space.decode(space.encode(c)), c);
      listed.insert(to_json_text(c));
    }
    EXPECT_EQ(listed, truth);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(truth.contains(to_json_text(*space.sample(rng))));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConditionsProperty, testing::Range<std::uint64_t>(1, 5));

}  // namespace
}  // namespace skipjack
