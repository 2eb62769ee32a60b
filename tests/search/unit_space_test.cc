// The space as models see it, in particular where parameters come and go. Truth: the configurations
// that the space itself makes of the points.
#include "skipjack/search/unit_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace skipjack {
namespace {

/// kind decides over size and rate, size over depth.
SearchSpace conditional_space() {
  return SearchSpace(
      {{"kind", choice({"small", "large", "none"})},
       {"size", rand_int(0, 30)},
       {"rate", log_uniform(1e-4, 1)},
       {"depth", rand_int(1, 4)},
       {"bias", choice({true, false})}},
      {}, {{"depth", "size >= 10"}, {"size", "kind != 'none'"}, {"rate", "kind == 'large'"}});
}

UnitPoint random_point(std::size_t dimension, Rng& rng) {
  UnitPoint point(dimension);
  for (double& coordinate : point) coordinate = rng.uniform();
  return point;
}

void expect_at_rest(const UnitSpace& space, const UnitPoint& point) {
  EXPECT_EQ(space.snap(point), point);
  const Configuration c = space.space().decode(point);
  EXPECT_TRUE(space.space().contains(c)) << to_json_text(c);
  const std::vector<bool> active = space.active(point);
  for (std::size_t k = 0; k < point.size(); ++k) {
    EXPECT_EQ(active[k], c.find(space.space().searched()[k].first) != nullptr) << to_json_text(c);
    if (!active[k]) {
      EXPECT_EQ(point[k], SearchSpace::kInactiveCoordinate);
    }
  }
}

TEST(UnitSpace, SnapIsEncodingOfDecoding) {
  const UnitSpace space(conditional_space());
  EXPECT_TRUE(space.is_conditional());
  Rng rng(1);
  for (int i = 0; i < 300; ++i) {
    const UnitPoint point = random_point(5, rng);
    const UnitPoint snapped = space.snap(point);
    EXPECT_EQ(snapped, space.space().encode(space.space().decode(point)));
    expect_at_rest(space, snapped);
  }
}

TEST(UnitSpace, NeighborsDifferByOneActiveValueAndWhatItDecides) {
  const UnitSpace space(conditional_space());
  Rng rng(2);
  for (int i = 0; i < 40; ++i) {
    const UnitPoint point = space.snap(random_point(5, rng));
    const std::vector<bool> active = space.active(point);
    for (const UnitPoint& neighbor : space.neighbors(point)) {
      expect_at_rest(space, neighbor);
      const std::vector<bool> there = space.active(neighbor);
      int num_changed = 0;
      for (std::size_t k = 0; k < point.size(); ++k)
        num_changed += active[k] && there[k] && neighbor[k] != point[k] ? 1 : 0;
      EXPECT_EQ(num_changed, 1);
    }
  }
}

TEST(UnitSpace, NeighborsReachEveryKind) {
  const UnitSpace space(conditional_space());
  const UnitPoint none =
      space.space().encode(space.space().complete(parse_json(R"({"kind": "none", "bias": true})")));
  std::set<std::string> kinds;
  for (const UnitPoint& neighbor : space.neighbors(none))
    kinds.insert(space.space().decode(neighbor).at("kind").as_string());
  EXPECT_EQ(kinds, (std::set<std::string>{"small", "large", "none"}));
}

TEST(UnitSpace, PerturbationPlacesWhatBecomesActiveAnywhere) {
  const UnitSpace space(conditional_space());
  const UnitPoint none =
      space.space().encode(space.space().complete(parse_json(R"({"kind": "none"})")));
  Rng rng(3);
  std::set<std::int64_t> sizes, depths;
  for (int i = 0; i < 2000; ++i) {
    const UnitPoint moved = space.perturb(none, 0.01, rng);
    expect_at_rest(space, moved);
    const Configuration c = space.space().decode(moved);
    if (const Json* size = c.find("size")) sizes.insert(size->as_int());
    if (const Json* depth = c.find("depth")) depths.insert(depth->as_int());
  }
  // 31 and 4 values, each of which some hundred draws hardly miss.
  EXPECT_EQ(sizes.size(), 31u);
  EXPECT_EQ(depths.size(), 4u);
}

TEST(UnitSpace, MovesComeCloseToTheEndsOfFloatsAndReachThoseOfIntegers) {
  const UnitSpace space(SearchSpace({{"x", uniform(0, 1)}, {"n", rand_int(0, 9999)}}));
  const UnitPoint low = space.snap({0.001, 0.001}), high = space.snap({0.999, 0.999});
  std::vector<UnitPoint> moved = space.neighbors(low);
  for (UnitPoint& neighbor : space.neighbors(high)) moved.push_back(std::move(neighbor));
  Rng rng(4);
  for (int i = 0; i < 200; ++i) moved.push_back(space.perturb(i % 2 == 0 ? low : high, 0.1, rng));
  double nearest = 1, farthest = 0;
  std::set<std::int64_t> integers;
  for (const UnitPoint& point : moved) {
    const Configuration c = space.space().decode(point);
    nearest = std::min(nearest, c.at("x").as_double());
    farthest = std::max(farthest, c.at("x").as_double());
    integers.insert(c.at("n").as_int());
  }
  EXPECT_DOUBLE_EQ(nearest, 1.0 / 8192);
  EXPECT_DOUBLE_EQ(farthest, 1 - 1.0 / 8192);
  EXPECT_TRUE(integers.contains(0));
  EXPECT_TRUE(integers.contains(9999));
}

TEST(UnitSpace, EnumerationHoldsEachConfigurationOnce) {
  const SearchSpace space(
      {{"kind", choice({"a", "b", "c"})}, {"n", rand_int(1, 5)}, {"m", rand_int(1, 4)}}, {"m < 4"},
      {{"n", "kind == 'a'"}, {"m", "n > 3"}});
  const UnitSpace unit(space);
  const auto* all = unit.enumerate();
  ASSERT_NE(all, nullptr);
  // a with n = 1, 2, 3, and n = 4, 5 with three values of m; b; c.
  EXPECT_EQ(all->size(), 3u + 2 * 3 + 2);
  EXPECT_EQ(std::set<UnitPoint>(all->begin(), all->end()).size(), all->size());
  for (const UnitPoint& point : *all) expect_at_rest(unit, point);
}

TEST(UnitSpace, WithoutConditionsEverythingIsActive) {
  const UnitSpace space(SearchSpace({{"a", uniform(0, 1)}, {"b", rand_int(1, 3)}}));
  EXPECT_FALSE(space.is_conditional());
  EXPECT_EQ(space.active({0.5, 0.5}), (std::vector<bool>{true, true}));
}

}  // namespace
}  // namespace skipjack
