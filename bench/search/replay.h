// One tuning of one table by one method: a loop that turns evaluations into events, without
// processes, and what it found along the way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table.h"

namespace skipjack::bench {

struct ReplayOptions {
  std::string method;
  std::uint64_t seed = 0;
  /// Evaluations, failed ones included.
  int evaluations = 100;
  /// Numbers of evaluations after which the recommendation is scored; ascending.
  std::vector<int> checkpoints = {10, 20, 30, 50, 100};
};

struct ReplayResult {
  /// Normalised regret of the recommended configuration under the true mean, one a checkpoint.
  /// Before anything valid was measured: of the median configuration, 1.
  std::vector<double> regret;
  /// The same of the configuration with the best single value.
  std::vector<double> observed_regret;
  /// CPU seconds of each suggestion, one an evaluation: on an idle machine the time it takes, since
  /// searchers use one thread and no I/O, and on a busy one still comparable.
  std::vector<double> seconds;
  int failures = 0;
  int repeats = 0;
};

/// The same noise for the same seed, whatever the method: the n-th repeat of a row is drawn by
/// (seed, row, n).
ReplayResult replay(const Table& table, const ReplayOptions& options);

}  // namespace skipjack::bench
