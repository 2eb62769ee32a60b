// What a history teaches the searchers without a surrogate, and where cells begin and end.
#include "skipjack/search/experience.h"

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
