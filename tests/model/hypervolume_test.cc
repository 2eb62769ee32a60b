#include "skipjack/model/hypervolume.h"

#include <gtest/gtest.h>

#include <cmath>

#include "skipjack/base/rng.h"
#include "skipjack/model/acquisition.h"
#include "skipjack/model/pareto.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Outcomes on a grid of `levels` values an axis, ties and repetitions among them.
MatrixXd random_outcomes(Index n, Index m, int levels, Rng& rng) {
  MatrixXd y(n, m);
  for (Index i = 0; i < n; ++i)
    for (Index k = 0; k < m; ++k) y(i, k) = static_cast<double>(rng.uniform_int(0, levels - 1));
  return y;
}

bool is_covered(const MatrixXd& y, const VectorXd& z) {
  for (Index i = 0; i < y.rows(); ++i)
    if ((y.row(i).transpose().array() <= z.array()).all()) return true;
  return false;
}

/// Calls visit with the lower corner of each unit cell below `levels`.
template <class Visit>
void for_each_cell(Index m, int levels, const Visit& visit) {
  VectorXd z = VectorXd::Zero(m);
  for (;;) {
    visit(z);
    Index k = 0;
    while (k < m && ++z[k] == levels) z[k++] = 0;
    if (k == m) return;
  }
}

TEST(Pareto, KeepsWhatNothingIsBetterThan) {
  MatrixXd y(6, 2);
  y << 1, 5, 2, 3, 2, 4, 4, 1, 2, 3, 5, 5;
  EXPECT_EQ(non_dominated(y), (std::vector<std::size_t>{0, 1, 3, 4}));
  EXPECT_EQ(pareto_front(y).rows(), 3);
  EXPECT_TRUE(non_dominated(MatrixXd(0, 2)).empty());
}

TEST(Hypervolume, IsTheNumberOfUnitCellsCovered) {
  constexpr int kLevels[] = {0, 9, 9, 7, 6, 5, 4};
  Rng rng(1, "hypervolume");
  for (Index m = 1; m <= kMaxHypervolumeDimension; ++m)
    for (const Index n : {0, 1, 4, 15}) {
      const int levels = kLevels[m];
      const MatrixXd y = random_outcomes(n, m, levels, rng);
      double cells = 0;
      for_each_cell(m, levels, [&](const VectorXd& z) { cells += is_covered(y, z); });
      EXPECT_DOUBLE_EQ(hypervolume(y, VectorXd::Constant(m, levels)), cells) << m << ", " << n;
    }
}

TEST(Hypervolume, OutcomesBeyondTheReferenceAddNothing) {
  MatrixXd y(2, 3);
  y << 1, 1, 1, 0, 0, 9;
  EXPECT_DOUBLE_EQ(hypervolume(y, VectorXd::Constant(3, 3)), 8);
}

TEST(NonDominatedBoxes, CoverEachFreeCellOnceAndNoOther) {
  Rng rng(2, "boxes");
  constexpr int kLevels[] = {0, 9, 9, 7, 5};
  for (Index m = 1; m <= 4; ++m)
    for (const Index n : {0, 1, 3, 12}) {
      const int levels = kLevels[m];
      const MatrixXd y = random_outcomes(n, m, levels, rng);
      const Boxes boxes = non_dominated_boxes(y, VectorXd::Constant(m, levels));
      for_each_cell(m, levels, [&](const VectorXd& z) {
        int times = 0;
        for (Index i = 0; i < boxes.lower.rows(); ++i)
          times += (boxes.lower.row(i).transpose().array() <= z.array()).all() &&
                   (z.array() < boxes.upper.row(i).transpose().array()).all();
        ASSERT_EQ(times, is_covered(y, z) ? 0 : 1) << m << ", " << n << ": " << z.transpose();
      });
    }
}

TEST(NonDominatedBoxes, AreFewEnoughForTwoAndThreeObjectives) {
  Rng rng(3, "boxes");
  constexpr Index kPoints = 60;
  for (Index m = 2; m <= 3; ++m) {
    MatrixXd y(kPoints, m);
    for (Index i = 0; i < kPoints; ++i) {
      for (Index k = 0; k < m; ++k) y(i, k) = rng.exponential();
      y.row(i) /= y.row(i).sum();  // a simplex: none dominates another
    }
    const Boxes boxes = non_dominated_boxes(y, VectorXd::Constant(m, 2));
    EXPECT_LE(boxes.lower.rows(), m == 2 ? kPoints + 1 : 2 * kPoints + 1) << m;
  }
}

TEST(HypervolumeImprovement, IsThatOfDrawsToWithinTheirError) {
  Rng rng(4, "improvement");
  for (Index m = 1; m <= 4; ++m)
    for (int repeat = 0; repeat < 3; ++repeat) {
      MatrixXd y(6, m);
      for (Index i = 0; i < y.rows(); ++i)
        for (Index k = 0; k < m; ++k) y(i, k) = rng.uniform(0.4, 1);
      const VectorXd reference = VectorXd::Constant(m, 1.1);
      VectorXd mean(m), stddev(m);
      for (Index k = 0; k < m; ++k)
        mean[k] = rng.uniform(0, 0.8), stddev[k] = rng.uniform(0.15, 0.4);
      const double before = hypervolume(y, reference);
      constexpr int kDraws = 20000;
      double sum = 0, squares = 0;
      MatrixXd more(y.rows() + 1, m);
      more.topRows(y.rows()) = y;
      for (int i = 0; i < kDraws; ++i) {
        for (Index k = 0; k < m; ++k) more(y.rows(), k) = mean[k] + stddev[k] * rng.normal();
        const double gain = hypervolume(more, reference) - before;
        sum += gain, squares += gain * gain;
      }
      const double average = sum / kDraws;
      const double error = std::sqrt((squares / kDraws - average * average) / kDraws);
      const HypervolumeImprovement improvement(y, reference);
      EXPECT_NEAR(std::exp(improvement.log_expected(mean, stddev)), average, 4 * error)
          << m << ", " << repeat;
    }
}

TEST(HypervolumeImprovement, IsExpectedImprovementForOneObjective) {
  MatrixXd y(2, 1);
  y << 0.5, 0.9;
  const HypervolumeImprovement improvement(y, VectorXd::Constant(1, 2));
  EXPECT_NEAR(improvement.log_expected(VectorXd::Constant(1, 3), VectorXd::Constant(1, 0.1)),
              log_expected_improvement(3, 0.1, 0.5), 1e-9);
}

TEST(HypervolumeImprovement, StillRanksWhereItUnderflows) {
  MatrixXd y(3, 2);
  y << 0, 1, 0.5, 0.5, 1, 0;
  const HypervolumeImprovement improvement(y, VectorXd::Constant(2, 1.1));
  const auto at = [&](double mean) {
    return improvement.log_expected(VectorXd::Constant(2, mean), VectorXd::Constant(2, 0.01));
  };
  EXPECT_LT(at(1.3), -745);  // its exponential is zero
  EXPECT_TRUE(std::isfinite(at(2)));
  EXPECT_GT(at(1.3), at(1.4));
  EXPECT_GT(at(1.4), at(2));
}

TEST(ReferencePoint, LiesBeyondTheNadir) {
  // The last is dominated: it widens the range, not the front.
  MatrixXd y(4, 2);
  y << 0, 10, 1, 4, 2, 0, 7, 20;
  EXPECT_NEAR(reference_point(y)[0], 5.2, 1e-12);
  EXPECT_NEAR(reference_point(y)[1], 17, 1e-12);
  EXPECT_NEAR(reference_point(y.topRows(1))[1], 10.1, 1e-12);
  MatrixXd three(4, 3);
  three << y, MatrixXd::Zero(4, 1);
  EXPECT_NEAR(reference_point(three)[0], 2.7, 1e-12);
  EXPECT_NEAR(reference_point(three)[1], 12, 1e-12);
  EXPECT_NEAR(reference_point(three)[2], 0.1, 1e-12);
}

}  // namespace
}  // namespace skipjack
