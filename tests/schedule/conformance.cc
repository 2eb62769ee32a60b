#include "conformance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace skipjack::testing {
namespace {

std::string number(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

/// As it comes back from a journal.
Event journaled(const Event& event) {
  Event back = event;
  back.body = event_body_from_json(parse_json(to_json_text(to_json(event.body))));
  return back;
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

std::string text_of(const Command& command) {
  return std::visit(
      Overloaded{
          [](const Start& c) {
            return "start " + to_json_text(c.configuration) + " from " + number(c.checkpoint_from) +
                   " to " + number(c.max_resource) + " tag " + to_json_text(c.tag) +
                   (c.deadline ? " by " + std::to_string(c.deadline->count()) : "") +
                   (c.fitted ? " fitted " + to_json_text(*c.fitted) : "") + ";";
          },
          [](const Resume& c) {
            return "resume " + std::to_string(c.trial) + " to " + number(c.max_resource) + ";";
          },
          [](const Pause& c) { return "pause " + std::to_string(c.trial) + ";"; },
          [](const Stop& c) { return "stop " + std::to_string(c.trial) + " " + c.reason + ";"; },
          [](const SetDeadline& c) {
            return "deadline " + std::to_string(c.trial) + " " +
                   std::to_string(c.deadline.count()) + ";";
          },
          [](const Wait&) { return std::string("wait;"); },
          [](const Finished& c) { return "finished " + c.reason + ";"; },
      },
      command);
}

void World::run(int max_turns) {
  add(RunStarted{});
  for (int turn = 0; turn < max_turns && !(finished_ && live_.empty()); ++turn) {
    while (!finished_ && decide()) {
    }
    if (live_.empty() && !finished_) {
      ADD_FAILURE() << "idle for good after " << events_.size() << " events, seed " << seed_;
      return;
    }
    happen();
  }
}

void World::add(EventBody body) {
  time_ += std::chrono::milliseconds(rng_.uniform_int(0, 900));
  events_.push_back({.number = static_cast<std::int64_t>(events_.size()),
                     .time = time_,
                     .body = std::move(body)});
  history_.apply(events_.back());
  scheduler_.apply(events_.back(), history_);
}

bool World::decide() {
  const int free = num_free();
  const std::size_t at = events_.size();
  const std::vector<Command> commands =
      scheduler_.decide({.history = history_, .now = history_.time(), .free_workers = free});
  std::string text;
  int num_started = 0;
  for (const Command& command : commands) {
    text += text_of(command);
    if (const auto* start = std::get_if<Start>(&command)) ++num_started, obey(*start);
    if (const auto* resume = std::get_if<Resume>(&command)) ++num_started, obey(*resume);
    if (const auto* stop = std::get_if<Stop>(&command)) obey(*stop);
    if (const auto* pause = std::get_if<Pause>(&command)) obey(*pause);
    if (const auto* set = std::get_if<SetDeadline>(&command)) {
      deadlines_[set->trial] = set->deadline;
      add(DeadlineSet{set->trial, set->deadline});
    }
    if (std::holds_alternative<Finished>(command)) finished_ = true;
  }
  EXPECT_LE(num_started, free) << "started more than there are free workers";
  for (const Trial& trial : history_.trials())
    if (trial.status != TrialStatus::Running) {
      EXPECT_GE(scheduler_.checkpoint_worth(trial), 0);
    }
  decisions_.push_back({at, free, text});
  return num_started > 0 && num_free() > 0;
}

void World::obey(const Start& start) {
  const auto id = static_cast<TrialId>(history_.trials().size());
  if (start.checkpoint_from) {
    EXPECT_NE(history_.find(*start.checkpoint_from), nullptr);
  }
  if (start.fitted) add(ModelFitted{*start.fitted});
  if (start.checkpoint_from && checkpoints_.contains(*start.checkpoint_from))
    checkpoints_[id] = checkpoints_[*start.checkpoint_from];
  add(TrialStarted{.trial = id,
                   .configuration = start.configuration,
                   .checkpoint_from = start.checkpoint_from,
                   .max_resource = start.max_resource,
                   .deadline = start.deadline,
                   .tag = start.tag});
  if (start.deadline) deadlines_[id] = *start.deadline;
  launch({id, 0}, start.max_resource);
}

void World::obey(const Resume& resume) {
  const Trial* trial = history_.find(resume.trial);
  ASSERT_NE(trial, nullptr) << "resumed a trial that never was";
  EXPECT_FALSE(stopped_.contains(resume.trial)) << "resumed a trial that it had stopped";
  ASSERT_TRUE(trial->status == TrialStatus::Paused || trial->status == TrialStatus::Completed)
      << "resumed trial " << trial->id << ", which is " << to_string(trial->status);
  ++num_resumes_;
  const AttemptId id{resume.trial, trial->attempt + 1};
  add(TrialResumed{.id = id, .max_resource = resume.max_resource});
  launch(id, resume.max_resource);
}

void World::obey(const Stop& stop) {
  const Trial* trial = history_.find(stop.trial);
  ASSERT_NE(trial, nullptr) << "stopped a trial that never was";
  if (trial->ending || !(live_.contains(stop.trial) || trial->status == TrialStatus::Paused))
    return;
  stopped_.insert(stop.trial);
  add(StopOrdered{stop.trial, stop.reason, stop.bound});
}

void World::obey(const Pause& pause) {
  const Trial* trial = history_.find(pause.trial);
  ASSERT_NE(trial, nullptr) << "paused a trial that never was";
  if (trial->ending || !live_.contains(pause.trial)) return;
  ++num_pauses_;
  add(PauseOrdered{pause.trial});
}

void World::launch(AttemptId id, std::optional<std::int64_t> max_resource) {
  // Now and then a program starts over, or knows nothing of its largest resource.
  Program program{.id = id};
  if (rng_.bernoulli(0.8)) program.level = checkpoints_[id.trial];
  if (max_resource && rng_.bernoulli(0.5)) program.last = std::min(kMaxEpoch, *max_resource);
  live_[id.trial] = program;
}

void World::report(Program& program) {
  program.level += rng_.bernoulli(0.05) ? 2 : 1;
  checkpoints_[program.id.trial] = program.level;
  Json metrics{Json::Object{}};
  metrics.set("epoch", program.level);
  // The trial's quality, and how far it has come; noise that makes curves cross.
  Rng quality(seed_, "quality", static_cast<std::uint64_t>(program.id.trial));
  for (const Metric& metric : metrics_) {
    const double loss =
        quality.uniform() + 1.0 / static_cast<double>(program.level) + 0.3 * rng_.uniform();
    metrics.set(metric.name, metric.mode == Mode::Min ? loss : -loss);
    if (rng_.bernoulli(0.02)) metrics.set(metric.name, std::numeric_limits<double>::quiet_NaN());
  }
  add(Reported{.id = program.id, .metrics = std::move(metrics)});
}

void World::end(TrialId trial, Outcome outcome) {
  const AttemptId id = live_.at(trial).id;
  live_.erase(trial);
  deadlines_.erase(trial);
  add(AttemptEnded{.id = id, .end = {.outcome = outcome}});
  if (outcome != Outcome::Lost) return;
  const AttemptId again{trial, id.attempt + 1};
  add(TrialResumed{.id = again, .max_resource = history_.find(trial)->max_resource});
  launch(again, history_.find(trial)->max_resource);
}

void World::reach_deadlines() {
  for (const auto& [trial, deadline] : std::map<TrialId, Duration>(deadlines_)) {
    if (deadline > time_) continue;
    deadlines_.erase(trial);
    add(DeadlineReached{trial});
  }
}

void World::happen() {
  if (live_.empty()) return;
  reach_deadlines();
  auto at = live_.begin();
  std::advance(at, rng_.uniform_int(0, static_cast<std::int64_t>(live_.size()) - 1));
  Program& program = at->second;
  const TrialId trial = at->first;
  const bool is_done = program.level >= program.last;
  if (history_.find(trial)->ending && rng_.bernoulli(0.6)) {
    const bool was_stopped = stopped_.contains(trial);
    end(trial, rng_.bernoulli(0.1) ? Outcome::Completed
               : was_stopped       ? Outcome::Stopped
                                   : Outcome::Paused);
  } else if (rng_.bernoulli(0.03)) {
    end(trial, Outcome::Failed);
  } else if (rng_.bernoulli(0.03)) {
    end(trial, Outcome::Lost);
  } else if (is_done) {
    end(trial, Outcome::Completed);
  } else {
    report(program);
    // A last report and the end may be seen at once.
    if (program.level >= program.last && rng_.bernoulli(0.5)) end(trial, Outcome::Completed);
  }
  if (rng_.bernoulli(0.02) && !history_.trials().empty())  // a report of an attempt that has ended
    if (const Trial& first = history_.trials().front();
        first.end && first.status != TrialStatus::Running)
      add(Reported{.id = {0, first.attempt}, .metrics = Json::Object{{"epoch", 1}, {"loss", 0.5}}});
}

void check_same_events_give_the_same_decisions(const SchedulerCase& c) {
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>((c.num_seeds + 3) / 4); ++seed) {
    const auto one = c.make(), two = c.make();
    World a(*one, c.metrics, seed, 3), b(*two, c.metrics, seed, 3);
    a.run(c.max_turns);
    b.run(c.max_turns);
    EXPECT_EQ(a.decisions(), b.decisions()) << "seed " << seed;
  }
}

void check_replay_gives_the_same_decisions(const SchedulerCase& c) {
  const auto recorded = c.make();
  World world(*recorded, c.metrics, 11, 3);
  world.run(c.max_turns);
  const std::size_t num_prefixes = 12;
  const std::size_t step = std::max<std::size_t>(1, world.decisions().size() / num_prefixes);
  for (std::size_t at = step - 1; at < world.decisions().size(); at += step) {
    const Decision& decision = world.decisions()[at];
    const auto fresh = c.make();
    History history;
    for (std::size_t i = 0; i < decision.num_events; ++i) {
      const Event event = journaled(world.events()[i]);
      history.apply(event);
      fresh->apply(event, history);
    }
    std::string again;
    for (const Command& command : fresh->decide(
             {.history = history, .now = history.time(), .free_workers = decision.free_workers}))
      again += text_of(command);
    EXPECT_EQ(again, decision.commands) << "after " << decision.num_events << " events";
  }
}

void check_starts_nothing_without_a_free_worker(const SchedulerCase& c) {
  const auto scheduler = c.make();
  const History history;
  for (const Command& command : scheduler->decide({.history = history, .free_workers = 0})) {
    EXPECT_FALSE(std::holds_alternative<Start>(command));
    EXPECT_FALSE(std::holds_alternative<Resume>(command));
  }
}

void check_keeps_the_rules_of_a_world(const SchedulerCase& c) {
  int num_pauses = 0, num_resumes = 0;
  for (std::uint64_t seed = 100; seed < 100 + static_cast<std::uint64_t>(c.num_seeds); ++seed) {
    const auto scheduler = c.make();
    World world(*scheduler, c.metrics, seed, 1 + static_cast<int>(seed % 5));
    world.run(c.max_turns);
    EXPECT_FALSE(world.history().trials().empty()) << "seed " << seed;
    num_pauses += world.num_pauses(), num_resumes += world.num_resumes();
  }
  EXPECT_TRUE(num_pauses == 0 || num_resumes > 0) << "what pauses never goes on";
}

}  // namespace skipjack::testing
