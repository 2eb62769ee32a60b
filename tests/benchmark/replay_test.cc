#include "skipjack/benchmark/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/problem.h"
#include "skipjack/benchmark/world_trials.h"

namespace skipjack::benchmark {
namespace {

using ::testing::SizeIs;

/// Two integers; the value of (a, b) is 1 + a + 10 b plus noise, (2, 0) fails. Notes the values of
/// every configuration in the order in which it gave them.
class Plane final : public World {
 public:
  struct Options {
    double noise = 0, seconds = 10;
    MetricKind kind = MetricKind::Plain;
    /// Levels of the curve; the value falls to its end.
    std::int64_t epochs = 1;
  };
  explicit Plane(const Options& options)
      : options_(options),
        space_({{"a", rand_int(0, 9)}, {"b", rand_int(0, 9)}}),
        metric_{.name = "y", .kind = options.kind},
        resource_{.name = options.epochs > 1 ? "epoch" : "", .max = options.epochs} {}
  const std::string& name() const override { return name_; }
  const SearchSpace& space() const override { return space_; }
  const Metric& metric() const override { return metric_; }
  const Resource& resource() const override { return resource_; }
  const Reference& reference() const override { return reference_; }
  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    const auto value = true_value(configuration);
    if (!value) return {.curve = {}, .seconds = 1};
    const double noisy = *value + options_.noise * rng.normal();
    given[space_.key(configuration)].push_back(noisy);
    Evaluation run{.curve = {}, .seconds = options_.seconds};
    for (std::int64_t epoch = 1; epoch <= options_.epochs; ++epoch) {
      const double part = static_cast<double>(epoch) / static_cast<double>(options_.epochs);
      run.curve.push_back({.resource = epoch,
                           .value = noisy + 1000 * (1 - part),
                           .seconds = options_.seconds * part});
    }
    return run;
  }
  std::optional<double> true_value(const Configuration& configuration) const override {
    const auto a = configuration.at("a").as_int(), b = configuration.at("b").as_int();
    if (a == 2 && b == 0) return std::nullopt;
    return 1 + static_cast<double>(a) + 10 * static_cast<double>(b);
  }
  mutable std::map<std::string, std::vector<double>> given;

 private:
  Options options_;
  std::string name_ = "plane";
  SearchSpace space_;
  Metric metric_;
  Resource resource_;
  Reference reference_{.best = 1, .median = 51};
};

TEST(Replay, UsesUpAFiniteSpaceAndThenKnowsTheBest) {
  const Plane world({});
  const ReplayResult result =
      replay(world, {.method = "random", .evaluations = 200, .checkpoints = {10, 100, 200}});
  EXPECT_EQ(result.reason, "search space exhausted");
  EXPECT_EQ(result.trials, 100);
  EXPECT_EQ(result.failures, 1);
  EXPECT_EQ(result.repeats, 0);
  ASSERT_THAT(result.judgements, SizeIs(3));
  for (std::size_t i : {1u, 2u}) {
    EXPECT_EQ(result.judgements[i].recommended, 0);
    EXPECT_EQ(result.judgements[i].observed, 0);
    EXPECT_EQ(result.judgements[i].evaluated, 0);
    EXPECT_EQ(result.judgements[i].measured_seconds, 99 * 10 + 1);
  }
  EXPECT_EQ(result.judgements[2].evaluations, 200);
  EXPECT_THAT(result.answer_seconds, SizeIs(100));
  EXPECT_THAT(result.answer_cpu_seconds, SizeIs(100));
}

TEST(Replay, JudgesByTheBestSoFarAtEachCheckpoint) {
  const Plane world({});
  const ReplayResult result =
      replay(world, {.method = "grid",
                     .method_options = Json(Json::Object{{"shuffle_config", false}}),
                     .evaluations = 30,
                     .checkpoints = {1, 2, 30}});
  // Without noise, what was best is what is recommended.
  for (const Judgement& judgement : result.judgements) {
    EXPECT_EQ(judgement.recommended, judgement.evaluated);
    EXPECT_EQ(judgement.observed, judgement.evaluated);
  }
  EXPECT_GE(result.judgements[0].evaluated, result.judgements[2].evaluated);
}

TEST(Replay, WorkersShareTheTimeAndAddUpTheirSeconds) {
  const Plane world({});
  const ReplayResult result = replay(
      world, {.method = "sobol", .seed = 4, .evaluations = 40, .workers = 4, .checkpoints = {40}});
  // Each takes 10 s, a failed one 1 s.
  const int failures = result.failures;
  EXPECT_DOUBLE_EQ(result.judgements[0].measured_seconds, 10.0 * (40 - failures) + failures);
  EXPECT_NEAR(result.judgements[0].running_time, 100, 9.0 * failures);
}

TEST(Replay, RunningTrialsCountAsFarAsTheyHaveCome) {
  // Four workers begin together; when the first ends, all four have run 10 s.
  const Plane world({});
  const ReplayResult result = replay(
      world, {.method = "sobol", .seed = 3, .evaluations = 8, .workers = 4, .checkpoints = {1, 8}});
  ASSERT_EQ(result.failures, 0) << "choose a seed that avoids the one failure";
  EXPECT_DOUBLE_EQ(result.judgements[0].measured_seconds, 40);
}

TEST(Replay, SameSeedGivesTheSameTuning) {
  const Problem problem = bbob_problem({.function = {.function = 8, .dimension = 3}}, {});
  const auto run = [&](std::uint64_t seed) {
    const auto world = problem.make_world(seed);
    const ReplayResult result = replay(*world, {.method = "bayesopt",
                                                .seed = seed,
                                                .evaluations = 15,
                                                .workers = 3,
                                                .checkpoints = {5, 15}});
    return std::vector<double>{result.judgements[0].recommended, result.judgements[1].recommended,
                               result.judgements[1].running_time};
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(Replay, NoiseIsTheSameWhateverTheMethod) {
  const Plane random_world({.noise = 1}), sobol_world({.noise = 1});
  const Json again = Json::Object{{"allow_duplicates", true}};
  replay(random_world, {.method = "random",
                        .method_options = again,
                        .seed = 5,
                        .evaluations = 300,
                        .checkpoints = {300}});
  replay(sobol_world, {.method = "grid", .seed = 5, .evaluations = 100, .checkpoints = {100}});
  int num_common = 0;
  for (const auto& [key, values] : random_world.given) {
    const auto other = sobol_world.given.find(key);
    if (other == sobol_world.given.end()) continue;
    EXPECT_EQ(other->second.front(), values.front());
    ++num_common;
    for (std::size_t i = 1; i < values.size(); ++i) EXPECT_NE(values[i], values[i - 1]);
  }
  EXPECT_GE(num_common, 20);  // the grid has 25
}

TEST(Replay, CountsRepeatsAndRepeatedFailures) {
  const Plane world({});
  const ReplayResult result =
      replay(world, {.method = "random",
                     .method_options = Json(Json::Object{{"allow_duplicates", true}}),
                     .evaluations = 1000,
                     .checkpoints = {1000}});
  const std::size_t tried = world.given.size() + 1;  // and the one that fails
  EXPECT_EQ(result.repeats, 1000 - static_cast<int>(tried));
  EXPECT_EQ(result.repeated_failures, result.failures - 1);
  EXPECT_GT(result.failures, 1);
}

TEST(Replay, TargetIsReachedByTheFirstCompletedTrialWithinTheFactor) {
  const Plane world({.kind = MetricKind::Time});
  ReplayOptions options{.method = "random", .seed = 2, .evaluations = 100, .checkpoints = {100}};
  // Values are 1, 2, 3, ...: within 1.2 only the best one, within 5 five less the failed one.
  const ReplayResult tight = replay(world, options);
  options.target_factor = 5;
  const ReplayResult loose = replay(world, options);
  ASSERT_TRUE(tight.evaluations_to_target);
  ASSERT_TRUE(loose.evaluations_to_target);
  EXPECT_LE(*loose.evaluations_to_target, *tight.evaluations_to_target);
  EXPECT_LE(*loose.seconds_to_target, *tight.seconds_to_target);
  EXPECT_NEAR(*tight.seconds_to_target, 10 * *tight.evaluations_to_target, 9);
}

TEST(Replay, MetricsThatAreNoTimesHaveNoTarget) {
  const Plane world({});
  const ReplayResult result =
      replay(world, {.method = "random", .evaluations = 100, .checkpoints = {100}});
  EXPECT_FALSE(result.evaluations_to_target);
  EXPECT_FALSE(result.seconds_to_target);
}

TEST(Replay, CurvesAreReportedLevelByLevelAndJudgedAtTheirEnd) {
  const Plane world({.epochs = 4});
  const ReplayResult result =
      replay(world, {.method = "random", .evaluations = 100, .checkpoints = {100}});
  EXPECT_EQ(result.judgements[0].recommended, 0);
  EXPECT_EQ(result.judgements[0].measured_seconds, 99 * 10 + 1);
}

TEST(Replay, MomentsAreTheRegretOfTheBestReportUntilThen) {
  const Plane world({.noise = 30, .epochs = 4});
  std::vector<Trial> trials;
  const ReplayResult result =
      replay(world, {.method = "random",
                     .seed = 3,
                     .time_limit = std::chrono::seconds(100),
                     .workers = 2,
                     .on_end = [&](const History& history) { trials = history.trials(); }});
  EXPECT_EQ(result.reason, "max_time");
  ASSERT_THAT(result.moments, SizeIs(kMoments.size()));
  for (std::size_t i = 0; i < kMoments.size(); ++i) {
    double best = 1e9, regret = 1;
    for (const Trial& trial : trials)
      for (const Report& report : trial.reports)
        if (to_seconds(report.time) <= 100 * kMoments[i] &&
            report.metrics.at("y").as_double() < best) {
          best = report.metrics.at("y").as_double();
          regret = (*world.true_value(trial.configuration) - 1) / 50;
        }
    EXPECT_DOUBLE_EQ(result.moments[i], regret) << i;
  }
  EXPECT_NE(result.moments.front(), result.moments.back());
}

TEST(Replay, LaunchesAndEndsTakeTheirTime) {
  const Plane world({.epochs = 2});
  const ReplayResult result = replay(world, {.method = "sobol",
                                             .evaluations = 5,
                                             .start_delay = std::chrono::seconds(3),
                                             .checkpoints = {5}});
  ASSERT_EQ(result.failures, 0) << "choose a seed that avoids the one failure";
  EXPECT_DOUBLE_EQ(result.judgements[0].running_time, 5 * (3 + 10));
  const ReplayResult stopped = replay(world, {.method = "sobol",
                                              .time_limit = std::chrono::seconds(15),
                                              .stop_delay = std::chrono::seconds(2)});
  EXPECT_EQ(stopped.stopped, 1);
  EXPECT_DOUBLE_EQ(stopped.judgements.back().running_time, 15 + 2);
}

TEST(Replay, SomeAttemptsFailOnTheWay) {
  const Plane world({.epochs = 10});
  const auto run = [&](double probability) {
    return replay(world, {.method = "random",
                          .evaluations = 99,
                          .failure_probability = probability,
                          .checkpoints = {99}});
  };
  EXPECT_EQ(run(1).failures, 99);
  const ReplayResult half = run(0.5);
  EXPECT_GT(half.failures, 30);
  EXPECT_LT(half.failures, 70);
  EXPECT_EQ(run(0.5).judgements.back().running_time, half.judgements.back().running_time);
  // Half of them fail, half way in the mean.
  EXPECT_NEAR(half.judgements.back().running_time, 99 * 10 * 0.75, 100);
}

TEST(WorldTrials, AnAttemptGoesOnBehindWhatItsTrialReported) {
  const Plane world({.epochs = 4});
  WorldTrials trials(world, {.seed = 1});
  const Configuration configuration = Json(Json::Object{{"a", 3}, {"b", 1}});
  const auto told = [&](TrialId trial, int attempt) {
    trials.apply({.body = Reported{{trial, attempt}, {}}});
  };
  const SimulatedAttempt first =
      trials.run({.id = {0, 0}, .configuration = configuration, .max_resource = 2});
  ASSERT_THAT(first.reports, SizeIs(2));
  EXPECT_EQ(first.duration, std::chrono::seconds(5));
  told(0, 0), told(0, 0);
  const SimulatedAttempt second = trials.run({.id = {0, 1}, .configuration = configuration});
  ASSERT_THAT(second.reports, SizeIs(2));
  EXPECT_EQ(second.reports[0].metrics.at("epoch"), Json(3));
  EXPECT_EQ(second.reports[0].after, from_seconds(2.5));
}

TEST(WorldTrials, ACheckpointIsWorthTheLevelsOfTheTrialThatItIsFrom) {
  const Plane world({.epochs = 4});
  WorldTrials trials(world, {.seed = 1});
  trials.run({.id = {0, 0}, .configuration = Json(Json::Object{{"a", 3}, {"b", 1}})});
  trials.apply({.body = Reported{{0, 0}, {}}});
  const Configuration other = Json(Json::Object{{"a", 5}, {"b", 0}});
  const SimulatedAttempt copy =
      trials.run({.id = {1, 0}, .configuration = other, .checkpoint_from = 0});
  ASSERT_THAT(copy.reports, SizeIs(3));
  EXPECT_EQ(copy.reports[0].metrics.at("epoch"), Json(2));
  EXPECT_EQ(copy.reports.back().metrics.at("y"), Json(*world.true_value(other)));
  EXPECT_EQ(copy.duration, from_seconds(7.5));
}

TEST(Replay, BeginsInTheMiddleWhereToldTo) {
  const Plane world({});
  const auto first_of = [&](FirstTrial first_trial) {
    Configuration first;
    replay(world, {.method = "random",
                   .first_trial = first_trial,
                   .seed = 1,
                   .evaluations = 3,
                   .checkpoints = {3},
                   .on_end = [&](const History& history) {
                     first = history.trials().front().configuration;
                   }});
    return first;
  };
  EXPECT_EQ(first_of(FirstTrial::Standard), world.space().midpoint());
  EXPECT_NE(first_of(FirstTrial::Proposed), world.space().midpoint());
}

TEST(Replay, OptionsOutOfRangeAreRefused) {
  const Plane world({});
  const auto refused = [&](const ReplayOptions& options) {
    EXPECT_THROW(replay(world, options), Error);
  };
  refused({.method = "no such"});
  refused({.method = "random", .evaluations = 0, .checkpoints = {1}});
  refused({.method = "random", .workers = 0});
  refused({.method = "random", .checkpoints = {}});
  refused({.method = "random", .checkpoints = {20, 10}});
  refused({.method = "random", .checkpoints = {0}});
  refused({.method = "random", .evaluations = 50, .checkpoints = {100}});
  refused({.method = "random", .time_limit = Duration::zero()});
  refused({.method = "random", .failure_probability = 1.5});
  refused({.method = "asha"});  // there are no levels to look at
  refused({.method = "random", .target_factor = 1});
}

}  // namespace
}  // namespace skipjack::benchmark
