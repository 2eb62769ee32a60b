#include "skipjack/model/conformal.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Rows {
  std::vector<Index> training, validation;
};

// validation is empty where there are too few.
Rows split_rows(Index n, const ConformalOptions& options) {
  std::vector<Index> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), Index{0});
  if (n <= options.max_uncorrected_rows) return {std::move(rows), {}};
  Rng(options.seed, "conformal split").shuffle(rows);
  const auto number =
      static_cast<std::ptrdiff_t>(std::ceil(options.validation_fraction * static_cast<double>(n)));
  return {{rows.begin() + number, rows.end()}, {rows.begin(), rows.begin() + number}};
}

// The ceil((m + 1) coverage)-th smallest, the largest where there are fewer.
double conformal_quantile(VectorXd scores, double coverage) {
  const Index m = scores.size();
  const double rank = std::ceil(static_cast<double>(m + 1) * coverage - 1e-9);
  const Index index = std::clamp(static_cast<Index>(rank) - 1, Index{0}, m - 1);
  std::nth_element(scores.data(), scores.data() + index, scores.data() + m);
  return scores[index];
}

}  // namespace

ConformalQuantiles::ConformalQuantiles(const MatrixXd& x, const std::vector<DimensionKind>& kinds,
                                       const VectorXd& y, const ConformalOptions& options)
    : corrections_(VectorXd::Zero(options.num_quantiles)) {
  SKIPJACK_CHECK(options.num_quantiles >= 1 && options.num_quantiles % 2 == 1);
  const int num_quantiles = options.num_quantiles;
  const auto [training, validation] = split_rows(x.rows(), options);
  const TreeInputs inputs(x(training, Eigen::all), kinds);
  const BoostingTargets targets{.y = y(training)};
  BoostingOptions boosting = options.boosting;
  boosting.loss = BoostingLoss::Pinball;
  for (int k = 1; k <= num_quantiles; ++k) {
    levels_.push_back(static_cast<double>(k) / (num_quantiles + 1));
    boosting.quantile = levels_.back();
    boosting.seed = Rng(options.seed, "conformal model", static_cast<std::uint64_t>(k)).next();
    models_.emplace_back(inputs, targets, boosting);
  }
  if (validation.empty()) return;
  const MatrixXd predicted = predict(x(validation, Eigen::all));
  const VectorXd observed = y(validation);
  for (Index low = 0; low < num_quantiles / 2; ++low) {
    const Index high = num_quantiles - 1 - low;
    const VectorXd outside =
        (predicted.col(low) - observed).cwiseMax(observed - predicted.col(high));
    const double coverage = 1 - 2 * levels_[static_cast<std::size_t>(low)];
    corrections_[high] = conformal_quantile(outside, coverage);
    corrections_[low] = -corrections_[high];
  }
}

MatrixXd ConformalQuantiles::predict(const MatrixXd& x_new) const {
  MatrixXd result(x_new.rows(), static_cast<Index>(models_.size()));
  for (std::size_t k = 0; k < models_.size(); ++k) {
    const auto column = static_cast<Index>(k);
    result.col(column) = models_[k].predict(x_new).array() + corrections_[column];
  }
  return result;
}

}  // namespace skipjack
