// skipjack bench transfer: what a tuning gains from earlier experiments in other environments, and
// what it loses where they mislead. The runs are benchmark's.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "skipjack/benchmark/lcbench.h"
#include "skipjack/benchmark/transfer.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/flag_text.h"

namespace skipjack::cli {
namespace {

using benchmark::RegretCurve;
using benchmark::TransferOptions;
using benchmark::TransferPairsOptions;
using benchmark::TransferResult;

struct TransferFlags {
  std::string surrogate, tasks = "judging", metric = "accuracy", json;
  int num_cases = 20;
  TransferOptions run;
  std::vector<std::string> sources = {"1", "5", "negated"};
  double noise = 0;
  std::vector<std::string> method_options;
};

/// Regret that no one would miss: ratios are of regrets plus this.
constexpr double kFloor = 1e-3;

std::vector<std::shared_ptr<const benchmark::World>> worlds_of(const TransferFlags& flags) {
  const benchmark::LcbenchSurrogate surrogate(flags.surrogate);
  const auto metric = flags.metric == "accuracy" ? benchmark::LcbenchMetric::ValidationAccuracy
                                                 : benchmark::LcbenchMetric::ValidationCrossEntropy;
  std::vector<std::shared_ptr<const benchmark::World>> worlds;
  const auto& tasks = surrogate.tasks();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const bool is_for_judging = i >= tasks.size() / 2;
    if (flags.tasks == "all" || is_for_judging == (flags.tasks == "judging"))
      worlds.push_back(benchmark::make_lcbench_world(
          surrogate, {.task = tasks[i], .metric = metric, .noise = {.deviation = flags.noise}}));
  }
  return worlds;
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

double ratio(const RegretCurve& curve, const RegretCurve& cold, std::size_t n) {
  return (std::max(curve[n - 1], 0.0) + kFloor) / (std::max(cold[n - 1], 0.0) + kFloor);
}

/// The middle one, or the mean of the middle two, as text; "more" where one of these is unset.
std::string median_text(std::vector<std::optional<int>> numbers) {
  // Unset is the largest.
  std::sort(numbers.begin(), numbers.end(),
            [](const auto& a, const auto& b) { return a && (!b || *a < *b); });
  const std::size_t n = numbers.size();
  const std::optional<int> low = numbers[(n - 1) / 2], high = numbers[n / 2];
  return low && high ? format("%g", 0.5 * (*low + *high)) : "more";
}

class TransferReport {
 public:
  explicit TransferReport(const TransferFlags& flags) : flags_(flags) {}

  std::string header() const {
    return format("%-44s%8s%9s%9s%9s%9s%8s%8s%8s%8s\n", "case", "evals", "cold20", "warm20",
                  "cold50", "warm50", "ratio20", "ratio50", "chance20", "chance50");
  }

  std::string take(const TransferResult& result) {
    const RegretCurve cold = benchmark::mean_curve(result.cold),
                      warm = benchmark::mean_curve(result.warm),
                      control = benchmark::mean_curve(result.control);
    const std::size_t last = cold.size();
    const std::optional<int> needed = benchmark::evaluations_to(warm, cold.back());
    needed_.push_back(needed);
    const double row[] = {ratio(warm, cold, 20), ratio(warm, cold, last), ratio(control, cold, 20),
                          ratio(control, cold, last)};
    for (int k = 0; k < 4; ++k) ratios_[k].push_back(row[k]);
    return format("%-44s%8s%9.4f%9.4f%9.4f%9.4f%8.2f%8.2f%8.2f%8.2f\n", result.name.c_str(),
                  needed ? std::to_string(*needed).c_str() : "-", cold[19], warm[19], cold.back(),
                  warm.back(), row[0], row[1], row[2], row[3]);
  }

  std::string summary() const {
    std::string text = format("\nevaluations to cold's regret after %d: median %s over %zu cases\n",
                              flags_.run.evaluations, median_text(needed_).c_str(), needed_.size());
    const char* names[] = {"warm / cold after 20", "warm / cold at the end", "cold / cold after 20",
                           "cold / cold at the end"};
    for (int k = 0; k < 4; ++k) {
      const auto& ratios = ratios_[k];
      const auto worse =
          std::count_if(ratios.begin(), ratios.end(), [](double r) { return r > 1.1; });
      double log_sum = 0;
      for (const double r : ratios) log_sum += std::log(r);
      text += format("regret %-24s geometric mean %.3f, more than 10 %% worse in %ld of %zu\n",
                     names[k], std::exp(log_sum / static_cast<double>(ratios.size())),
                     static_cast<long>(worse), ratios.size());
    }
    return text;
  }

 private:
  const TransferFlags& flags_;
  std::vector<std::optional<int>> needed_;
  std::vector<double> ratios_[4];
};

Json to_json(const std::vector<RegretCurve>& curves) {
  Json::Array lists;
  for (const RegretCurve& curve : curves) lists.push_back(Json::Array(curve.begin(), curve.end()));
  return lists;
}

/// "5" is five sources, "negated" is one that misleads.
std::vector<benchmark::TransferCase> cases_of(const TransferFlags& flags,
                                              const std::string& sources) {
  TransferPairsOptions pairs{.worlds = worlds_of(flags), .num_cases = flags.num_cases};
  if (sources == "negated") {
    pairs.sources = TransferPairsOptions::Sources::Negated;
    return transfer_cases(pairs);
  }
  const auto number = try_parse_json(sources);
  if (!number || !number->is_int() || number->as_int() < 1 || number->as_int() > 1000)
    throw Error(ErrorCode::InvalidArgument,
                "--sources = '" + sources + "' must be a number of sources, or negated");
  pairs.num_sources = static_cast<int>(number->as_int());
  return transfer_cases(pairs);
}

int bench_transfer(const TransferFlags& flags, Context& context) {
  TransferOptions options = flags.run;
  options.method_options =
      assignments("--method-option", flags.method_options, AssignedValues::Json);
  benchmark::TransferRuns runs(options);
  Json all = Json::Object{};
  for (const std::string& sources : flags.sources) {
    TransferReport report(flags);
    write_output(context, "-", "sources: " + sources + "\n" + report.header());
    Json cases = Json::Object{};
    for (const benchmark::TransferCase& transfer : cases_of(flags, sources)) {
      const TransferResult result = runs.run(transfer);
      write_output(context, "-", report.take(result));
      cases.set(result.name, Json::Object{{"cold", to_json(result.cold)},
                                          {"warm", to_json(result.warm)},
                                          {"control", to_json(result.control)}});
    }
    write_output(context, "-", report.summary() + "\n");
    all.set(sources, std::move(cases));
  }
  if (!flags.json.empty())
    write_output(context, flags.json, to_json_text(all, JsonStyle::Indented) + "\n");
  return kExitOk;
}

}  // namespace

void add_bench_transfer(CLI::App& bench, Context& context) {
  const auto flags = std::make_shared<TransferFlags>();
  CLI::App& command = *bench.add_subcommand(
      "transfer", "Warm starts against cold ones, in virtual time (docs/transfer.md)");
  command.add_option("surrogate", flags->surrogate, "bench/data/lcbench/surrogate.gz")
      ->required()
      ->type_name("FILE");
  command.add_option("--tasks", flags->tasks, "development, judging (default) or all")
      ->check(CLI::IsMember({"development", "judging", "all"}));
  command.add_option("--metric", flags->metric, "accuracy (default) or cross_entropy")
      ->check(CLI::IsMember({"accuracy", "cross_entropy"}));
  command
      .add_option("--noise", flags->noise,
                  "deviation of log(accuracy / error) from run to run; default 0")
      ->type_name("X");
  command.add_option("--cases", flags->num_cases, "targets with their sources; default 20")
      ->type_name("N");
  command
      .add_option("--sources", flags->sources,
                  "settings: so many sources, or one that is negated; default 1,5,negated")
      ->delimiter(',')
      ->type_name("N|negated,...");
  command.add_option("--method", flags->run.method, "default bayesopt")->type_name("NAME");
  command.add_option("--method-option", flags->method_options, "may be repeated")
      ->type_name("KEY=VALUE");
  command.add_option("--evals", flags->run.evaluations, "trials of a target; default 50")
      ->type_name("N");
  command
      .add_option("--source-evals", flags->run.source_evaluations, "trials of a source; default 50")
      ->type_name("N");
  command.add_option("--seeds", flags->run.num_seeds, "tunings a case; default 5")->type_name("N");
  command.add_option("--first-seed", flags->run.first_seed, "of them; default 0")->type_name("N");
  command.add_option("--jobs", flags->run.jobs, "threads; default 1")->type_name("N");
  command.add_option("--json", flags->json, "all curves, as a file")->type_name("FILE");
  on_choice(command, context, flags, bench_transfer);
}

}  // namespace skipjack::cli
