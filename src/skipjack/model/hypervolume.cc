#include "skipjack/model/hypervolume.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "skipjack/base/error.h"
#include "skipjack/model/acquisition.h"
#include "skipjack/model/pareto.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMargin = 0.1;
// Of two objectives: how far from the nadir to the worst of all. With more of them the room beyond
// the front's ends outweighs the front: on DTLZ2 with three it cost a tenth of the hypervolume.
constexpr double kBeyondNadir = 0.5;

MatrixXd rows_of(const MatrixXd& y, const std::vector<Index>& rows) {
  MatrixXd result(static_cast<Index>(rows.size()), y.cols());
  for (Index i = 0; i < result.rows(); ++i)
    result.row(i) = y.row(rows[static_cast<std::size_t>(i)]);
  return result;
}

/// The non-dominated rows below the reference, ascending by their last column.
MatrixXd front_below(const MatrixXd& y, const VectorXd& reference) {
  std::vector<Index> rows;
  for (Index i = 0; i < y.rows(); ++i)
    if ((y.row(i).transpose().array() < reference.array()).all()) rows.push_back(i);
  const MatrixXd front = pareto_front(rows_of(y, rows));
  std::vector<Index> order(static_cast<std::size_t>(front.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  const Index last = y.cols() - 1;
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return front(a, last) < front(b, last); });
  return rows_of(front, order);
}

using Box = std::pair<std::vector<double>, std::vector<double>>;

/// Boxes of the first m columns of a front.
std::vector<Box> boxes_of(const MatrixXd& y, const VectorXd& reference) {
  const Index last = y.cols() - 1;
  if (last == 0) {
    const double end = y.rows() > 0 ? std::min(y.minCoeff(), reference[0]) : reference[0];
    return {{{-kInfinity}, {end}}};
  }
  std::vector<Box> done;
  // Boxes of the columns before the last that hold from some value of the last on.
  std::map<Box, double> open;
  const auto close = [&](const Box& box, double from, double to) {
    if (!(from < to)) return;
    Box whole = box;
    whole.first.push_back(from), whole.second.push_back(to);
    done.push_back(std::move(whole));
  };
  const MatrixXd front = front_below(y, reference);
  for (Box& box : boxes_of(MatrixXd(0, last), reference.head(last))) open[box] = -kInfinity;
  for (Index i = 0; i < front.rows(); ++i) {
    const double at = front(i, last);
    if (i + 1 < front.rows() && front(i + 1, last) == at) continue;
    std::map<Box, double> next;
    for (Box& box : boxes_of(front.topLeftCorner(i + 1, last), reference.head(last))) {
      const auto known = open.find(box);
      next.emplace(std::move(box), known == open.end() ? at : known->second);
    }
    for (const auto& [box, from] : open)
      if (!next.contains(box)) close(box, from, at);
    open = std::move(next);
  }
  for (const auto& [box, from] : open) close(box, from, reference[last]);
  return done;
}

/// log(e^a - e^b), b <= a.
double log_difference(double a, double b) {
  return b == -kInfinity ? a : a + std::log(-std::expm1(std::min(b - a, 0.0)));
}

}  // namespace

double hypervolume(const MatrixXd& y, const VectorXd& reference) {
  const Index m = reference.size();
  SKIPJACK_CHECK(m >= 1 && m <= kMaxHypervolumeDimension && y.cols() == m);
  const MatrixXd front = front_below(y, reference);
  if (front.rows() == 0) return 0;
  if (m == 1) return reference[0] - front(0, 0);
  double sum = 0;
  if (m == 2) {
    // Ascending in the second column, hence descending in the first.
    for (Index i = 0; i < front.rows(); ++i) {
      const double above = i + 1 < front.rows() ? front(i + 1, 1) : reference[1];
      sum += (reference[0] - front(i, 0)) * (above - front(i, 1));
    }
    return sum;
  }
  // Each row's own volume, less what the rows after it have of that too.
  for (Index i = 0; i < front.rows(); ++i) {
    MatrixXd rest = front.bottomRows(front.rows() - i - 1);
    for (Index j = 0; j < rest.rows(); ++j) rest.row(j) = rest.row(j).cwiseMax(front.row(i));
    sum += (reference.transpose() - front.row(i)).prod() - hypervolume(rest, reference);
  }
  return sum;
}

Boxes non_dominated_boxes(const MatrixXd& y, const VectorXd& reference) {
  SKIPJACK_CHECK(y.cols() == reference.size());
  const std::vector<Box> boxes = boxes_of(y, reference);
  const auto number = static_cast<Index>(boxes.size());
  Boxes result{MatrixXd(number, reference.size()), MatrixXd(number, reference.size())};
  for (Index i = 0; i < number; ++i)
    for (Index k = 0; k < reference.size(); ++k) {
      const auto& [lower, upper] = boxes[static_cast<std::size_t>(i)];
      result.lower(i, k) = lower[static_cast<std::size_t>(k)];
      result.upper(i, k) = upper[static_cast<std::size_t>(k)];
    }
  return result;
}

HypervolumeImprovement::HypervolumeImprovement(const MatrixXd& y, const VectorXd& reference) {
  const Boxes boxes = non_dominated_boxes(y, reference);
  const Index number = boxes.lower.rows();
  lower_.resize(static_cast<std::size_t>(number)), upper_.resize(lower_.size());
  for (Index k = 0; k < reference.size(); ++k) {
    std::vector<double>& ends = ends_.emplace_back();
    for (Index i = 0; i < number; ++i)
      ends.push_back(boxes.lower(i, k)), ends.push_back(boxes.upper(i, k));
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    const auto position = [&](double end) {
      return static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), end) -
                                      ends.begin());
    };
    for (Index i = 0; i < number; ++i) {
      lower_[static_cast<std::size_t>(i)].push_back(position(boxes.lower(i, k)));
      upper_[static_cast<std::size_t>(i)].push_back(position(boxes.upper(i, k)));
    }
  }
}

double HypervolumeImprovement::log_expected(const VectorXd& mean, const VectorXd& stddev) const {
  std::vector<std::vector<double>> log_ei(ends_.size());
  for (std::size_t k = 0; k < ends_.size(); ++k)
    for (const double end : ends_[k]) {
      const auto at = static_cast<Index>(k);
      log_ei[k].push_back(std::isinf(end) ? -kInfinity
                                          : log_expected_improvement(mean[at], stddev[at], end));
    }
  std::vector<double> terms;
  for (std::size_t i = 0; i < lower_.size(); ++i) {
    double term = 0;
    for (std::size_t k = 0; k < ends_.size(); ++k)
      term += log_difference(log_ei[k][upper_[i][k]], log_ei[k][lower_[i][k]]);
    terms.push_back(term);
  }
  if (terms.empty()) return -kInfinity;
  const double largest = *std::max_element(terms.begin(), terms.end());
  if (!(largest > -kInfinity)) return -kInfinity;
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
}

VectorXd reference_point(const MatrixXd& y) {
  const VectorXd nadir = pareto_front(y).colwise().maxCoeff(), worst = y.colwise().maxCoeff();
  VectorXd range = worst.transpose() - y.colwise().minCoeff();
  for (double& r : range)
    if (!(r > 0)) r = 1;
  const double beyond = y.cols() == 2 ? kBeyondNadir : 0;
  return nadir + beyond * (worst - nadir) + kMargin * range;
}

}  // namespace skipjack
