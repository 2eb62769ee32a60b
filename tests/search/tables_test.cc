// Replays measured tables: the promise that model-based search is worth its cost, as a paired test
// over seeds. Every regret is judged by the tables' true means, which no searcher sees.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "skipjack/benchmark/statistics.h"
#include "skipjack/benchmark/suite.h"

namespace skipjack::benchmark {
namespace {

constexpr int kSeeds = 20;

struct Outcome {
  double bayesopt_mean = 0, random_mean = 0, p_value = 1, median_seconds = 0;
};

Outcome compare(const std::string& name) {
  const auto table = std::make_shared<const Table>(
      read_table(std::string(SKIPJACK_BENCH_DATA) + "/tables/" + name + ".txt.gz"));
  const Problem problem = disguised_problem(
      make_table_world(table, {.seconds_per_unit = seconds_per_unit_by_name(name)}), {});
  const ProblemResult result =
      run_problem(problem, {.methods = {{.label = "model", .method = "bayesopt"},
                                        {.label = "random", .method = "random"}},
                            .num_seeds = kSeeds,
                            .checkpoints = {100}});
  std::vector<double> late_answers;
  for (const ReplayResult& run : result.runs[0])
    late_answers.insert(late_answers.end(), run.answer_cpu_seconds.end() - 10,
                        run.answer_cpu_seconds.end());
  return {.bayesopt_mean = summarise(result.runs[0]).recommended.back(),
          .random_mean = summarise(result.runs[1]).recommended.back(),
          .p_value = compare_on_problems({result}, 1)[0].p_smaller,
          .median_seconds = quantile_of(late_answers, 0.5)};
}

TEST(BayesOptOnTables, BeatsRandomOnAtLeastFiveOfThem) {
  int won = 0;
  for (const char* name :
       {"hpobench_australian", "hpobench_blood_transfusion", "hpobench_car", "hpobench_phoneme",
        "hpolib_naval_propulsion", "hpolib_parkinsons_telemonitoring", "kt_convolution_A100",
        "kt_convolution_MI250X", "kt_dedispersion_A100"}) {
    const Outcome c = compare(name);
    std::printf("%-28s regret %.4f, random %.4f, one-sided p %.2g, suggestion %.1f ms\n", name,
                c.bayesopt_mean, c.random_mean, c.p_value, 1e3 * c.median_seconds);
    std::fflush(stdout);
    if (c.p_value < 0.05 && c.bayesopt_mean < c.random_mean) ++won;
    EXPECT_LT(c.median_seconds, 0.050) << name << ", suggestions 91 to 100";
  }
  EXPECT_GE(won, 5);
}

}  // namespace
}  // namespace skipjack::benchmark
