#include "skipjack/schedule/dehb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "leveled_world.h"
#include "skipjack/base/error.h"
#include "skipjack/search/random.h"

namespace skipjack {
namespace {

using ::testing::HasSubstr;

SearchSpace space() {
  return SearchSpace({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}, {"c", uniform(0, 1)}});
}

DehbOptions options(std::uint64_t seed = 0) {
  return {.space = space(),
          .searcher = make_random_search({.space = space(), .seed = seed}),
          .metric = {.name = "loss"},
          .resource = {.max_t = 9},
          .seed = seed};
}

double distance(const Configuration& c) {
  double sum = 0;
  for (const char* name : {"a", "b", "c"}) sum += std::pow(c.at(name).as_double() - 0.3, 2);
  return sum;
}

Json::Object value(const Trial& trial, std::int64_t level) {
  return {{"loss", distance(trial.configuration) + 1.0 / static_cast<double>(level)}};
}

TEST(Dehb, FirstCyclePromotesLaterOnesRenew) {
  // Ladders for 9 and 3: 9 at 1, 3 at 3, 1 at 9; 5 at 3, 2 at 9; 3 at 9.
  const auto scheduler = make_dehb(options());
  testing::LeveledWorld world(*scheduler, {.workers = 1, .max_t = 9, .value = value});
  world.run(2000);
  EXPECT_EQ(world.idle, 0);
  std::map<std::int64_t, std::map<std::int64_t, int>>
      started;  // trials by bracket and max_resource
  std::map<std::int64_t, int> resumed;
  for (const Event& event : world.events()) {
    if (const auto* s = std::get_if<TrialStarted>(&event.body))
      ++started[s->tag.at("bracket").as_int()][*s->max_resource];
    if (const auto* r = std::get_if<TrialResumed>(&event.body))
      ++resumed[world.history().find(r->id.trial)->tag.at("bracket").as_int()];
  }
  using Counts = std::map<std::int64_t, int>;
  EXPECT_EQ(started[0], (Counts{{1, 9}}));
  EXPECT_EQ(resumed[0], 4);
  EXPECT_EQ(started[1], (Counts{{3, 5}}));
  EXPECT_EQ(resumed[1], 2);
  EXPECT_EQ(started[2], (Counts{{9, 3}}));
  EXPECT_EQ(started[3], (Counts{{1, 9}, {3, 3}, {9, 1}}));
  EXPECT_EQ(started[4], (Counts{{3, 5}, {9, 2}}));
  EXPECT_EQ(resumed[3] + resumed[4], 0);
}

TEST(Dehb, EvolvesTowardsTheBest) {
  double first = 0, last = 0;
  int num = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto scheduler = make_dehb(options(seed));
    testing::LeveledWorld world(*scheduler,
                                {.seed = seed, .workers = 4, .max_t = 9, .value = value});
    while (world.history().trials().size() < 150) world.run(world.events().size() + 1);
    const auto& trials = world.history().trials();
    for (std::size_t i = 0; i < 20; ++i, ++num) {
      first += distance(trials[i].configuration);
      last += distance(trials[trials.size() - 1 - i].configuration);
    }
  }
  EXPECT_LT(last, 0.3 * first) << "squared distances " << last / num << " and " << first / num;
}

TEST(Dehb, ProposesNothingTwiceAndKeepsConstraints) {
  const SearchSpace kept({{"a", rand_int(0, 9)}, {"b", rand_int(0, 9)}}, {"a + b <= 12"});
  DehbOptions o = options();
  o.space = kept;
  o.searcher = make_random_search({.space = kept});
  const auto scheduler = make_dehb(std::move(o));
  testing::LeveledWorld world(*scheduler,
                              {.workers = 3, .max_t = 9, .value = [](const Trial& t, std::int64_t) {
                                 return Json::Object{{"loss", t.configuration.at("a").as_double()}};
                               }});
  world.run(20'000);
  EXPECT_TRUE(world.is_finished());
  std::set<std::string> seen;
  for (const Trial& trial : world.history().trials()) {
    EXPECT_TRUE(kept.satisfies_constraints(trial.configuration));
    EXPECT_TRUE(seen.insert(kept.key(trial.configuration)).second);
  }
  EXPECT_EQ(seen.size(), 79u);  // all that there are
}

TEST(Dehb, RefusesBadOptions) {
  const auto message = [](auto change) {
    DehbOptions o = options();
    change(o);
    try {
      make_dehb(std::move(o));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message([](auto&) {}), "");
  EXPECT_THAT(message([](auto& o) { o.searcher = nullptr; }), HasSubstr("searcher"));
  EXPECT_THAT(message([](auto& o) { o.mutation_factor = 0; }), HasSubstr("mutation_factor = 0"));
  EXPECT_THAT(message([](auto& o) { o.crossover_probability = 2; }),
              HasSubstr("crossover_probability = 2"));
  EXPECT_THAT(message([](auto& o) { o.brackets = 4; }), HasSubstr("[1, 3]"));
}

}  // namespace
}  // namespace skipjack
