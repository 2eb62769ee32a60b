#include "skipjack/model/pareto.h"

#include <algorithm>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

bool is_at_least_as_good(const MatrixXd& y, Index a, Index b) {
  return (y.row(a).array() <= y.row(b).array()).all();
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

}  // namespace skipjack
