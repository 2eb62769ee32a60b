#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "conformance.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/schedule/capping.h"
#include "skipjack/schedule/fifo.h"

namespace skipjack {
namespace {

using skipjack::testing::SchedulerCase;

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
                       .space = SearchSpace({{"x", uniform(-100, 100)}}),
                       .metric = {.name = "loss", .kind = MetricKind::Time}});
}

/// Drives a scheduler through a random world and records the events and what was decided before
/// each.
class World {
 public:
  World(Scheduler& scheduler, std::uint64_t seed, int workers)
      : scheduler_(scheduler), rng_(seed, "world"), workers_(workers) {}

  void run(int max_turns) {
    add(RunStarted{});
    for (int turn = 0; turn < max_turns && !(finished_ && live_.empty()); ++turn) {
      while (!finished_ && decide()) {
      }
      happen();
    }
  }
  const std::vector<Event>& events() const { return events_; }
  bool finished() const { return finished_; }
  const History& history() const { return history_; }
  /// Number of events after which decide() was called, and what it said.
  std::vector<std::pair<std::size_t, std::string>> decisions;
  std::set<TrialId> stopped;

  SchedulerView view() const {
    return {.history = history_,
            .now = history_.time(),
            .free_workers = workers_ - static_cast<int>(live_.size())};
  }

 private:
  void add(EventBody body) {
    time_ += std::chrono::milliseconds(rng_.uniform_int(0, 900));
    events_.push_back({.number = static_cast<std::int64_t>(events_.size()),
                       .time = time_,
                       .body = std::move(body)});
    history_.apply(events_.back());
    scheduler_.apply(events_.back(), history_);
  }

  bool decide() {
    const int free = view().free_workers;
    const std::vector<Command> commands = scheduler_.decide(view());
    std::string text;
    int num_started = 0;
    const std::size_t at = events_.size();
    for (const Command& command : commands) {
      if (const auto* start = std::get_if<Start>(&command)) {
        ++num_started;
        text += "start " + to_json_text(start->configuration) + ";";
        if (start->fitted) add(ModelFitted{*start->fitted});
        const auto id = static_cast<TrialId>(history_.trials().size());
        add(TrialStarted{.trial = id,
                         .configuration = start->configuration,
                         .deadline = start->deadline,
                         .tag = start->tag});
        if (start->deadline) deadlines_[id] = *start->deadline;
        live_.insert({id, 0});
      } else if (const auto* resume = std::get_if<Resume>(&command)) {
        ++num_started;
        EXPECT_FALSE(stopped.contains(resume->trial)) << "resumed a trial that it had stopped";
        const AttemptId id{resume->trial, history_.find(resume->trial)->attempt + 1};
        add(TrialResumed{.id = id, .max_resource = resume->max_resource});
        live_.insert(id);
      } else if (const auto* stop = std::get_if<Stop>(&command)) {
        stopped.insert(stop->trial);
        add(StopOrdered{stop->trial, stop->reason, stop->bound});
      } else if (const auto* set = std::get_if<SetDeadline>(&command)) {
        deadlines_[set->trial] = set->deadline;
        add(DeadlineSet{set->trial, set->deadline});
      } else if (const auto* pause = std::get_if<Pause>(&command)) {
        add(PauseOrdered{pause->trial});
      } else if (std::holds_alternative<Finished>(command)) {
        finished_ = true;
        text += "finished;";
      }
    }
    EXPECT_LE(num_started, free) << "started more than there are free workers";
    decisions.emplace_back(at, text);
    return num_started > 0 && view().free_workers > 0;
  }

  void happen() {
    if (live_.empty()) return;
    for (const auto& [trial, deadline] : std::map<TrialId, Duration>(deadlines_)) {
      if (deadline > time_) continue;
      deadlines_.erase(trial);
      add(DeadlineReached{trial});
    }
    auto it = live_.begin();
    std::advance(it, rng_.uniform_int(0, static_cast<std::int64_t>(live_.size()) - 1));
    const AttemptId id = *it;
    if (rng_.bernoulli(0.5)) {
      add(Reported{.id = id, .metrics = Json::Object{{"loss", rng_.uniform()}}});
      return;
    }
    const bool failed = rng_.bernoulli(0.2);
    live_.erase(it);
    deadlines_.erase(id.trial);
    const Outcome outcome = stopped.contains(id.trial) ? Outcome::Stopped
                            : failed                   ? Outcome::Failed
                                                       : Outcome::Completed;
    add(AttemptEnded{.id = id, .end = {.outcome = outcome}});
  }

  Scheduler& scheduler_;
  Rng rng_;
  const int workers_;
  History history_;
  std::vector<Event> events_;
  std::set<AttemptId> live_;
  std::map<TrialId, Duration> deadlines_;
  Duration time_{0};
  bool finished_ = false;
};

class SchedulerConformance : public ::testing::TestWithParam<SchedulerCase> {};

TEST_P(SchedulerConformance, SameEventsGiveTheSameDecisions) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto one = GetParam().make(), two = GetParam().make();
    World a(*one, seed, 3), b(*two, seed, 3);
    a.run(200);
    b.run(200);
    EXPECT_EQ(a.decisions, b.decisions) << "seed " << seed;
  }
}

TEST_P(SchedulerConformance, ReplayOfRecordedEventsGivesTheSameNextDecision) {
  const auto recorded = GetParam().make();
  World world(*recorded, 11, 3);
  world.run(300);
  for (const auto& [num_events, text] : world.decisions) {
    const auto fresh = GetParam().make();
    History history;
    std::set<TrialId> running;
    for (std::size_t i = 0; i < num_events; ++i) {
      history.apply(world.events()[i]);
      fresh->apply(world.events()[i], history);
    }
    const SchedulerView view{.history = history,
                             .now = history.time(),
                             .free_workers = 3 - static_cast<int>(history.running().size())};
    std::string again;
    for (const Command& command : fresh->decide(view)) {
      if (const auto* start = std::get_if<Start>(&command))
        again += "start " + to_json_text(start->configuration) + ";";
      if (std::holds_alternative<Finished>(command)) again += "finished;";
    }
    EXPECT_EQ(again, text) << "after " << num_events << " events";
  }
}

TEST_P(SchedulerConformance, StartsNothingWithoutAFreeWorker) {
  const auto scheduler = GetParam().make();
  const History history;
  for (const Command& command : scheduler->decide({.history = history, .free_workers = 0})) {
    EXPECT_FALSE(std::holds_alternative<Start>(command));
    EXPECT_FALSE(std::holds_alternative<Resume>(command));
  }
}

TEST_P(SchedulerConformance, KeepsWithinFreeWorkersAndNeverResumesWhatItStopped) {
  // The checks are in World.
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    const auto scheduler = GetParam().make();
    World world(*scheduler, seed, 1 + static_cast<int>(seed % 5));
    world.run(300);
    EXPECT_FALSE(world.history().trials().empty()) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Every, SchedulerConformance,
                         ::testing::Values(SchedulerCase{"fifo", make_drawing_fifo},
                                           SchedulerCase{"capping", make_capped_fifo}),
                         [](const auto& each) { return each.param.name; });

TEST(Fifo, StartsTheNamedPointsFirstAndInOrder) {
  const auto scheduler = make_drawing_fifo();
  World world(*scheduler, 1, 4);
  world.run(5);
  ASSERT_GE(world.history().trials().size(), 3u);
  EXPECT_EQ(world.history().trials()[0].configuration, Json(Json::Object{{"x", -1.0}}));
  EXPECT_EQ(world.history().trials()[1].configuration, Json(Json::Object{{"x", -2.0}}));
  EXPECT_GE(world.history().trials()[2].configuration.at("x").as_double(), 0);
}

TEST(Fifo, IsFinishedWhenTheSearcherIsExhausted) {
  const auto scheduler = make_drawing_fifo();
  World world(*scheduler, 1, 4);
  world.run(10'000);
  EXPECT_TRUE(world.finished());
  EXPECT_EQ(world.history().trials().size(), 40u);
}

TEST(Fifo, NeedsASearcher) { EXPECT_THROW(make_fifo({}), Error); }

}  // namespace
}  // namespace skipjack
