// What `skipjack bench search` prints: a line a problem and method as soon as it is known, then
// means over problems and comparisons.
#pragma once

#include <string>
#include <vector>

#include "skipjack/benchmark/suite.h"

namespace skipjack::cli {

/// Columns wide enough for all problems and methods to come.
class BenchReport {
 public:
  BenchReport(const std::vector<benchmark::Problem>& problems,
              const benchmark::SuiteOptions& options);

  std::string header() const;
  /// A line a method.
  std::string lines_of(const benchmark::ProblemResult& result) const;
  /// Means over problems, and the first method against each other one.
  std::string summary(const std::vector<benchmark::ProblemResult>& results) const;

 private:
  std::string names(const std::string& problem, const std::string& method) const;
  std::string level_columns(const benchmark::MethodSummary& summary) const;
  std::size_t num_regrets() const;
  double regret(const benchmark::MethodSummary& summary, std::size_t column) const;
  std::string comparison_with(const std::vector<benchmark::ProblemResult>& results,
                              std::size_t other) const;

  const benchmark::SuiteOptions& options_;
  /// Then the columns are times instead of numbers of trials.
  bool has_levels_ = false;
  std::size_t problem_width_ = 0, method_width_ = 0;
};

/// {"settings": {...}, "problems": {NAME: {METHOD: {...}}}, "comparisons": {METHOD: {...}}}; the
/// comparisons are those of the first method with each other one.
Json bench_json(const benchmark::SuiteOptions& options,
                const std::vector<benchmark::ProblemResult>& results);

}  // namespace skipjack::cli
