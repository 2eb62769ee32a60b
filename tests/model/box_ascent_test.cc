// Truth: maxima of quadratics, inside the box and at its faces.
#include "skipjack/model/box_ascent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace skipjack {
namespace {

using Eigen::VectorXd;

// -(x - top)' diag(1, 10) (x - top)
SmoothFunction bowl(const VectorXd& top) {
  return [top](const VectorXd& x, VectorXd* gradient) {
    const VectorXd scaled = Eigen::Vector2d(1, 10).cwiseProduct(x - top);
    if (gradient) *gradient = -2 * scaled;
    return -scaled.dot(x - top);
  };
}

const BoxAscentOptions kUnitSquare{
    .lower = VectorXd::Zero(2), .upper = VectorXd::Ones(2), .least_gain = 1e-12};

TEST(BoxAscent, FindsTheTopInside) {
  const VectorXd top = Eigen::Vector2d(0.3, 0.7);
  const BoxAscentResult found = maximize_in_box(bowl(top), Eigen::Vector2d(0.9, 0.1), kUnitSquare);
  EXPECT_LT((found.x - top).norm(), 1e-4);
  EXPECT_NEAR(found.value, 0, 1e-8);
}

TEST(BoxAscent, StopsAtTheFace) {
  const BoxAscentResult found =
      maximize_in_box(bowl(Eigen::Vector2d(2, 0.5)), Eigen::Vector2d(0.2, 0.2), kUnitSquare);
  EXPECT_NEAR(found.x[0], 1, 1e-6);
  EXPECT_NEAR(found.x[1], 0.5, 1e-4);
}

TEST(BoxAscent, KeepsTheBestWhereTheFunctionIsNotFinite) {
  const SmoothFunction cliff = [](const VectorXd& x, VectorXd* gradient) {
    if (gradient) *gradient = VectorXd::Constant(2, 1.0);
    return x.sum() > 1 ? std::numeric_limits<double>::quiet_NaN() : x.sum();
  };
  const BoxAscentResult found = maximize_in_box(cliff, Eigen::Vector2d(0.2, 0.2), kUnitSquare);
  EXPECT_GE(found.value, 0.4 - 1e-12);
  EXPECT_LE(found.value, 1.0);
}

TEST(BoxAscent, KeepsToItsEvaluations) {
  int calls = 0;
  const SmoothFunction counted = [&](const VectorXd& x, VectorXd* gradient) {
    ++calls;
    return bowl(Eigen::Vector2d(0.5, 0.5))(x, gradient);
  };
  BoxAscentOptions options = kUnitSquare;
  options.max_evaluations = 3;
  maximize_in_box(counted, Eigen::Vector2d(0, 1), options);
  EXPECT_LE(calls, 3);
  EXPECT_GE(calls, 1);
}

}  // namespace
}  // namespace skipjack
