#include "skipjack/model/cmaes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/normal.h"

namespace skipjack {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kGibbsSweeps = 2;
constexpr double kConverged = 1e-7;
// Of C's eigenvalues; a larger ratio is beyond what doubles resolve.
constexpr double kMaxCondition = 1e14;
// Threshold on how steadily the categories move [Akimoto2019].
constexpr double kSteadiness = 1.5;

// A standard normal variable within [lower, upper], at quantile u of that part.
double truncated_normal(double lower, double upper, double u) {
  if (lower > 0) return -truncated_normal(-upper, -lower, 1 - u);
  const double below = normal_cdf(lower), mass = normal_cdf(upper) - below;
  if (!(mass > 1e-290)) return std::clamp(0.0, lower, upper);
  return std::clamp(normal_quantile(below + u * mass), lower, upper);
}

}  // namespace

// [Hansen2016, table 1], with n = max(1, N).
struct Cmaes::Weights {
  /// By rank: for m and q (not negative, sum 1), and for C.
  std::vector<double> recombination, covariance;
  double mu_eff = 0, c_1 = 0, c_mu = 0, c_c = 0, c_sigma = 0, d_sigma = 0, chi = 0;

  Weights(std::size_t lambda, double n) : recombination(lambda), covariance(lambda) {
    double sum[2] = {0, 0}, squares[2] = {0, 0};
    for (std::size_t i = 0; i < lambda; ++i) {
      const double w =
          std::log(0.5 * (static_cast<double>(lambda) + 1)) - std::log(static_cast<double>(i) + 1);
      covariance[i] = w;
      sum[w < 0] += std::abs(w);
      squares[w < 0] += w * w;
    }
    mu_eff = sum[0] * sum[0] / squares[0];
    const double mu_eff_negative = sum[1] * sum[1] / squares[1];
    c_1 = 2 / ((n + 1.3) * (n + 1.3) + mu_eff);
    c_mu = std::min(1 - c_1, 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / ((n + 2) * (n + 2) + mu_eff));
    c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n);
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5);
    d_sigma = 1 + 2 * std::max(0.0, std::sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma;
    chi = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    const double negative = std::min({1 + c_1 / c_mu, 1 + 2 * mu_eff_negative / (mu_eff + 2),
                                      std::max(0.0, 1 - c_1 - c_mu) / (n * c_mu)});
    for (std::size_t i = 0; i < lambda; ++i) {
      const bool positive = covariance[i] >= 0;
      covariance[i] *= positive ? 1 / sum[0] : negative / sum[1];
      recombination[i] = positive ? covariance[i] : 0;
    }
  }

  /// Ranks first to last - 1 are equally good.
  void share(std::size_t first, std::size_t last) {
    for (std::vector<double>* weights : {&recombination, &covariance}) {
      const auto begin = weights->begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = weights->begin() + static_cast<std::ptrdiff_t>(last);
      std::fill(begin, end, std::accumulate(begin, end, 0.0) / static_cast<double>(last - first));
    }
  }
};

std::size_t cmaes_population(std::size_t num_axes) {
  const double log_axes = std::log(static_cast<double>(std::max<std::size_t>(1, num_axes)));
  return 4 + static_cast<std::size_t>(3 * log_axes);
}

Cmaes::Cmaes(CmaesOptions options) : options_(std::move(options)), sigma_(options_.sigma) {
  SKIPJACK_CHECK(options_.mean.size() == options_.axes.size() && options_.population >= 4);
  for (std::size_t k = 0; k < options_.axes.size(); ++k) {
    const Axis& axis = options_.axes[k];
    if (axis.kind != AxisKind::Continuous && axis.num_cells() < 2) continue;
    (axis.kind == AxisKind::Categories ? category_axes_ : normal_axes_).push_back(k);
  }
  const auto n = static_cast<Eigen::Index>(normal_axes_.size());
  m_.resize(n);
  for (Eigen::Index i = 0; i < n; ++i)
    m_[i] = options_.mean[normal_axes_[static_cast<std::size_t>(i)]];
  a_ = Vector::Ones(n);
  path_sigma_ = path_c_ = Vector::Zero(n);
  c_ = Matrix::Identity(n, n);
  decompose();
  if (n > 0) margin_ = 1 / static_cast<double>(normal_axes_.size() * options_.population);
  for (const std::size_t k : category_axes_) {
    const auto size = static_cast<Eigen::Index>(options_.axes[k].num_cells());
    q_.push_back(Vector::Constant(size, 1 / static_cast<double>(size)));
    path_q_.push_back(Vector::Zero(size));
  }
  for (std::size_t i = 0; i < normal_axes_.size(); ++i) keep_margin(i);
}

void Cmaes::decompose() {
  if (c_.rows() == 0) {
    b_ = inverse_c_ = c_;
    d_ = m_;
    return;
  }
  c_ = 0.5 * (c_ + c_.transpose()).eval();
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(c_);
  const double floor = std::max(solver.eigenvalues().maxCoeff(), 1e-300) / kMaxCondition;
  const Vector values = solver.eigenvalues().cwiseMax(floor);
  b_ = solver.eigenvectors();
  d_ = values.cwiseSqrt();
  inverse_c_ = b_ * values.cwiseInverse().asDiagonal() * b_.transpose();
}

// Standard deviation of normal coordinate i.
double Cmaes::scale(std::size_t i) const {
  const auto at = static_cast<Eigen::Index>(i);
  return sigma_ * a_[at] * std::sqrt(std::max(c_(at, at), 1e-300));
}

std::vector<double> Cmaes::sample(Rng& rng) const {
  std::vector<double> point(options_.axes.size(), 0.5);
  Vector z(m_.size());
  for (double& value : z) value = rng.normal();
  const Vector v = m_ + sigma_ * a_.cwiseProduct(b_ * d_.cwiseProduct(z));
  for (Eigen::Index i = 0; i < v.size(); ++i)
    point[normal_axes_[static_cast<std::size_t>(i)]] = std::clamp(v[i], 0.0, 1.0);
  for (std::size_t c = 0; c < category_axes_.size(); ++c) {
    double u = rng.uniform();
    Eigen::Index chosen = 0;
    while (chosen + 1 < q_[c].size() && u >= q_[c][chosen]) u -= q_[c][chosen++];
    point[category_axes_[c]] =
        options_.axes[category_axes_[c]].middle(static_cast<std::size_t>(chosen));
  }
  return point;
}

// y of a point: known on continuous axes; on axes of cells a Gibbs sampler's draw from the normal
// distribution given the cells.
Eigen::VectorXd Cmaes::raw_point(const std::vector<double>& point, Rng& rng) const {
  const auto n = m_.size();
  Vector y(n), lower(n), upper(n);
  std::vector<Eigen::Index> drawn;
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::size_t k = normal_axes_[static_cast<std::size_t>(i)];
    const Axis& axis = options_.axes[k];
    const double unit = sigma_ * a_[i];
    if (axis.kind == AxisKind::Continuous) {
      y[i] = (point[k] - m_[i]) / unit;
      continue;
    }
    const std::size_t cell = axis.cell(point[k]);
    lower[i] = cell == 0 ? -kInfinity : (axis.edges[cell] - m_[i]) / unit;
    upper[i] = cell + 1 == axis.num_cells() ? kInfinity : (axis.edges[cell + 1] - m_[i]) / unit;
    y[i] = std::clamp(0.0, lower[i], upper[i]);
    drawn.push_back(i);
  }
  for (int sweep = 0; sweep < kGibbsSweeps; ++sweep)
    for (const Eigen::Index i : drawn) {
      const double precision = inverse_c_(i, i);
      const double mean = y[i] - inverse_c_.col(i).dot(y) / precision;
      const double root = std::sqrt(precision);
      y[i] = mean +
             truncated_normal(root * (lower[i] - mean), root * (upper[i] - mean), rng.uniform()) /
                 root;
    }
  // [Hansen2011]: what lies farther out than this enters at this length.
  const auto size = static_cast<double>(n);
  const double longest = std::sqrt(size) + 2 * size / (size + 2);
  const double length = std::sqrt(std::max(0.0, y.dot(inverse_c_ * y)));
  return length > longest ? Vector(y * (longest / length)) : y;
}

void Cmaes::update(std::span<const CmaesMember> generation, Rng& rng) {
  SKIPJACK_CHECK(generation.size() == options_.population);
  std::vector<std::size_t> order(generation.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto loss = [&](std::size_t i) { return generation[i].loss.value_or(kInfinity); };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return loss(a) < loss(b); });
  Weights weights(generation.size(), std::max(1.0, static_cast<double>(m_.size())));
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && loss(order[last]) == loss(order[first])) ++last;
    weights.share(first, last);
    first = last;
  }
  std::vector<CmaesMember> ranked;
  for (const std::size_t i : order) ranked.push_back(generation[i]);

  if (m_.size() > 0) {
    Matrix y(m_.size(), static_cast<Eigen::Index>(ranked.size()));
    for (std::size_t i = 0; i < ranked.size(); ++i)
      y.col(static_cast<Eigen::Index>(i)) = raw_point(ranked[i].point, rng);
    update_normal(y, weights);
    decompose();
    for (std::size_t i = 0; i < normal_axes_.size(); ++i) keep_margin(i);
  }
  if (!category_axes_.empty()) update_categories(ranked, weights);
  ++generation_;
}

// y: one column a member, best first.
void Cmaes::update_normal(const Matrix& y, const Weights& w) {
  const auto n = static_cast<double>(m_.size());
  const Eigen::Map<const Vector> recombination(w.recombination.data(), y.cols());
  const Vector step = y * recombination;
  m_ += sigma_ * a_.cwiseProduct(step);

  const Vector whitened = b_ * (b_.transpose() * step).cwiseQuotient(d_);
  path_sigma_ =
      (1 - w.c_sigma) * path_sigma_ + std::sqrt(w.c_sigma * (2 - w.c_sigma) * w.mu_eff) * whitened;
  const double length = path_sigma_.norm();
  const double expected = std::sqrt(1 - std::pow(1 - w.c_sigma, 2.0 * (generation_ + 1)));
  const bool path_grows = length / expected < (1.4 + 2 / (n + 1)) * w.chi;
  path_c_ = (1 - w.c_c) * path_c_;
  if (path_grows) path_c_ += std::sqrt(w.c_c * (2 - w.c_c) * w.mu_eff) * step;

  double weight_sum = 0;
  Matrix rank_mu = Matrix::Zero(c_.rows(), c_.cols());
  for (Eigen::Index i = 0; i < y.cols(); ++i) {
    double weight = w.covariance[static_cast<std::size_t>(i)];
    weight_sum += weight;
    if (weight < 0) weight *= n / std::max(y.col(i).dot(inverse_c_ * y.col(i)), 1e-12);
    rank_mu += weight * y.col(i) * y.col(i).transpose();
  }
  const double lost = path_grows ? 0 : w.c_1 * w.c_c * (2 - w.c_c);
  c_ = (1 + lost - w.c_1 - w.c_mu * weight_sum) * c_ + w.c_1 * path_c_ * path_c_.transpose() +
       w.c_mu * rank_mu;
  // One axis of the cube is as far as a step can mean something.
  sigma_ *= std::exp(std::min(1.0, w.c_sigma / w.d_sigma * (length / w.chi - 1)));
  const double widest = sigma_ * std::sqrt(std::max(c_.diagonal().maxCoeff(), 1e-300));
  if (widest > 1) sigma_ /= widest;
}

// [Hamano2022]: neither side of m's cell gets less than margin / 2; in the cell at an
// end, what is beyond its one border not less than margin.
void Cmaes::keep_margin(std::size_t i) {
  const Axis& axis = options_.axes[normal_axes_[i]];
  if (axis.kind != AxisKind::Cells) return;
  const auto at = static_cast<Eigen::Index>(i);
  const std::size_t cell = axis.cell(m_[at]), last = axis.num_cells() - 1;
  const double s = scale(i);
  if (cell == 0 || cell == last) {
    const double border = cell == 0 ? axis.edges[1] : axis.edges[last];
    const double farthest = -normal_quantile(std::min(margin_, 0.5)) * s;
    m_[at] = border + std::clamp(m_[at] - border, -farthest, farthest);
    return;
  }
  const double low = axis.edges[cell], up = axis.edges[cell + 1], half = 0.5 * margin_;
  const double p_low = normal_cdf((low - m_[at]) / s), p_up = normal_cdf((m_[at] - up) / s);
  if (p_low >= half && p_up >= half) return;
  const double p_middle = 1 - p_low - p_up;
  const double raised_low = std::max(half, p_low), raised_up = std::max(half, p_up);
  // What was given to one side comes from the rest in proportion to what that can spare.
  const double missing =
      (1 - raised_low - raised_up - p_middle) / (raised_low + raised_up + p_middle - 3 * half);
  const double z_low = -normal_quantile(raised_low + missing * (raised_low - half));
  const double z_up = -normal_quantile(raised_up + missing * (raised_up - half));
  m_[at] = (low * z_up + up * z_low) / (z_low + z_up);
  a_[at] = (up - low) / (sigma_ * std::sqrt(std::max(c_(at, at), 1e-300)) * (z_low + z_up));
}

void Cmaes::update_categories(std::span<const CmaesMember> ranked, const Weights& weights) {
  double parameters = 0, squared_norm = 0;
  std::vector<Vector> gradients;
  for (std::size_t c = 0; c < category_axes_.size(); ++c) {
    const Axis& axis = options_.axes[category_axes_[c]];
    Vector frequencies = Vector::Zero(q_[c].size());
    for (std::size_t i = 0; i < ranked.size(); ++i)
      frequencies[static_cast<Eigen::Index>(axis.cell(ranked[i].point[category_axes_[c]]))] +=
          weights.recombination[i];
    gradients.push_back(frequencies - q_[c]);
    // The Fisher metric of a categorical distribution.
    squared_norm += gradients.back().cwiseAbs2().cwiseQuotient(q_[c]).sum();
    parameters += static_cast<double>(q_[c].size()) - 1;
  }
  const double norm = std::sqrt(squared_norm);
  if (!(norm > 1e-12)) return;
  const double beta = std::min(1.0, delta_ / std::sqrt(parameters));
  const double rate = std::min(1.0, delta_ / norm);
  double path_length = 0;
  for (std::size_t c = 0; c < category_axes_.size(); ++c) {
    const Vector direction = gradients[c].cwiseQuotient(q_[c].cwiseSqrt()) / norm;
    path_q_[c] = (1 - beta) * path_q_[c] + std::sqrt(beta * (2 - beta)) * direction;
    path_length += path_q_[c].squaredNorm();
    q_[c] += rate * gradients[c];
    // No category dies out: the margin of [Hamano2024].
    const auto size = static_cast<double>(q_[c].size());
    const double least =
        (1 - std::pow(0.73, 1 / static_cast<double>(category_axes_.size()))) / (size - 1);
    q_[c] = q_[c].cwiseMax(least);
    const double excess = q_[c].sum() - 1;
    const double spare = q_[c].sum() - least * size;
    if (excess > 0 && spare > 0) q_[c].array() -= excess / spare * (q_[c].array() - least);
    q_[c] /= q_[c].sum();
  }
  gamma_ = (1 - beta) * (1 - beta) * gamma_ + beta * (2 - beta);
  delta_ *= std::exp(beta * (gamma_ - path_length / kSteadiness));
  delta_ = std::clamp(delta_, 1e-6, std::sqrt(parameters));
}

bool Cmaes::converged() const {
  bool any = false;
  for (std::size_t i = 0; i < normal_axes_.size(); ++i) {
    if (options_.axes[normal_axes_[i]].kind != AxisKind::Continuous) continue;
    any = true;
    if (scale(i) > kConverged) return false;
  }
  return any;
}

double Cmaes::cell_probability(std::size_t axis, std::size_t cell) const {
  for (std::size_t c = 0; c < category_axes_.size(); ++c)
    if (category_axes_[c] == axis) return q_[c][static_cast<Eigen::Index>(cell)];
  for (std::size_t i = 0; i < normal_axes_.size(); ++i) {
    if (normal_axes_[i] != axis) continue;
    const Axis& a = options_.axes[axis];
    const double s = scale(i), m = m_[static_cast<Eigen::Index>(i)];
    const double below = cell == 0 ? 0 : normal_cdf((a.edges[cell] - m) / s);
    const double up_to = cell + 1 == a.num_cells() ? 1 : normal_cdf((a.edges[cell + 1] - m) / s);
    return up_to - below;
  }
  return 1;
}

double Cmaes::deviation(std::size_t axis) const {
  for (std::size_t i = 0; i < normal_axes_.size(); ++i)
    if (normal_axes_[i] == axis) return scale(i);
  return 0;
}

double Cmaes::mean(std::size_t axis) const {
  for (std::size_t i = 0; i < normal_axes_.size(); ++i)
    if (normal_axes_[i] == axis) return m_[static_cast<Eigen::Index>(i)];
  return 0.5;
}

}  // namespace skipjack
