// What Latin hypercube search promises beyond the conformance suite.
#include "skipjack/search/latin_hypercube.h"

#include <gtest/gtest.h>

#include <set>

#include "play.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using play::Experiment;

TEST(LatinHypercubeSearch, EachDesignHoldsEverySliceOnce) {
  const SearchSpace space({{"x", uniform(0, 1)}, {"y", log_uniform(1e-3, 1)}});
  const auto searcher = make_latin_hypercube_search({.space = space, .seed = 2, .num_samples = 12});
  Experiment experiment;
  for (int design = 0; design < 3; ++design) {
    std::set<int> x, y;
    for (int i = 0; i < 12; ++i) {
      const Configuration c = play::next(*searcher, experiment);
      const auto unit = space.encode(c);
      x.insert(static_cast<int>(unit[0] * 12)), y.insert(static_cast<int>(unit[1] * 12));
      experiment.measured(c, 1);
    }
    EXPECT_EQ(x.size(), 12u) << "design " << design;
    EXPECT_EQ(y.size(), 12u) << "design " << design;
  }
}

TEST(LatinHypercubeSearch, DesignsDiffer) {
  const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}});
  const auto searcher = make_latin_hypercube_search({.space = space, .seed = 2, .num_samples = 3});
  Experiment experiment;
  std::set<std::string> seen;
  for (int i = 0; i < 6; ++i) {
    const Configuration c = play::next(*searcher, experiment);
    EXPECT_TRUE(seen.insert(space.key(c)).second);
    experiment.measured(c, 1);
  }
}

TEST(LatinHypercubeSearch, RefusesOptionsOutOfRange) {
  const SearchSpace space({{"x", uniform(0, 1)}});
  EXPECT_THROW(make_latin_hypercube_search({.space = space, .num_samples = 0}), Error);
  EXPECT_THROW(make_latin_hypercube_search({.space = space, .num_samples = 10'001}), Error);
}

}  // namespace
}  // namespace skipjack
