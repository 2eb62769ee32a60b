// The conformance suite for every method of the table, whatever its objectives, minimised and
// maximised.
#include <gtest/gtest.h>

#include <map>

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

/// For methods that go by earlier experiments alone: what is good there lies about x = 0.6.
std::vector<SourceExperiment> sources_for(const MethodRow& row) {
  if (!row.needs_sources) return {};
  SourceExperiment source{.name = "elsewhere", .observations = {}};
  Rng rng(11, "source", 0);
  for (int i = 0; i < 20; ++i) {
    const Configuration configuration = *space().sample(rng);
    const double x = configuration.at("x").as_double();
    source.observations.push_back({configuration, (x - 0.6) * (x - 0.6)});
  }
  return {source};
}

SchedulerCase case_of(const MethodRow& row, Mode mode) {
  SchedulerCase c;
  c.name = std::string(row.name) + (mode == Mode::Min ? "_min" : "_max");
  c.metrics = {{.name = "loss", .mode = mode}};
  if (row.needs_time) c.metrics.front().kind = MetricKind::Time;
  if (row.objectives == Objectives::Several) c.metrics.push_back({.name = "size", .mode = mode});
  // Small enough to do more than begin in a world of some twenty trials.
  Json::Object options;
  for (const MethodOption& option : row.options) {
    if (option.key == "population_size") options.emplace_back("population_size", 4);
    if (option.key == "sample_size") options.emplace_back("sample_size", 2);
    if (option.key == "progress_attr") options.emplace_back("progress_attr", "epoch");
    if (option.key == "max_progress") options.emplace_back("max_progress", kMaxEpoch);
  }
  c.make = [name = row.name, metrics = c.metrics, options = Json(options),
            sources = sources_for(row)] {
    return make_scheduler(
        name, {.space = space(),
               .metrics = metrics,
               .seed = 3,
               .points_to_evaluate = {Json::Object{{"x", 0.1}}, Json::Object{{"x", 0.9}}},
               .sources = sources,
               .options = options});
  };
  c.max_turns = 150;
  c.num_seeds = 3;
  return c;
}

std::vector<SchedulerCase> every_method() {
  std::vector<SchedulerCase> cases;
  for (const MethodRow& row : methods())
    for (const Mode mode : {Mode::Min, Mode::Max})
      if (mode == Mode::Min || !row.needs_time) cases.push_back(case_of(row, mode));
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

/// What is started, resumed and ended, without the words.
std::string deeds_of(const std::vector<Event>& events) {
  std::string deeds;
  for (const Event& event : events) {
    if (const auto* started = std::get_if<TrialStarted>(&event.body))
      deeds += to_json_text(started->configuration);
    if (const auto* resumed = std::get_if<TrialResumed>(&event.body))
      deeds += "r" + std::to_string(resumed->id.trial);
    if (const auto* stopped = std::get_if<StopOrdered>(&event.body))
      deeds += "s" + std::to_string(stopped->trial);
    if (const auto* paused = std::get_if<PauseOrdered>(&event.body))
      deeds += "p" + std::to_string(paused->trial);
  }
  return deeds;
}

/// In worlds of num_seeds.
std::string deeds_of(const SchedulerCase& c) {
  std::string deeds;
  for (int seed = 0; seed < c.num_seeds; ++seed) {
    const auto scheduler = c.make();
    testing::World world(*scheduler, c.metrics, static_cast<std::uint64_t>(seed), 3);
    world.run(c.max_turns);
    deeds += deeds_of(world.events());
  }
  return deeds;
}

TEST(Methods, NoTwoDecideTheSame) {
  std::map<std::string, std::string> method_of;
  for (const MethodRow& row : methods()) {
    const auto [other, is_new] = method_of.emplace(deeds_of(case_of(row, Mode::Min)), row.name);
    EXPECT_TRUE(is_new) << row.name << " does what " << other->second << " does";
  }
}

TEST(Methods, EachKernelOfMobsterDecidesSomethingElse) {
  const std::vector<Metric> metrics = {{.name = "loss"}};
  std::map<std::string, std::string> kernel_of;
  for (const char* kernel :
       {"matern52", "matern52-res-warp", "exp-decay-sum", "exp-decay-combined", "exp-decay-delta1",
        "freeze-thaw", "cross-validation", "noisy-repeats"}) {
    SchedulerCase c{.name = kernel, .metrics = metrics};
    c.make = [&] {
      return make_scheduler("mobster", {.space = space(),
                                        .metrics = metrics,
                                        .seed = 3,
                                        .options = Json::Object{{"gp_resource_kernel", kernel}}});
    };
    c.max_turns = 150;
    c.num_seeds = 1;
    const auto [other, is_new] = kernel_of.emplace(deeds_of(c), kernel);
    EXPECT_TRUE(is_new) << kernel << " does what " << other->second << " does";
  }
}

INSTANTIATE_TEST_SUITE_P(Every, MethodConformance, ::testing::ValuesIn(every_method()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace skipjack
