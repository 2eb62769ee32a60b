#include "skipjack/benchmark/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {
namespace {

using ::testing::ElementsAre;

Problem sphere() { return bbob_problem({.function = {.function = 1, .dimension = 2}}, {}); }

SuiteOptions two_methods() {
  return {
      .methods = {{.label = "random", .method = "random"}, {.label = "sobol", .method = "sobol"}},
      .first_seed = 3,
      .num_seeds = 6,
      .evaluations = 20,
      .checkpoints = {10, 20}};
}

std::vector<double> regrets(const ProblemResult& result) {
  std::vector<double> all;
  for (const auto& runs : result.runs)
    for (const ReplayResult& run : runs)
      for (const Judgement& judgement : run.judgements) all.push_back(judgement.recommended);
  return all;
}

TEST(Suite, ResultsDoNotDependOnTheNumberOfThreads) {
  SuiteOptions options = two_methods();
  const ProblemResult one = run_problem(sphere(), options);
  options.jobs = 4;
  const ProblemResult four = run_problem(sphere(), options);
  EXPECT_EQ(one.name, "bbob_f1_d2");
  EXPECT_EQ(regrets(one).size(), 24u);
  EXPECT_EQ(regrets(one), regrets(four));
}

TEST(Suite, SeedsAreThoseAskedFor) {
  SuiteOptions options = two_methods();
  const ProblemResult six = run_problem(sphere(), options);
  options.first_seed = 5;
  options.num_seeds = 1;
  const ProblemResult third = run_problem(sphere(), options);
  EXPECT_EQ(third.runs[1][0].judgements[1].recommended, six.runs[1][2].judgements[1].recommended);
}

TEST(Suite, AnExceptionInAThreadComesOut) {
  SuiteOptions options = two_methods();
  options.jobs = 3;
  options.methods[1].method = "no such";
  EXPECT_THROW(run_problem(sphere(), options), Error);
}

TEST(Suite, OptionsOutOfRangeAreRefused) {
  for (void (*spoil)(SuiteOptions&) :
       {+[](SuiteOptions& o) { o.methods.clear(); }, +[](SuiteOptions& o) { o.num_seeds = 0; },
        +[](SuiteOptions& o) { o.jobs = 0; }}) {
    SuiteOptions options = two_methods();
    spoil(options);
    EXPECT_THROW(run_problem(sphere(), options), Error);
  }
}

/// A run with one checkpoint.
ReplayResult run_of(double regret, double seconds, std::optional<double> to_target = {}) {
  ReplayResult run;
  run.judgements = {{.evaluations = 10, .recommended = regret, .measured_seconds = seconds}};
  run.end = run.judgements.back();
  run.answer_seconds = run.answer_cpu_seconds = {1, 2, 3};
  run.has_target = true;
  run.seconds_to_target = to_target;
  return run;
}

TEST(Suite, ExpectedRunningTimeChargesRunsThatMissed) {
  const MethodSummary summary =
      summarise({run_of(1, 100, 20.0), run_of(2, 100), run_of(3, 100, 40.0)});
  // (20 + 100 + 40) / 2 successes.
  EXPECT_DOUBLE_EQ(*summary.seconds_to_target, 80);
  EXPECT_DOUBLE_EQ(*summary.target_fraction, 2.0 / 3);
  EXPECT_DOUBLE_EQ(summary.recommended[0], 2);
  EXPECT_EQ(summary.answer_median_seconds, 2);
  EXPECT_EQ(summary.answer_p99_seconds, 3);
  EXPECT_FALSE(summarise({run_of(1, 100)}).seconds_to_target);
  EXPECT_EQ(summarise({run_of(1, 100)}).target_fraction, 0.0);
}

ProblemResult result_of(const std::vector<std::vector<double>>& regrets) {
  ProblemResult result{.name = "p", .runs = {}};
  for (const auto& of_method : regrets) {
    result.runs.emplace_back();
    for (const double regret : of_method) result.runs.back().push_back(run_of(regret, 1));
  }
  return result;
}

TEST(Suite, ComparisonsOnProblemsAreCorrectedForTheirNumber) {
  // Five differences of one sign: p = 1/32 on the first problem, 1 on the second.
  const std::vector<ProblemResult> results = {result_of({{1, 2, 3, 4, 5}, {2, 4, 6, 8, 10}}),
                                              result_of({{2, 4, 6, 8, 10}, {1, 2, 3, 4, 5}})};
  const std::vector<Comparison> comparisons = compare_on_problems(results, 1);
  ASSERT_EQ(comparisons.size(), 2u);
  EXPECT_DOUBLE_EQ(comparisons[0].p_smaller, 1.0 / 32);
  EXPECT_DOUBLE_EQ(comparisons[0].adjusted_smaller, 2.0 / 32);
  EXPECT_DOUBLE_EQ(comparisons[0].p_larger, 1);
  EXPECT_DOUBLE_EQ(comparisons[1].p_larger, 1.0 / 32);
  EXPECT_EQ(comparisons[0].num_smaller, 5);
  EXPECT_EQ(comparisons[1].num_larger, 5);
}

TEST(Suite, ComparisonsOverProblemsPairTheirMeans) {
  std::vector<ProblemResult> results;
  for (const double level : {1.0, 2.0, 3.0, 4.0, 5.0})
    results.push_back(result_of({{level, level}, {3 * level, 3 * level}, {level, level}}));
  const std::vector<Comparison> comparisons = compare_over_problems(results);
  ASSERT_EQ(comparisons.size(), 2u);
  EXPECT_DOUBLE_EQ(comparisons[0].p_smaller, 1.0 / 32);
  EXPECT_DOUBLE_EQ(comparisons[0].adjusted_smaller, 2.0 / 32);
  EXPECT_DOUBLE_EQ(comparisons[1].p_smaller, 1);
}

TEST(Suite, JsonKeepsEverySeed) {
  const Json json = to_json({run_of(1, 100, 20.0), run_of(2, 50)});
  EXPECT_EQ(json.at("regret_10"), Json(Json::Array{1.0, 2.0}));
  EXPECT_EQ(json.at("measured_seconds_10"), Json(Json::Array{100.0, 50.0}));
  EXPECT_EQ(json.at("seconds_to_target"), Json(Json::Array{20.0, nullptr}));
  EXPECT_EQ(json.at("p99_seconds"), Json(3.0));
}

}  // namespace
}  // namespace skipjack::benchmark
