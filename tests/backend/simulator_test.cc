#include "skipjack/backend/simulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "backend/conformance.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using namespace std::chrono_literals;

ManualClock& suite_clock() {
  static ManualClock clock;
  return clock;
}

SimulatedAttempt behave(const StartRequest& request) {
  SimulatedAttempt does;
  const std::int64_t reports = request.configuration.at("reports").as_int();
  for (std::int64_t i = 0; i < reports; ++i)
    does.reports.push_back({i * 10ms, Json(Json::Object{{"i", Json(i)}})});
  does.duration = reports * 10ms;
  const std::string& what = request.configuration.at("do").as_string();
  if (what == "hang") does.duration.reset();
  if (what == "fail") does.end = {.outcome = Outcome::Failed, .reason = "as it was told"};
  return does;
}

INSTANTIATE_TEST_SUITE_P(Simulator, BackendConformance,
                         ::testing::Values(BackendUnderTest{"Simulator",
                                                            [](int capacity) {
                                                              return make_simulator(
                                                                  {.trial = behave,
                                                                   .capacity = capacity,
                                                                   .clock = &suite_clock()});
                                                            },
                                                            &suite_clock()}),
                         [](const auto& test) { return test.param.name; });

SimulatedAttempt one_report(Duration after, Duration duration) {
  return {.reports = {{after, Json(Json::Object{{"i", Json(0)}})}}, .duration = duration};
}

/// A backend whose attempts all do the same, and its clock.
struct World {
  ManualClock clock;
  std::unique_ptr<Backend> backend;

  explicit World(SimulatedAttempt does, SimulatorOptions options = {}) {
    options.trial = [does](const StartRequest&) { return does; };
    options.clock = &clock;
    backend = make_simulator(std::move(options));
  }
  void start(TrialId trial) { backend->start({.id = {trial, 0}}); }
  /// When the next thing happens and how many things do then.
  std::pair<Duration, std::size_t> next() {
    const std::size_t count = backend->wait(1h).size();
    return {clock.now(), count};
  }
};

using At = std::pair<Duration, std::size_t>;

TEST(Simulator, WaitMovesTheClockToWhatIsDueAndNoFarther) {
  World world(one_report(3s, 10s));
  world.start(0);
  EXPECT_EQ(world.next(), At(3s, 1));
  EXPECT_TRUE(world.backend->wait(5s).empty());
  EXPECT_EQ(world.clock.now(), Duration(8s));
  EXPECT_EQ(world.next(), At(10s, 1));
  EXPECT_EQ(world.next(), At(10s + 1h, 0));
}

TEST(Simulator, OneInstantComesOutOfOneWaitInOrderOfTheStarts) {
  World world(one_report(3s, 3s), {.capacity = 3});
  for (const TrialId trial : {2, 0, 1}) world.start(trial);
  std::vector<AttemptId> order;
  for (const BackendEvent& event : world.backend->wait(1h))
    order.push_back(std::visit([](const auto& e) { return e.id; }, event));
  EXPECT_EQ(order, (std::vector<AttemptId>{{2, 0}, {2, 0}, {0, 0}, {0, 0}, {1, 0}, {1, 0}}));
}

TEST(Simulator, StampsEventsWithTheTimeAtWhichTheyHappen) {
  World world(one_report(3s, 10s));
  world.start(0);
  const double begin = world.clock.unix_time();
  const auto events = world.backend->wait(1h);
  EXPECT_DOUBLE_EQ(std::get<AttemptReport>(events.at(0)).unix_time, begin + 3);
}

TEST(Simulator, StartDelayComesBeforeTheProgramsOwnTime) {
  World world(one_report(3s, 10s), {.start_delay = 2s});
  world.start(0);
  EXPECT_EQ(world.next(), At(5s, 1));
  EXPECT_EQ(world.next(), At(12s, 1));
}

TEST(Simulator, StopDelayKeepsTheWorkerButNoReportComes) {
  World world(one_report(3s, 10s), {.stop_delay = 4s});
  world.start(0);
  world.backend->wait(1s);
  world.backend->end({0, 0}, EndAs::Stopped);
  EXPECT_THROW(world.start(1), Error);
  EXPECT_EQ(world.next(), At(5s, 1));
  world.start(1);
  EXPECT_EQ(world.next(), At(8s, 1));
}

TEST(Simulator, TimeLimitCutsReportsAndReplacesTheEnd) {
  SimulatedAttempt does{.duration = 10s};
  for (const Duration after : {1s, 4s, 5s}) does.reports.push_back({after, Json::Object{}});
  World world(does);
  world.backend->start({.id = {0, 0}, .time_limit = 4s});
  EXPECT_EQ(world.next(), At(1s, 1));
  const auto events = world.backend->wait(1h);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<AttemptFinished>(events[1]).end.reason, "time limit of 4 s");
  EXPECT_EQ(world.clock.now(), Duration(4s));
}

TEST(Simulator, RefusesAttemptsThatContradictThemselves) {
  World late(one_report(11s, 10s)), negative(one_report(-1s, 10s)), endless(one_report(1s, 1s));
  EXPECT_THROW(late.start(0), Error);
  EXPECT_THROW(negative.start(0), Error);
  SimulatedAttempt disordered{.reports = {{2s, {}}, {1s, {}}}, .duration = 3s};
  EXPECT_THROW(World(disordered).start(0), Error);
  EXPECT_NO_THROW(endless.start(0));
}

TEST(Simulator, OptionsOutOfRangeAreRefused) {
  ManualClock clock;
  EXPECT_THROW(make_simulator({.clock = &clock}), Error);
  EXPECT_THROW(make_simulator({.trial = behave}), Error);
  EXPECT_THROW(make_simulator({.trial = behave, .capacity = 0, .clock = &clock}), Error);
  EXPECT_THROW(make_simulator({.trial = behave, .clock = &clock, .start_delay = -1s}), Error);
  EXPECT_THROW(make_simulator({.trial = behave, .clock = &clock, .stop_delay = -1s}), Error);
}

// Against a model that keeps every event of every attempt in one sorted list.
class SimulatorModel : public ::testing::TestWithParam<int> {};

TEST_P(SimulatorModel, DeliversWhatASortedListWould) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  Rng rng(seed, "simulator");
  ManualClock clock;
  SimulatedAttempt next;
  const auto backend = make_simulator(
      {.trial = [&](const StartRequest&) { return next; }, .capacity = 8, .clock = &clock});
  struct Expected {
    Duration at;
    TrialId trial;
    bool is_end;
  };
  std::vector<Expected> model;
  TrialId num_started = 0;
  int running = 0;
  const auto start = [&] {
    next = {.duration = rng.uniform_int(0, 9) * 1s};
    for (Duration after{0}; (after += rng.uniform_int(0, 4) * 1s) <= *next.duration;)
      next.reports.push_back({after, Json(Json::Object{{"i", 0}})});
    for (const auto& step : next.reports)
      model.push_back({clock.now() + step.after, num_started, false});
    model.push_back({clock.now() + *next.duration, num_started, true});
    backend->start({.id = {num_started++, 0}});
    ++running;
  };
  for (int step = 0; step < 300; ++step) {
    if (running < 8 && rng.bernoulli(0.7)) start();
    if (num_started > 0 && rng.bernoulli(0.2)) {
      const TrialId trial = rng.uniform_int(0, num_started - 1);
      backend->end({trial, 0}, EndAs::Stopped);
      if (std::erase_if(model, [&](const Expected& e) { return e.trial == trial; }) > 0)
        model.push_back({clock.now(), trial, true});
    }
    const Duration timeout = rng.uniform_int(0, 3) * 1s;
    const Duration until = clock.now() + timeout;
    const auto happened = backend->wait(timeout);
    std::stable_sort(model.begin(), model.end(), [](const Expected& a, const Expected& b) {
      return std::tie(a.at, a.trial) < std::tie(b.at, b.trial);
    });
    const Duration now = model.empty() ? until : std::min(until, model.front().at);
    ASSERT_EQ(clock.now(), now) << "seed " << seed << ", step " << step;
    for (const BackendEvent& event : happened) {
      ASSERT_FALSE(model.empty());
      const auto* end = std::get_if<AttemptFinished>(&event);
      ASSERT_EQ(end != nullptr, model.front().is_end) << "seed " << seed << ", step " << step;
      ASSERT_EQ(std::visit([](const auto& e) { return e.id.trial; }, event), model.front().trial);
      if (end) --running;
      model.erase(model.begin());
    }
    ASSERT_TRUE(model.empty() || model.front().at > now) << "seed " << seed << ", step " << step;
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, SimulatorModel, ::testing::Range(0, 20));

}  // namespace
}  // namespace skipjack
