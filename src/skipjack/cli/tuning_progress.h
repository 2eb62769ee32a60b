// What a running tuning tells the person who watches: a live line, each new best where no terminal
// is, the first failures with their reason.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/cli/terminal.h"
#include "skipjack/s3tune/search_jobs.h"
#include "skipjack/study/tuning.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack::cli {

/// Give on_turn to RunOptions::on_turn. One tuning; not thread-safe. O(trials that are open) a
/// turn.
class TuningProgress {
 public:
  /// greeting: a line shown at the first turn, when the tuning has really begun; may be empty.
  TuningProgress(Context& context, const TuningDefinition& definition, std::string greeting = {});
  void on_turn(const Turn& turn);
  /// Removes the live line.
  void finish() { status_.clear(); }

 private:
  enum class Notes { Print, Skip };
  void settle(const Trial& trial, Notes notes);
  /// Whether the trial, which has ended, is the best now.
  bool take_best(const Trial& trial);

  Context& context_;
  std::vector<Metric> metrics_;
  /// Whether a trial is one of the search's; empty: all are. The others are a verdict's.
  std::function<bool(const Trial&)> is_of_search_;
  /// The first: whose best is shown, of trials that satisfy the constraints.
  Metric metric_;
  std::string greeting_;
  StatusLine status_;
  /// Of an S3 tuning on a cluster, whose trials are compared by ratios.
  std::optional<s3tune::SearchJobs> jobs_;
  /// Trials seen that may still change.
  std::vector<TrialId> open_;
  TrialId next_ = 0;
  /// Trials that ended before the first turn are an earlier run's, which has told of them.
  bool has_begun_ = false;
  std::int64_t num_ended_ = 0, num_failed_ = 0, num_of_verdict_ = 0;
  int num_failures_shown_ = 0;
  std::optional<double> best_;
  TrialId best_trial_ = 0;
};

/// How often on_turn is to be called while nothing happens.
Duration progress_interval(const Context& context);

/// Why a trial ended; for a failed one with the last line of its standard error. Empty if it has
/// not ended.
std::string failure_text(const Trial& trial);

/// Up to six significant digits.
std::string short_number(double value);

}  // namespace skipjack::cli
