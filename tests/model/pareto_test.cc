// Fronts, crowding and spread orders on points whose answers can be read off.
#include "skipjack/model/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using Eigen::MatrixXd;
using ::testing::ElementsAre;

TEST(FrontNumbers, PeelFrontAfterFront) {
  // Syne Tune's NonDominatedPriority takes the worst of these for the best.
  MatrixXd three(3, 2);
  three << 2, 2, 3, 3, 1, 1;
  EXPECT_THAT(front_numbers(three), ElementsAre(1, 2, 0));
  MatrixXd y(7, 2);
  y << 1, 5, 2, 3, 4, 1, 3, 4, 5, 2, 2, 3, 6, 6;
  EXPECT_THAT(front_numbers(y), ElementsAre(0, 0, 0, 1, 1, 0, 2));
  EXPECT_TRUE(front_numbers(MatrixXd(0, 2)).empty());
}

TEST(FrontNumbers, AgreeWithPeelingByNonDominated) {
  Rng rng(5);
  for (int round = 0; round < 20; ++round) {
    MatrixXd y(30, 3);
    for (Eigen::Index i = 0; i < y.size(); ++i)
      y.data()[i] = static_cast<double>(rng.uniform_int(0, 6));
    const std::vector<std::size_t> numbers = front_numbers(y);
    std::vector<Eigen::Index> left(30);
    for (Eigen::Index i = 0; i < 30; ++i) left[static_cast<std::size_t>(i)] = i;
    for (std::size_t number = 0; !left.empty(); ++number) {
      MatrixXd rest(static_cast<Eigen::Index>(left.size()), 3);
      for (Eigen::Index i = 0; i < rest.rows(); ++i)
        rest.row(i) = y.row(left[static_cast<std::size_t>(i)]);
      std::vector<Eigen::Index> front;
      for (const std::size_t i : non_dominated(rest)) front.push_back(left[i]);
      for (const Eigen::Index i : front) {
        EXPECT_EQ(numbers[static_cast<std::size_t>(i)], number);
        std::erase(left, i);
      }
    }
  }
}

TEST(CrowdingDistances, AreThoseOfTheFormula) {
  MatrixXd y(4, 2);
  y << 0, 10, 1, 6, 4, 4, 10, 0;
  const std::vector<double> d = crowding_distances(y);
  EXPECT_TRUE(std::isinf(d[0]));
  EXPECT_DOUBLE_EQ(d[1], 4.0 / 10 + 6.0 / 10);
  EXPECT_DOUBLE_EQ(d[2], 9.0 / 10 + 6.0 / 10);
  EXPECT_TRUE(std::isinf(d[3]));
  MatrixXd equal(3, 2);
  equal << 1, 1, 1, 1, 1, 1;
  EXPECT_EQ(crowding_distances(equal).size(), 3u);
  EXPECT_TRUE(crowding_distances(MatrixXd(0, 2)).empty());
}

TEST(EpsilonNetOrder, GoesFromTheCompromiseToTheFarthest) {
  MatrixXd y(5, 2);
  y << 0, 100, 1, 80, 4, 50, 5, 40, 10, 0;
  // In fractions (0, 1) (.1, .8) (.4, .5) (.5, .4) (1, 0): the third is as near to (0, 0) as the
  // fourth and comes first; the ends are farther from it than the others.
  EXPECT_THAT(epsilon_net_order(y), ElementsAre(2, 4, 0, 1, 3));
  MatrixXd equal = MatrixXd::Constant(3, 2, 7);
  EXPECT_THAT(epsilon_net_order(equal), ElementsAre(0, 1, 2));
  EXPECT_TRUE(epsilon_net_order(MatrixXd(0, 2)).empty());
}

}  // namespace
}  // namespace skipjack
