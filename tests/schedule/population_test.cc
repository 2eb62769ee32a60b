#include "skipjack/schedule/population.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "halving_play.h"
#include "leveled_world.h"
#include "skipjack/base/error.h"
#include "skipjack/schedule/explore.h"
#include "skipjack/search/random.h"

namespace skipjack {
namespace {

using ::testing::AnyOf;
using ::testing::DoubleEq;
using ::testing::HasSubstr;

TEST(Explore, MovesNumbersByAFifth) {
  const SearchSpace space({{"x", uniform(0, 10)},
                           {"n", rand_int(1, 100)},
                           {"q", quantized(uniform(0, 100), 5)},
                           {"f", log_fin_range(1, 64, 7)},
                           {"o", ordinal({"s", "m", "l"})},
                           {"c", choice({"a", "b", "c"})},
                           {"epochs", Json(9)}});
  const Configuration from = space.complete(
      Json::Object{{"x", 5.0}, {"n", 50}, {"q", 50.0}, {"f", 8.0}, {"o", "m"}, {"c", "b"}});
  Rng rng(1);
  for (int i = 0; i < 50; ++i) {
    const Configuration to = explore(space, from, 0, rng);
    EXPECT_TRUE(space.contains(to));
    EXPECT_THAT(to.at("x").as_double(),
                AnyOf(::testing::DoubleNear(4, 1e-9), ::testing::DoubleNear(6, 1e-9)));
    EXPECT_THAT(to.at("n").as_int(), AnyOf(40, 60));
    EXPECT_THAT(to.at("q").as_double(), AnyOf(DoubleEq(40), DoubleEq(60)));
    // No other value is that near: one step.
    EXPECT_THAT(to.at("f").as_double(),
                AnyOf(::testing::DoubleNear(4, 1e-9), ::testing::DoubleNear(16, 1e-9)));
    EXPECT_THAT(to.at("o").as_string(), AnyOf("s", "l"));
    EXPECT_EQ(to.at("c").as_string(), "b");
    EXPECT_EQ(to.at("epochs").as_int(), 9);
  }
}

TEST(Explore, StaysWithinBoundsAndMovesSmallIntegers) {
  const SearchSpace space({{"x", uniform(0, 1)}, {"n", rand_int(1, 9)}, {"m", rand_int(-9, 9)}});
  const Configuration from = space.complete(Json::Object{{"x", 0.95}, {"n", 1}, {"m", -5}});
  Rng rng(1);
  bool went_up = false;
  for (int i = 0; i < 50; ++i) {
    const Configuration to = explore(space, from, 0, rng);
    EXPECT_LE(to.at("x").as_double(), 1);
    EXPECT_THAT(to.at("n").as_int(), AnyOf(1, 2));
    EXPECT_THAT(to.at("m").as_int(), AnyOf(-6, -4));
    went_up |= to.at("n").as_int() == 2;
  }
  EXPECT_TRUE(went_up);
}

TEST(Explore, DrawsAnewWithTheProbabilityGiven) {
  const SearchSpace space({{"x", uniform(0, 1)}});
  int near = 0;
  Rng rng(2);
  for (int i = 0; i < 400; ++i) {
    const double x = explore(space, Json::Object{{"x", 0.5}}, 0.25, rng).at("x").as_double();
    near += std::abs(x - 0.4) < 1e-9 || std::abs(x - 0.6) < 1e-9;
  }
  EXPECT_NEAR(near, 300, 40);
}

TEST(Explore, KeepsConstraintsAndWakesParameters) {
  const SearchSpace kept({{"a", rand_int(1, 10)}, {"b", rand_int(1, 10)}}, {"a * b <= 20"});
  const SearchSpace conditional({{"o", choice({"sgd", "adam"})}, {"m", uniform(0, 1)}}, {},
                                {{"m", "o == 'sgd'"}});
  Rng rng(3);
  int awake = 0;
  for (int i = 0; i < 100; ++i) {
    const Configuration to = explore(kept, Json::Object{{"a", 4}, {"b", 5}}, 0.2, rng);
    EXPECT_LE(to.at("a").as_int() * to.at("b").as_int(), 20);
    const Configuration woken = explore(conditional, Json::Object{{"o", "adam"}}, 0.5, rng);
    EXPECT_TRUE(conditional.contains(woken));
    awake += woken.find("m") != nullptr;
  }
  EXPECT_NEAR(awake, 25, 15);
}

SearchSpace space() { return SearchSpace({{"x", uniform(0, 1)}}); }

PopulationOptions with(std::int64_t population_size, Mode mode = Mode::Min) {
  return {.space = space(),
          .searcher = make_random_search({.space = space(), .duplicates = Duplicates::Allow}),
          .metric = {.name = "loss", .mode = mode},
          .max_t = 40,
          .population_size = population_size,
          .perturbation_interval = 4};
}

Json::Object own_value(const Trial& trial, std::int64_t) {
  return {{"loss", trial.configuration.at("x").as_double()}};
}

TEST(Population, TheWorstGoOnFromTheBest) {
  for (const Mode mode : {Mode::Min, Mode::Max}) {
    const auto scheduler = make_population_training(with(4, mode));
    testing::LeveledWorld world(*scheduler, {.workers = 4, .max_t = 40, .value = own_value});
    world.run(400);
    const auto x = [&](TrialId t) {
      const double value = world.history().find(t)->configuration.at("x").as_double();
      return mode == Mode::Min ? value : -value;
    };
    int num_exploits = 0;
    for (const Trial& trial : world.history().trials()) {
      if (!trial.checkpoint_from || trial.tag.at("population") != Json(0)) continue;
      ++num_exploits;
      // The trial whose place it takes was done, or worse than the one that it copies.
      TrialId before = -1;
      for (TrialId t = 0; t < trial.id; ++t)
        if (world.history().find(t)->tag == trial.tag) before = t;
      EXPECT_EQ(world.history().find(before)->status, TrialStatus::Stopped);
      EXPECT_TRUE(world.reached[before] == 40 || x(*trial.checkpoint_from) < x(before));
    }
    EXPECT_GE(num_exploits, 3);
  }
}

TEST(Population, ACopyComparesItselfAtItsFirstStep) {
  const auto scheduler = make_population_training(with(4));
  testing::LeveledWorld world(*scheduler, {.workers = 4, .max_t = 40, .value = own_value});
  world.run(400);
  std::size_t fewest = 100;
  for (const Trial& trial : world.history().trials()) {
    if (trial.status != TrialStatus::Stopped) continue;
    if (trial.checkpoint_from)
      fewest = std::min(fewest, trial.reports.size());
    else
      EXPECT_GE(trial.reports.size(), 4u) << "stopped before its first comparison";
  }
  EXPECT_LE(fewest, 2u);  // its end may come late
}

TEST(Population, WhatIsDoneIsNotRanked) {
  // Of four one lends, the best: were it ranked when it is done, nobody would lend from then on.
  int num_copies = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    PopulationOptions options = with(4);
    options.perturbation_interval = 1;
    const auto scheduler = make_population_training(std::move(options));
    testing::LeveledWorld world(*scheduler,
                                {.seed = seed, .workers = 4, .max_t = 40, .value = own_value});
    world.run(400);
    bool is_one_done = false;
    for (const Event& event : world.events()) {
      if (const auto* report = std::get_if<Reported>(&event.body))
        is_one_done |= report->metrics.at("epoch") == Json(40);
      const auto* start = std::get_if<TrialStarted>(&event.body);
      if (start && start->tag.at("population") == Json(0))
        num_copies += is_one_done && start->checkpoint_from;
    }
  }
  EXPECT_GE(num_copies, 5);
}

TEST(Population, ThePlaceOfOneThatIsDoneIsForTheNext) {
  const auto scheduler = make_population_training(with(4));
  testing::LeveledWorld world(*scheduler, {.workers = 4, .max_t = 40, .value = own_value});
  world.run(2000);
  int num_after_done = 0;
  std::map<std::int64_t, TrialId> last;
  for (const Trial& trial : world.history().trials()) {
    EXPECT_EQ(trial.tag.at("population"), Json(0));
    const auto [at, is_first] = last.try_emplace(trial.tag.at("member").as_int(), trial.id);
    if (!is_first) num_after_done += world.reached[std::exchange(at->second, trial.id)] == 40;
  }
  EXPECT_GE(num_after_done, 10);
}

TEST(Population, ReportsThatComeWithTheOneItIsStoppedForCountNowhere) {
  testing::HalvingPlay play(make_population_training(with(4)));
  for (int i = 0; i < 4; ++i) play.decide(1);
  for (TrialId trial = 0; trial < 3; ++trial)
    EXPECT_EQ(play.report(trial, 4, 3.0 - static_cast<double>(trial)), "");
  play.add(Reported{.id = {3, 0}, .metrics = Json::Object{{"epoch", 4}, {"loss", 9}}});
  play.add(Reported{.id = {3, 0}, .metrics = Json::Object{{"epoch", 40}, {"loss", 0}}});
  EXPECT_EQ(play.decide(0), "stop 3");
  play.decide(1);
  EXPECT_EQ(play.history().find(4)->tag.at("population"), Json(0)) << "its place is not taken";
}

TEST(Population, MembersTakeTurnsWhereWorkersAreFew) {
  const auto scheduler = make_population_training(with(6));
  testing::LeveledWorld world(*scheduler, {.workers = 2, .max_t = 40, .value = own_value});
  for (int i = 0; i < 300; ++i) {
    world.run(world.events().size() + 1);
    // Each member's level; of the first population.
    std::map<std::int64_t, std::int64_t> levels;
    for (const Trial& trial : world.history().trials())
      if (trial.tag.at("population") == Json(0))
        levels[trial.tag.at("member").as_int()] =
            std::max(levels[trial.tag.at("member").as_int()], world.reached[trial.id]);
    if (levels.size() < 6) continue;
    const auto [low, high] =
        std::minmax_element(levels.begin(), levels.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; });
    EXPECT_LE(high->second - low->second, 9) << "after " << i;  // two intervals, and a late pause
  }
  EXPECT_EQ(world.idle, 0);
}

TEST(Population, FindsASchedule) {
  // [Jaderberg2017, fig. 2]: what is wanted is 1.2 - a^2 - b^2; a step of a trial follows the
  // gradient of 1.2 - h a^2 - (1 - h) b^2. No single h gets both to 0 quickly.
  const SearchSpace h({{"h", uniform(0, 1)}});
  std::map<TrialId, std::pair<double, double>> state;
  const auto scheduler = make_population_training(
      {.space = h,
       .searcher = make_random_search({.space = h, .duplicates = Duplicates::Allow}),
       .points_to_evaluate = {Json::Object{{"h", 0.0}}, Json::Object{{"h", 1.0}}},
       .metric = {.name = "q", .mode = Mode::Max},
       .max_t = 100,
       .population_size = 2,
       .perturbation_interval = 4,
       .quantile_fraction = 0.5});
  const auto step = [&](const Trial& trial, std::int64_t) {
    const auto [at, is_new] = state.try_emplace(trial.id, 0.9, 0.9);
    if (is_new && trial.checkpoint_from) at->second = state.at(*trial.checkpoint_from);
    auto& [a, b] = at->second;
    const double hyper = trial.configuration.at("h").as_double();
    a -= 0.02 * hyper * a;
    b -= 0.02 * (1 - hyper) * b;
    return Json::Object{{"q", 1.2 - a * a - b * b}};
  };
  testing::LeveledWorld world(*scheduler, {.workers = 2, .max_t = 100, .value = step});
  world.run(400);
  double best = 0;
  for (const Trial& trial : world.history().trials())
    for (const Report& report : trial.reports)
      best = std::max(best, report.metrics.at("q").as_double());
  // Either end of h alone comes to 0.4.
  EXPECT_GT(best, 0.7);
}

TEST(Population, AMemberThatFailsIsReplaced) {
  const auto scheduler = make_population_training(with(3));
  testing::LeveledWorldOptions options{.workers = 3, .max_t = 40, .value = own_value};
  options.failing = {1, 3, 4, 5, 6, 7};
  testing::LeveledWorld world(*scheduler, options);
  world.run(200);
  std::map<std::string, int> trials;
  for (const Trial& trial : world.history().trials())
    if (trial.status == TrialStatus::Failed) ++trials[to_json_text(trial.tag)];
  EXPECT_EQ(trials.at(R"({"population":0,"member":1})"), 3);
  EXPECT_EQ(world.idle, 0);
}

TEST(Population, RefusesBadOptions) {
  const auto message = [](PopulationOptions options) {
    try {
      make_population_training(std::move(options));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(with(2)), "");
  EXPECT_THAT(message(with(1)), HasSubstr("a population of one has nobody to learn from"));
  EXPECT_THAT(message(with(0)), HasSubstr("population_size = 0"));
  const auto bad = [&](auto change) {
    PopulationOptions options = with(4);
    change(options);
    return message(std::move(options));
  };
  EXPECT_THAT(bad([](auto& o) { o.searcher = nullptr; }), HasSubstr("searcher"));
  EXPECT_THAT(bad([](auto& o) { o.max_t = 1; }), HasSubstr("max_t = 1"));
  EXPECT_THAT(bad([](auto& o) { o.perturbation_interval = 40; }), HasSubstr("[1, max_t = 40)"));
  EXPECT_THAT(bad([](auto& o) { o.quantile_fraction = 0.6; }), HasSubstr("quantile_fraction"));
  EXPECT_THAT(bad([](auto& o) { o.resample_probability = -1; }), HasSubstr("resample_probability"));
}

}  // namespace
}  // namespace skipjack
