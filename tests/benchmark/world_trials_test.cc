#include "skipjack/benchmark/world_trials.h"

#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {
namespace {

constexpr std::int64_t kMax = 10;

/// The value at level r is gain * r; a level takes one second.
class Gains final : public World {
 public:
  explicit Gains(Mode mode) : metric_{.name = "score", .mode = mode} {}
  const std::string& name() const override { return name_; }
  const SearchSpace& space() const override { return space_; }
  const Metric& metric() const override { return metric_; }
  const Resource& resource() const override { return resource_; }
  const Reference& reference() const override { return reference_; }
  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    Evaluation evaluation{.curve = {}, .seconds = kMax};
    const double luck = 0.125 * static_cast<double>(rng.uniform_int(0, 3));
    for (std::int64_t r = 1; r <= kMax; ++r)
      evaluation.curve.push_back(
          {.resource = r,
           .value = value(configuration, r) + (metric_.mode == Mode::Max ? luck : -luck),
           .seconds = static_cast<double>(r)});
    return evaluation;
  }
  std::optional<double> true_value(const Configuration& configuration) const override {
    return value(configuration, kMax);
  }

 private:
  double value(const Configuration& configuration, std::int64_t r) const {
    const double score = configuration.at("gain").as_double() * static_cast<double>(r);
    return metric_.mode == Mode::Max ? score : -score;
  }
  std::string name_ = "gains";
  SearchSpace space_{{{"gain", uniform(0, 10)}}};
  Metric metric_;
  Resource resource_{.name = "epoch", .max = kMax};
  Reference reference_;
};

/// Trial 0 with this gain has come to level 3; trial 1 with another gain goes on from its
/// checkpoint. What that reports: the scores, less the luck of trial 0.
std::vector<double> handed_on(Mode mode, double from, double to) {
  const Gains world(mode);
  WorldTrials trials(world, {.seed = 3});
  const SimulatedAttempt first =
      trials.run({.id = {0, 0}, .configuration = Json::Object{{"gain", from}}});
  for (int i = 0; i < 3; ++i) trials.apply(Event{.body = Reported{.id = {0, 0}, .metrics = {}}});
  const SimulatedAttempt second =
      trials.run({.id = {1, 0}, .configuration = Json::Object{{"gain", to}}, .checkpoint_from = 0});
  const double sign = mode == Mode::Max ? 1 : -1;
  const double luck = sign * first.reports.front().metrics.at("score").as_double() - from;
  std::vector<double> scores;
  std::int64_t level = 3;
  for (const auto& step : second.reports) {
    EXPECT_EQ(step.metrics.at("epoch"), Json(++level));
    EXPECT_EQ(to_seconds(step.after), static_cast<double>(level - 3));
    scores.push_back(sign * step.metrics.at("score").as_double() - luck);
  }
  EXPECT_EQ(level, kMax);
  return scores;
}

TEST(WorldTrials, ACopyGoesOnFromWhatTheOtherHadLearnt) {
  for (const Mode mode : {Mode::Max, Mode::Min}) {
    using Scores = std::vector<double>;
    EXPECT_EQ(handed_on(mode, 2, 2), (Scores{8, 10, 12, 14, 16, 18, 20})) << "the same again";
    // 6 at level 3 is what a gain of 1 has at level 6, and one of 3 at level 2.
    EXPECT_EQ(handed_on(mode, 2, 1), (Scores{7, 8, 9, 10, 10, 10, 10}));
    EXPECT_EQ(handed_on(mode, 2, 3), (Scores{9, 12, 15, 18, 21, 24, 27}));
    EXPECT_EQ(handed_on(mode, 4, 1), (Scores{10, 10, 10, 10, 10, 10, 10}))
        << "never as good by itself";
    EXPECT_EQ(handed_on(mode, 0.5, 3).front(), 6) << "a poor checkpoint is a poor start";
  }
}

}  // namespace
}  // namespace skipjack::benchmark
