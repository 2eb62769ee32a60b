// Replays tables with several methods over the same seeds and noise, and prints how good the
// recommended configuration is, how long a suggestion takes, and whether the difference from
// random search is more than chance. The answer it checks itself against is the table's true mean.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>

#include "replay.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/json.h"
#include "statistics.h"

namespace skipjack::bench {
namespace {

struct Settings {
  std::vector<std::string> tables, methods = {"random", "bayesopt"};
  int evaluations = 100, seeds = 20;
  std::uint64_t first_seed = 0;
  std::string json;
};

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double quantile_of(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

Json to_json_array(const std::vector<double>& values) {
  return Json(Json::Array(values.begin(), values.end()));
}

struct MethodRuns {
  /// Per checkpoint, per seed.
  std::vector<std::vector<double>> regret, observed;
  std::vector<double> seconds;
  double failures = 0, repeats = 0;
};

MethodRuns run_seeds(const Table& table, const std::string& method, const Settings& settings,
                     const std::vector<int>& checkpoints) {
  MethodRuns runs;
  runs.regret.resize(checkpoints.size());
  runs.observed.resize(checkpoints.size());
  for (int i = 0; i < settings.seeds; ++i) {
    const ReplayResult result =
        replay(table, {.method = method,
                       .seed = settings.first_seed + static_cast<std::uint64_t>(i),
                       .evaluations = settings.evaluations,
                       .checkpoints = checkpoints});
    for (std::size_t c = 0; c < checkpoints.size(); ++c) {
      runs.regret[c].push_back(result.regret[c]);
      runs.observed[c].push_back(result.observed_regret[c]);
    }
    runs.seconds.insert(runs.seconds.end(), result.seconds.begin(), result.seconds.end());
    runs.failures += static_cast<double>(result.failures) / settings.seeds;
    runs.repeats += static_cast<double>(result.repeats) / settings.seeds;
  }
  return runs;
}

int run(const Settings& settings) {
  std::vector<int> checkpoints;
  for (const int n : {10, 20, 30, 50, 100, 200})
    if (n <= settings.evaluations) checkpoints.push_back(n);
  if (checkpoints.empty()) checkpoints.push_back(settings.evaluations);

  std::printf("%-30s %-10s", "table", "method");
  for (const int n : checkpoints) std::printf(" %8s", ("n=" + std::to_string(n)).c_str());
  std::printf(" %8s %8s %8s %6s %6s %9s %9s\n", "best-obs", "med ms", "p99 ms", "failed", "again",
              "wilcoxon", "sign");
  Json report;
  std::map<std::string, std::vector<double>> over_tables;
  for (const std::string& path : settings.tables) {
    const Table table = read_table(path);
    std::vector<double> random_regret;
    Json of_table;
    for (const std::string& method : settings.methods) {
      const MethodRuns runs = run_seeds(table, method, settings, checkpoints);
      const std::vector<double>& last = runs.regret.back();
      if (method == "random") random_regret = last;
      std::printf("%-30s %-10s", table.name.c_str(), method.c_str());
      Json of_method;
      auto& sums = over_tables[method];
      sums.resize(checkpoints.size());
      for (std::size_t c = 0; c < checkpoints.size(); ++c) {
        const double mean = mean_of(runs.regret[c]);
        sums[c] += mean / static_cast<double>(settings.tables.size());
        std::printf(" %8.4f", mean);
        of_method.set("regret_" + std::to_string(checkpoints[c]), to_json_array(runs.regret[c]));
      }
      const double median = quantile_of(runs.seconds, 0.5), p99 = quantile_of(runs.seconds, 0.99);
      std::printf(" %8.4f %8.2f %8.2f %6.1f %6.1f", mean_of(runs.observed.back()), 1e3 * median,
                  1e3 * p99, runs.failures, runs.repeats);
      if (!random_regret.empty() && method != "random")
        std::printf(" %9.2g %9.2g", wilcoxon_less(last, random_regret),
                    sign_test_less(last, random_regret));
      std::printf("\n");
      std::fflush(stdout);
      of_method.set("median_seconds", median);
      of_method.set("p99_seconds", p99);
      of_table.set(method, std::move(of_method));
    }
    report.set(table.name, std::move(of_table));
  }
  for (const std::string& method : settings.methods) {
    std::printf("%-30s %-10s", "mean over tables", method.c_str());
    for (const double mean : over_tables[method]) std::printf(" %8.4f", mean);
    std::printf("\n");
  }
  if (!settings.json.empty())
    write_file_atomically(settings.json, to_json_text(report, JsonStyle::Indented) + "\n");
  return 0;
}

}  // namespace
}  // namespace skipjack::bench

int main(int argc, char** argv) {
  skipjack::bench::Settings settings;
  CLI::App app("Replays tables of measured configurations with search methods");
  app.add_option("--table", settings.tables, "Tables, see bench/data/README.md")->required();
  app.add_option("--method", settings.methods,
                 "Methods; p-values are against random if it is first");
  app.add_option("--evals", settings.evaluations, "Evaluations per tuning")
      ->check(CLI::Range(1, 100000));
  app.add_option("--seeds", settings.seeds, "Tunings per table and method")
      ->check(CLI::Range(1, 100000));
  app.add_option("--first-seed", settings.first_seed, "The first seed");
  app.add_option("--json", settings.json, "Every regret of every seed, as a file");
  CLI11_PARSE(app, argc, argv);
  try {
    return skipjack::bench::run(settings);
  } catch (const skipjack::Error& error) {
    std::cerr << "bench_search: " << error.what() << "\n";
    return 1;
  }
}
