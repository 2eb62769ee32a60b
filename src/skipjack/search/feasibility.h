// How likely a configuration is to be allowed: to work at all, and to satisfy the constraints that
// are measured. What failed and what worked are labels of one process; each constraint is a process
// of its own. They are taken to be independent, so logarithms of probabilities add up.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skipjack/search/process_fit.h"

namespace skipjack {

/// What the fits found.
struct FeasibilityFit {
  /// Of the process of failures; unset while there were fewer than three.
  std::optional<GpHyperparameters> works = std::nullopt;
  /// One a constraint.
  std::vector<GpHyperparameters> constraints = {};
  friend bool operator==(const FeasibilityFit&, const FeasibilityFit&) = default;
};

struct FeasibilityOptions {
  const UnitSpace& space;
  /// Configurations that gave values, and those that failed.
  std::span<const UnitPoint> evaluated;
  std::span<const UnitPoint> failed = {};
  std::span<const Metric> constraints = {};
  /// By constraint, then by evaluated point.
  std::vector<std::vector<double>> constraint_values = {};
  FeasibilityFit previous = {};
  Fit fit = Fit::Anew;
};

struct TrackedFeasibility {
  std::optional<TrackedPoints> works;
  std::vector<TrackedPoints> constraints;
};

/// Copyable.
class Feasibility {
 public:
  /// options.space must outlive it. Throws as GaussianProcess does.
  explicit Feasibility(const FeasibilityOptions& options);

  FeasibilityFit fit() const;
  /// Without constraints and with fewer than three failures all is likely: probabilities are 1.
  bool has_constraints() const { return !constraints_.empty(); }

  /// log P(works and satisfies all constraints).
  Eigen::VectorXd log_probability(std::span<const UnitPoint> points) const;
  /// The same of the constraints alone.
  Eigen::VectorXd log_probability_satisfied(std::span<const UnitPoint> points) const;
  TrackedFeasibility track(const Eigen::MatrixXd& x) const;
  Eigen::VectorXd log_probability(TrackedFeasibility& tracked, Eigen::Index number) const;
  /// log P at one point, x (model kinds); its slope by the first coordinates is added to gradient.
  /// O(n^2).
  double add_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const;

  /// Of the evaluated points, then of the believed ones: whether P(satisfies all constraints) is at
  /// least 1/2. O(n^2).
  std::vector<std::uint8_t> likely_satisfied() const;
  /// The same by log P.
  Eigen::VectorXd log_probability_satisfied_at_data() const;

  void believe(const UnitPoint& pending);
  /// values: one a constraint. Of what failed nothing is learnt about the constraints.
  void believed_gave(std::size_t index, std::span<const double> values);
  void believed_failed(std::size_t index);

 private:
  struct Constraint {
    MetricProcess process;
    /// The bound as a target: satisfied at or below.
    double bound = 0;
    /// At the evaluated points as of the fit, at the believed ones once they were believed.
    std::vector<double> variance_at_data;
  };
  const UnitSpace* space_;
  std::size_t num_evaluated_ = 0, first_believed_label_ = 0;
  std::optional<GaussianProcess> works_;
  std::vector<Constraint> constraints_;
};

/// log P(f <= bound) for f ~ Normal(mean, variance).
double log_probability_below(double bound, double mean, double variance);

}  // namespace skipjack
