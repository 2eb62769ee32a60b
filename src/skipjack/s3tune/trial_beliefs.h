// What is believed of the trials of a tuning on one machine: the means of their downloads, with the
// drift that the baseline has shown by now divided out; and what trials cost beside their
// downloads.
#pragma once

#include <optional>
#include <string>

#include "skipjack/s3tune/drift.h"
#include "skipjack/s3tune/method_search.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {

/// A search trial is stopped once its running mean is this many times the best (and three times the
/// noise beyond it): more downloads would only tell how bad it is. Stopping such runs is what
/// adaptive capping does [Hutter2013].
inline constexpr double kHopeless = 1.3;
/// A download gets this many times the best before its trial is stopped: a single slow answer may
/// double one.
inline constexpr double kDownloadCap = 2.0;
/// Seconds that starting and ending a trial's process may take beyond what was seen of it.
inline constexpr double kProcessSlack = 0.3;

/// What one more trial of one download would take.
struct TrialCost {
  double download = 0;
  double overhead = 0;
  double total() const { return download + overhead; }
};
/// nullopt if it has not ended with downloads that count.
std::optional<TrialCost> cost_of(const Trial& trial);

/// What the finished trials say of drift. Search trials serve for the noise.
DriftModel drift_of(const History& history);

class TrialBeliefs {
 public:
  TrialBeliefs(const History& history, std::string baseline_arm);

  const DriftModel& drift() const { return drift_; }
  /// Smallest of the baseline and the search trials.
  std::optional<double> best() const { return best_; }
  /// Median of what starting and ending a trial of the tuned client took.
  double overhead() const { return overhead_; }
  /// Of the baseline, the mean of all its downloads. Trials that were stopped before their first
  /// report count with the time they had, if that is enough to rule them out, and with nothing
  /// otherwise.
  Belief of(const Trial& trial) const;

 private:
  /// nullopt if it has not ended with downloads that count.
  std::optional<double> corrected_mean(const Trial& trial) const;

  std::string baseline_arm_;
  DriftModel drift_;
  std::optional<double> baseline_, best_;
  double overhead_ = 0;
};

}  // namespace skipjack::s3tune
