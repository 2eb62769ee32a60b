// What trials say of their progress, and what that says of the time to their end. A report that a
// part s of the work took t seconds projects t / s for all of it. Projections are off: fixed costs
// at the start make early ones too long, and pieces of work differ. How far they are off at s, the
// trials show that have come to their end: the logarithms of the errors are taken for draws from
// one normal distribution, of which mean and deviation are known from n of them alone, so that the
// next one is Student's t with n - 1 degrees of freedom around their mean [Abramowitz1964, 26.7].
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

/// What the metric is in reports on the way; in the last one it is the time that all took.
enum class SoFar {
  Elapsed,   ///< the seconds that the work has taken so far
  Estimate,  ///< the program's own estimate of what all of it will take
};
/// "elapsed", "estimate". Throws InvalidArgument.
SoFar so_far_from_string(std::string_view name);

struct ProgressOptions {
  /// Key of the progress in reports: a number above 0 that grows within an attempt.
  std::string progress_attr = "progress";
  /// The progress at which all the work is done. Range (0, inf); default 1, for programs that
  /// report a fraction; for others what they count: bytes, files, repetitions.
  double max_progress = 1;
  SoFar so_far = SoFar::Elapsed;
  /// A trial is stopped once the probability that it can still win is below this. Range (0, 0.5].
  double min_probability = 0.05;
};
/// Throws InvalidArgument naming the option that is out of range.
void validate(const ProgressOptions& options);

/// The time to a trial's end: its logarithm less `center`, over `deviation`, is Student's t.
struct TimeForecast {
  double center = 0, deviation = 0;
  int degrees = 1;
  /// Of a time below exp(logarithm); deviation: of what is added to the forecast's own.
  double probability_below(double logarithm, double added_deviation) const;
};

/// Distribution function of Student's t, degrees >= 1. O(degrees). [Abramowitz1964, 26.7.3, 26.7.4]
double student_t_cdf(double t, int degrees);

/// Part of a scheduler's state. Reports are passed over where ResourceLog does: those of ended
/// attempts and of trials that were told to end. A report is wrong without progress or metric, with
/// a progress that is not above 0, is beyond max_progress, or does not grow, and with a time that
/// is not above 0; one whose metric is NaN or infinite says nothing. Wrong ones are passed over too
/// once a trial has done it right twice; before that require_sense() throws. Not thread-safe.
class ProgressLog {
 public:
  /// Throws as validate() does.
  ProgressLog(ProgressOptions options, Metric metric);

  /// history: with the report in it. O(1). Whether it says something new.
  bool take(const Reported& report, const History& history);
  /// An attempt has ended. completed: then the trial took what its last report says, and its
  /// errors are learnt.
  void end(const Trial& trial);
  /// Throws InvalidArgument if the first reports make no sense; to be called by decide().
  void require_sense() const;

  /// nullopt: it has not reported, says that it is done, or no trial has shown yet how projections
  /// at its progress are off.
  std::optional<TimeForecast> forecast(TrialId trial) const;
  /// The logarithm of the time that a running trial's last report projects for all of it, if that
  /// came before half of the work was done.
  std::optional<double> projection(TrialId trial) const;
  /// The time that a running trial is expected to take, where its last report holds the seconds of
  /// a part of the work only.
  std::optional<double> expected(TrialId trial) const;
  const ProgressOptions& options() const { return options_; }

 private:
  /// Fractions are told apart by the power of two that they lie above.
  struct Projection {
    int octave = 0;
    double logarithm = 0;
  };
  struct Course {
    int attempt = 0;
    double progress = 0;
    /// The first of each octave, the smallest fraction first; and the last one.
    std::vector<Projection> first;
    Projection last;
  };
  /// Of logarithms of the time that a trial took over what was projected.
  struct Errors {
    int number = 0;
    double mean = 0, scatter = 0;
    void add(double error);
  };
  std::string lack_of(const Json& metrics) const;

  ProgressOptions options_;
  Metric metric_;
  /// Of trials that run.
  std::unordered_map<TrialId, Course> courses_;
  std::map<int, Errors> errors_;
  int most_steps_ = 0;
  std::string problem_;
};

}  // namespace skipjack
