#include <gtest/gtest.h>

#include "conformance.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/schedule/capping.h"
#include "skipjack/schedule/fifo.h"

namespace skipjack {
namespace {

using skipjack::testing::SchedulerCase;
using skipjack::testing::World;

/// A searcher whose proposals depend on all that it may depend on: history, chance and the model
/// restored.
class DrawingSearcher final : public Searcher {
 public:
  explicit DrawingSearcher(std::size_t limit) : limit_(limit) {}
  Suggestion suggest(const History& history, const SuggestContext&) override {
    const std::size_t n = history.trials().size();
    if (n >= limit_) return Exhausted{};
    // Now and then it wants to see a result first.
    if (n % 7 == 6 && !history.running().empty()) return WaitForResults{};
    Rng rng(5, "suggest", n);
    const double best = history.num_reports() > 0 ? static_cast<double>(history.num_reports()) : 0;
    Proposal proposal{.configuration = Json::Object{{"x", rng.uniform() + best + restored_}}};
    if (n % 3 == 0) proposal.fitted = Json::Object{{"scale", static_cast<double>(n)}};
    return proposal;
  }
  void restore(const Json& fitted) override { restored_ = fitted.at("scale").as_double(); }

 private:
  const std::size_t limit_;
  double restored_ = 0;
};

std::unique_ptr<Scheduler> make_drawing_fifo() {
  return make_fifo({.searcher = std::make_unique<DrawingSearcher>(40),
                    .points_to_evaluate = {Json::Object{{"x", -1.0}}, Json::Object{{"x", -2.0}}}});
}

std::unique_ptr<Scheduler> make_capped_fifo() {
  return make_capping({.inner = make_drawing_fifo(),
                       .space = SearchSpace({{"x", uniform(-10000, 10000)}}),
                       .metric = {.name = "loss", .kind = MetricKind::Time}});
}

class SchedulerConformance : public ::testing::TestWithParam<SchedulerCase> {};

TEST_P(SchedulerConformance, SameEventsGiveTheSameDecisions) {
  check_same_events_give_the_same_decisions(GetParam());
}

TEST_P(SchedulerConformance, ReplayFromTheJournalGivesTheSameDecisions) {
  check_replay_gives_the_same_decisions(GetParam());
}

TEST_P(SchedulerConformance, StartsNothingWithoutAFreeWorker) {
  check_starts_nothing_without_a_free_worker(GetParam());
}

TEST_P(SchedulerConformance, KeepsTheRulesOfAWorld) {
  check_keeps_the_rules_of_a_world(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, SchedulerConformance,
                         ::testing::Values(SchedulerCase{"fifo", make_drawing_fifo},
                                           SchedulerCase{"capping", make_capped_fifo}),
                         [](const auto& each) { return each.param.name; });

TEST(Fifo, StartsTheNamedPointsFirstAndInOrder) {
  const auto scheduler = make_drawing_fifo();
  World world(*scheduler, {{.name = "loss"}}, 1, 4);
  world.run(5);
  ASSERT_GE(world.history().trials().size(), 3u);
  EXPECT_EQ(world.history().trials()[0].configuration, Json(Json::Object{{"x", -1.0}}));
  EXPECT_EQ(world.history().trials()[1].configuration, Json(Json::Object{{"x", -2.0}}));
  EXPECT_GE(world.history().trials()[2].configuration.at("x").as_double(), 0);
}

TEST(Fifo, IsFinishedWhenTheSearcherIsExhausted) {
  const auto scheduler = make_drawing_fifo();
  World world(*scheduler, {{.name = "loss"}}, 1, 4);
  world.run(10'000);
  EXPECT_TRUE(world.finished());
  EXPECT_EQ(world.history().trials().size(), 40u);
}

TEST(Fifo, NeedsASearcher) { EXPECT_THROW(make_fifo({}), Error); }

}  // namespace
}  // namespace skipjack
