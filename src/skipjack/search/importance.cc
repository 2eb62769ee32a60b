#include "skipjack/search/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/model/forest.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {
namespace {

using Index = Eigen::Index;

constexpr std::size_t kLeastTrials = 10, kMostTrials = 2000;
constexpr Index kFolds = 5, kDraws = 10;

struct Rows {
  Eigen::MatrixXd x;
  Eigen::VectorXd y;
};

/// In random order, so that a fold is every fifth row.
Rows rows_of(const UnitSpace& space, const History& history, const Metric& metric, Rng& rng) {
  std::vector<Observations::Value> values =
      collect_observations(space.space(), history, metric).values;
  std::erase_if(values, [](const Observations::Value& value) { return value.bounded; });
  if (values.size() < kLeastTrials)
    throw Error(ErrorCode::InvalidArgument,
                "the importance of parameters needs " + std::to_string(kLeastTrials) +
                    " measured trials, and there are " + std::to_string(values.size()),
                "ask again when there are more");
  rng.shuffle(values);
  values.resize(std::min(values.size(), kMostTrials));
  std::vector<UnitPoint> points;
  Rows rows{.y = Eigen::VectorXd(static_cast<Index>(values.size()))};
  for (const Observations::Value& value : values) {
    rows.y(static_cast<Index>(points.size())) = value.value;
    points.push_back(value.point);
  }
  rows.x = to_matrix(points, space.dimension());
  return rows;
}

Rows select(const Rows& all, const std::vector<Index>& which) {
  const auto n = static_cast<Index>(which.size());
  Rows rows{Eigen::MatrixXd(n, all.x.cols()), Eigen::VectorXd(n)};
  for (Index i = 0; i < n; ++i) {
    rows.x.row(i) = all.x.row(which[static_cast<std::size_t>(i)]);
    rows.y(i) = all.y(which[static_cast<std::size_t>(i)]);
  }
  return rows;
}

/// Adds to the squared error of the held rows, and to its increase by each column's wrong values.
void judge(const Forest& forest, const Rows& held, const Eigen::MatrixXd& all, Rng& rng,
           double& error, Eigen::VectorXd& increases) {
  const auto squared_error = [&](const Eigen::MatrixXd& x) {
    return (forest.predict(x).mean - held.y).squaredNorm();
  };
  const double right = squared_error(held.x);
  error += right;
  Eigen::MatrixXd wrong = held.x;
  for (Index column = 0; column < wrong.cols(); ++column) {
    for (Index draw = 0; draw < kDraws; ++draw) {
      for (Index row = 0; row < wrong.rows(); ++row)
        wrong(row, column) = all(rng.uniform_int(0, all.rows() - 1), column);
      increases(column) += (squared_error(wrong) - right) / static_cast<double>(kDraws);
    }
    wrong.col(column) = held.x.col(column);
  }
}

}  // namespace

Importance parameter_importance(const SearchSpace& space, const History& history,
                                const Metric& metric, std::uint64_t seed) {
  Rng rng(seed, "importance");
  const UnitSpace unit_space(space);
  const Rows rows = rows_of(unit_space, history, metric, rng);
  const Index n = rows.y.size();
  double error = 0;
  Eigen::VectorXd increases = Eigen::VectorXd::Zero(rows.x.cols());
  for (Index fold = 0; fold < kFolds; ++fold) {
    std::vector<Index> seen, held;
    for (Index row = 0; row < n; ++row) (row % kFolds == fold ? held : seen).push_back(row);
    const Rows known = select(rows, seen);
    ForestOptions options;
    options.seed = rng.next();
    const Forest forest(TreeInputs(known.x, unit_space.kinds()), known.y, options);
    judge(forest, select(rows, held), rows.x, rng, error, increases);
  }
  increases = increases.cwiseMax(0) / static_cast<double>(n);
  const double variance = (rows.y.array() - rows.y.mean()).square().sum();

  Importance found{.explained = variance > 0 ? 1 - error / variance : 0,
                   .num_trials = static_cast<std::size_t>(n)};
  const double total = increases.sum();
  Index column = 0;
  for (const auto& [name, domain] : space.searched()) {
    const double increase = increases(column++);
    found.parameters.push_back({name, total > 0 ? increase / total : 0, increase});
  }
  std::stable_sort(found.parameters.begin(), found.parameters.end(),
                   [](const auto& a, const auto& b) { return a.increase > b.increase; });
  return found;
}

}  // namespace skipjack
