// The conformance suite for every method of the table, whatever its objectives, minimised and
// maximised.
#include <gtest/gtest.h>

#include "conformance.h"
#include "skipjack/method/method.h"

namespace skipjack {
namespace {

using skipjack::testing::kMaxEpoch;
using skipjack::testing::SchedulerCase;

SearchSpace space() {
  return SearchSpace({{"x", uniform(0, 1)},
                      {"k", log_rand_int(1, 1000)},
                      {"c", choice({"a", "b", "c"})},
                      {"epochs", Json(kMaxEpoch)}});
}

SchedulerCase case_of(const MethodRow& row, Mode mode) {
  SchedulerCase c;
  c.name = std::string(row.name) + (mode == Mode::Min ? "_min" : "_max");
  c.metrics = {{.name = "loss", .mode = mode}};
  if (row.objectives == Objectives::Several) c.metrics.push_back({.name = "size", .mode = mode});
  c.make = [name = row.name, metrics = c.metrics] {
    return make_scheduler(name, {.space = space(), .metrics = metrics, .seed = 3});
  };
  c.max_turns = 150;
  c.num_seeds = 3;
  return c;
}

std::vector<SchedulerCase> every_method() {
  std::vector<SchedulerCase> cases;
  for (const MethodRow& row : methods())
    for (const Mode mode : {Mode::Min, Mode::Max}) cases.push_back(case_of(row, mode));
  return cases;
}

class MethodConformance : public ::testing::TestWithParam<SchedulerCase> {};

TEST_P(MethodConformance, SameEventsGiveTheSameDecisions) {
  check_same_events_give_the_same_decisions(GetParam());
}

TEST_P(MethodConformance, ReplayFromTheJournalGivesTheSameDecisions) {
  check_replay_gives_the_same_decisions(GetParam());
}

TEST_P(MethodConformance, StartsNothingWithoutAFreeWorker) {
  check_starts_nothing_without_a_free_worker(GetParam());
}

TEST_P(MethodConformance, KeepsTheRulesOfAWorld) { check_keeps_the_rules_of_a_world(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Every, MethodConformance, ::testing::ValuesIn(every_method()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace skipjack
