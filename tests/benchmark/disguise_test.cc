#include "skipjack/benchmark/disguise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {
namespace {

/// Keeps what it was asked, and answers by it.
class Probe final : public World {
 public:
  explicit Probe(SearchSpace space, MetricKind kind = MetricKind::Plain)
      : space_(std::move(space)), metric_{.name = "y", .kind = kind} {}
  const std::string& name() const override { return name_; }
  const SearchSpace& space() const override { return space_; }
  const Metric& metric() const override { return metric_; }
  const Resource& resource() const override { return resource_; }
  const Reference& reference() const override { return reference_; }
  Evaluation evaluate(const Configuration& configuration, Rng&) const override {
    asked = configuration;
    return {.curve = {{.value = 3, .seconds = 5}}, .seconds = 6};
  }
  std::optional<double> true_value(const Configuration& configuration) const override {
    asked = configuration;
    return 3;
  }
  mutable Configuration asked;

 private:
  std::string name_ = "probe";
  SearchSpace space_;
  Metric metric_;
  Resource resource_;
  Reference reference_{.best = 1, .median = 2};
};

SearchSpace every_kind() {
  return SearchSpace({{"real", uniform(-1, 3)},
                      {"log", log_uniform(1e-4, 1)},
                      {"reverse", reverse_log_uniform(0, 0.9)},
                      {"int", rand_int(2, 9)},
                      {"logint", log_rand_int(1, 100)},
                      {"range", fin_range(0, 1, 5)},
                      {"ordinal", ordinal({"low", "mid", "high"})},
                      {"near", ordinal({1, 3, 10})},
                      {"word", choice({"a", "b", "c", "d"})},
                      {"flag", choice({true, false})},
                      {"steps", quantized(uniform(0, 1), 0.25)},
                      {"constant", Json(42)}});
}

TEST(Disguise, ReachesValuesOfEveryKindOfDomain) {
  const auto probe = std::make_shared<const Probe>(every_kind());
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto world = disguise(probe, {.seed = seed, .num_irrelevant = 3});
    EXPECT_EQ(world->space().dimension(), 14u);
    Rng rng(seed, "sample");
    for (int i = 0; i < 50; ++i) {
      world->true_value(*world->space().sample(rng));
      ASSERT_TRUE(probe->space().contains(probe->asked))
          << "seed " << seed << ": " << to_json_text(probe->asked);
      ASSERT_EQ(probe->asked.at("constant"), Json(42));
    }
  }
}

TEST(Disguise, ShowsEveryConfigurationOfAFiniteSpaceExactlyOnce) {
  const auto probe = std::make_shared<const Probe>(SearchSpace({{"a", rand_int(0, 4)},
                                                                {"b", choice({"x", "y", "z"})},
                                                                {"c", fin_range(0, 1, 4)},
                                                                {"d", choice({1, 2})}}));
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto world = disguise(probe, {.seed = seed});
    std::set<std::string> seen;
    for (std::int64_t i = 0; i < *world->space().cardinality(); ++i) {
      world->true_value(world->space().configuration_at(i));
      seen.insert(probe->space().key(probe->asked));
    }
    EXPECT_EQ(seen.size(), 120u);
  }
}

TEST(Disguise, KeepsDistancesOfOrderedParametersAndTurnsHalfOfThem) {
  const auto probe = std::make_shared<const Probe>(SearchSpace(
      {{"real", uniform(-1, 3)}, {"log", log_uniform(1e-4, 1)}, {"int", rand_int(2, 9)}}));
  std::map<std::string, int> turned;
  constexpr int kSeeds = 200;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto world = disguise(probe, {.seed = seed});
    const std::vector<double> low(3, 0.25), high(3, 0.75);
    world->true_value(world->space().decode(low));
    const auto from_low = probe->space().encode(probe->asked);
    world->true_value(world->space().decode(high));
    const auto from_high = probe->space().encode(probe->asked);
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(std::abs(from_high[k] - from_low[k]), 0.5, 1e-9);
      if (from_high[k] < from_low[k]) ++turned[probe->space().searched()[k].first];
    }
  }
  for (const auto& [name, count] : turned) EXPECT_NEAR(count, kSeeds / 2, 30) << name;
  EXPECT_EQ(turned.size(), 3u);
}

TEST(Disguise, OrderNamesAndLabelsChangeWithTheSeed) {
  const auto probe = std::make_shared<const Probe>(every_kind());
  std::set<std::string> spaces;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto world = disguise(probe, {.seed = seed});
    const std::string shown = to_json_text(world->space().to_json());
    spaces.insert(shown);
    for (const auto& [name, domain] : probe->space().searched())
      EXPECT_EQ(shown.find('"' + name + '"'), std::string::npos) << name;
    EXPECT_EQ(shown, to_json_text(disguise(probe, {.seed = seed})->space().to_json()));
  }
  EXPECT_EQ(spaces.size(), 5u);
}

TEST(Disguise, IrrelevantParametersChangeNothing) {
  const auto probe = std::make_shared<const Probe>(SearchSpace({{"x", uniform(0, 1)}}));
  const auto world = disguise(probe, {.seed = 1, .num_irrelevant = 4});
  Rng rng(3);
  const Configuration first = *world->space().sample(rng), second = *world->space().sample(rng);
  int num_moving = 0;
  for (const auto& [name, domain] : world->space().searched()) {
    world->true_value(first);
    const Configuration before = probe->asked;
    Configuration changed = first;
    changed.set(name, second.at(name));
    world->true_value(changed);
    if (probe->asked != before) ++num_moving;
  }
  EXPECT_EQ(num_moving, 1);
}

TEST(Disguise, RescaledValuesKeepTheirRegret) {
  const auto probe =
      std::make_shared<const Probe>(SearchSpace({{"x", uniform(0, 1)}}), MetricKind::Time);
  const auto world = disguise(probe, {.seed = 5, .scale = ValueScale::Random});
  Rng rng(1);
  const Configuration configuration = *world->space().sample(rng);
  const Evaluation run = world->evaluate(configuration, rng);
  const double factor = run.curve.at(0).value / 3;
  EXPECT_NE(factor, 1);
  EXPECT_GE(factor, 1e-3);
  EXPECT_LE(factor, 1e3);
  EXPECT_DOUBLE_EQ(run.seconds, 6 * factor);
  EXPECT_DOUBLE_EQ(run.curve.at(0).seconds, 5 * factor);
  EXPECT_DOUBLE_EQ(*world->true_value(configuration), 3 * factor);
  EXPECT_NEAR(normalised_regret(*world, configuration), 2, 1e-12);
}

TEST(Disguise, RefusesWhatItCannotHide) {
  const auto constrained = std::make_shared<const Probe>(
      SearchSpace({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}}, {"x + y <= 1"}));
  EXPECT_THROW(disguise(constrained, {}), Error);
  EXPECT_THROW(disguise(nullptr, {}), Error);
  const auto probe = std::make_shared<const Probe>(SearchSpace({{"x", uniform(0, 1)}}));
  EXPECT_THROW(disguise(probe, {.num_irrelevant = -1}), Error);
}

}  // namespace
}  // namespace skipjack::benchmark
