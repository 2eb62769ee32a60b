#include "skipjack/search/feasibility.h"

#include <algorithm>
#include <cmath>

#include "skipjack/model/normal.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kMinFailures = 3;
constexpr double kWorked = -1, kFailed = 1;
constexpr double kMinVariance = 1e-14;

void add_log_probability(const GpPrediction& p, double bound, double noise, VectorXd& sum) {
  for (Index i = 0; i < sum.size(); ++i)
    sum[i] += log_probability_below(bound, p.mean[i], p.variance[i] + noise);
}

double add_slope(const GpGradient& q, double bound, double noise, VectorXd& gradient) {
  const double spread = std::sqrt(std::max(q.variance + noise, kMinVariance));
  const double distance = bound - q.mean;
  const double u = distance / spread, log_p = log_normal_cdf(u);
  // d log Phi / du = phi / Phi. Where phi underflows on the left, u < -38, its expansion -u - 1/u
  // holds to a millionth.
  const double density = normal_pdf(u);
  const double by_u = density > 0 ? std::exp(std::log(density) - log_p) : u < 0 ? -u - 1 / u : 0.0;
  const Index d = gradient.size();
  gradient += by_u * (-q.mean_slope.head(d) / spread -
                      distance / (2 * spread * spread * spread) * q.variance_slope.head(d));
  return log_p;
}

}  // namespace

double log_probability_below(double bound, double mean, double variance) {
  return log_normal_cdf((bound - mean) / std::sqrt(std::max(variance, kMinVariance)));
}

Feasibility::Feasibility(const FeasibilityOptions& options)
    : space_(&options.space),
      num_evaluated_(options.evaluated.size()),
      first_believed_label_(options.evaluated.size() + options.failed.size()) {
  if (options.failed.size() >= kMinFailures) {
    std::vector<UnitPoint> points(options.evaluated.begin(), options.evaluated.end());
    points.insert(points.end(), options.failed.begin(), options.failed.end());
    std::vector<double> labels(points.size(), kFailed);
    std::fill_n(labels.begin(), num_evaluated_, kWorked);
    works_.emplace(fit_process({.space = options.space,
                                .points = points,
                                .targets = labels,
                                .previous = options.previous.works,
                                .fit = options.fit}));
  }
  for (std::size_t k = 0; k < options.constraints.size(); ++k) {
    const auto& previous = options.previous.constraints;
    MetricProcess process(
        {.space = options.space,
         .metric = options.constraints[k],
         .points = options.evaluated,
         .values = options.constraint_values.at(k),
         .previous = k < previous.size() ? std::optional(previous[k]) : std::nullopt,
         .fit = options.fit});
    const double bound = process.transform().to_target(options.constraints[k].bound);
    const VectorXd variance = process.predict(options.evaluated).variance;
    constraints_.push_back({std::move(process), bound, {variance.begin(), variance.end()}});
  }
}

FeasibilityFit Feasibility::fit() const {
  FeasibilityFit fit;
  if (works_) fit.works = works_->hyperparameters();
  for (const Constraint& c : constraints_) fit.constraints.push_back(c.process.hyperparameters());
  return fit;
}

VectorXd Feasibility::log_probability(std::span<const UnitPoint> points) const {
  VectorXd sum = log_probability_satisfied(points);
  if (works_ && !points.empty())
    add_log_probability(works_->predict(space_->model_matrix(points)), 0,
                        works_->hyperparameters().noise_variance, sum);
  return sum;
}

VectorXd Feasibility::log_probability_satisfied(std::span<const UnitPoint> points) const {
  VectorXd sum = VectorXd::Zero(static_cast<Index>(points.size()));
  if (points.empty()) return sum;
  for (const Constraint& c : constraints_)
    add_log_probability(c.process.predict(points), c.bound, 0, sum);
  return sum;
}

TrackedFeasibility Feasibility::track(const MatrixXd& x) const {
  TrackedFeasibility tracked;
  if (works_) tracked.works = works_->track(x);
  for (const Constraint& c : constraints_)
    tracked.constraints.push_back(c.process.process().track(x));
  return tracked;
}

VectorXd Feasibility::log_probability(TrackedFeasibility& tracked, Index number) const {
  VectorXd sum = VectorXd::Zero(number);
  for (std::size_t k = 0; k < constraints_.size(); ++k)
    add_log_probability(constraints_[k].process.process().predict(tracked.constraints[k]),
                        constraints_[k].bound, 0, sum);
  if (works_)
    add_log_probability(works_->predict(*tracked.works), 0,
                        works_->hyperparameters().noise_variance, sum);
  return sum;
}

double Feasibility::add_gradient(const VectorXd& x, VectorXd& gradient) const {
  double sum = 0;
  for (const Constraint& c : constraints_)
    sum += add_slope(c.process.process().predict_with_gradient(x), c.bound, 0, gradient);
  if (works_)
    sum += add_slope(works_->predict_with_gradient(x), 0, works_->hyperparameters().noise_variance,
                     gradient);
  return sum;
}

VectorXd Feasibility::log_probability_satisfied_at_data() const {
  if (constraints_.empty()) return VectorXd::Zero(static_cast<Index>(num_evaluated_));
  VectorXd sum = VectorXd::Zero(static_cast<Index>(constraints_[0].variance_at_data.size()));
  for (const Constraint& c : constraints_) {
    const VectorXd mean = c.process.process().predict_means_at_data();
    for (Index i = 0; i < sum.size(); ++i)
      sum[i] +=
          log_probability_below(c.bound, mean[i], c.variance_at_data[static_cast<std::size_t>(i)]);
  }
  return sum;
}

std::vector<std::uint8_t> Feasibility::likely_satisfied() const {
  std::vector<std::uint8_t> likely;
  for (const double log_p : log_probability_satisfied_at_data())
    likely.push_back(log_p >= std::log(0.5));
  return likely;
}

void Feasibility::believe(const UnitPoint& pending) {
  if (works_) {
    const MatrixXd x = space_->model_matrix(std::span(&pending, 1));
    works_->append(x.row(0).transpose(), works_->predict(x).mean[0]);
  }
  for (Constraint& c : constraints_) {
    c.process.believe(pending);
    c.variance_at_data.push_back(c.process.predict(std::span(&pending, 1)).variance[0]);
  }
}

void Feasibility::believed_gave(std::size_t index, std::span<const double> values) {
  if (works_) works_->set_target(static_cast<Index>(first_believed_label_ + index), kWorked);
  for (std::size_t k = 0; k < constraints_.size(); ++k)
    constraints_[k].process.believed_gave(index, values[k]);
}

void Feasibility::believed_failed(std::size_t index) {
  if (works_) works_->set_target(static_cast<Index>(first_believed_label_ + index), kFailed);
}

}  // namespace skipjack
