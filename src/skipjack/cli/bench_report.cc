#include "skipjack/cli/bench_report.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "skipjack/benchmark/statistics.h"
#include "skipjack/cli/context.h"

namespace skipjack::cli {
namespace {

using benchmark::Comparison;
using benchmark::MethodSummary;
using benchmark::ProblemResult;

constexpr const char* kOverProblems = "mean over problems";
/// Of benchmark::kMoments.
constexpr std::size_t kShownMoments[] = {1, 4, 9, 14, 19};
constexpr const char* kPairedByProblem = "paired by problem";

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string right(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return " " + text;
}
std::string left(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string last_regret_name(const benchmark::SuiteOptions& options) {
  return "n=" + std::to_string(options.checkpoints.back());
}

Json to_json(const Comparison& comparison) {
  return Json::Object{{"p_smaller", comparison.p_smaller},
                      {"p_larger", comparison.p_larger},
                      {"adjusted_smaller", comparison.adjusted_smaller},
                      {"adjusted_larger", comparison.adjusted_larger},
                      {"num_smaller", comparison.num_smaller},
                      {"num_larger", comparison.num_larger}};
}

Json settings_json(const benchmark::SuiteOptions& options) {
  Json::Array methods;
  for (const benchmark::MethodChoice& choice : options.methods) {
    Json method;
    method.set("label", choice.label);
    if (choice.peer_command.empty()) {
      method.set("method", choice.method);
      method.set("options", choice.options);
      method.set("start",
                 options.first_trial == benchmark::FirstTrial::Standard ? "midpoint" : "proposed");
    } else {
      method.set("command", choice.peer_command);
    }
    methods.push_back(std::move(method));
  }
  return Json::Object{{"methods", std::move(methods)},
                      {"first_seed", static_cast<std::int64_t>(options.first_seed)},
                      {"seeds", options.num_seeds},
                      {"evaluations", options.evaluations},
                      {"workers", options.workers},
                      {"target_factor", options.target_factor},
                      {"jobs", options.jobs}};
}

}  // namespace

BenchReport::BenchReport(const std::vector<benchmark::Problem>& problems,
                         const benchmark::SuiteOptions& options)
    : options_(options),
      has_levels_(!problems.empty() && problems.front().has_levels),
      problem_width_(std::string(kOverProblems).size()) {
  for (const benchmark::Problem& problem : problems)
    problem_width_ = std::max(problem_width_, one_line(problem.name).size());
  for (const benchmark::MethodChoice& choice : options.methods)
    method_width_ = std::max(method_width_, one_line(choice.label).size());
  method_width_ = std::max(method_width_, std::string("method").size());
}

std::string BenchReport::names(const std::string& problem, const std::string& method) const {
  return left(one_line(problem), problem_width_) + " " + left(one_line(method), method_width_);
}

std::string BenchReport::header() const {
  std::string line = names("problem", "method");
  if (has_levels_) {
    for (const std::size_t i : kShownMoments)
      line += right(format("t=%.0f%%", 100 * benchmark::kMoments[i]), 8);
    for (const char* name : {"anytime", "med ms", "p99 ms"}) line += right(name, 8);
    for (const char* name : {"trials", "stopped", "resumed", "failed", "again"})
      line += right(name, 7);
    return line + right("reports", 9) + "\n";
  }
  for (const int n : options_.checkpoints) line += right("n=" + std::to_string(n), 8);
  for (const char* name : {"best-obs", "best-ev", "med ms", "p99 ms"}) line += right(name, 8);
  for (const char* name : {"failed", "again", "again-f", "stopped"}) line += right(name, 7);
  line += right("meas s", 9) + right("s to " + format("%g", options_.target_factor) + "x", 10);
  return line + right("found", 6) + "\n";
}

std::string BenchReport::level_columns(const MethodSummary& s) const {
  std::string text;
  for (const std::size_t i : kShownMoments) text += right(format("%.4f", s.moments[i]), 8);
  text += right(format("%.4f", benchmark::mean_of(s.moments)), 8);
  text += right(format("%.2f", 1e3 * s.answer_median_seconds), 8);
  text += right(format("%.2f", 1e3 * s.answer_p99_seconds), 8);
  for (const double count : {s.trials, s.stopped, s.resumed, s.failures, s.repeats})
    text += right(format("%.1f", count), 7);
  return text + right(format("%.0f", s.reports), 9) + "\n";
}

std::string BenchReport::lines_of(const ProblemResult& result) const {
  std::string text;
  for (std::size_t m = 0; m < result.runs.size(); ++m) {
    const MethodSummary s = benchmark::summarise(result.runs[m]);
    text += names(result.name, options_.methods[m].label);
    if (has_levels_) {
      text += level_columns(s);
      continue;
    }
    for (const double regret : s.recommended) text += right(format("%.4f", regret), 8);
    text += right(format("%.4f", s.observed.back()), 8);
    text += right(format("%.4f", s.evaluated.back()), 8);
    text += right(format("%.2f", 1e3 * s.answer_median_seconds), 8);
    text += right(format("%.2f", 1e3 * s.answer_p99_seconds), 8);
    for (const double count : {s.failures, s.repeats, s.repeated_failures, s.stopped})
      text += right(format("%.1f", count), 7);
    text += right(format("%.4g", s.measured_seconds.back()), 9);
    text += right(s.seconds_to_target ? format("%.4g", *s.seconds_to_target) : "-", 10);
    text += right(s.target_fraction ? format("%.0f%%", 100 * *s.target_fraction) : "-", 6) + "\n";
  }
  return text;
}

std::size_t BenchReport::num_regrets() const {
  return has_levels_ ? std::size(kShownMoments) + 1 : options_.checkpoints.size();
}

/// As in the columns.
double BenchReport::regret(const MethodSummary& summary, std::size_t column) const {
  if (!has_levels_) return summary.recommended[column];
  if (column < std::size(kShownMoments)) return summary.moments[kShownMoments[column]];
  return benchmark::mean_of(summary.moments);
}

std::string BenchReport::summary(const std::vector<ProblemResult>& results) const {
  std::string text;
  for (std::size_t m = 0; m < options_.methods.size(); ++m) {
    text += names(kOverProblems, options_.methods[m].label);
    for (std::size_t c = 0; c < num_regrets(); ++c) {
      std::vector<double> means;
      for (const ProblemResult& result : results)
        means.push_back(regret(benchmark::summarise(result.runs[m]), c));
      text += right(format("%.4f", benchmark::mean_of(means)), 8);
    }
    text += "\n";
  }
  for (std::size_t other = 1; other < options_.methods.size(); ++other)
    text += comparison_with(results, other);
  return text;
}

std::string BenchReport::comparison_with(const std::vector<ProblemResult>& results,
                                         std::size_t other) const {
  const std::string& first = options_.methods.front().label;
  const std::string& rival = options_.methods[other].label;
  std::string text = "\n" + one_line(first) + " against " + one_line(rival) + ", regret at " +
                     (has_levels_ ? "all times" : last_regret_name(options_)) +
                     ": pairs won and lost, one-sided p of Wilcoxon's signed-rank test for smaller "
                     "and larger regret, after Holm's correction\n";
  const auto line = [&](const std::string& name, const Comparison& c) {
    return left(name, problem_width_) + right(std::to_string(c.num_smaller), 5) +
           right(std::to_string(c.num_larger), 5) + right(format("%.2g", c.adjusted_smaller), 9) +
           right(format("%.2g", c.adjusted_larger), 9) + "\n";
  };
  text += left("paired by seed", problem_width_) + right("won", 5) + right("lost", 5) +
          right("smaller", 9) + right("larger", 9) + "\n";
  const std::vector<Comparison> on = benchmark::compare_on_problems(results, other);
  for (std::size_t i = 0; i < results.size(); ++i) text += line(one_line(results[i].name), on[i]);
  if (results.size() > 1)
    text += line(kPairedByProblem, benchmark::compare_over_problems(results)[other - 1]);
  return text;
}

Json bench_json(const benchmark::SuiteOptions& options, const std::vector<ProblemResult>& results) {
  Json problems = Json::Object{};
  for (const ProblemResult& result : results) {
    Json of_problem = Json::Object{};
    for (std::size_t m = 0; m < result.runs.size(); ++m)
      of_problem.set(options.methods[m].label, benchmark::to_json(result.runs[m]));
    problems.set(result.name, std::move(of_problem));
  }
  Json comparisons = Json::Object{};
  const std::vector<Comparison> over = benchmark::compare_over_problems(results);
  for (std::size_t other = 1; other < options.methods.size(); ++other) {
    Json of_problems = Json::Object{};
    const std::vector<Comparison> on = benchmark::compare_on_problems(results, other);
    for (std::size_t i = 0; i < results.size(); ++i)
      of_problems.set(results[i].name, to_json(on[i]));
    comparisons.set(options.methods[other].label,
                    Json::Object{{"problems", std::move(of_problems)},
                                 {"over_problems", to_json(over[other - 1])}});
  }
  return Json::Object{{"settings", settings_json(options)},
                      {"problems", std::move(problems)},
                      {"comparisons", std::move(comparisons)}};
}

}  // namespace skipjack::cli
