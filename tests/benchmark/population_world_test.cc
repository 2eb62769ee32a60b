// Whole tunings by methods that compare trials in groups on learning curves of LCBench, four
// workers side by side.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "skipjack/benchmark/lcbench.h"
#include "skipjack/benchmark/replay.h"

namespace skipjack::benchmark {
namespace {

const LcbenchSurrogate& surrogate() {
  static const LcbenchSurrogate loaded(std::filesystem::path(SKIPJACK_BENCH_DATA) / "lcbench" /
                                       "surrogate.gz");
  return loaded;
}

/// The smallest regret of all that came to the last epoch within so many epochs, and the trials
/// that did.
struct Found {
  double regret = 1;
  int num_complete = 0;
  int num_resumes = 0, num_stops = 0;
};

Found found_in(const World& world, const History& history, std::int64_t max_epochs) {
  struct Report {
    double time;
    TrialId trial;
    std::int64_t epoch;
  };
  std::vector<Report> reports;
  for (const Trial& trial : history.trials())
    for (const auto& report : trial.reports)
      reports.push_back({to_seconds(report.time), trial.id, report.metrics.at("epoch").as_int()});
  std::stable_sort(reports.begin(), reports.end(),
                   [](const Report& a, const Report& b) { return a.time < b.time; });
  reports.resize(std::min(reports.size(), static_cast<std::size_t>(max_epochs)));
  Found found;
  for (const Report& report : reports) {
    if (report.epoch != LcbenchSurrogate::kNumEpochs) continue;
    ++found.num_complete;
    found.regret =
        std::min(found.regret, normalised_regret(world, history.find(report.trial)->configuration));
  }
  for (const Trial& trial : history.trials()) {
    found.num_resumes += trial.attempt;
    found.num_stops += trial.status == TrialStatus::Stopped;
  }
  return found;
}

/// In as many epochs as 20 whole trials take.
Found tune(const World& world, const std::string& method, std::uint64_t seed) {
  Found found;
  (void)replay(world, {.method = method,
                       .method_options = Json::Object{{"max_t", LcbenchSurrogate::kNumEpochs}},
                       .seed = seed,
                       .evaluations = 120,
                       .workers = 4,
                       .checkpoints = {1},
                       .on_end = [&](const History& history) {
                         found = found_in(world, history, 20 * LcbenchSurrogate::kNumEpochs);
                       }});
  return found;
}

class InBrackets : public ::testing::TestWithParam<const char*> {};

TEST_P(InBrackets, FindsGoodConfigurationsFromLowLevelsOn) {
  double regret = 0;
  int num_runs = 0;
  for (const char* task : {"3945", "7593"})
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      const auto world = make_lcbench_world(
          surrogate(),
          {.task = task, .noise = {.deviation = kSeedDeviation, .log_speed_deviation = 0.1}});
      const Found found = tune(*world, GetParam(), seed);
      // Of the first cycle of brackets, which takes 600 of the 1,040 epochs: 1 + 2 + 2 + 4.
      EXPECT_GE(found.num_complete, 9) << task << " " << seed;
      EXPECT_GT(found.num_resumes, 0);
      regret += found.regret, ++num_runs;
    }
  // Over many seeds 0.3 to 0.5, as random search; the median configuration has 1.
  EXPECT_LT(regret / num_runs, 0.7);
}

TEST(PopulationTraining, GoesOnFromCheckpointsOfTheBest) {
  double regret = 0;
  const auto world = make_lcbench_world(surrogate(), {.task = "7593"});
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    (void)replay(
        *world, {.method = "pbt",
                 .method_options =
                     Json::Object{{"max_t", LcbenchSurrogate::kNumEpochs}, {"population_size", 8}},
                 .seed = seed,
                 .evaluations = 50,
                 .workers = 4,
                 .checkpoints = {50},
                 .on_end = [&](const History& history) {
                   int num_copies = 0, num_resumes = 0;
                   double best = 1;
                   for (const Trial& trial : history.trials()) {
                     num_resumes += trial.attempt;
                     if (trial.reports.empty()) continue;
                     const auto epoch = [](const Report& report) {
                       return report.metrics.at("epoch").as_int();
                     };
                     // A copy goes on behind what was copied, a multiple of max_t / 10 or later.
                     EXPECT_EQ(epoch(trial.reports.front()) > 5, trial.checkpoint_from.has_value());
                     num_copies += trial.checkpoint_from.has_value();
                     if (epoch(trial.reports.back()) == LcbenchSurrogate::kNumEpochs)
                       best = std::min(best, normalised_regret(*world, trial.configuration));
                   }
                   EXPECT_GE(num_copies, 10) << "seed " << seed;
                   EXPECT_GT(num_resumes, 0);  // eight members, four workers
                   regret += best / 3;
                 }});
  // The best of eight at random has about 0.4.
  EXPECT_LT(regret, 0.4);
}

INSTANTIATE_TEST_SUITE_P(Every, InBrackets,
                         ::testing::Values("sync_hyperband", "sync_bohb", "dehb"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace skipjack::benchmark
