#include "skipjack/schedule/progress.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "skipjack/base/invalid.h"

namespace skipjack {
namespace {

// Below three errors their deviation is taken for at least this, and Student's t has one degree of
// freedom: from a single completed trial on, what is foreseen to take 1.6 times the best is
// stopped.
constexpr int kFew = 3;
constexpr double kDeviationOfFew = 0.05;
// Beyond that many Student's t is as good as normal.
constexpr int kMostDegrees = 100;
// Fractions below 2^-30 are taken for that.
constexpr int kLastOctave = 29;
// Errors that agree better than this agree by chance, or because a program rounds.
constexpr double kLeastDeviation = 1e-3;
// In place of an octave: the trial says that it is done.
constexpr int kDone = -1;

/// k for a fraction in [2^-(k+1), 2^-k).
int octave_of(double fraction) {
  if (fraction >= 1) return kDone;
  return std::clamp(static_cast<int>(std::ceil(-std::log2(fraction))) - 1, 0, kLastOctave);
}

}  // namespace

SoFar so_far_from_string(std::string_view name) {
  if (name == "elapsed") return SoFar::Elapsed;
  if (name == "estimate") return SoFar::Estimate;
  invalid("there is no so_far '" + std::string(name) + "'", "one of: elapsed, estimate");
}

void validate(const ProgressOptions& options) {
  if (options.progress_attr.empty()) invalid("progress_attr is empty");
  if (!(options.max_progress > 0 && std::isfinite(options.max_progress)))
    invalid("max_progress = " + shortest_decimal(options.max_progress) + " must be in (0, inf)");
  if (!(options.min_probability > 0 && options.min_probability <= 0.5))
    invalid("min_probability = " + shortest_decimal(options.min_probability) +
            " must be in (0, 0.5]");
}

double student_t_cdf(double t, int degrees) {
  const double angle = std::atan(t / std::sqrt(degrees)), c = std::cos(angle), s = std::sin(angle);
  const bool is_odd = degrees % 2 == 1;
  // cos^k with its coefficient, k = 1, 3, ... or 0, 2, ..., up to degrees - 2.
  double term = is_odd ? c : 1.0, sum = 0;
  for (int k = is_odd ? 1 : 0; k <= degrees - 2; k += 2) {
    sum += term;
    term *= c * c * (k + 1) / (k + 2);
  }
  const double inside = is_odd ? 2 / M_PI * (angle + s * sum) : s * sum;
  return 0.5 + 0.5 * inside;
}

double TimeForecast::probability_below(double logarithm, double added_deviation) const {
  return student_t_cdf((logarithm - center) / std::hypot(deviation, added_deviation), degrees);
}

void ProgressLog::Errors::add(double error) {
  ++number;
  const double step = error - mean;
  mean += step / number;
  scatter += step * (error - mean);
}

ProgressLog::ProgressLog(ProgressOptions options, Metric metric)
    : options_(std::move(options)), metric_(std::move(metric)) {
  validate(options_);
}

bool ProgressLog::take(const Reported& report, const History& history) {
  const Trial& trial = *history.find(report.id.trial);
  if (report.id.attempt != trial.attempt || trial.status != TrialStatus::Running || trial.end ||
      trial.ending)
    return false;
  const std::string who = "trial " + std::to_string(trial.id) + " reports ";
  const auto wrong = [&](const std::string& what, bool is_known_right) {
    if (!is_known_right && problem_.empty()) problem_ = who + what;
    return false;
  };
  if (const std::string lack = lack_of(report.metrics); !lack.empty())
    return wrong(lack, most_steps_ >= 2);
  const double progress = report.metrics.find(options_.progress_attr)->as_double();
  const double seconds = report.metrics.find(metric_.name)->as_double();
  Course& course = courses_[trial.id];
  if (course.attempt != trial.attempt) course = {.attempt = trial.attempt};
  if (progress <= course.progress)
    return wrong(options_.progress_attr + " = " + shortest_decimal(progress) + " after " +
                     shortest_decimal(course.progress) + ": it must grow from report to report",
                 most_steps_ >= 2);
  most_steps_ = std::max(most_steps_, course.progress > 0 ? 2 : 1);
  course.progress = progress;
  if (!std::isfinite(seconds)) return false;
  const double fraction = progress / options_.max_progress;
  course.last = {.octave = octave_of(fraction),
                 .logarithm = std::log(seconds) -
                              (options_.so_far == SoFar::Elapsed ? std::log(fraction) : 0.0)};
  if (course.last.octave != kDone &&
      (course.first.empty() || course.last.octave < course.first.back().octave))
    course.first.push_back(course.last);
  return true;
}

std::string ProgressLog::lack_of(const Json& metrics) const {
  const Json* progress = metrics.find(options_.progress_attr);
  if (!progress) return "no progress '" + options_.progress_attr + "'";
  const std::string said = options_.progress_attr + " = " + to_json_text(*progress);
  if (!progress->is_number() || !(progress->as_double() > 0))
    return said + ", which is no number above 0";
  if (!(progress->as_double() <= options_.max_progress))
    return said + ", which is above max_progress = " + shortest_decimal(options_.max_progress);
  const Json* seconds = metrics.find(metric_.name);
  if (!seconds) return "no metric '" + metric_.name + "'";
  if (!seconds->is_number() || seconds->as_double() <= 0)
    return metric_.name + " = " + to_json_text(*seconds) + ", which is no time above 0";
  return {};
}

void ProgressLog::require_sense() const {
  if (problem_.empty()) return;
  invalid(problem_,
          "every report must have the metric, in seconds, and under progress_attr how "
          "much of the work is done, growing up to max_progress = " +
              shortest_decimal(options_.max_progress));
}

void ProgressLog::end(const Trial& trial) {
  const auto course = courses_.extract(trial.id);
  const auto seconds = last_value(trial, metric_.name);
  if (course.empty() || trial.status != TrialStatus::Completed || !seconds || !(*seconds > 0))
    return;
  // For an octave without a report stands what was known in it: the last one before.
  const std::vector<Projection>& first = course.mapped().first;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const int until = i + 1 < first.size() ? first[i + 1].octave : kDone;
    for (int octave = first[i].octave; octave > until; --octave)
      errors_[octave].add(std::log(*seconds) - first[i].logarithm);
  }
}

std::optional<TimeForecast> ProgressLog::forecast(TrialId trial) const {
  const auto course = courses_.find(trial);
  if (course == courses_.end() || course->second.first.empty() ||
      course->second.last.octave == kDone)
    return std::nullopt;
  const Projection& last = course->second.last;
  const auto errors = errors_.find(last.octave);
  if (errors == errors_.end()) return std::nullopt;
  const Errors& e = errors->second;
  const int degrees = std::clamp(e.number - 1, 1, kMostDegrees);
  const double deviation = std::max(std::sqrt(e.scatter / std::max(1, e.number - 1)),
                                    e.number < kFew ? kDeviationOfFew : kLeastDeviation);
  return TimeForecast{.center = last.logarithm + e.mean,
                      .deviation = deviation * std::sqrt(1 + 1.0 / e.number),
                      .degrees = degrees};
}

std::optional<double> ProgressLog::projection(TrialId trial) const {
  const auto course = courses_.find(trial);
  if (course == courses_.end() || course->second.first.empty() || course->second.last.octave < 1)
    return std::nullopt;
  return course->second.last.logarithm;
}

std::optional<double> ProgressLog::expected(TrialId trial) const {
  const auto course = courses_.find(trial);
  if (options_.so_far == SoFar::Estimate || course == courses_.end() ||
      course->second.first.empty() || course->second.last.octave == kDone)
    return std::nullopt;
  const auto known = forecast(trial);
  return std::exp(known ? known->center : course->second.last.logarithm);
}

}  // namespace skipjack
