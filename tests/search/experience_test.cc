// What a history teaches the searchers without a surrogate, and where cells begin and end.
#include "skipjack/search/experience.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "play.h"
#include "skipjack/search/axes.h"

namespace skipjack {
namespace {

using play::Experiment;

const SearchSpace& space() {
  static const SearchSpace s({{"a", rand_int(0, 9)}});
  return s;
}

Configuration at(std::int64_t a) { return space().configuration_at(a); }

Experience make(Mode mode = Mode::Min, Duplicates duplicates = Duplicates::Avoid) {
  return Experience(
      {.space = space(), .metric = {.name = "loss", .mode = mode}, .duplicates = duplicates});
}

TEST(Experience, TrialsFinishInTheOrderInWhichTheyEnded) {
  Experiment experiment;
  const TrialId first = experiment.start(at(1)), second = experiment.start(at(2));
  experiment.report(second, "loss", 5);
  experiment.end(second, Outcome::Completed);
  experiment.end(first, Outcome::Failed);
  Experience experience = make();
  experience.update(experiment.history());
  const std::vector<FinishedTrial> expected = {{second, 5.0}, {first, std::nullopt}};
  EXPECT_EQ(experience.finished(), expected);
}

TEST(Experience, TurnsTheSignForMax) {
  Experiment experiment;
  experiment.measured(at(1), 5);
  Experience experience = make(Mode::Max);
  experience.update(experiment.history());
  EXPECT_EQ(experience.finished().at(0).loss, -5.0);
}

TEST(Experience, ABoundIsForgottenOnceItsConfigurationIsKnownBetter) {
  Experiment experiment;
  const TrialId look = experiment.stopped(at(1), 7), other = experiment.stopped(at(2), 8);
  Experience experience = make();
  experience.update(experiment.history());
  const std::vector<FinishedTrial> bounds = {{.trial = look, .loss = 7.0, .is_bound = true},
                                             {.trial = other, .loss = 8.0, .is_bound = true}};
  EXPECT_EQ(experience.finished(), bounds);
  const TrialId again = experiment.start(at(1));
  experience.update(experiment.history());
  EXPECT_EQ(experience.finished(), bounds);
  experiment.report(again, "loss", 5);
  experiment.end(again, Outcome::Completed);
  experience.update(experiment.history());
  const std::vector<FinishedTrial> known = {{.trial = other, .loss = 8.0, .is_bound = true},
                                            {.trial = again, .loss = 5.0}};
  EXPECT_EQ(experience.finished(), known);
  experiment.stopped(at(1), 6);
  experience.update(experiment.history());
  EXPECT_EQ(experience.finished(), known);
}

TEST(Experience, WithLevelsTrialsAreFinishedWhereTheyHaveAValue) {
  Experience experience({.space = space(),
                         .metric = {.name = "loss", .mode = Mode::Max},
                         .levels = LevelOptions{.rung_levels = {1, 3}, .max_resource = 9},
                         .enough_values = 2});
  Experiment experiment;
  const auto report = [&](TrialId trial, std::int64_t level, double value) {
    experiment.report(trial, Json::Object{{"loss", value}, {"epoch", level}});
  };
  std::vector<TrialId> trials;
  for (int a = 0; a < 4; ++a) trials.push_back(experiment.start(at(a)));
  report(trials[0], 1, 5);
  experience.update(experiment.history());
  EXPECT_EQ(experience.level(), std::nullopt);
  EXPECT_TRUE(experience.finished().empty());
  report(trials[1], 1, 6);
  report(trials[1], 2, 7);  // no rung
  report(trials[1], 3, 8);
  experiment.end(trials[2], Outcome::Failed);
  experience.update(experiment.history());
  EXPECT_EQ(experience.level(), 1);
  const std::vector<FinishedTrial> at_1 = {
      {trials[0], -5.0}, {trials[1], -6.0}, {trials[2], std::nullopt}};
  EXPECT_THAT(experience.finished(), ::testing::UnorderedElementsAreArray(at_1));
  EXPECT_EQ(experience.pending(), std::vector<TrialId>{trials[3]});
  report(trials[3], 3, 9);
  experience.update(experiment.history());
  EXPECT_EQ(experience.level(), 3);
  const std::vector<FinishedTrial> at_3 = {
      {trials[1], -8.0}, {trials[2], std::nullopt}, {trials[3], -9.0}};
  EXPECT_THAT(experience.finished(), ::testing::UnorderedElementsAreArray(at_3));
  EXPECT_EQ(experience.pending(), std::vector<TrialId>{trials[0]});
}

TEST(Experience, OfSeveralObjectivesAllAreNeeded) {
  Experience experience({.space = space(),
                         .metric = {.name = "loss"},
                         .others = {{.name = "gain", .mode = Mode::Max}}});
  Experiment experiment;
  const TrialId both = experiment.start(at(1));
  experiment.report(both, Json::Object{{"loss", 2.0}, {"gain", 3.0}});
  experiment.end(both, Outcome::Completed);
  const TrialId one = experiment.measured(at(2), 4);
  experience.update(experiment.history());
  const std::vector<FinishedTrial> expected = {{both, 2.0, {-3.0}}, {one, std::nullopt}};
  EXPECT_EQ(experience.finished(), expected);
}

TEST(Experience, AllowedDuplicatesAreMeasuredOnesOnly) {
  Experiment experiment;
  experiment.measured(at(1), 5);
  experiment.failed(at(2));
  experiment.start(at(3));
  Experience experience = make(Mode::Min, Duplicates::Allow);
  experience.update(experiment.history());
  EXPECT_TRUE(experience.may_propose(space().encode(at(1))));
  EXPECT_FALSE(experience.may_propose(space().encode(at(2))));
  EXPECT_FALSE(experience.may_propose(space().encode(at(3))));
  Experience strict = make();
  strict.update(experiment.history());
  EXPECT_FALSE(strict.may_propose(space().encode(at(1))));
  EXPECT_TRUE(strict.may_propose(space().encode(at(4))));
}

TEST(Experience, StartsOverForAnotherHistory) {
  Experiment one, other;
  one.measured(at(1), 5);
  other.measured(at(2), 6);
  Experience experience = make();
  experience.update(one.history());
  EXPECT_EQ(experience.update(other.history()), TriedConfigurations::Relation::Other);
  EXPECT_EQ(experience.point(0), space().encode(at(2)));
}

TEST(Axes, PointsLieInTheCellOfTheValueThatTheyDecodeTo) {
  const SearchSpace mixed({{"linear", rand_int(-3, 8)},
                           {"log", log_rand_int(1, 300)},
                           {"ordinal", ordinal({1, 2, 4, 100})},
                           {"log_ordinal", log_ordinal({1, 3, 1000})},
                           {"category", choice({"a", "b", "c"})},
                           {"grid", fin_range(0.1, 0.9, 7)},
                           {"quantised", quantized(uniform(0, 1), 0.25)}});
  const std::vector<Axis> axes = make_axes(mixed);
  Rng rng(1, "axes");
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> point(axes.size());
    for (double& u : point) u = rng.uniform();
    const Configuration configuration = mixed.decode(point);
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const auto& [name, domain] = mixed.searched()[k];
      const auto cell = static_cast<std::int64_t>(axes[k].cell(point[k]));
      EXPECT_EQ(value_at(domain, cell), configuration.at(name)) << name << " at " << point[k];
    }
  }
}

TEST(Axes, KindsFollowTheDomains) {
  const std::vector<Axis> axes = make_axes(SearchSpace({{"x", uniform(0, 1)},
                                                        {"n", rand_int(1, 3)},
                                                        {"c", choice({true, false})},
                                                        {"huge", rand_int(0, 1'000'000)},
                                                        {"one", rand_int(4, 4)}}));
  EXPECT_EQ(axes[0].kind, AxisKind::Continuous);
  EXPECT_EQ(axes[1].kind, AxisKind::Cells);
  EXPECT_EQ(axes[1].num_cells(), 3u);
  EXPECT_EQ(axes[2].kind, AxisKind::Categories);
  EXPECT_EQ(axes[3].kind, AxisKind::Continuous);
  EXPECT_EQ(axes[4].num_cells(), 1u);
}

}  // namespace
}  // namespace skipjack
