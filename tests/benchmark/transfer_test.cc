#include "skipjack/benchmark/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/problem.h"

namespace skipjack::benchmark {
namespace {

std::vector<std::shared_ptr<const World>> worlds(int number) {
  std::vector<std::shared_ptr<const World>> result;
  for (int i = 0; i < number; ++i)
    result.push_back(
        bbob_problem({.function = {.function = i + 1, .dimension = 2}}, {}).make_world(0));
  return result;
}

TEST(TransferCases, AreDistinctAndHaveEveryTargetEquallyOften) {
  const auto cases = transfer_cases({.worlds = worlds(4), .num_cases = 12});
  std::map<std::string, int> times;
  std::set<std::string> names;
  for (const TransferCase& transfer : cases) {
    ++times[transfer.target->name()];
    names.insert(transfer.name);
    EXPECT_NE(transfer.sources.at(0), transfer.target);
  }
  EXPECT_EQ(names.size(), 12u);
  for (const auto& [name, number] : times) EXPECT_EQ(number, 3) << name;
}

TEST(TransferCases, RefuseMoreSourcesThanThereAre) {
  EXPECT_THROW(transfer_cases({.worlds = worlds(3), .num_cases = 1, .num_sources = 3}), Error);
}

TEST(NegatedWorld, TurnsValuesRound) {
  const auto world = worlds(1)[0];
  const Configuration middle = world->space().midpoint();
  EXPECT_EQ(negated(world)->true_value(middle), -*world->true_value(middle));
  Rng one(1, "a", 0), other(1, "a", 0);
  EXPECT_EQ(negated(world)->evaluate(middle, one).curve.back().value,
            -world->evaluate(middle, other).curve.back().value);
}

TEST(Transfer, OfWorldToItselfNeedsOneEvaluation) {
  const auto world = worlds(1)[0];
  const TransferResult result =
      TransferRuns({.evaluations = 20, .source_evaluations = 25, .num_seeds = 2})
          .run({.name = "self", .target = world, .sources = {world}});
  EXPECT_LE(result.warm[0][0], result.cold[0][9]);
  EXPECT_LE(result.warm[1][0], result.cold[1][9]);
}

TEST(Transfer, CountsEvaluationsToGoal) {
  EXPECT_EQ(evaluations_to({0.5, 0.2, 0.2, 0.1}, 0.2), 2);
  EXPECT_EQ(evaluations_to({0.5, 0.2}, 0.1), std::nullopt);
  EXPECT_EQ(mean_curve({{1, 2}, {3, 6}}), (RegretCurve{2, 4}));
}

}  // namespace
}  // namespace skipjack::benchmark
