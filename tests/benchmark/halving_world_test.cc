// Whole tunings by successive halving and its relatives on learning curves of LCBench, four workers
// side by side: they spend a fraction of the epochs, and find what is worth finding.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "skipjack/benchmark/lcbench.h"
#include "skipjack/benchmark/replay.h"

namespace skipjack::benchmark {
namespace {

constexpr int kNumTrials = 60;

const LcbenchSurrogate& surrogate() {
  static const LcbenchSurrogate loaded(std::filesystem::path(SKIPJACK_BENCH_DATA) / "lcbench" /
                                       "surrogate.gz");
  return loaded;
}

std::unique_ptr<World> world(std::string task) {
  return make_lcbench_world(surrogate(),
                            {.task = std::move(task),
                             .noise = {.deviation = kSeedDeviation, .log_speed_deviation = 0.1}});
}

/// How a tuning went.
struct Outcome {
  std::int64_t num_epochs = 0;
  std::size_t num_trials = 0;
  int num_resumes = 0;
  /// Of the trial with the best last value, by its true value at the end of its curve.
  double regret = 1;
};

Outcome tune(const World& world, const std::string& method, Json options, std::uint64_t seed) {
  if (method != "median_stopping") options.set("max_t", LcbenchSurrogate::kNumEpochs);
  Outcome outcome;
  (void)replay(world, {.method = method,
                       .method_options = options,
                       .seed = seed,
                       .evaluations = kNumTrials,
                       .workers = 4,
                       .checkpoints = {kNumTrials},
                       .on_end = [&](const History& history) {
                         outcome.num_epochs = history.num_reports();
                         outcome.num_trials = history.trials().size();
                         double best = 0;
                         for (const Trial& trial : history.trials()) {
                           outcome.num_resumes += trial.attempt;
                           const auto value = last_value(trial, world.metric().name);
                           if (!value || *value <= best) continue;
                           best = *value;  // accuracy
                           outcome.regret = normalised_regret(world, trial.configuration);
                         }
                       }});
  return outcome;
}

struct Case {
  std::string name;
  std::string method;
  Json::Object options;
  /// Of the epochs that all trials would take.
  double most_epochs = 0.5;
  bool pauses = false;
};

class HalvingOnCurves : public ::testing::TestWithParam<Case> {};

TEST_P(HalvingOnCurves, SpendsAFractionAndFindsGoodConfigurations) {
  double regret = 0;
  int num_runs = 0;
  for (const char* task : {"3945", "7593"})
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      const auto its = world(task);
      const Outcome outcome = tune(*its, GetParam().method, GetParam().options, seed);
      EXPECT_EQ(outcome.num_trials, static_cast<std::size_t>(kNumTrials));
      EXPECT_LT(static_cast<double>(outcome.num_epochs),
                GetParam().most_epochs * kNumTrials * LcbenchSurrogate::kNumEpochs)
          << task << " " << seed;
      EXPECT_EQ(outcome.num_resumes > 0, GetParam().pauses) << task << " " << seed;
      regret += outcome.regret, ++num_runs;
    }
  // The median configuration has 1, the best of four at random about 0.5.
  EXPECT_LT(regret / num_runs, 0.5);
}

INSTANTIATE_TEST_SUITE_P(
    Every, HalvingOnCurves,
    ::testing::Values(Case{"asha", "asha", {}},
                      Case{"asha_promotion", "asha", {{"type", "promotion"}}, 0.5, true},
                      Case{"hyperband", "hyperband", {}, 0.8},
                      Case{"pasha", "pasha", {}, 0.4, true}, Case{"rush", "rush", {}},
                      Case{"cost_asha", "cost_asha", {}, 0.5, true},
                      Case{"median_stopping", "median_stopping", {}, 0.8},
                      Case{"mobster", "mobster", {}}, Case{"hypertune", "hypertune", {}, 0.95},
                      Case{"dyhpo", "dyhpo", {}, 0.5, true}, Case{"ashabore", "ashabore", {}},
                      Case{"ashacqr", "ashacqr", {}, 0.6}, Case{"bohb", "bohb", {}, 0.8},
                      Case{"sync_mobster", "sync_mobster", {}, 0.8, true}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace skipjack::benchmark
