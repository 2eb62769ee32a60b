#include "skipjack/model/pareto.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

bool is_at_least_as_good(const MatrixXd& y, Index a, Index b) {
  return (y.row(a).array() <= y.row(b).array()).all();
}

/// Columns from 0 at their smallest to 1 at their largest value; those of one value are 0.
MatrixXd scaled(const MatrixXd& y) {
  MatrixXd result = y;
  for (Index k = 0; k < y.cols(); ++k) {
    const double low = y.col(k).minCoeff(), range = y.col(k).maxCoeff() - low;
    result.col(k).array() -= low;
    result.col(k) *= range > 0 ? 1 / range : 0;
  }
  return result;
}

}  // namespace

std::vector<std::size_t> non_dominated(const MatrixXd& y) {
  std::vector<std::size_t> result;
  for (Index i = 0; i < y.rows(); ++i) {
    bool is_dominated = false;
    for (Index j = 0; j < y.rows() && !is_dominated; ++j)
      is_dominated = is_at_least_as_good(y, j, i) && !is_at_least_as_good(y, i, j);
    if (!is_dominated) result.push_back(static_cast<std::size_t>(i));
  }
  return result;
}

MatrixXd pareto_front(const MatrixXd& y) {
  std::vector<Index> rows;
  for (const std::size_t i : non_dominated(y)) {
    const auto row = static_cast<Index>(i);
    const bool is_known = std::any_of(rows.begin(), rows.end(), [&](Index known) {
      return (y.row(known).array() == y.row(row).array()).all();
    });
    if (!is_known) rows.push_back(row);
  }
  MatrixXd front(static_cast<Index>(rows.size()), y.cols());
  for (Index i = 0; i < front.rows(); ++i) front.row(i) = y.row(rows[static_cast<std::size_t>(i)]);
  return front;
}

std::vector<std::size_t> front_numbers(const MatrixXd& y) {
  const auto n = static_cast<std::size_t>(y.rows());
  std::vector<std::vector<double>> rows(n);
  for (std::size_t i = 0; i < n; ++i)
    for (Index k = 0; k < y.cols(); ++k) rows[i].push_back(y(static_cast<Index>(i), k));
  // Behind all that dominate them, so that each is looked at once.
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return rows[a] < rows[b]; });
  const auto is_dominated = [&](std::size_t i, std::size_t by) {
    return rows[by] != rows[i] && std::equal(rows[by].begin(), rows[by].end(), rows[i].begin(),
                                             [](double a, double b) { return a <= b; });
  };
  std::vector<std::size_t> numbers(n);
  std::vector<std::vector<std::size_t>> fronts;
  for (const std::size_t i : order) {
    // Whoever is dominated by a member of a front is by one of each front before it.
    const auto front = std::partition_point(fronts.begin(), fronts.end(), [&](const auto& members) {
      return std::any_of(members.rbegin(), members.rend(),
                         [&](std::size_t member) { return is_dominated(i, member); });
    });
    numbers[i] = static_cast<std::size_t>(front - fronts.begin());
    if (front == fronts.end())
      fronts.push_back({i});
    else
      front->push_back(i);
  }
  return numbers;
}

std::vector<double> crowding_distances(const MatrixXd& y) {
  const MatrixXd unit = y.rows() > 0 ? scaled(y) : y;
  std::vector<double> distances(static_cast<std::size_t>(y.rows()), 0.0);
  std::vector<Index> order(distances.size());
  for (Index k = 0; k < y.cols(); ++k) {
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Index a, Index b) { return unit(a, k) < unit(b, k); });
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool is_end = i == 0 || i + 1 == order.size();
      distances[static_cast<std::size_t>(order[i])] +=
          is_end ? std::numeric_limits<double>::infinity()
                 : unit(order[i + 1], k) - unit(order[i - 1], k);
    }
  }
  return distances;
}

std::vector<std::size_t> epsilon_net_order(const MatrixXd& y) {
  std::vector<std::size_t> order;
  if (y.rows() == 0) return order;
  const MatrixXd unit = scaled(y);
  Index next = 0;
  unit.rowwise().squaredNorm().minCoeff(&next);
  Eigen::VectorXd distances =
      Eigen::VectorXd::Constant(y.rows(), std::numeric_limits<double>::infinity());
  while (order.size() < static_cast<std::size_t>(y.rows())) {
    order.push_back(static_cast<std::size_t>(next));
    distances = distances.cwiseMin((unit.rowwise() - unit.row(next)).rowwise().squaredNorm());
    distances[next] = -1;  // never again
    distances.maxCoeff(&next);
  }
  return order;
}

}  // namespace skipjack
