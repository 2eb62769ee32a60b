// The LCBench surrogate against values that onnxruntime computed from the original network
// (lcbench_onnx.txt, written by bench/data/make_lcbench.py --fixture), and the world made of it.
#include "skipjack/benchmark/lcbench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/benchmark/disguise.h"
#include "skipjack/benchmark/gzip.h"
#include "skipjack/benchmark/replay.h"
#include "skipjack/benchmark/suite.h"

namespace skipjack::benchmark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kFile =
    std::filesystem::path(SKIPJACK_BENCH_DATA) / "lcbench" / "surrogate.gz";

const LcbenchSurrogate& surrogate() {
  static const LcbenchSurrogate loaded(kFile);
  return loaded;
}

std::vector<int> all_epochs() {
  std::vector<int> epochs(LcbenchSurrogate::kNumEpochs);
  std::iota(epochs.begin(), epochs.end(), 1);
  return epochs;
}

/// The original's tasks for development come first.
constexpr std::size_t kNumDevelopmentTasks = 17;

TEST(LcbenchSurrogate, AgreesWithOnnxruntimeOnOriginal) {
  std::ifstream file(std::filesystem::path(SKIPJACK_TEST_DATA) / "lcbench_onnx.txt");
  std::string line;
  std::set<std::string> tasks;
  // Its sigmoid is good to 1e-7; the outputs are that times their scale: 46,790 seconds, 34 of
  // cross entropy, 32 of the logarithm of accuracy.
  const double seconds_slack = 0.01, entropy_slack = 1e-5;
  while (std::getline(file, line)) {
    if (line.starts_with('#')) continue;
    std::istringstream in(line);
    std::string task;
    in >> task;
    Json::Object values;
    for (const auto& [name, domain] : surrogate().space().searched()) {
      double value = 0;
      in >> value;
      values.emplace_back(name, cast(domain, Json(value)));
    }
    int epoch = 0;
    double seconds = 0, accuracy = 0, entropy = 0;
    ASSERT_TRUE(in >> epoch >> seconds >> accuracy >> entropy) << line;
    const LcbenchPrediction found =
        surrogate().predict(task, Json(std::move(values)), std::span(&epoch, 1));
    EXPECT_NEAR(found.seconds[0], seconds, seconds_slack + 1e-4 * seconds) << line;
    EXPECT_NEAR(found.validation_accuracy[0], accuracy, 1e-4 * accuracy) << line;
    EXPECT_NEAR(found.validation_cross_entropy[0], entropy, entropy_slack + 1e-4 * entropy) << line;
    tasks.insert(task);
  }
  EXPECT_EQ(tasks.size(), 34u);
}

TEST(LcbenchSurrogate, HasTasksInOrderOfOriginal) {
  const auto& tasks = surrogate().tasks();
  ASSERT_EQ(tasks.size(), 34u);
  EXPECT_EQ(tasks.front(), "3945");
  EXPECT_EQ(tasks[kNumDevelopmentTasks - 1], "167200");
  EXPECT_EQ(tasks.back(), "189909");
}

TEST(LcbenchSurrogate, HasSpaceOfOriginal) {
  std::vector<std::string> texts;
  for (const auto& [name, domain] : surrogate().space().searched())
    texts.push_back(name + ": " + to_text(domain));
  EXPECT_THAT(texts,
              ElementsAre("batch_size: lograndint(16, 512)",
                          "learning_rate: loguniform(0.0001, 0.1)", "momentum: uniform(0.1, 0.99)",
                          "weight_decay: uniform(1e-05, 0.1)", "num_layers: randint(1, 5)",
                          "max_units: lograndint(64, 1024)", "max_dropout: uniform(0.0, 1.0)"));
}

TEST(LcbenchSurrogate, GivesEpochTheSameAloneAndInItsCurve) {
  const Configuration middle = surrogate().space().midpoint();
  const LcbenchPrediction curve = surrogate().predict("126026", middle, all_epochs());
  const int epoch = 17;
  const LcbenchPrediction alone = surrogate().predict("126026", middle, std::span(&epoch, 1));
  EXPECT_EQ(alone.seconds[0], curve.seconds[16]);
  EXPECT_EQ(alone.validation_accuracy[0], curve.validation_accuracy[16]);
  EXPECT_EQ(alone.validation_cross_entropy[0], curve.validation_cross_entropy[16]);
}

/// Code and message of the error that action throws.
template <class Action>
std::pair<ErrorCode, std::string> refusal(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what() + ("; " + error.try_this())};
  }
  return {ErrorCode::Io, "nothing was thrown"};
}

TEST(LcbenchSurrogate, NamesUnknownTaskAndThoseItHas) {
  const auto [code, message] =
      refusal([] { surrogate().predict("4711", surrogate().space().midpoint(), {}); });
  EXPECT_EQ(code, ErrorCode::NotFound);
  EXPECT_THAT(message, HasSubstr("no task '4711'; one of: 3945, 7593,"));
}

TEST(LcbenchSurrogate, RefusesEpochOutOfRange) {
  for (const int epoch : {0, 53}) {
    const auto [code, message] = refusal(
        [&] { surrogate().predict("3945", surrogate().space().midpoint(), std::span(&epoch, 1)); });
    EXPECT_EQ(code, ErrorCode::InvalidArgument);
    EXPECT_THAT(message, HasSubstr("epoch = " + std::to_string(epoch) + " must be in [1, 52]"));
  }
}

TEST(LcbenchSurrogate, RefusesConfigurationOutsideSpace) {
  Configuration outside = surrogate().space().midpoint();
  outside.set("learning_rate", 3.0);
  const auto [code, message] = refusal([&] { surrogate().predict("3945", outside, all_epochs()); });
  EXPECT_EQ(code, ErrorCode::InvalidArgument);
}

TEST(LcbenchSurrogate, RefusesFileThatIsNotThere) {
  EXPECT_EQ(refusal([] { LcbenchSurrogate("/nowhere/surrogate.gz"); }).first, ErrorCode::NotFound);
}

class DamagedFile : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// What reading a file of these bytes, not compressed, ends with.
  std::pair<ErrorCode, std::string> reading(std::string_view bytes) {
    write_file_atomically(folder_ / "surrogate", bytes);
    return refusal([&] { LcbenchSurrogate(folder_ / "surrogate"); });
  }

  std::string bytes_ = read_gzip(kFile);
  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) /
                                  testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(DamagedFile, ThatEndsEarlyIsCorrupted) {
  for (const std::size_t size : {bytes_.size() - 1, bytes_.size() / 2, std::size_t{100}}) {
    const auto [code, message] = reading(std::string_view(bytes_).substr(0, size));
    EXPECT_EQ(code, ErrorCode::Corrupted) << message;
  }
}

TEST_F(DamagedFile, ThatGoesOnIsCorrupted) {
  const auto [code, message] = reading(bytes_ + "x");
  EXPECT_EQ(code, ErrorCode::Corrupted);
  EXPECT_THAT(message, HasSubstr("goes on after the last array"));
}

TEST_F(DamagedFile, WithWeightThatIsNotFiniteIsCorrupted) {
  std::string bytes = bytes_;
  bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\xff", 4);
  const auto [code, message] = reading(bytes);
  EXPECT_EQ(code, ErrorCode::Corrupted);
  EXPECT_THAT(message, HasSubstr("'head_bias'"));
}

TEST_F(DamagedFile, WithOtherShapesIsCorrupted) {
  std::string bytes = bytes_;
  const std::string width = "\"width\": 128";
  bytes.replace(bytes.find(width), width.size(), "\"width\": 129");
  EXPECT_EQ(reading(bytes).first, ErrorCode::Corrupted);
}

TEST_F(DamagedFile, OfAnotherKindIsCorrupted) {
  EXPECT_EQ(reading("table 3 4\n").first, ErrorCode::Corrupted);
  EXPECT_EQ(reading("").first, ErrorCode::Corrupted);
  EXPECT_EQ(reading("{\"format\": \"other\"}\n").first, ErrorCode::Corrupted);
}

std::unique_ptr<World> world(LcbenchNoise noise = {},
                             LcbenchMetric metric = LcbenchMetric::ValidationAccuracy,
                             std::string task = "126026") {
  return make_lcbench_world(surrogate(), {.task = task, .metric = metric, .noise = noise});
}

Configuration random_configuration(Rng& rng) { return *surrogate().space().sample(rng); }

TEST(LcbenchWorld, SaysWhatIsTuned) {
  const auto accuracy = world();
  EXPECT_EQ(accuracy->name(), "lcbench_126026");
  EXPECT_EQ(accuracy->metric().name, "val_accuracy");
  EXPECT_EQ(accuracy->metric().mode, Mode::Max);
  EXPECT_EQ(accuracy->resource().name, "epoch");
  EXPECT_EQ(accuracy->resource().max, 52);
  const auto entropy = world({}, LcbenchMetric::ValidationCrossEntropy);
  EXPECT_EQ(entropy->name(), "lcbench_126026_val_cross_entropy");
  EXPECT_EQ(entropy->metric().mode, Mode::Min);
}

TEST(LcbenchWorld, ReportsEveryEpochAtItsSecond) {
  Rng rng(1, "test");
  for (int i = 0; i < 5; ++i) {
    const Evaluation run = world()->evaluate(random_configuration(rng), rng);
    ASSERT_EQ(run.curve.size(), 52u);
    double before = 0;
    for (std::size_t k = 0; k < run.curve.size(); ++k) {
      EXPECT_EQ(run.curve[k].resource, static_cast<std::int64_t>(k) + 1);
      EXPECT_GE(run.curve[k].seconds, before);
      before = run.curve[k].seconds;
    }
    EXPECT_GT(run.curve.front().seconds, 0);
    EXPECT_EQ(run.seconds, before);
  }
}

TEST(LcbenchWorld, WithoutNoiseReportsTruth) {
  Rng rng(2, "test");
  const Configuration configuration = random_configuration(rng);
  for (const auto metric :
       {LcbenchMetric::ValidationAccuracy, LcbenchMetric::ValidationCrossEntropy}) {
    const auto exact = world({}, metric);
    EXPECT_EQ(exact->evaluate(configuration, rng).curve.back().value,
              exact->true_value(configuration));
  }
}

TEST(LcbenchWorld, GivesTheSameRunForTheSameChance) {
  const auto noisy = world({.deviation = kSeedDeviation, .log_speed_deviation = 0.1});
  const Configuration middle = surrogate().space().midpoint();
  Rng first(3, "run"), again(3, "run"), other(4, "run");
  const Evaluation run = noisy->evaluate(middle, first);
  const Evaluation same = noisy->evaluate(middle, again);
  EXPECT_EQ(run.curve.back().value, same.curve.back().value);
  EXPECT_EQ(run.seconds, same.seconds);
  EXPECT_NE(run.curve.back().value, noisy->evaluate(middle, other).curve.back().value);
}

double logit(double accuracy) { return std::log(accuracy / (100 - accuracy)); }

/// Mean, standard deviation and correlation of pairs.
struct Moments {
  double mean = 0, deviation = 0, correlation = 0;
};
Moments moments(const std::vector<std::pair<double, double>>& pairs) {
  const double n = static_cast<double>(pairs.size());
  double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
  for (const auto& [x, y] : pairs) a += x / n, b += y / n;
  for (const auto& [x, y] : pairs)
    aa += (x - a) * (x - a) / n, bb += (y - b) * (y - b) / n, ab += (x - a) * (y - b) / n;
  return {.mean = a, .deviation = std::sqrt(aa), .correlation = ab / std::sqrt(aa * bb)};
}

TEST(LcbenchWorld, NoiseHasDeviationAndShareAskedFor) {
  const LcbenchNoise noise{.deviation = 0.2, .run_share = 0.6};
  const auto noisy = world(noise), exact = world();
  const Configuration middle = surrogate().space().midpoint();
  Rng rng(5, "test");
  const Evaluation truth = exact->evaluate(middle, rng);
  std::vector<std::pair<double, double>> errors;
  for (int i = 0; i < 80; ++i) {
    const Evaluation run = noisy->evaluate(middle, rng);
    errors.emplace_back(logit(run.curve[51].value) - logit(truth.curve[51].value),
                        logit(run.curve[9].value) - logit(truth.curve[9].value));
  }
  // Four standard errors of each, at n = 80.
  const Moments found = moments(errors);
  EXPECT_NEAR(found.mean, 0, 4 * 0.2 / std::sqrt(80.0));
  EXPECT_NEAR(found.deviation, 0.2, 4 * 0.2 / std::sqrt(160.0));
  EXPECT_NEAR(found.correlation, 0.6, 4 * (1 - 0.36) / std::sqrt(80.0));
}

TEST(LcbenchWorld, NoiseMovesBothMetricsTheSameWay) {
  const LcbenchNoise noise{.deviation = 0.5};
  const auto accuracy = world(noise), entropy = world(noise, LcbenchMetric::ValidationCrossEntropy);
  const Configuration middle = surrogate().space().midpoint();
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Rng first(seed, "run"), second(seed, "run");
    const bool higher =
        accuracy->evaluate(middle, first).curve.back().value > accuracy->true_value(middle);
    const bool lower =
        entropy->evaluate(middle, second).curve.back().value < entropy->true_value(middle);
    EXPECT_EQ(higher, lower) << "seed " << seed;
  }
}

TEST(LcbenchWorld, RefusesNoiseOutOfRange) {
  const auto [code, message] = refusal([] { world({.deviation = -1}); });
  EXPECT_EQ(code, ErrorCode::InvalidArgument);
  EXPECT_THAT(message, HasSubstr("noise.deviation = -1.0 must be in [0, 2.0]"));
  EXPECT_EQ(refusal([] { world({.run_share = 1.5}); }).first, ErrorCode::InvalidArgument);
  EXPECT_EQ(refusal([] { world({.log_speed_deviation = 3}); }).first, ErrorCode::InvalidArgument);
}

TEST(LcbenchWorld, RegretIsBetweenBestKnownAndMedian) {
  // Of 60 random configurations, none is better than what a search of 80,000 evaluations found,
  // and half of them, give or take four standard errors, are better than the median.
  Rng rng(6, "test");
  for (const auto metric :
       {LcbenchMetric::ValidationAccuracy, LcbenchMetric::ValidationCrossEntropy})
    for (const char* task : {"3945", "189909"}) {
      const auto judged = world({}, metric, task);
      int better = 0;
      for (int i = 0; i < 60; ++i) {
        const double regret = normalised_regret(*judged, random_configuration(rng));
        EXPECT_GE(regret, 0) << judged->name();
        better += regret < 1 ? 1 : 0;
      }
      EXPECT_NEAR(better, 30, 4 * std::sqrt(15.0)) << judged->name();
    }
}

TEST(LcbenchWorld, IsReplayedUnderDisguise) {
  // Without noise the best value seen is the best configuration run, whichever way the metric goes.
  for (const auto metric :
       {LcbenchMetric::ValidationAccuracy, LcbenchMetric::ValidationCrossEntropy}) {
    const auto disguised = disguise(world({}, metric), {.seed = 8});
    const ReplayResult result =
        replay(*disguised, {.method = "random", .seed = 9, .evaluations = 15, .checkpoints = {15}});
    ASSERT_EQ(result.judgements.size(), 1u);
    const Judgement& end = result.judgements.front();
    EXPECT_EQ(end.evaluations, 15);
    EXPECT_EQ(end.observed, end.evaluated);
    EXPECT_GE(end.evaluated, 0);
    // The best of fifteen is worse than the median once in 2^15 times.
    EXPECT_LT(end.evaluated, 1);
    EXPECT_GT(end.measured_seconds, 15.0);
  }
}

TEST(LcbenchWorld, ASuiteGivesAllMethodsTheTimeOfRandomSearch) {
  const Problem problem = disguised_problem(world(), {});
  EXPECT_TRUE(problem.has_levels);
  const SuiteOptions options{
      .methods = {{.label = "sobol", .method = "sobol"}, {.label = "random", .method = "random"}},
      .num_seeds = 2,
      .evaluations = 6,
      .workers = 2,
      .checkpoints = {6}};
  const ProblemResult result = run_problem(problem, options);
  for (std::size_t seed : {0u, 1u}) {
    const ReplayResult& random = result.runs[1][seed];
    EXPECT_EQ(random.reason, "max_time");
    EXPECT_EQ(result.runs[0][seed].reason, "max_time");
    // The time in which six trials end on two workers: the last of them leaves one idle.
    EXPECT_GE(random.trials - random.stopped, 6);
    EXPECT_LE(random.trials - random.stopped, 8);
    EXPECT_EQ(random.moments.back(), random.best_value_regret);
  }
  const Json json = to_json(result.runs[0]);
  EXPECT_EQ(json.at("moments").as_array().size(), 2u);
  EXPECT_EQ(json.at("anytime_regret").as_array().size(), 2u);
}

TEST(LcbenchWorld, HasCurvesThatCross) {
  // What makes early stopping hard: of random pairs, some change places after the third epoch.
  Rng rng(7, "test");
  const auto exact = world();
  int crossed = 0;
  for (int i = 0; i < 25; ++i) {
    const auto a = exact->evaluate(random_configuration(rng), rng).curve;
    const auto b = exact->evaluate(random_configuration(rng), rng).curve;
    crossed += (a[2].value < b[2].value) != (a[51].value < b[51].value) ? 1 : 0;
  }
  EXPECT_GE(crossed, 3);
}

}  // namespace
}  // namespace skipjack::benchmark
